#!/bin/sh
# How much faster two devices are than one: the same candidates on half of the processor, on both halves in one process
# (a thread each), and by two processes of `starcl work` with a core each, for which PostgreSQL keeps the run. In turn.
# Seconds from the beginning of the search, or of the workers, until it is done.
#
#     sh bench/workers.sh STARCL [ROUNDS [CANDIDATES]]        prints JSON
#
# The processes have a core each by PoCL's POCL_MAX_PTHREAD_COUNT and taskset: on halves of one device ("cpu/2:1",
# "cpu/2:2") two processes of PoCL 3.1 took a quarter longer, with a server and without.
set -u
starcl=$1
rounds=${2:-3}
candidates=${3:-24}
source=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d /tmp/starcl-workers-XXXXXX)
. "$source/tests/postgres.sh"
trap 'pkill -KILL -P $$ 2>/dev/null; server_remove; rm -rf "$work"' EXIT
cd "$work" || exit 1
cat >workers.cfg <<TEXT
run = { name = "workers"; seed = 1; };
data = { path = "/usr/share/dictd/gcide.dict.dz"; };
model = { width = 64; depth = 4; context = 64; head_channels = 16;
          classes = [ "SA-1", "Rec-1", "GConv-1", "GMemless" ]; };
train = { steps = 100; batch = 8; warmup = 10; validation_batches = 4; };
search = { population = $candidates; generations = 1; final = { keep = 0; }; };
devices = { build_ahead = false; };
TEXT
now() {
    date +%s.%N
}
# since MOMENT: seconds.
since() {
    awk -v from="$1" -v to="$(now)" 'BEGIN { printf "%.9f\n", to - from }'
}
# local_search NAME DEVICES: seconds.
local_search() {
    begin=$(now)
    "$starcl" search workers.cfg --run "$1" --quiet --set "devices.use=[\"$2\"]" >/dev/null || exit 1
    since "$begin"
}
# by_processes NAME: seconds.
by_processes() {
    "$starcl" search workers.cfg --run "$url#$1" --quiet --set 'devices.use=["none"]' >/dev/null 2>&1 &
    driver=$!
    until "$starcl" show "$url#$1" >/dev/null 2>&1; do sleep 0.05; done
    begin=$(now)
    for core in 0 1; do
        POCL_MAX_PTHREAD_COUNT=1 taskset -c $core "$starcl" work "$url#$1" --quiet >/dev/null 2>&1 &
    done
    wait $driver
    since "$begin"
    wait
}
# list FILE: its lines as a JSON list, in the order of size.
list() {
    echo "[$(sort -n "$1" | paste -sd, | sed 's/,/, /g; s/\(^\|[ ]\)\./\10./g')]"
}
local_search warm cpu/2 >/dev/null
for round in $(seq "$rounds"); do
    local_search "one-$round" cpu/2:1 >>one.txt
    local_search "two-$round" cpu/2 >>two.txt
    by_processes "processes-$round" >>processes.txt
done
cat <<TEXT
{"candidates": $candidates, "processor": "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)",
 "one_half": $(list one.txt), "two_halves": $(list two.txt), "two_processes": $(list processes.txt)}
TEXT
