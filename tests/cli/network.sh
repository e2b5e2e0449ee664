# Runs on a server elsewhere: over TCP with TLS and a password, which is seen nowhere, and a network that goes silent.
# Client and server are in network namespaces of their own; where these cannot be made, on loopback, and nothing is cut.
. "$(dirname "$0")/lib.sh"
command -v openssl >/dev/null || {
    echo "skipped: openssl is not installed, which makes the certificates"
    exit 77
}
chmod 711 "$work" # the server's user reads its certificate
export TMPDIR="$work/tmp" HOME="$work/home" PGPORT=$((20000 + $$ % 20000))
mkdir "$TMPDIR" "$HOME"

# ---- two machines ----

names=star-$$
separate() {
    ip netns del $names-client 2>/dev/null
    ip netns del $names-server 2>/dev/null
}
connect() {
    ip netns add $names-client && ip netns add $names-server &&
        ip -n $names-client link add eth0 type veth peer name eth0 netns $names-server &&
        for end in client:1 server:2; do
            ip -n "$names-${end%:*}" addr add "10.77.0.${end#*:}/24" dev eth0 &&
                ip -n "$names-${end%:*}" addr add "fd77::${end#*:}/64" dev eth0 nodad &&
                ip -n "$names-${end%:*}" link set lo up && ip -n "$names-${end%:*}" link set eth0 up || return 1
        done
}
trap 'separate; rm -rf "$work"' EXIT
if connect >connect.txt 2>&1; then
    host=10.77.0.2 host6=fd77::2
    server_within="ip netns exec $names-server"
    echo "exec ip netns exec $names-client \"\$@\"" >client
else
    echo "note: no network was cut, since namespaces cannot be made: $(tail -n 1 connect.txt)"
    separate
    names="" host=127.0.0.1 host6=::1
    # shellcheck disable=SC2016
    echo 'exec "$@"' >client
fi
# client COMMAND...: from the one machine.
client() {
    sh "$work/client" "$@"
}

mkdir certificates
authority() {
    openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj "/CN=$1" -keyout "certificates/$1.key" \
        -out "certificates/$1.crt" 2>/dev/null
}
authority ours
authority other
echo "subjectAltName=IP:$host,IP:$host6" >certificates/names
openssl req -newkey rsa:2048 -nodes -subj /CN=server -keyout certificates/server.key \
    -out certificates/request 2>/dev/null
openssl x509 -req -in certificates/request -CA certificates/ours.crt -CAkey certificates/ours.key -CAcreateserial \
    -days 2 -extfile certificates/names -out certificates/server.crt 2>/dev/null || complain "no certificates"
chmod 600 certificates/server.key
[ "$(id -u)" = 0 ] && chown nobody:nogroup certificates/server.key
server_settings="listen_addresses = '*'
ssl = on
ssl_cert_file = '$work/certificates/server.crt'
ssl_key_file = '$work/certificates/server.key'
password_encryption = 'scram-sha-256'"
. "$source/tests/postgres.sh"
watcher=""
trap 'kill $watcher 2>/dev/null; server_remove; separate; rm -rf "$work"' EXIT
word=abracadabra$$ # of this test alone, because all processes are looked at
secret="open:$word@/#%1"
sql postgres "CREATE ROLE me LOGIN PASSWORD '$secret'; GRANT CREATE ON DATABASE runs TO me"
printf 'local all all trust\nhostssl all all all scram-sha-256\n' >"$server/data/pg_hba.conf"
sql postgres "SELECT pg_reload_conf()" >/dev/null
sleep 0.3

# ---- passwords and certificates ----

lab="postgresql://me@$host:$PGPORT/runs"
there="holds none of starcl's"
verified="sslmode=verify-full&sslrootcert=$work/certificates"
expect 1 "it asks for a password: put a line" client "$starcl" show "$lab"
printf '%s:%s:runs:me:open\\:%s@/#%%1\n' "$host" "$PGPORT" "$word" >passwords
sed 's/open/opened/' passwords >wrong
chmod 600 passwords wrong
expect 1 "if the password is wrong: it came from" client env PGPASSFILE="$work/wrong" "$starcl" show "$lab"
grep -q "$word" out.txt && complain "a wrong password is repeated"
expect 2 "$there" client "$starcl" show "$lab?passfile=$work/passwords"
export PGPASSFILE="$work/passwords"
expect 2 "$there" client "$starcl" show "$lab"
expect 1 "no encryption" client "$starcl" show "$lab?sslmode=disable"
expect 2 "$there" client "$starcl" show "$lab?sslmode=require"
expect 2 "$there" client "$starcl" show "$lab?$verified/ours.crt"
expect 1 "is not signed by the authority that sslrootcert names" client "$starcl" show "$lab?$verified/other.crt"
expect 1 "name it with sslrootcert" client "$starcl" show "$lab?sslmode=verify-full"
expect 1 "under another name: the URL's host" client "$starcl" show \
    "postgresql://me@elsewhere:$PGPORT/runs?$verified/ours.crt&hostaddr=$host"
expect 2 "$there" client env PGPASSWORD="$secret" "$starcl" show \
    "postgresql://me@[$host6]:$PGPORT/runs?$verified/ours.crt"
# Whatever holds a password is refused, and the words do not repeat it.
for holds in "postgresql://me:open%3A$word%40%2F%23%251@$host/runs" "postgresql://me:$secret@$host/runs" \
    "postgresql://me:#$word@$host/runs" "postgresql://me:/$word@$host/runs#a" "PostgreSQL://me:$word@$host/runs"; do
    for command in show resume work report export "search small.cfg --run" doctor; do
        # shellcheck disable=SC2086
        "$starcl" $command "$holds" >out.txt 2>&1 && complain "taken: $command $holds"
        grep -q "$word" out.txt && complain "$command repeats the password of $holds: $(cat out.txt)"
    done
    "$starcl" search small.cfg --set "search.founders=[\"$holds\"]" >out.txt 2>&1 && complain "founded on $holds"
    grep -q "$word" out.txt && complain "search.founders repeats the password of $holds"
done

# ---- a whole search, by a service ----

cat >services <<TEXT
[lab]
host=$host
port=$PGPORT
user=me
dbname=runs
password=$secret
sslmode=verify-full
sslrootcert=$work/certificates/ours.crt
keepalives_idle=1
keepalives_interval=1
keepalives_count=2
tcp_user_timeout=3000
connect_timeout=2
TEXT
chmod 600 services
unset PGPASSFILE
export PGSERVICEFILE="$work/services"
service="postgresql:///?service=lab"
expect 1 "services stand in" client "$starcl" show "postgresql:///?service=none"
same_result() {
    front "$1" | grep -v '"device"' >front-1.txt
    front "$2" | grep -v '"device"' >front-2.txt
    if ! [ -s front-1.txt ] || ! cmp -s front-1.txt front-2.txt; then
        complain "the fronts of $1 and $2 differ"
    fi
}
# work NAME: a worker in the background.
work() {
    timeout --foreground 120 sh client "$starcl" work "$service#$1" >"$1-work.txt" 2>&1 &
    worker=$!
}
# begin NAME [ARGUMENTS...]: a search that trains nothing, and a worker.
begin() {
    name=$1
    shift
    timeout --foreground 120 sh client "$starcl" search small.cfg --seed 5 --run "$service#$name" \
        --set 'devices.use=["none"]' "$@" >"$name.txt" 2>&1 &
    driver=$!
    for _ in $(seq 100); do
        "$starcl" show "$url#$name" >/dev/null 2>&1 && break
        sleep 0.1
    done
    work "$name"
}
sed -i 's/steps = 12/steps = 60/' small.cfg
expect 0 "" "$starcl" search small.cfg --seed 5 --run whole --quiet
# What every process is called with, a word a line.
while sleep 0.02; do
    cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\0' '\n'
done >processes.txt 2>/dev/null &
watcher=$!
begin away
sh client "$starcl" watch "$service#away" >watch.txt 2>&1 &
watch=$!
wait_for 2 away
client curl -s "$(head -n 1 watch.txt)" >page.html
client curl -s "$(head -n 1 watch.txt)now" >now.html
grep -q "#away" page.html || complain "watch does not show the run"
wait $driver || complain "a search over TLS fails: $(cat away.txt)"
wait $worker || complain "a worker over TLS fails: $(cat away-work.txt)"
kill -INT $watch
wait $watch
same_result whole "$url#away"
client "$starcl" show "$service#away" --json >show.json || complain "show over TLS fails"
expect 0 "there is nothing to resume" client "$starcl" resume "$service#away"
expect 0 "" client "$starcl" report "$service#away" -o report.html
expect 0 "is a run, and no process works in it" client "$starcl" doctor "$service#away"
cp out.txt doctor.txt
kill $watcher
wait $watcher
watcher=""
grep -qF "$service#away" processes.txt || complain "no process was seen"
"$postgres_bin/pg_dump" -h "$server" -U owner runs >database.txt || complain "the database is not read"
rm passwords wrong
mv services "$HOME/services"
grep -rlaF "$word" . --exclude-dir=home >seen.txt
[ -s seen.txt ] && complain "the password is seen in: $(cat seen.txt)"
export PGSERVICEFILE="$HOME/services"

# ---- a network that goes silent ----

cut() {
    ip -n $names-server link set eth0 down
}
mend() {
    ip -n $names-server link set eth0 up
}
# hears FILE WORDS: within some seconds, as the service has it; starcl's own minute would be too long.
hears() {
    for _ in $(seq 400); do
        grep -qF -e "$2" "$1" && return
        sleep 0.1
    done
    complain "$1 never says '$2': $(cat "$1")"
}
if [ -n "$names" ]; then
    begin cut
    wait_for 2 cut
    cut
    hears cut.txt "trying again for"
    hears cut-work.txt "trying again for"
    mend
    wait $driver || complain "a search does not survive a silent network: $(cat cut.txt)"
    wait $worker || complain "a worker does not survive a silent network: $(cat cut-work.txt)"
    grep -q "is back" cut.txt || complain "that the server is back is not told"
    grep -q "is back" cut-work.txt || complain "the worker does not tell that the server is back"
    same_result whole "$url#cut"

    begin gone --set run.patience=4
    wait_for 2 gone
    cut
    wait $driver
    [ $? = 130 ] || complain "a search whose network stays silent does not exit with 130"
    wait $worker
    [ $? = 130 ] || complain "a worker whose network stays silent does not exit with 130: $(cat gone-work.txt)"
    grep -q "did not come back within 4 s" gone.txt || complain "that it gives up is not told"
    grep -q "did not come back within 4 s" gone-work.txt || complain "that the worker gives up is not told"
    grep -qF "Go on with:  starcl resume '$service#gone'" gone.txt || complain "no line to resume with"
    mend
    # The server does not know yet that its client is gone: it gives the session up within a minute.
    begun=$(date +%s)
    until client "$starcl" doctor "$service#gone" >out.txt 2>&1 || [ $(($(date +%s) - begun)) -gt 150 ]; do
        grep -q "another starcl is working in" out.txt && cp out.txt held.txt
        sleep 1
    done
    echo "note: the server gave its lost client up after $(($(date +%s) - begun)) s"
    grep -q "if that one is gone without a word" held.txt || complain "why the run is not free is not told"
    work gone
    expect 0 "(done)" timeout 120 sh client "$starcl" resume "$service#gone"
    wait $worker || complain "a worker of a resumed search fails: $(cat gone-work.txt)"
    same_result whole "$url#gone"
fi
finish
