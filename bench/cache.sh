#!/bin/sh
# Does a search for quality and cache find what keeps less and predicts no worse than attention does?
#
#     sh bench/cache.sh STARCL [--keep DIR] [starcl search's options...]  >bench/results/cache.json
#
# Runs configs/hour/quality-cache.cfg, and the Transformer++ of its width and depth through the same final training: as
# many steps, the same seeds, from scratch. Prints for each that was trained so the loss on the test part, which selection
# never saw, and its cache as a share of the Transformer++'s. A folder that --keep names keeps both runs; what is done in
# it is not run again. The table goes to stderr. Needs sqlite3. About an hour on two cores; with
# `--set search.generations=4`, a third of the candidates, half of that.
set -eu
starcl=$(realpath "$1")
shift
config=$(realpath "$(dirname "$0")/../configs/hour/quality-cache.cfg")
if [ "${1:-}" = --keep ]; then
    folder=$2
    shift 2
    mkdir -p "$folder"
else
    folder=$(mktemp -d)
    trap 'rm -rf "$folder"' EXIT
fi
cd "$folder"

# search RUN OPTION...: begins it, or goes on with it.
search() {
    run=$1
    shift
    if [ -d "$run" ]; then
        "$starcl" resume "$run" --quiet
    else
        "$starcl" search "$config" --run "$run" --quiet "$@"
    fi >"$run.txt" 2>&1 || { cat "$run.txt" >&2 && exit 1; }
}
search found "$@"
search transformer++ "$@" --set search.algorithm='"random"' --set search.founders='["transformer++"]' \
    --set search.generations=1 --set search.population=2 --set search.budget.evaluations=1 --set search.final.keep=1

# Of a run's final training: genome, seeds, mean loss on the test part, its standard error, bytes of cache.
finals() {
    sqlite3 -separator ' ' "$1/run.db" "
        SELECT genome, count(*), avg(test), sqrt((avg(test * test) - avg(test) * avg(test)) / (count(*) - 1)), cache FROM (
            SELECT genome,
                (SELECT value FROM measurements WHERE evaluation = e.id AND metric = 'test_bits_per_byte') AS test,
                (SELECT value FROM measurements WHERE evaluation = e.id AND metric = 'cache_bytes') AS cache
            FROM evaluations e
            WHERE status = 'done' AND steps = (SELECT max(steps) FROM evaluations))
        GROUP BY genome ORDER BY avg(test)"
}
finals transformer++ >baseline.txt
processor=$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)
{ sed 's/^/transformer++ /' baseline.txt && finals found | sed 's/^/found /'; } | awk -v processor="$processor" '
BEGIN {
    printf "{\"suite\": \"cache\", \"processor\": \"%s\", \"results\": [", processor
    print "              seeds     test bits/byte     cache, bytes    share  genome" >"/dev/stderr"
}
{
    if (!all)
        all = $6
    printf "%-15s %3d  %.4f +- %.4f  %15d  %6.1f %%  %s\n", $1, $3, $4, $5, $6, 100 * $6 / all, $2 >"/dev/stderr"
    printf "%s\n  {\"architecture\": \"%s\", \"genome\": \"%s\", \"seeds\": %d, ", (NR == 1 ? "" : ","), $1, $2, $3
    printf "\"test_bits_per_byte\": %.5f, \"standard_error\": %.5f, \"cache_bytes\": %d}", $4, $5, $6
}
END { print "\n]}" }'
