# Workers in processes of their own: the same run, whoever comes, goes, and is killed.
. "$(dirname "$0")/lib.sh"
. "$source/tests/postgres.sh"
trap 'pkill -KILL -P $$ 2>/dev/null; server_remove; rm -rf "$work"' EXIT
export TMPDIR="$work/tmp"
mkdir "$TMPDIR"

# work NAME [ARGUMENTS...]: a worker in the background, whose output is in NAME.txt.
work() {
    name=$1
    shift
    "$starcl" work "$@" >"$name.txt" 2>&1 &
    last=$!
}
# drive SECONDS NAME [ARGUMENTS...]: the search NAME in the background, without a device, ended after so long, until its
# run is there.
drive() {
    seconds=$1
    name=$2
    shift 2
    timeout --foreground "$seconds" "$starcl" search small.cfg --seed 5 --run "$url#$name" \
        --set 'devices.use=["none"]' "$@" >"$name.txt" 2>&1 &
    driver=$!
    for _ in $(seq 100); do
        "$starcl" show "$url#$name" >/dev/null 2>&1 && break
        sleep 0.1
    done
}
# The driver's devices are those of other processes; `front` names the device of a run, which differs.
same_result() {
    front "$1" | grep -v '"device"' >front-1.txt
    front "$2" | grep -v '"device"' >front-2.txt
    if ! [ -s front-1.txt ] || ! cmp -s front-1.txt front-2.txt; then
        complain "the fronts of $1 and $2 differ"
        diff front-1.txt front-2.txt | head -20
    fi
}
# Nothing is left in the queue, and every genome was evaluated once with each seed and length of training.
settled() {
    [ "$(ask "$1" 'SELECT count(*) FROM jobs')" = 0 ] || complain "$1 left jobs behind: $(ask "$1" 'SELECT key, state FROM jobs')"
    [ "$(ask "$1" "SELECT count(*) FROM files WHERE name LIKE 'lease%'")" = 0 ] || complain "$1 left files of leases"
    [ "$(ask "$1" 'SELECT count(*) FROM evaluations')" = "$(sqlite3 whole/run.db 'SELECT count(*) FROM evaluations')" ] ||
        complain "$1 has $(ask "$1" 'SELECT count(*) FROM evaluations') evaluations"
    [ "$(ask "$1" "SELECT count(*) FROM events WHERE kind = 'evaluated'")" -ge \
        "$(ask "$1" 'SELECT count(*) FROM evaluations')" ] || complain "$1 has evaluations without an event"
    [ "$(ask "$1" 'SELECT count(*) FROM progress')" = "$(sqlite3 whole/run.db 'SELECT count(*) FROM progress')" ] ||
        complain "$1 did not tell of every candidate once"
}

# ascends NAME: the curve of every training goes on, and begins with it; of events in lines, from the store.
ascends() {
    grep -o '"curve": *\[.*\]\]' "$1.events" | tr -d ' ' | sed 's/"curve"://' | while read -r curve; do
        echo "$curve" | tr -d '[' | tr ']' '\n' | sed 's/^,//; s/,.*//' | grep . >steps.txt
        sort -n -u -c steps.txt 2>/dev/null || echo "$curve"
    done >broken.txt
    [ -s broken.txt ] && complain "a curve of $1 goes back: $(head -n 1 broken.txt)"
    grep -q '"curve": *\[\[' "$1.events" || complain "no training of $1 has a curve"
}

cp -r "$source/include" text
sed -i 's|path = ".*"|path = "'"$work/text"'"|
    s/generations = 3;/generations = 3; seeds = 2; inheritance = true; final = { keep = 2; steps = 40; seeds = 2; };/' small.cfg
expect 0 "" "$starcl" search small.cfg --seed 5 --run whole --quiet

# ---- four of them, and a driver without a device ----

drive 60 four
for number in 1 2 3 4; do
    work "worker-$number" "$url#four"
done
wait $driver || complain "the search with four workers fails: $(cat four.txt)"
wait
same_result whole "$url#four"
settled four
done_jobs=$(awk '/^[0-9]+ jobs? done$/ { sum += $1 } END { print sum + 0 }' worker-*.txt)
[ "$done_jobs" = "$(ask four 'SELECT count(*) FROM evaluations')" ] || complain "the workers did $done_jobs jobs"
(cd whole/checkpoints && LC_ALL=C ls) >names-1.txt
ask four "SELECT name FROM files WHERE part = 0 AND name <> 'text' ORDER BY name" >names-2.txt
cmp names-1.txt names-2.txt || complain "the checkpoints differ"
best=$(sed -n 's/-final\.json$//p' names-1.txt | head -n 1)
expect 0 "" "$starcl" export "$url#four:$best-final" --to pytorch -o exported
expect 0 "" "$starcl" export "whole/checkpoints/$best-final.safetensors" --to pytorch -o exported-folder
cmp exported/weights.safetensors exported-folder/weights.safetensors || complain "the weights differ"
expect 0 "0 jobs done" "$starcl" work "$url#four"
[ -z "$(ls -A "$TMPDIR")" ] || complain "something was left in TMPDIR: $(ls "$TMPDIR")"
sqlite3 whole/run.db "SELECT details FROM events WHERE kind = 'evaluated'" >whole.events
ask four "SELECT details FROM events WHERE kind = 'evaluated'" >four.events
ascends whole
ascends four

# ---- a worker that stood still comes too late; what it did is dropped ----

drive 240 late --set train.steps=1000 --set search.seeds=1 --set search.population=3 --set search.generations=1 \
    --set search.final.keep=0
work first "$url#late"
first=$last
for _ in $(seq 200); do
    [ "$(ask late "SELECT count(*) FROM jobs WHERE state = 'leased'")" = 1 ] && break
    sleep 0.05
done
kill -STOP $first
ask late "UPDATE jobs SET until = 0 WHERE state = 'leased'"
work second "$url#late"
for _ in $(seq 200); do
    [ "$(ask late "SELECT count(*) FROM jobs WHERE attempts = 2")" = 1 ] && break
    sleep 0.05
done
kill -CONT $first
wait $driver || complain "the search with a worker that stood still fails: $(cat late.txt)"
wait
grep -q "came too late and was dropped" first.txt || complain "a worker that stood still does not say so: $(cat first.txt)"
[ "$(ask late "SELECT count(*) FROM events WHERE kind = 'evaluated'")" = 3 ] || complain "late has other evaluations than three"
[ "$(ask late 'SELECT count(*) FROM jobs')" = 0 ] || complain "late left jobs behind"
[ "$(ask late "SELECT count(*) FROM files WHERE name LIKE 'lease%'")" = 0 ] || complain "late left files of leases"

# ---- results that cannot be used, and jobs that every worker was lost with, fail their candidate alone ----

drive 240 incomplete --set search.generations=1 --set search.final.keep=0 --set search.seeds=1
for _ in $(seq 200); do
    [ "$(ask incomplete 'SELECT count(*) FROM jobs' 2>/dev/null || echo 0)" = 3 ] && break
    sleep 0.05
done
ask incomplete "UPDATE jobs SET state = 'done', result = '{\"steps\": 12, \"seconds\": 1, \"trained_steps\": 12,
    \"device\": \"x\", \"metrics\": {\"parameters\": [7]}}' WHERE id = (SELECT min(id) FROM jobs)"
work first "$url#incomplete"
wait $driver || complain "the search with an incomplete result fails: $(cat incomplete.txt)"
wait
[ "$(ask incomplete "SELECT reason FROM evaluations WHERE status = 'failed'")" = "its result has no bits_per_byte" ] ||
    complain "an incomplete result says: $(ask incomplete "SELECT reason FROM evaluations WHERE status = 'failed'")"

drive 240 bad
for _ in $(seq 200); do
    [ "$(ask bad 'SELECT count(*) FROM jobs' 2>/dev/null || echo 0)" = 3 ] && break
    sleep 0.05
done
ask bad 'SELECT id FROM jobs ORDER BY id' >ids.txt
ask bad "UPDATE jobs SET state = 'leased', attempts = 4, until = 0 WHERE id = $(sed -n 1p ids.txt);
    UPDATE jobs SET state = 'done', result = 'nonsense' WHERE id = $(sed -n 2p ids.txt);
    UPDATE jobs SET state = 'done', result = '{\"steps\": 12, \"seconds\": 1, \"trained_steps\": 12,
        \"files\": [\"../x\"]}' WHERE id = $(sed -n 3p ids.txt)"
work first "$url#bad"
wait $driver || complain "the search with bad results fails: $(cat bad.txt)"
wait
ask bad "SELECT reason FROM evaluations WHERE status = 'failed' ORDER BY reason" >reasons.txt
cat >expected.txt <<TEXT
4 workers were lost with it
a result that was received cannot be used: it is no JSON object
a result that was received cannot be used: its files are no names of files
TEXT
cmp -s reasons.txt expected.txt || complain "bad results say: $(cat reasons.txt)"

# ---- workers and the driver are killed ----

lines='--set run.lease=5 --set train.steps=400 --set search.final.steps=500'
# shellcheck disable=SC2086
expect 0 "" "$starcl" search small.cfg --seed 5 --run whole-long $lines --quiet
rm -rf whole
mv whole-long whole
# shellcheck disable=SC2086
"$starcl" search small.cfg --seed 5 --run "$url#killed" --set 'devices.use=["none"]' $lines >killed.txt 2>&1 &
driver=$!
for _ in $(seq 100); do
    "$starcl" show "$url#killed" >/dev/null 2>&1 && break
    sleep 0.1
done
work first "$url#killed"
first=$last
wait_for 2 killed
kill -KILL $first
work second "$url#killed"
kill -KILL $driver
wait $driver 2>/dev/null
timeout --foreground 240 "$starcl" resume "$url#killed" >killed.txt 2>&1 &
driver=$!
wait $driver || complain "the search whose worker and driver were killed fails: $(cat killed.txt)"
wait
same_result whole "$url#killed"
settled killed
rm -rf "${TMPDIR:?}"/*

# Ctrl-C: what it had is another's at once, long before the lease runs out.
# shellcheck disable=SC2086
drive 240 left $lines --set run.lease=3600
work first "$url#left"
first=$last
wait_for 1 left
kill -INT $first
wait $first
[ $? = 130 ] || complain "a worker that is interrupted does not exit with 130"
grep -q "jobs* done" first.txt || complain "it does not say what it did"
work second "$url#left" --device cpu/2
wait $driver || complain "the search whose worker left fails: $(cat left.txt)"
wait
same_result whole "$url#left"
settled left
grep -q "part 2 of 2" second.txt || complain "a worker does not take parts of a device"

# ---- a text that is not here ----

drive 60 folder
mv text elsewhere
expect 2 "give the path of a copy on this machine: --data PATH" "$starcl" work "$url#folder"
cp -r elsewhere other
echo more >>other/starcl/version.h
expect 2 "its fingerprint is another" "$starcl" work "$url#folder" --data other
expect 0 "jobs done" "$starcl" work "$url#folder" --data elsewhere
wait $driver
mv elsewhere text
cat text/starcl/*.h | gzip >text.gz
drive 60 file --set "data.path=\"$work/text.gz\""
for _ in $(seq 100); do
    [ "$(ask file "SELECT count(*) FROM files WHERE name = 'text'" 2>/dev/null)" -ge 1 ] 2>/dev/null && break
    sleep 0.1
done
mv text.gz elsewhere.gz
expect 0 "fetching it from the server" "$starcl" work "$url#file"
wait $driver || complain "a search whose text was fetched fails"
[ -z "$(ls -A "$TMPDIR")" ] || complain "a fetched text was left: $(ls "$TMPDIR")"

# ---- a driver that nobody works for ends when it is told to, and says how to go on ----

for signal in INT TERM; do
    drive 60 "told-$signal"
    pkill -$signal -P $driver
    wait $driver
    got=$?
    [ "$got" = 130 ] || complain "exit $got instead of 130 after SIG$signal"
    grep -qF "starcl resume '$url#told-$signal'" "told-$signal.txt" || complain "SIG$signal: $(cat "told-$signal.txt")"
done

# ---- devices of two kinds: one trains alone, and waits for the one that times ----

kinds=$(POCL_DEVICES="pthread basic" "$starcl" devices --json | sed -n 's/.*"name":[[:space:]]*"\([^"]*\)".*/\1/p')
basic=$(echo "$kinds" | grep '^basic')
if [ -n "$basic" ] && [ "$(echo "$kinds" | wc -l)" = 2 ]; then
    drive 120 kinds --set 'search.objectives=["bits_per_byte", "decode_us"]' --set search.measure.seconds=0.05 \
        --set "devices.measure_on=[\"$basic\"]"
    POCL_DEVICES=pthread work trains "$url#kinds"
    for _ in $(seq 300); do
        grep -q "wait to be timed on $basic" kinds.txt && break
        sleep 0.1
    done
    grep -q "wait to be timed on $basic" kinds.txt || complain "nobody says that a device that times is missing"
    POCL_DEVICES=basic work times "$url#kinds"
    wait $driver || complain "the search with two kinds of workers fails: $(cat kinds.txt)"
    wait
    [ "$(ask kinds "SELECT count(*) FROM evaluations WHERE steps < 40 AND coalesce(measured_on, device) <> '$basic'")" = 0 ] ||
        complain "the wrong kind timed"
    [ "$(ask kinds "SELECT count(*) FROM evaluations WHERE measured_on = '$basic'")" -gt 0 ] || complain "nobody was timed apart"
    [ "$(ask kinds 'SELECT count(*) FROM jobs')" = 0 ] || complain "jobs were left behind"
    expect 0 "" "$starcl" show "$url#kinds"
else
    echo "not tried: PoCL has no two kinds of devices here"
fi
# Who says that it timed on another kind than it was asked for is not asked again.
drive 120 mistaken --set 'search.objectives=["bits_per_byte", "decode_us"]' --set 'devices.measure_on=["kind x"]' \
    --set search.seeds=1
work trains "$url#mistaken"
for _ in $(seq 300); do
    ask mistaken "UPDATE jobs SET state = 'done', result = '{\"device\": \"kind y\", \"steps\": 0, \"seconds\": 1,
        \"trained_steps\": 0, \"metrics\": {\"decode_us\": [1]}}' WHERE kind = 'kind x' AND state = 'waiting'"
    [ "$(ask mistaken "SELECT count(*) FROM evaluations WHERE reason = 'it was timed on kind y instead of kind x'")" -ge 1 ] && break
    sleep 0.1
done
[ "$(ask mistaken "SELECT count(*) FROM evaluations WHERE status = 'failed' AND measured_on = 'kind x'")" -ge 1 ] ||
    complain "who timed elsewhere did not fail: $(ask mistaken 'SELECT * FROM evaluations')"
pkill -INT -P $driver
wait $driver
kill $last
wait
expect 2 "no usable OpenCL device matches 'gpu'" "$starcl" search small.cfg --run "$url#x" --set 'devices.measure_on=["gpu"]' \
    --set 'search.objectives=["bits_per_byte", "decode_us"]'

# ---- what is no such run, or is not understood ----

expect 2 "is no URL of a database" "$starcl" work whole
expect 2 "" "$starcl" work "$url#nothing"
expect 2 "which needs a run.store" "$starcl" search small.cfg --set 'devices.use=["none"]'
expect 2 "name it in devices.measure_on" "$starcl" search small.cfg --run "$url#x" \
    --set 'devices.use=["none"]' --set 'search.objectives=["bits_per_byte", "decode_us"]'
expect 0 "" "$starcl" search small.cfg --run "$url#timed" --quiet --set search.generations=1 --set search.seeds=1 \
    --set search.final.keep=0 --set 'search.objectives=["bits_per_byte", "decode_us"]' --set search.measure.seconds=0.1
expect 2 "decode_us is measured on devices, and compared within one kind of device" "$starcl" work "$url#timed" --device cpu/2:1
expect 2 "stands alone" "$starcl" search small.cfg --run "$url#x" --set 'devices.use=["none", "cpu"]'
expect 2 "" "$starcl" work "$url#four" --device nonsense
ask four "UPDATE run SET value = '0.0.1' WHERE key = 'version'"
expect 2 "workers and driver have one version" "$starcl" work "$url#four"

# A queue that somebody else wrote into: what is no job is refused, and executes nothing.
ask left "UPDATE run SET value = 'interrupted' WHERE key = 'status'"
job='"genome": "41111-61111-11111", "seed": 1, "schedule_steps": 1, "side_steps": 0'
ask left "INSERT INTO jobs (key, job, state, attempts) VALUES ('a', '{\"genome\": \"11111\"}', 'waiting', 0),
    ('b', 'nonsense', 'waiting', 0), ('c', '{$job, \"steps\": 1, \"weights\": \"../../../tmp/x\"}', 'waiting', 0),
    ('d', '{$job, \"steps\": -1}', 'waiting', 0), ('e', '{$job, \"steps\": 1, \"weights\": \"..\"}', 'waiting', 0),
    ('f', '{$job, \"steps\": 1}', 'waiting', 0)"
expect 0 "waiting until its driver goes on with it" "$starcl" work "$url#left" --idle 2
[ "$(ask left "SELECT count(*) FROM jobs WHERE state = 'done' AND result LIKE '%cannot be used%'")" = 5 ] ||
    complain "what is no job was not refused: $(ask left 'SELECT key, state, result FROM jobs')"
[ "$(ask left "SELECT count(*) FROM jobs WHERE key = 'f' AND result LIKE '%\"failed\":false%'")" = 1 ] ||
    complain "the job among them was not done"
finish
