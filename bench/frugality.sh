#!/bin/sh
# What a search saves: a surrogate, early stopping, rungs and inherited weights against training every candidate in full.
#
#     sh bench/frugality.sh STARCL [--seeds "21 22 23 24 25"] [--variants "plain random frugal ..."] [--keep DIR]
#                                                                                 >bench/results/frugality.json
#
#   plain          NSGA-II as published: 96 candidates of configs/frugal.cfg, 12 a generation, each trained in full
#   random         as many random genomes, trained in full: as many tokens as plain
#   frugal         configs/frugal.cfg, a surrogate and early stopping: a quarter of those tokens
#   rungs          frugal, and candidates are compared after three tenths of their steps
#   rungs-no-stopping, rungs-no-surrogate    rungs without that
#   rungs-inheritance    rungs, and children begin with the weights of the LIVs that they kept
#
# Two runs at a time, one a core. For each: the hypervolume of (test bits/byte / 3.6, parameters / 220,000, cache /
# 12,000,000) up to (1, 1, 1) of what was trained in full, at the end, and the tokens after which it reached that of
# plain with the same seed. `again` is the hypervolume when the front is trained once more from scratch, as plain trains:
# what the architectures are worth without inherited weights. The table goes to stderr. Needs sqlite3 and awk. With all
# variants and five seeds it takes some two hours on two cores.
set -eu
starcl=$(realpath "$1")
shift
bench=$(realpath "$(dirname "$0")")
config=$bench/../configs/frugal.cfg
seeds="21 22 23 24 25"
variants="plain random frugal rungs rungs-no-stopping rungs-no-surrogate rungs-inheritance"
folder=""
while [ $# -gt 0 ]; do
    case "$1" in
    --seeds) seeds=$2 ;;
    --variants) variants=$2 ;;
    --keep) folder=$2 && mkdir -p "$folder" ;;
    *) echo "frugality.sh: there is no option $1" >&2 && exit 2 ;;
    esac
    shift 2
done
if [ -z "$folder" ]; then
    folder=$(mktemp -d)
    trap 'rm -rf "$folder"' EXIT
fi
cd "$folder"

options() {
    full="--set search.rungs=[] --set search.early_stopping=false --set search.inheritance=false"
    full="$full --set search.surrogate.candidates=0 --set search.budget.tokens=0 --set search.founders=[]"
    rungs="--set search.rungs=[0.3,1.0] --set search.promoted=0.3333333333333333"
    case "$1" in
    plain) echo "$full --set search.algorithm=\"nsga2\" --set search.population=12 --set search.generations=8" ;;
    random) echo "$full --set search.algorithm=\"random\" --set search.population=12 --set search.generations=8" ;;
    frugal) ;;
    rungs) echo "$rungs" ;;
    rungs-no-stopping) echo "$rungs --set search.early_stopping=false" ;;
    rungs-no-surrogate) echo "$rungs --set search.surrogate.candidates=0" ;;
    rungs-inheritance) echo "$rungs --set search.inheritance=true" ;;
    *) echo "frugality.sh: there is no variant $1" >&2 && exit 2 ;;
    esac
}

# search CORE RUN SEED OPTION...: once; what a folder that was kept has is not run again.
search() {
    core=$1 run=$2 seed=$3
    shift 3
    if [ -d "$run" ]; then
        POCL_MAX_PTHREAD_COUNT=1 taskset -c "$core" "$starcl" resume "$run" --quiet >"$run.txt" 2>&1
    else
        POCL_MAX_PTHREAD_COUNT=1 taskset -c "$core" "$starcl" search "$config" --run "$run" --seed "$seed" --quiet "$@" \
            >"$run.txt" 2>&1
    fi || { cat "$run.txt" >&2 && exit 1; }
}

# A run, and its front once more from scratch.
both() {
    # shellcheck disable=SC2046 # words
    search "$1" "$2-$3" "$3" $(options "$2")
    count=$("$starcl" show "$2-$3" --json | grep -c '"genome"')
    # shellcheck disable=SC2046 # words
    search "$1" "$2-$3-again" "$3" $(options plain) --set search.algorithm='"random"' --set search.generations=1 \
        --set "search.population=$((count > 1 ? count : 2))" --set "search.founders=[\"$folder/$2-$3\"]" \
        --set "search.budget.evaluations=$count"
}

# Tokens and hypervolume after each candidate that was trained in full.
grows() {
    sqlite3 -separator ' ' "$1/run.db" "
        SELECT tokens, test / 3.6, parameters / 220000.0, cache / 12000000.0 FROM (
            SELECT id, status, steps, sum(trained_steps) OVER (ORDER BY id) * 16 * 128 AS tokens,
                (SELECT value FROM measurements WHERE evaluation = e.id AND metric = 'test_bits_per_byte') AS test,
                (SELECT value FROM measurements WHERE evaluation = e.id AND metric = 'parameters') AS parameters,
                (SELECT value FROM measurements WHERE evaluation = e.id AND metric = 'cache_bytes') AS cache
            FROM evaluations e)
        WHERE status = 'done' AND steps = 120 ORDER BY id" | awk -f "$bench/hypervolume.awk"
}

work() { # the jobs of a core
    core=$1
    place=0
    for seed in $seeds; do
        for variant in $variants; do
            place=$((place + 1))
            [ $((place % 2)) = "$core" ] && both "$core" "$variant" "$seed"
        done
    done
    return 0
}
work 0 &
work 1
wait

echo "seed  variant              tokens  hypervolume      again  tokens to reach plain's" >&2
printf '{"suite": "frugality", "processor": "%s", "results": [' \
    "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)"
comma=""
for seed in $seeds; do
    [ -d "plain-$seed" ] && goal=$(grows "plain-$seed" | tail -n 1 | cut -d' ' -f2) || goal=9
    for variant in $variants; do
        end=$(grows "$variant-$seed" | tail -n 1)
        again=$(grows "$variant-$seed-again" | tail -n 1 | cut -d' ' -f2)
        reached=$(grows "$variant-$seed" | awk -v goal="$goal" '$2 >= goal { print $1; exit }')
        printf '%4s  %-14s %12.0f  %11.4f  %9.4f  %s\n' "$seed" "$variant" ${end} "$again" "${reached:--}" >&2
        printf '%s\n  {"seed": %s, "variant": "%s", "tokens": %.0f, "hypervolume": %s, "again": %s, "reached": %s}' \
            "$comma" "$seed" "$variant" ${end} "$again" "${reached:-null}"
        comma=","
    done
done
printf '\n]}\n'
