# Kernels that are built ahead: the same search, with less waiting, and what is built is there the next time.
. "$(dirname "$0")/lib.sh"

# search NAME FOLDER-OF-CACHES ARGUMENT...: all levels evolve, so that every generation needs other kernels.
search() {
    name=$1
    caches=$2
    shift 2
    mkdir -p "$caches"
    XDG_CACHE_HOME="$work/$caches" POCL_CACHE_DIR="$work/$caches" expect 0 "Pareto front" "$starcl" search small.cfg \
        --run "$name" --seed 3 --set 'search.levels=["all"]' --set search.generations=2 --set train.steps=8 "$@"
    cp out.txt "$name.txt"
}

# built NAME KEY: what the last line of the log says.
built() {
    tail -1 "$1/log.jsonl" | sed -n "s/.*\"$2\":\([0-9.e+-]*\).*/\1/p"
}

search waiting cold-1 --set devices.build_ahead=false
search ahead cold-2
same_front waiting ahead
grep -q "in the background" ahead.txt || complain "nothing was built in the background"
grep -q ", 0 of them in the background" waiting.txt || complain "something was built in the background all the same"
[ "$(built waiting programs_built_in_background)" = 0 ] || complain "the log has programs of a thread that was off"
[ "$(built ahead programs_built)" -lt "$(built waiting programs_built)" ] ||
    complain "as many programs were waited for with another thread as without"

# Again, with the same caches: what is not kept here, a driver keeps that compiles at launches.
search again cold-2
same_front again ahead
awk -v a="$(built ahead build_wait_seconds)" -v b="$(built ahead background_build_seconds)" \
    -v c="$(built again build_wait_seconds)" -v d="$(built again background_build_seconds)" \
    'BEGIN { exit !(c + d < (a + b) / 3) }' || complain "the second search builds as long as the first"
finish
