#!/bin/sh
# Do limits on what is measured hold when it is measured again? `sh bench/limits.sh STARCL [options]`:
#
#   --config FILE       the experiment; default configs/quickstart.cfg, 40 steps a candidate
#   --random N          random genomes whose median decoding time is the limit; default 24
#   --set path=value    as starcl's, repeatable
#   --out FILE          also write the result as JSON
#
# A search with the limit "decode at most X a token", X the median of random genomes, which measures its front again as
# search.measure.processes says; and then every member of that measured once more by six other processes, one after the
# other through the whole front: where a process and its buffers come to lie makes a difference that no repetition within
# it sees. The least and the largest of their six medians are a 97 % interval (1 - 2 / 2^6); a member keeps to the limit
# where the low end does, and does so surely where the high end does. Five minutes on two cores on which nothing else
# runs; needs sqlite3.
set -u
starcl=$1
shift
config=$(dirname "$0")/../configs/quickstart.cfg
random=24
out=/dev/null
sets="--set train.steps=40 --set train.warmup=10 --set search.final.keep=0"
while [ $# -gt 1 ]; do
    case "$1" in
    --config) config=$2 ;;
    --random) random=$2 ;;
    --set) sets="$sets --set $2" ;;
    --out) out=$2 ;;
    *)
        echo "limits.sh: there is no option $1" >&2
        exit 2
        ;;
    esac
    shift 2
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
objectives='search.objectives=["bits_per_byte", "parameters"]'

# search RUN OPTION...
search() {
    run=$1
    shift
    # shellcheck disable=SC2086
    "$starcl" search "$config" --run "$work/$run" --set "$objectives" $sets "$@" >"$work/$run.txt" 2>&1 || {
        cat "$work/$run.txt" >&2
        exit 1
    }
}
ask() { sqlite3 "$work/$1/run.db" "$2"; }

# Random genomes are measured, not judged: a step of training each, and a limit that all of them meet.
search random --set search.population="$random" --set search.generations=1 --set 'search.limits.decode_us="1000 s"' \
    --set train.steps=1 --set train.warmup=0 --set search.measure.processes=1
limit=$(ask random "SELECT value FROM measurements WHERE metric = 'decode_us' AND evaluation IN
    (SELECT id FROM evaluations WHERE steps > 0) ORDER BY value LIMIT 1 OFFSET $random / 2")
range=$(ask random "SELECT printf('%.1f to %.1f', min(value), max(value)) FROM measurements WHERE metric = 'decode_us'")
echo "limit: $limit us a token, the median of $random random genomes, which take $range us"

search limited --set "search.limits.decode_us=$limit"
grep "leaves the front" "$work/limited.txt"
ask limited "SELECT printf('search: %d of %d candidates exceeded it when they were trained',
    sum(value > $limit), count(*)) FROM measurements JOIN evaluations e ON e.id = evaluation AND e.steps > 0
    WHERE metric = 'decode_us'"

ids=$("$starcl" show "$work/limited" --json | sed -n 's/^[[:space:]]*"id":[[:space:]]*\([0-9]*\),/\1/p')
for _ in 1 2 3 4 5 6; do
    for id in $ids; do
        "$starcl" show "$work/limited:$id" --measure --only decode_us --json --set search.measure.seconds=0.5 >"$work/again.json" ||
            exit 1
        tr -d ' \t\n' <"$work/again.json" | sed 's/.*"decode_us":{"value":\([^,}]*\).*/\1\n/' >>"$work/again-$id"
    done
done

echo
printf '%6s %30s %30s  %s\n' id 'in the run (us)' 'by six others (us)' 'keeps to the limit'
members=0
kept=0
rows=""
for id in $ids; do
    then=$(ask limited "SELECT value, coalesce(low, value), coalesce(high, value) FROM measurements JOIN evaluations e ON e.id = evaluation AND e.steps = 0
        JOIN candidates c ON c.genome = e.genome WHERE metric = 'decode_us' AND c.id = $id")
    # shellcheck disable=SC2046
    set -- $(echo "$then" | tr '|' ' ') $(sort -g "$work/again-$id")
    median=$(awk -v a="$6" -v b="$7" 'BEGIN { print (a + b) / 2 }')
    keeps=$(awk -v low="$4" -v high="$9" -v limit="$limit" 'BEGIN {
        print high <= limit ? "surely" : low <= limit ? "yes" : "no" }')
    members=$((members + 1))
    [ "$keeps" = no ] || kept=$((kept + 1))
    printf '%6s %30s %30s  %s\n' "$id" "$(printf '%.1f (%.1f to %.1f)' "$1" "$2" "$3")" \
        "$(printf '%.1f (%.1f to %.1f)' "$median" "$4" "$9")" "$keeps"
    row=$(printf '{"id": %d, "in_run": [%.1f, %.1f, %.1f], "by_others": [%.1f, %.1f, %.1f], "keeps": "%s"}' \
        "$id" "$1" "$2" "$3" "$median" "$4" "$9" "$keeps")
    rows="$rows${rows:+,
}  $row"
done
processor=$(sed -n 's/^model name[[:space:]]*: //p' /proc/cpuinfo 2>/dev/null | head -1)
printf '{"suite": "limits", "processor": "%s", "limit_us": %.1f, "random_us": "%s", "members": [\n%s\n]}\n' \
    "$processor" "$limit" "$range" "$rows" >"$out"
echo
echo "$kept of $members members of the front keep to the limit"
[ "$members" -gt 0 ] && [ "$kept" = "$members" ]
