# A search on several devices at once: two halves of the processor.
. "$(dirname "$0")/lib.sh"
layer=$3
two='devices.use=["cpu/2"]'

count() {
    sqlite3 "$1/run.db" "SELECT count(*) FROM $2"
}
# What a run evaluated, in the order in which evolution was told, without what may differ between equal runs.
told() {
    sqlite3 "$1/run.db" "SELECT place, candidate, hypervolume, tokens FROM progress ORDER BY place;
        SELECT genome, seed, steps, metric, value FROM measurements JOIN evaluations ON id = evaluation
        WHERE metric NOT LIKE '%_per_s' AND metric NOT LIKE '%_us' ORDER BY genome, seed, steps, metric"
}
# Every candidate is told of once, and every genome is evaluated once.
complete() {
    [ "$(count "$1" candidates)" = 12 ] || complain "$1 has $(count "$1" candidates) candidates instead of 12"
    [ "$(count "$1" progress)" = 12 ] || complain "$1 told of $(count "$1" progress) candidates instead of 12"
    [ "$(count "$1" '(SELECT DISTINCT candidate FROM progress)')" = 12 ] || complain "$1 told of a candidate twice"
    [ "$(count "$1" evaluations)" = "$(count "$1" '(SELECT DISTINCT genome FROM candidates)')" ] ||
        complain "$1 has $(count "$1" evaluations) evaluations"
}

# A generational search is the same with one device, one part of it, and two.
expect 0 "Pareto front" "$starcl" search small.cfg --run one
expect 0 "part 1 of 2" "$starcl" search small.cfg --run half --set 'devices.use=["cpu/2:1"]'
expect 0 "part 2 of 2" "$starcl" search small.cfg --run two --set "$two"
told one >one.txt
for run in half two; do
    told $run | cmp -s - one.txt || complain "$run told evolution something else than one device"
done
same_front half two
[ "$(front one | grep -v '"device"')" = "$(front two | grep -v '"device"')" ] ||
    complain "the fronts of one device and two halves of it differ"
[ "$(ls two/checkpoints)" = "$(ls one/checkpoints)" ] || complain "two devices keep other weights than one"

# So it is when it was killed in between.
kill_when 'SELECT count(*) >= 3 FROM evaluations' killed "$starcl" search small.cfg --run killed --set "$two" --quiet
expect 0 "Pareto front" "$starcl" resume killed
complete killed
same_front two killed

# In steady state individuals are told as they come. A search that was killed goes on in the order that it had, and
# knows what it knew.
steady="--set search.algorithm=\"nsga2-steady\" --set search.surrogate.candidates=4 --set search.surrogate.warmup=4"
# shellcheck disable=SC2086
expect 0 "Pareto front" "$starcl" search small.cfg --run steady --set "$two" $steady
complete steady
[ "$(count steady told)" = 12 ] || complain "the order was not kept"
[ "$(count steady "told WHERE asked > place")" -gt 0 ] || complain "never were two in flight in steady state"
# shellcheck disable=SC2086
kill_when 'SELECT count(*) >= 6 FROM told' cut "$starcl" search small.cfg --run cut --set "$two" $steady --quiet
sqlite3 cut/run.db 'SELECT place, candidate, asked FROM told ORDER BY place' >before.txt
sqlite3 cut/run.db 'SELECT id, genome FROM candidates ORDER BY id' >candidates.txt
# Also where one device is left, of which fewer would be asked for at a time.
sqlite3 cut/run.db "UPDATE run SET value = replace(value, '\"cpu/2\"', '\"cpu/2:1\"') WHERE key = 'config'"
expect 0 "Pareto front" "$starcl" resume cut
complete cut
sqlite3 cut/run.db 'SELECT place, candidate, asked FROM told ORDER BY place' | head -n "$(wc -l <before.txt)" | cmp -s - before.txt ||
    complain "the resumed search told in another order"
sqlite3 cut/run.db 'SELECT id, genome FROM candidates ORDER BY id' | head -n "$(wc -l <candidates.txt)" |
    cmp -s - candidates.txt || complain "the resumed search asked for others"

# Where there is one genome, who is asked for with it meanwhile waits for its evaluation.
expect 0 "Pareto front" "$starcl" search small.cfg --run twins --set "$two" --set model.depth=1 \
    --set 'model.classes=["SA-1"]'
[ "$(count twins progress)" = 12 ] || complain "twins were not told of"
[ "$(count twins "events WHERE kind = 'evaluated'")" = 1 ] || complain "twins were trained twice"

# Rungs, with promotions between new candidates, and early stopping.
expect 0 "Pareto front" "$starcl" search small.cfg --run rungs --set "$two" --set 'search.rungs=[0.5, 1.0]' \
    --set search.early_stopping=true
[ "$(count rungs '(SELECT DISTINCT candidate FROM progress)')" = 12 ] || complain "rungs lost a candidate"
[ "$(count rungs "evaluations WHERE status = 'failed'")" = 0 ] || complain "rungs failed"

# One of the two is lost for good: the other one takes its candidate over, and all others.
expect 0 "is left out from now on" env OPENCL_LAYERS="$layer" FAIL_FROM=1500 FAIL_FOREVER=1 FAIL_ALONE=1 \
    "$starcl" search small.cfg --run alone --set "$two" --set devices.build_ahead=false
[ "$(count alone "evaluations WHERE status = 'failed'")" = 0 ] || complain "a candidate was blamed for the lost device"
grep -q '"event":"device"' alone/log.jsonl || complain "the log does not say that a device was lost"
same_front half alone

# Lost twice with a candidate, and there again: the other one tries it, and nobody is left out.
expect 0 "another one tries its candidate" env OPENCL_LAYERS="$layer" FAIL_FROM=1500 FAIL_COUNT=2 FAIL_ALONE=1 \
    "$starcl" search small.cfg --run again --set "$two" --set devices.build_ahead=false
grep -q "is left out" out.txt && complain "a device that is there again was left out"
[ "$(count again "evaluations WHERE status = 'failed'")" = 0 ] || complain "a candidate was blamed for a lost device"
same_front half again

# So lost with three candidates, one after the other: it is left out, and nobody is blamed.
expect 0 "is left out from now on" env OPENCL_LAYERS="$layer" FAIL_FROM=800 FAIL_COUNT=6 FAIL_ALONE=1 \
    "$starcl" search small.cfg --run three --set "$two" --set devices.build_ahead=false
[ "$(grep -c "another one tries its candidate" out.txt)" = 2 ] || complain "it was not left out at the third: $(cat out.txt)"
[ "$(count three "evaluations WHERE status = 'failed'")" = 0 ] || complain "a candidate was blamed for a lost device"
same_front half three

# Both: the search ends, and goes on when they are back.
expect 1 "Go on with:  starcl resume gone" env OPENCL_LAYERS="$layer" FAIL_FROM=1500 FAIL_FOREVER=1 \
    "$starcl" search small.cfg --run gone --set "$two"
expect 0 "Pareto front of gone (done)" "$starcl" resume gone
[ "$(count gone "evaluations WHERE status = 'failed'")" = 0 ] || complain "a candidate was blamed for the lost devices"
same_front half gone

# A budget of tokens ends where it ends with one device.
for run in tokens-1 tokens-2; do
    use=$two
    [ $run = tokens-2 ] || use='devices.use=["cpu/2:2"]'
    expect 0 "Pareto front" "$starcl" search small.cfg --run $run --set "$use" --set search.budget.tokens=15000
done
same_front tokens-1 tokens-2
[ "$(count tokens-1 candidates)" = "$(count tokens-2 candidates)" ] || complain "two devices spend another budget"

# Ctrl-C ends both devices' trainings, and says how to go on.
"$starcl" search small.cfg --run stopped --set "$two" --set train.steps=100000 >out.txt 2>&1 &
search=$!
sleep 3
kill -INT "$search"
wait "$search"
got=$?
[ "$got" = 130 ] || complain "exit $got instead of 130 after Ctrl-C"
grep -q "starcl resume stopped" out.txt || complain "Ctrl-C does not say how to go on"
finish
