# Killed at any moment or interrupted, and resumed: the same front as without.
. "$(dirname "$0")/lib.sh"

sed -i 's/steps = 12/steps = 60/
    s/generations = 3;/generations = 2; seeds = 2; final = { keep = 2; steps = 120; seeds = 2; };/' small.cfg
"$starcl" search small.cfg --seed 5 --run warm --quiet >/dev/null || complain "the search failed" # builds kernels
begin=$(date +%s%N)
"$starcl" search small.cfg --seed 5 --run whole --quiet >/dev/null || complain "the uninterrupted search failed"
end=$(date +%s%N)

# SIGKILL after a part of the time that it takes, then resumed and killed again, then resumed to the end.
for percent in 8 20 35 50 65 80 92; do
    run=killed-$percent
    delay=$(((end - begin) / 1000000 * percent / 100))
    delay=$((delay / 1000)).$(printf %03d $((delay % 1000)))
    timeout -s KILL "$delay" "$starcl" search small.cfg --seed 5 --run "$run" --quiet >/dev/null 2>&1
    # Killed before there was a run: nothing is there to resume, and the name is free.
    [ -e "$run" ] || timeout -s KILL 1 "$starcl" search small.cfg --seed 5 --run "$run" --quiet >/dev/null 2>&1
    timeout -s KILL "$delay" "$starcl" resume "$run" --quiet >/dev/null 2>&1
    echo "killed twice after $delay s, $(sqlite3 "$run/run.db" 'SELECT count(*) FROM evaluations') evaluations are kept"
    expect 0 "Pareto front of $run (done)" "$starcl" resume "$run" --quiet
    same_front whole "$run"
done

# Ctrl-C: exit 130, the line to go on with, and the same front.
"$starcl" search small.cfg --seed 5 --run stopped >out-stopped.txt 2>&1 &
search=$!
for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
    sleep 0.2
    [ -e stopped/log.jsonl ] && grep -q '"evaluated"' stopped/log.jsonl && break
done
kill -INT $search
wait $search
status=$?
[ $status = 130 ] || complain "an interrupted search exits with $status instead of 130"
grep -q "Go on with:  starcl resume stopped" out-stopped.txt || complain "no line to resume with"
expect 0 "(interrupted)" "$starcl" show stopped
expect 0 "Pareto front of stopped (done)" "$starcl" resume stopped
same_front whole stopped
[ "$(sqlite3 whole/run.db 'SELECT group_concat(genome) FROM (SELECT genome FROM candidates ORDER BY id)')" = \
    "$(sqlite3 stopped/run.db 'SELECT group_concat(genome) FROM (SELECT genome FROM candidates ORDER BY id)')" ] ||
    complain "the candidates of both runs differ"

# A run is held by one process; a text that changed is not gone on with.
cp -r "$source/cl" text
"$starcl" search small.cfg --run changing --set data.path=text --set train.steps=100000 \
    --set search.final.keep=0 --quiet >/dev/null 2>&1 &
search=$!
for _ in 1 2 3 4 5 6 7 8 9 10; do
    sleep 0.2
    [ -e changing/log.jsonl ] && break
done
expect 1 "another starcl is working in changing" "$starcl" resume changing
kill -KILL $search
wait $search 2>/dev/null
echo "more" >>text/low_rank.cl
expect 1 "has changed since the run began" "$starcl" resume changing
finish
