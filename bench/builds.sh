#!/bin/sh
# What building kernels costs a search over all levels that no kernel was built for yet: with them being built when they
# are needed, with those of the next candidates being built on another thread, and a second time.
#
#     sh bench/builds.sh build/release/starcl >bench/results/builds.json
#
# 12 candidates of the quickstart's sizes and text: as long as the quickstart trains, its final training included, and for
# 80 steps without one, as a generational search, which knows who comes next, and as the quickstart's, which guesses.
# "waited" are the seconds that the search stood still for kernels, "background" those that another thread built; a CPU
# shares its cores between that thread and training.
set -eu
starcl=$(realpath "$1")
config=$(realpath "$(dirname "$0")/../configs/quickstart.cfg")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

# run NAME CACHES OPTION...: adds a row to table.txt.
run() {
    name=$1
    caches=$folder/$2
    shift 2
    mkdir -p "$caches"
    start=$(date +%s.%N)
    XDG_CACHE_HOME=$caches POCL_CACHE_DIR=$caches "$starcl" search "$config" --run "$name" --seed 1 --quiet \
        --set 'search.levels=["all"]' --set 'search.founders=[]' --set search.population=4 --set search.generations=3 \
        "$@" >"$name.txt" 2>&1 || { cat "$name.txt" >&2 && exit 1; }
    end=$(date +%s.%N)
    tail -1 "$name/log.jsonl" | tr ',{}' '\n\n\n' | awk -F: -v name="$name" -v start="$start" -v end="$end" '
        { gsub(/"/, "", $1); value[$1] = $2 }
        END { print name, end - start, value["programs_built"], value["programs_built_in_background"],
                    value["build_wait_seconds"], value["background_build_seconds"] }' | tee -a table.txt >&2
}

run quickstart-when-needed quickstart-1 --set devices.build_ahead=false
run quickstart-ahead quickstart-2
for search in nsga2 nsga2-steady; do
    candidates=16
    [ $search = nsga2 ] && candidates=0
    set -- --set search.final.keep=0 --set train.steps=80 --set "search.algorithm=\"$search\"" \
        --set search.surrogate.candidates=$candidates
    run "$search-when-needed" "$search-1" "$@" --set devices.build_ahead=false
    run "$search-ahead" "$search-2" "$@"
    run "$search-again" "$search-2" "$@"
done

processor=$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -1)
awk -v processor="$processor" '
    BEGIN { printf "{\"suite\": \"builds\", \"processor\": \"%s\", \"results\": [", processor }
    { printf "%s\n  {\"name\": \"%s\", \"seconds\": %.1f, \"programs_waited\": %d, \"programs_background\": %d, " \
             "\"waited\": %.1f, \"background\": %.1f}", (NR == 1 ? "" : ","), $1, $2, $3, $4, $5, $6 }
    END { print "\n]}" }' table.txt
