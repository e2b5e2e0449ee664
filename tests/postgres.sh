# A server of PostgreSQL of a test's own: data and socket in $server, no port, ended with the test. Sourced by scripts
# that have a folder $work; `sh tests/postgres.sh COMMAND...` runs a command with STARCL_TEST_STORE naming its database.
# Lines of $server_settings change how it is set; $server_within is a command that starts it elsewhere, as in a network
# namespace. Exit 77 where PostgreSQL is not installed.

# Debian has the programs of a server off the path, a folder a version.
for postgres_bin in $(ls -d /usr/lib/postgresql/*/bin /usr/pgsql-*/bin 2>/dev/null) "$(dirname "$(command -v initdb || echo /-/initdb)")"; do
    [ -x "$postgres_bin/initdb" ] && break
done
if ! [ -x "$postgres_bin/initdb" ]; then
    echo "skipped: PostgreSQL's server is not installed (Debian's package postgresql)"
    exit 77
fi
server=$(mktemp -d /tmp/starcl-postgres-XXXXXX) # short: a socket's path has some hundred characters at most
chmod 755 "$server"

# PostgreSQL refuses to run as root.
as_server() (
    cd "$server" || exit 1 # where that user may be
    if [ "$(id -u)" = 0 ]; then
        ${server_within:-} setpriv --reuid=nobody --regid=nogroup --clear-groups "$@"
    else
        ${server_within:-} "$@"
    fi
)

server_begin() {
    as_server "$postgres_bin/pg_ctl" -D "$server/data" -w -t 60 -l "$server/log" start >/dev/null || {
        echo "FAILED: the server does not start"
        cat "$server/log"
        exit 1
    }
}

# server_end MODE: smart, fast or immediate, which is as a crash.
server_end() {
    as_server "$postgres_bin/pg_ctl" -D "$server/data" -w -t 60 -m "$1" stop >/dev/null 2>&1
}

server_remove() {
    server_end immediate
    rm -rf "$server"
}

# sql DATABASE TEXT: what it answers.
sql() {
    "$postgres_bin/psql" -h "$server" -U owner -d "$1" -v ON_ERROR_STOP=1 -Atqc "$2"
}

# ask RUN SQL: what the tables of a run answer.
ask() {
    sql runs "SET search_path TO \"starcl_$1\"; $2"
}

# wait_for COUNT RUN: until so many evaluations are recorded.
wait_for() {
    for _ in $(seq 600); do
        [ "$(ask "$2" 'SELECT count(*) FROM evaluations' 2>/dev/null || echo 0)" -ge "$1" ] && return
        sleep 0.05
    done
    complain "$2 never had $1 evaluations"
}

[ "$(id -u)" = 0 ] && chown nobody:nogroup "$server"
as_server "$postgres_bin/initdb" -D "$server/data" -U owner -A trust -E UTF8 --no-locale -N >"$server/initdb.log" 2>&1 || {
    echo "FAILED: the server's folder cannot be made"
    cat "$server/initdb.log"
    rm -rf "$server"
    exit 1
}
cat >>"$server/data/postgresql.conf" <<TEXT
listen_addresses = ''
unix_socket_directories = '$server'
max_connections = 40
shared_buffers = 16MB
log_min_messages = error
fsync = off
${server_settings:-}
TEXT
[ "$(id -u)" = 0 ] && chown nobody:nogroup "$server/data/postgresql.conf"
server_begin
sql postgres "CREATE DATABASE runs"
url="postgresql://owner@/runs?host=$server"

if [ -z "${work:-}" ]; then
    trap 'server_remove' EXIT
    STARCL_TEST_STORE=$url "$@"
    exit
fi
