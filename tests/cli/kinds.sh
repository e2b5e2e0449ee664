# Devices of two kinds in one search: some train, others time, and a front a kind.
. "$(dirname "$0")/lib.sh"
layer=$3
export POCL_DEVICES="pthread basic"
"$starcl" devices --json >devices.json
kind() {
    sed -n "s/.*\"name\":[[:space:]]*\"\($1[^\"]*\)\".*/\1/p" devices.json | head -n 1
}
one=$(kind pthread)
other=$(kind basic)
if [ -z "$one" ] || [ -z "$other" ]; then
    echo "skipped: PoCL has no two kinds of devices here"
    exit 77
fi
sed -i 's/generations = 3;/generations = 3; objectives = ["bits_per_byte", "decode_us"]; measure = { seconds = 0.05; };/' \
    small.cfg
# Kernels are not built ahead: where two threads run kernels on PoCL's basic device, PoCL 3.1 now and then ends the process
# by an assertion of its own (pocl_release_dlhandle_cache).
echo 'devices = { build_ahead = false; };' >>small.cfg
both='devices.use=["pthread", "basic"]'

rows() {
    sqlite3 "$1/run.db" "$2"
}
# What says on which kind an evaluation was timed.
timed='SELECT genome, steps, coalesce(measured_on, e.device) AS kind, measured_on, value FROM evaluations e
    JOIN measurements ON evaluation = e.id AND metric = '\'decode_us\'''
# Every candidate was timed on this kind when it was trained, and trained once.
timed_on() {
    [ "$(rows "$1" "SELECT count(DISTINCT genome) FROM ($timed) WHERE steps = 12 AND kind = '$2'")" = \
        "$(rows "$1" 'SELECT count(DISTINCT genome) FROM candidates')" ] || complain "$1 did not time everybody on $2"
    [ "$(rows "$1" "SELECT count(*) FROM ($timed) WHERE steps = 12 AND kind <> '$2'")" = 0 ] ||
        complain "$1 compares with what another kind than $2 timed"
    [ "$(rows "$1" "SELECT count(*) FROM evaluations WHERE status <> 'done'")" = 0 ] || complain "$1 failed somebody"
    # One that is killed may lack the event of what it had just recorded.
    [ "$(rows "$1" "SELECT count(*) FROM events WHERE kind = 'evaluated'")" -le \
        "$(rows "$1" 'SELECT count(DISTINCT genome) FROM candidates')" ] || complain "$1 trained somebody twice"
}
# The front on a kind, by the definition: ids of genomes that none is as good as in both and better in one.
front_of() {
    rows "$1" "WITH known AS (SELECT min(c.id) AS id, b.value AS bits, d.value AS us FROM candidates c
            JOIN evaluations t ON t.genome = c.genome AND t.steps = 12
            JOIN measurements b ON b.evaluation = t.id AND b.metric = 'bits_per_byte'
            JOIN ($timed) d ON d.genome = c.genome AND d.kind = '$2' GROUP BY c.genome)
        SELECT id FROM known k WHERE NOT EXISTS (SELECT 1 FROM known o WHERE o.bits <= k.bits AND o.us <= k.us
            AND (o.bits < k.bits OR o.us < k.us)) ORDER BY bits, id"
}
# shown FILE: the ids of every front that a table shows.
shown() {
    awk '$1 == "id" { rows = 1; next } !NF { rows = 0 } rows { print $1 }' "$1"
}

# ---- what could not be compared ----

expect 2 "name in devices.measure_on whose measurements count" "$starcl" search small.cfg --run x --set "$both"
expect 2 "no usable OpenCL device matches 'nonsense'" "$starcl" search small.cfg --run x --set "$both" \
    --set 'devices.measure_on=["nonsense"]'
expect 2 "no device of the search is of that kind" "$starcl" search small.cfg --run x --device basic \
    --set 'devices.measure_on=["pthread"]'
expect 2 "train_tokens_per_s is measured while a candidate is trained" "$starcl" search small.cfg --run x --set "$both" \
    --set 'devices.measure_on=["basic"]' --set 'search.objectives=["bits_per_byte", "train_tokens_per_s"]'
[ ! -e x ] || complain "a refused search left a folder"
# Where nothing is timed they may be of any kinds.
expect 0 "Pareto front" "$starcl" search small.cfg --run untimed --set "$both" \
    --set 'search.objectives=["bits_per_byte"]' --set search.generations=1
"$starcl" show untimed --json | grep -q other_fronts && complain "a front a kind where nothing is timed"

# ---- one times, both train ----

expect 0 "which selection compares" "$starcl" search small.cfg --run one --set "$both" --set 'devices.measure_on=["basic"]'
timed_on one "$other"
[ "$(rows one "SELECT count(*) FROM ($timed) WHERE measured_on = '$other'")" -gt 0 ] || complain "the other one trained nobody"
[ "$(rows one "SELECT count(*) FROM evaluations WHERE device = '$other' AND measured_on IS NOT NULL")" = 0 ] ||
    complain "who was trained where it is timed was timed in a job of its own"
[ "$(rows one "SELECT count(*) FROM events WHERE kind = 'measured'")" = \
    "$(rows one 'SELECT count(measured_on) FROM evaluations')" ] || complain "the log does not say who was timed"
"$starcl" show one >one.txt
shown one.txt >shown.txt
front_of one "$other" | cmp -s - shown.txt || complain "the front is another one: $(cat one.txt)"

# Each on both kinds: the same selection, and a front for either.
expect 0 "The front on $one" "$starcl" search small.cfg --run two --set "$both" \
    --set 'devices.measure_on=["basic", "pthread"]'
timed_on two "$other"
[ "$(rows two "SELECT count(*) FROM ($timed) WHERE steps = 0 AND kind = '$one'")" = \
    "$(rows two 'SELECT count(DISTINCT genome) FROM candidates')" ] || complain "not everybody was timed on the second kind"
"$starcl" show two >two.txt
shown two.txt >shown.txt
{ front_of two "$other"; front_of two "$one"; } | cmp -s - shown.txt || complain "a front is another one: $(cat two.txt)"
"$starcl" show two --json | tr -d ' \t\n' | grep -q "\"other_fronts\":\[{\"measured_on\":\"$(echo "$one" | tr -d ' ')\"" ||
    complain "JSON has no front of the second kind"

# Limits on what is timed: the front is timed again, by processes that use that device.
expect 0 "Pareto front" "$starcl" search small.cfg --run limited --set "$both" --set 'devices.measure_on=["basic"]' \
    --set 'search.limits={decode_us="1 s";}' --set search.measure.processes=2
[ "$(rows limited "SELECT count(*) FROM ($timed) WHERE steps = 0 AND kind = '$other'")" -gt 0 ] ||
    complain "the front was not timed again"
[ "$(rows limited "SELECT count(*) FROM ($timed) WHERE steps = 0 AND kind <> '$other'")" = 0 ] ||
    complain "the front was timed again elsewhere"

# Rungs, seeds and early stopping: each evaluation is timed, also of what was given up.
expect 0 "Pareto front" "$starcl" search small.cfg --run rungs --set "$both" --set 'devices.measure_on=["basic"]' \
    --set 'search.rungs=[0.5, 1.0]' --set search.seeds=2 --set search.early_stopping=true
[ "$(rows rungs "SELECT count(*) FROM ($timed) WHERE kind = '$other'")" = "$(rows rungs 'SELECT count(*) FROM evaluations')" ] ||
    complain "not every evaluation was timed on $other"

# ---- bad days ----

# Killed when somebody is trained and not timed: it is not trained again.
untimed='SELECT EXISTS (SELECT 1 FROM evaluations e WHERE NOT EXISTS (SELECT 1 FROM measurements
    WHERE evaluation = e.id AND metric = '\'decode_us\''))'
kill_when "$untimed" killed "$starcl" search small.cfg --run killed --set "$both" --quiet \
    --set 'devices.measure_on=["basic"]' --set search.measure.seconds=2 --set search.measure.precision=0.0001
[ "$(rows killed "$untimed")" = 1 ] || complain "the search was not killed in time"
sqlite3 killed/run.db "UPDATE run SET value = replace(replace(value, 'seconds = 2.0', 'seconds = 0.05'),
    'precision = 0.0001', 'precision = 0.02') WHERE key = 'config'"
expect 0 "Pareto front of killed (done)" "$starcl" resume killed
timed_on killed "$other"

# It goes on where the kind that timed is gone: everybody is timed anew, nobody is trained, and both fronts are there.
kill_when 'SELECT count(*) >= 3 FROM evaluations' moved "$starcl" search small.cfg --run moved --quiet \
    --set 'devices.use=["pthread"]'
before=$(rows moved 'SELECT count(*) FROM evaluations')
sqlite3 moved/run.db "UPDATE run SET value = replace(value, '\"pthread\"', '\"basic\"') WHERE key = 'config'"
expect 0 "The front on $one" env POCL_DEVICES=basic "$starcl" resume moved
timed_on moved "$other"
[ "$(rows moved "SELECT count(*) FROM ($timed) WHERE steps = 0 AND kind = '$one'")" = "$before" ] ||
    complain "what the first kind timed was lost"

# The one that times is gone for good: the search ends, nobody is blamed, and it goes on when it is back.
expect 1 "no device is left of those that measure" env OPENCL_LAYERS="$layer" FAIL_FROM=2000 FAIL_FOREVER=1 \
    FAIL_DEVICE=basic "$starcl" search small.cfg --run gone --set "$both" --set 'devices.measure_on=["basic"]' \
    --set devices.build_ahead=false
expect 0 "Pareto front of gone (done)" "$starcl" resume gone
timed_on gone "$other"
# The one that does not time is: the other one does all of it.
expect 0 "is left out from now on" env OPENCL_LAYERS="$layer" FAIL_FROM=2000 FAIL_FOREVER=1 FAIL_DEVICE=pthread \
    "$starcl" search small.cfg --run left --set "$both" --set 'devices.measure_on=["basic"]' \
    --set devices.build_ahead=false
timed_on left "$other"
finish
