#!/bin/sh
# How well a run's queue on PostgreSQL feeds workers: 64 processes with jobs of 50 ms, and what pgbench gets of the same
# server with the same statements and as many clients that never pause. The server is one of its own, set as shipped.
# Called as: sh bench/queue.sh build/release/tests/test_run_queue_load [WORKERS [SECONDS]] >bench/results/queue.json
# shellcheck disable=SC2034,SC2154 # what tests/postgres.sh and this one give each other
set -eu
program=$1 workers=${2:-64} seconds=${3:-10}
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
# Without these, as tests/postgres.sh has them for tests alone.
server_settings='max_connections = 100
shared_buffers = 128MB
fsync = on'
. "$here/../tests/postgres.sh"
trap 'server_remove; rm -rf "$work"' EXIT

echo "$workers workers of jobs of 50 ms, $seconds s" >&2
line=$(STARCL_TEST_STORE=$url "$program" "$workers" "$seconds")
echo "$line" >&2

# What host/run/queue.c asks for a worker's job, and a job that is forgotten and another one put, for which a driver
# has a commit for many, and pgbench one that nobody waits for.
schema=$(sql runs "SELECT nspname FROM pg_namespace WHERE nspname LIKE 'starcl_load-%'")
sql runs "ALTER USER owner SET search_path TO \"$schema\""
sql runs "TRUNCATE jobs; CREATE SEQUENCE keys;
          INSERT INTO jobs (key, job, state, attempts)
          SELECT nextval('keys'), '1', 'waiting', 0 FROM generate_series(1, 20 * $workers)"
limit=$("$postgres_bin/pgbench" -h "$server" -U owner -n -M prepared -c "$workers" -j 2 -T "$seconds" -f "$here/queue.sql" \
    runs | sed -n 's/^tps = \([0-9.]*\).*/\1/p')
echo "pgbench: $limit jobs a second" >&2

processor=$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -1)
printf '{"suite": "queue", "processor": "%s", "cores": %d, "pgbench_jobs_per_second": %s, "results": [\n  %s\n]}\n' \
    "$processor" "$(nproc)" "$limit" "$line"
