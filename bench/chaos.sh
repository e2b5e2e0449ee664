#!/bin/sh
# A search on PostgreSQL in bad hands: six workers, of which one is killed every five seconds and replaced, a driver
# that is killed twice and resumed, and a server that crashes once. What comes of it is compared with the same search
# that nobody disturbed.
#
#     sh bench/chaos.sh STARCL [CANDIDATES]        prints JSON; exit 1 where anything differs
set -u
starcl=$1
candidates=${2:-200}
source=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d /tmp/starcl-chaos-XXXXXX)
. "$source/tests/postgres.sh"
trap 'pkill -KILL -P $$ 2>/dev/null; server_remove; rm -rf "$work"' EXIT
export TMPDIR="$work/tmp"
mkdir "$TMPDIR"
cd "$work" || exit 1
cat >chaos.cfg <<TEXT
run = { name = "chaos"; lease = 5; };
data = { path = "$source/include"; };
model = { width = 32; depth = 3; context = 32; head_channels = 16;
          classes = [ "SA-1", "Rec-1", "GConv-1", "GMemless" ]; };
train = { steps = 300; batch = 4; warmup = 20; validation_batches = 2; learning_rate = 3e-3; };
search = { population = 20; generations = $((candidates / 20)); };
devices = { build_ahead = false; };
TEXT
rows() {
    ask chaos 'SELECT count(*) FROM evaluations' 2>/dev/null || echo 0
}
"$starcl" search chaos.cfg --seed 9 --run calm --quiet >/dev/null || exit 1

begin=$(date +%s)
"$starcl" search chaos.cfg --seed 9 --run "$url#chaos" --set 'devices.use=["none"]' >driver.txt 2>&1 &
driver=$!
until "$starcl" show "$url#chaos" >/dev/null 2>&1; do sleep 0.2; done
workers=""
hire() {
    "$starcl" work "$url#chaos" >>workers.txt 2>&1 &
    workers="$workers $!"
}
for _ in 1 2 3 4 5 6; do hire; done

workers_killed=0 drivers_killed=0 restarts=0
while kill -0 $driver 2>/dev/null; do
    sleep 5
    # shellcheck disable=SC2086
    set -- $workers
    kill -KILL "$1" 2>/dev/null && workers_killed=$((workers_killed + 1))
    shift
    workers=$*
    hire
    done=$(rows)
    if { [ $drivers_killed = 0 ] && [ "$done" -ge $((candidates / 5)) ]; } ||
        { [ $drivers_killed = 1 ] && [ "$done" -ge $((candidates * 3 / 5)) ]; }; then
        kill -KILL $driver
        wait $driver 2>/dev/null
        drivers_killed=$((drivers_killed + 1))
        "$starcl" resume "$url#chaos" >driver.txt 2>&1 &
        driver=$!
    fi
    if [ $restarts = 0 ] && [ "$done" -ge $((candidates * 2 / 5)) ]; then
        server_end immediate
        server_begin
        restarts=1
    fi
done
wait $driver
outcome=$?
seconds=$(($(date +%s) - begin))
wait

# What was found, without what may differ between two equal runs; and whether a job is left or was recorded twice.
front() {
    "$starcl" show "$1" --json | grep -v -e '"run"' -e '"device"' -e _per_s
}
front calm >calm.txt
front "$url#chaos" >chaos.txt
same=false
cmp -s calm.txt chaos.txt && same=true
evaluations=$(rows)
expected=$(sqlite3 calm/run.db 'SELECT count(*) FROM evaluations')
left=$(ask chaos 'SELECT count(*) FROM jobs')
twice=$(ask chaos "SELECT count(*) FROM (SELECT details::json->>'genome', count(*) FROM events WHERE kind = 'evaluated'
    GROUP BY 1 HAVING count(*) > 1) AS x")
told=$(ask chaos 'SELECT count(DISTINCT candidate) FROM progress')
cat <<TEXT
{"candidates": $candidates, "seconds": $seconds, "workers_killed": $workers_killed, "drivers_killed": $drivers_killed,
 "server_crashes": $restarts, "outcome": $outcome, "same_front": $same, "evaluations": $evaluations,
 "expected": $expected, "told": $told, "jobs_left": $left, "recorded_twice": $twice,
 "results_too_late": $(grep -c 'came too late' workers.txt)}
TEXT
[ $outcome = 0 ] && [ $same = true ] && [ "$evaluations" = "$expected" ] && [ "$left" = 0 ] && [ "$twice" = 0 ] || {
    tail -5 driver.txt >&2
    exit 1
}
