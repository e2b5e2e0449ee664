#!/bin/sh
# What it costs a search to be watched by a hundred open pages, each of which asks once a second.
#
#     sh bench/watch.sh build/release/starcl build/release/tests/test_watch_clients >bench/results/watch.json
#
# The quickstart's sizes and text, its first 4 candidates, in turn: alone, and with `starcl watch` and 100 clients on the
# same cores. "seconds" are those of its evaluations, "processor" what the search, the watch and the clients computed,
# "share" that of the watch and the clients in what all cores could. Kernels are built before. To stderr go the rows as
# they come, and behind those that are watched what test_watch_clients prints.
set -eu
starcl=$(realpath "$1")
clients=$(realpath "$2")
config=$(realpath "$(dirname "$0")/../configs/quickstart.cfg")
rounds=${ROUNDS:-3}
folder=$(mktemp -d)
watcher=""
trap 'kill $watcher 2>/dev/null || true; rm -rf "$folder"' EXIT
cd "$folder"

# Seconds that a process has computed so far.
processor_of() {
    awk -v ticks="$(getconf CLK_TCK)" '{ sub(/.*\) /, ""); print ($12 + $13) / ticks }' "/proc/$1/stat"
}

# search NAME: in the background, as $searcher.
search() {
    "$starcl" search "$config" --run "$1" --quiet --set search.population=4 --set search.generations=1 \
        --set search.final.keep=0 >"$1.txt" 2>&1 &
    searcher=$!
}

# What the process had computed when it was seen last, which is at most a tenth of a second before its end.
follow_processor() {
    while kill -0 "$1" 2>/dev/null; do
        processor_of "$1" >processor.new 2>/dev/null && mv processor.new processor.txt
        sleep 0.1
    done
}

# round NAME WATCHED
round() {
    search "$1"
    start=$(date +%s.%N)
    watch_processor=0
    if [ "$2" = watched ]; then
        while ! [ -e "$1/run.db" ]; do sleep 0.05; done
        rm -f address.txt
        "$starcl" watch "$1" --quiet >address.txt &
        watcher=$!
        while ! [ -s address.txt ]; do sleep 0.05; done
        port=$(sed 's|.*:\([0-9]*\)/|\1|' address.txt)
        "$clients" "$port" 100 1000 >clients.txt 2>clients-failed.txt &
        poller=$!
    fi
    follow_processor $searcher
    wait $searcher || { cat "$1.txt" >&2 && exit 1; }
    end=$(date +%s.%N)
    if [ "$2" = watched ]; then
        watch_processor=$(awk -v a="$(processor_of $watcher)" -v b="$(processor_of $poller)" 'BEGIN { print a + b }')
        kill $poller
        wait $poller || { cat clients-failed.txt >&2 && exit 1; }
        cat clients.txt >&2
        kill -INT $watcher
        wait $watcher
        watcher=""
    fi
    seconds=$(sqlite3 "$1/run.db" 'SELECT sum(seconds) FROM evaluations')
    awk -v name="$2" -v seconds="$seconds" -v wall="$(echo "$start $end" | awk '{ print $2 - $1 }')" \
        -v search="$(cat processor.txt)" -v watch="$watch_processor" -v cores="$(nproc)" 'BEGIN {
        printf "%s %.2f %.2f %.2f %.3f %.4f\n", name, seconds, wall, search, watch, watch / wall / cores }' |
        tee -a table.txt >&2
}

search warm
wait $searcher || { cat warm.txt >&2 && exit 1; }
for number in $(seq "$rounds"); do
    round "alone-$number" alone
    round "watched-$number" watched
done

processor=$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -1)
awk -v processor="$processor" '
    BEGIN { printf "{\"suite\": \"watch\", \"processor\": \"%s\", \"results\": [", processor }
    { printf "%s\n  {\"name\": \"%s\", \"seconds\": %s, \"wall\": %s, \"processor\": %s, \"watch_processor\": %s, " \
             "\"share\": %s}", (NR == 1 ? "" : ","), $1, $2, $3, $4, $5, $6 }
    END { print "\n]}" }' table.txt
