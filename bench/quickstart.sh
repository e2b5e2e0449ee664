#!/bin/sh
# Whether evolution pays: the quickstart as shipped against as many random genomes, one pair of runs a seed.
#
#     sh bench/quickstart.sh build/release/starcl 21 22 23 24 25 >bench/results/quickstart.json
#
# Hypervolume of (bits/byte / 3.6, parameters / 220,000, cache / 12,000,000) against (1, 1, 1), of everything that a run
# evaluated; the final training is left out, which both would have. Two runs at once, one a core. The table goes to
# stderr. CONFIG=FILE takes another config of the same three objectives.
set -eu
starcl=$(realpath "$1")
shift
config=$(realpath "${CONFIG:-$(dirname "$0")/../configs/quickstart.cfg}")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

# run CORE NAME SEED OPTION...: a run named after it, on one core.
run() {
    core=$1
    name=$2
    seed=$3
    shift 3
    POCL_MAX_PTHREAD_COUNT=1 taskset -c "$core" "$starcl" search "$config" --run "$name-$seed" --seed "$seed" --quiet \
        --set 'search.reference=[3.6, 220000.0, 12000000.0]' --set search.final.keep=0 "$@" >"$name-$seed.txt" 2>&1 ||
        { cat "$name-$seed.txt" >&2 && exit 1; }
}

number() { # of a run's JSON
    "$starcl" show "$1" --json | sed -n "s/^\t\"$2\":\t\([-+.e0-9]*\).*/\1/p"
}

# Pairs of seeds, first as shipped, then the random genomes: so many as were evaluated.
pair() {
    run 0 shipped "$1" &
    first=$!
    [ -z "${2:-}" ] || run 1 shipped "$2"
    wait $first
    random="--set search.algorithm=\"random\" --set search.founders=[]"
    # shellcheck disable=SC2086 # words
    run 0 random "$1" $random --set "search.budget.evaluations=$(number "shipped-$1" evaluations)" &
    first=$!
    # shellcheck disable=SC2086
    [ -z "${2:-}" ] || run 1 random "$2" $random --set "search.budget.evaluations=$(number "shipped-$2" evaluations)"
    wait $first
}

seeds=$*
while [ $# -gt 0 ]; do
    pair "$1" "${2:-}"
    shift
    [ $# = 0 ] || shift
done

for seed in $seeds; do
    for name in shipped random; do
        echo "$seed $name $(number "$name-$seed" evaluations) $(number "$name-$seed" hypervolume)"
    done
done >table.txt
processor=$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -1)
awk -v processor="$processor" '
    { value[$1, $2] = $4 / (3.6 * 220000 * 12000000); evaluations = $3; if ($2 == "shipped") seeds[++count] = $1 }
    END {
        printf "%6s  %10s  %10s\n", "seed", "shipped", "random" >"/dev/stderr"
        printf "{\"suite\": \"quickstart\", \"processor\": \"%s\", \"evaluations\": %d, \"results\": [", processor,
            evaluations
        for (i = 1; i <= count; i++) {
            s = seeds[i]
            higher += value[s, "shipped"] > value[s, "random"]
            printf "%6s  %10.4f  %10.4f\n", s, value[s, "shipped"], value[s, "random"] >"/dev/stderr"
            printf "%s\n  {\"seed\": %s, \"shipped\": %.6f, \"random\": %.6f}", (i > 1 ? "," : ""), s,
                value[s, "shipped"], value[s, "random"]
        }
        printf "\n]}\n"
        printf "higher in %d of %d seeds\n", higher, count >"/dev/stderr"
    }' table.txt
