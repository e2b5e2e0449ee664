# Objectives and limits: what is refused before a run exists, and what a run with them measures and keeps.
. "$(dirname "$0")/lib.sh"

search() { "$starcl" search small.cfg "$@"; }
refuses() {
    words=$1
    shift
    expect 2 "$words" search "$@"
}
refuses 'did you mean "decode_us"?' --set 'search.objectives=["decode_uss"]'
refuses "search.limits.cache_byte: is no metric, did you mean 'cache_bytes'?" --set 'search.limits.cache_byte=5'
refuses "'ms' is no unit of cache_bytes; allowed: B, KiB" --set 'search.limits.cache_bytes="64 ms"'
refuses "selection must not see the test part" --set search.limits.test_bits_per_byte=2.0
refuses "none of 1000 random genomes meets them; the nearest has parameters" --set 'search.limits.parameters="1 k"'
refuses "limits: must be a group" --set search.limits=5
refuses "energy_uj cannot be measured here" --set 'search.objectives=["bits_per_byte","energy_uj"]' --run none
printf 'search = {\n    limits = { parameters = "5 MiB"; };\n};\n' >unit.cfg
expect 2 "unit.cfg:2: search.limits.parameters: \"5 MiB\": 'MiB' is no unit of parameters; allowed: k, M, G, T" \
    "$starcl" search unit.cfg
[ -e runs ] || [ -e none ] && complain "a refused search left a run folder behind"

# A counter that stands still is one.
mkdir -p powercap/intel-rapl:0
echo package-0 >powercap/intel-rapl:0/name
echo 1000 >powercap/intel-rapl:0/energy_uj
echo 262143328850 >powercap/intel-rapl:0/max_energy_range_uj
expect 0 "energy/token" env STARCL_POWERCAP="$work/powercap" "$starcl" search small.cfg --run measured \
    --set search.generations=1 --set 'search.objectives=["bits_per_byte","decode_us","prefill_tokens_per_s","energy_uj"]' \
    --set 'search.limits.decode_us="10 s"' --set 'search.limits.peak_bytes="1 GiB"' \
    --set search.measure.seconds=0.1 --set search.measure.context=20
grep -q 'limits = { decode_us = "10 s"; peak_bytes = "1 GiB"; };' measured/config.cfg ||
    complain "the limits are not in the run's config as they were written"
ask() {
    sqlite3 measured/run.db "SELECT count(*) FROM measurements JOIN evaluations e ON e.id = evaluation AND e.steps > 0
        WHERE $1"
}
[ "$(ask "metric = 'decode_us' AND value > 0 AND low <= value AND value <= high")" = 4 ] ||
    complain "not every candidate has its decoding measured, with an interval"
[ "$(ask "metric = 'prefill_tokens_per_s' AND value > 0")" = 4 ] || complain "prefill is not measured"
[ "$(ask "metric = 'energy_uj' AND value = 0")" = 4 ] || complain "energy is not what the counter says"
[ "$(ask "metric IN ('decode_p95_us', 'first_token_us')")" = 0 ] || complain "what nobody asked for is measured"

tr -d ' \t\n' <<TEXT | grep -q '"intervals":{[^}]*"decode_us":\[[0-9.e+]*,[0-9.e+]*\]' ||
$("$starcl" show measured --json)
TEXT
    complain "the intervals are not shown"

# What is beyond a limit that is known without training is not trained, and not on the front.
expect 0 "Pareto front" "$starcl" search small.cfg --run limited --set search.generations=3 \
    --set search.limits.cache_bytes='"20 KiB"' --set search.surrogate.candidates=4 --set search.surrogate.warmup=4
over=$(sqlite3 limited/run.db "SELECT count(*) FROM measurements WHERE metric = 'cache_bytes' AND value > 20480")
trained=$(sqlite3 limited/run.db "SELECT count(*) FROM measurements WHERE metric = 'cache_bytes'")
[ "$over" = 0 ] && [ "$trained" -gt 2 ] || complain "of $trained candidates $over were trained beyond the limit"

# The front is measured again, once each; what exceeds a limit then is not on it, whatever it was before.
expect 0 "Pareto front" "$starcl" search small.cfg --run again --set search.generations=2 \
    --set 'search.objectives=["bits_per_byte","parameters"]' --set 'search.limits.decode_us="10 s"' \
    --set search.measure.seconds=0.05 --set search.measure.processes=3
ids() { "$starcl" show again --json | sed -n 's/^[[:space:]]*"id":[[:space:]]*\([0-9]*\),/\1/p'; }
change() { sqlite3 again/run.db "$1"; }
before=$(ids)
[ "$(change "SELECT count(*) FROM evaluations WHERE steps = 0")" = "$(echo "$before" | wc -l)" ] ||
    complain "not every member of the front was measured again, and nothing else"
grep -q "leaves the front" out.txt && complain "a limit of 10 s was exceeded"
# Three processes measured, so each is a mean, in the middle of its interval.
[ "$(change "SELECT count(*) FROM measurements JOIN evaluations e ON e.id = evaluation AND e.steps = 0
    WHERE metric = 'decode_us' AND (low = 0 OR low < value AND abs((low + high) / 2 / value - 1) < 1e-9)")" = \
    "$(echo "$before" | wc -l)" ] || complain "what was measured again is not a mean over processes"
change "UPDATE measurements SET value = 2e7, low = 9e6, high = 3e7 WHERE metric = 'decode_us' AND evaluation IN
    (SELECT id FROM evaluations WHERE steps = 0)"
for id in $before; do
    ids | grep -qx "$id" && complain "what exceeded the limit when it was measured again is on the front"
done
# A resumed search asks for the same, tells who leaves, and measures those who join.
change "UPDATE run SET value = 'interrupted' WHERE key = 'status'"
first=$(echo "$before" | head -1)
expect 0 "candidate $first leaves the front: measured again, decode_us is 20.0 s, 9.00 s to 30.0 s (at most 10 s)" "$starcl" resume again
[ "$(change "SELECT count(*) FROM evaluations WHERE steps > 0")" = 8 ] || complain "a candidate was trained again"
[ -n "$(ids)" ] || complain "nobody joined the front"
for id in $(ids); do
    [ "$(change "SELECT count(*) FROM evaluations e JOIN candidates c ON c.genome = e.genome
        WHERE steps = 0 AND c.id = $id")" = 1 ] || complain "candidate $id joined the front and was not measured"
done
# Who joins late has weights; they are those of its training.
for id in $(ids); do
    [ -s "again/checkpoints/$id.safetensors" ] && [ -s "again/checkpoints/$id.json" ] ||
        complain "candidate $id joined the front without weights"
    mv "again/checkpoints/$id.safetensors" "$id.kept"
done
change "UPDATE run SET value = 'interrupted' WHERE key = 'status'"
expect 0 "Pareto front" "$starcl" resume again
for id in $(ids); do
    cmp "$id.kept" "again/checkpoints/$id.safetensors" || complain "the weights of candidate $id are others"
done
[ "$(change "SELECT count(*) FROM evaluations WHERE steps > 0")" = 8 ] || complain "an evaluation was recorded twice"

# Ctrl-C while another process measures; what follows is what would have followed.
"$starcl" search small.cfg --run stopped --set search.generations=1 --set 'search.limits.decode_us="10 s"' \
    --set search.measure.seconds=2.0 --set search.measure.precision=1e-4 --set search.measure.processes=2 >out.txt 2>&1 &
search=$!
evaluated() { grep -c '"event":"evaluated"' stopped/log.jsonl 2>/dev/null; }
while [ "$(evaluated)" != 4 ] && kill -0 $search 2>/dev/null; do sleep 0.05; done
sleep 0.5
kill -INT $search
wait $search
[ $? = 130 ] || complain "a search that was stopped while it measured again did not end with 130"
[ "$(sqlite3 stopped/run.db "SELECT value FROM run WHERE key = 'status'")" = interrupted ] ||
    complain "a search that was stopped while it measured again is not interrupted"
expect 0 "Pareto front" "$starcl" resume stopped
# A limit that nothing meets leaves nobody.
expect 0 "0 of 4 evaluated candidates" "$starcl" search small.cfg --run none-left --set search.generations=1 \
    --set search.limits.decode_us=0.001 --set search.measure.seconds=0.05

# One architecture, timed.
expect 0 "decode/token" "$starcl" show 11111-41111 --measure --config small.cfg --set search.measure.seconds=0.05
expect 0 '"prefill_tokens_per_s"' "$starcl" show measured:1 --measure --json
"$starcl" show measured:1 --measure --json --only decode_us --set search.measure.seconds=0.05 >only.json ||
    complain "decoding alone is not measured"
grep -q '"prefill_tokens_per_s"' only.json && complain "what was not asked for is measured"
expect 2 "--only 'decode' is not measured; allowed: decode_us, decode_p95_us, first_token_us, prefill" \
    "$starcl" show measured:1 --measure --only decode
expect 2 "--only is for --measure" "$starcl" show measured:1 --only decode_us
expect 2 "--measure times one architecture: measured:ID" "$starcl" show measured --measure
finish
