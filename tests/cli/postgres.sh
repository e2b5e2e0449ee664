# A run on PostgreSQL: the same result as in a folder, shown and gone on with from anywhere; and what is said on bad days.
. "$(dirname "$0")/lib.sh"
. "$source/tests/postgres.sh"
trap 'umount "$work/disk" 2>/dev/null; server_remove; rm -rf "$work"' EXIT
export TMPDIR="$work/tmp"
mkdir "$TMPDIR"

sed -i 's/steps = 12/steps = 40/
    s/generations = 3;/generations = 2; seeds = 2; final = { keep = 2; steps = 80; seeds = 2; };/' small.cfg
expect 0 "" "$starcl" search small.cfg --seed 5 --run whole --quiet

# ---- the same, to the digit ----

expect 0 "(done): " "$starcl" search small.cfg --seed 5 --set "run.store=\"$url\""
grep -q "Weights of the front: *starcl export '$url#small-001:ID'" out.txt || complain "how to get weights is not said"
same_front whole "$url#small-001"
same_front whole "$url"
[ "$(sqlite3 whole/run.db 'SELECT group_concat(genome) FROM (SELECT genome FROM candidates ORDER BY id)')" = \
    "$(ask small-001 "SELECT string_agg(genome, ',' ORDER BY id) FROM candidates")" ] || complain "the candidates differ"
for table in evaluations measurements generations analysis predictions progress; do
    [ "$(sqlite3 whole/run.db "SELECT count(*) FROM $table")" = "$(ask small-001 "SELECT count(*) FROM $table")" ] ||
        complain "the rows of $table differ"
done
[ "$(sqlite3 whole/run.db "SELECT group_concat(kind) FROM events")" = \
    "$(ask small-001 "SELECT string_agg(kind, ',' ORDER BY rowid) FROM events")" ] || complain "the events differ"
# Every bit of every number that can be repeated.
numbers="FROM evaluations e JOIN measurements m ON m.evaluation = e.id WHERE m.metric NOT LIKE '%_per_s'"
sqlite3 whole/run.db "SELECT e.genome, e.seed, e.steps, m.metric, lower(hex(ieee754_to_blob(m.value))) $numbers" |
    sort >numbers-1.txt
ask small-001 "SELECT e.genome, e.seed, e.steps, m.metric, encode(float8send(m.value), 'hex') $numbers" |
    sort >numbers-2.txt
if ! [ -s numbers-1.txt ] || ! cmp numbers-1.txt numbers-2.txt; then
    complain "numbers differ"
fi
# Checkpoints are those of the folder, and nothing of it is left here.
ask small-001 "SELECT name FROM files WHERE part = 0 ORDER BY name" >names-2.txt
(cd whole/checkpoints && LC_ALL=C ls) >names-1.txt
cmp names-1.txt names-2.txt || complain "the checkpoints differ"
[ -z "$(ls -A "$TMPDIR")" ] || complain "something was left in TMPDIR: $(ls "$TMPDIR")"
best=$(sed -n 's/\.json$//p' names-1.txt | grep -v final | head -n 1)
final=$(sed -n 's/\.json$//p' names-1.txt | grep final | head -n 1)
expect 0 "" "$starcl" export "$url#small-001:$best" --to pytorch -o exported
expect 0 "" "$starcl" export "whole/checkpoints/$best.safetensors" --to pytorch -o exported-folder
cmp exported/weights.safetensors exported-folder/weights.safetensors || complain "the weights differ"
expect 0 "" "$starcl" generate "$url#small-001:$final" --prompt "int " --tokens 5
expect 0 "bits a byte" "$starcl" evaluate "$url#small-001:$best" --on small.cfg
expect 2 "has no file 99.json" "$starcl" evaluate "$url#small-001:99" --on small.cfg
[ -z "$(ls -A "$TMPDIR")" ] || complain "a copy of a checkpoint was left"

# ---- whatever takes a run ----

expect 0 "LIV  class" "$starcl" show "$url#small-001:$best"
expect 0 "Generations of $url#small-001" "$starcl" show "$url" --generations
expect 0 "whole" "$starcl" show whole --compare "$url#small-001"
expect 0 "page.html" "$starcl" report whole "$url#small-001" -o page.html
expect 0 "there is nothing to resume" "$starcl" resume "$url"
expect 0 "is a run, and no process works in it" "$starcl" doctor "$url"
expect 0 "" "$starcl" show "$url" --follow
expect 0 "" "$starcl" search small.cfg --seed 6 --run "$url#founded" --set search.generations=1 \
    --set "search.founders=[\"$url#small-001\"]" --set search.final.keep=0 --quiet
expect 2 "several runs: founded, small-001; add #NAME" "$starcl" show "$url"
expect 2 "that database holds: founded, small-001" "$starcl" show "$url#nothing"
expect 2 "exists and is not overwritten" "$starcl" search small.cfg --run "$url#founded"
expect 2 "so that it has no folder mine" "$starcl" search small.cfg --run mine --set "run.store=\"$url\""
expect 2 "run.store is a URL" "$starcl" search small.cfg --set 'run.store="runs/x"'

# ---- killed, interrupted, and two at once ----

"$starcl" search small.cfg --seed 5 --run "$url#killed" --quiet >/dev/null 2>&1 &
search=$!
wait_for 3 killed
kill -STOP $search
expect 1 "another starcl is working in $url#killed (starcl " "$starcl" resume "$url#killed"
expect 0 "(running)" "$starcl" show "$url#killed"
expect 1 "another starcl is working in $url#killed" "$starcl" doctor "$url#killed"
# The page is live while it runs, and says that it was killed.
"$starcl" watch "$url#killed" >watch.txt 2>watch-words.txt &
watch=$!
for _ in $(seq 100); do
    [ -s watch.txt ] && break
    sleep 0.1
done
page=$(cat watch.txt)
curl -s "$page" | grep -q "#killed" || complain "watch does not show the run"
curl -s "${page}now" >now.txt
grep -q '<p>running' now.txt || complain "watch does not say that it runs"
kill -KILL $search
wait $search 2>/dev/null
sleep 1
curl -s "${page}now" | grep -q "killed: it ended without a word" || complain "watch does not say that it was killed"
kill -INT $watch
wait $watch
mkdir elsewhere
(cd elsewhere && TMPDIR=/tmp "$starcl" resume "$url#killed" --quiet) >/dev/null 2>&1 || complain "a killed run is not resumed"
same_front whole "$url#killed"
rm -rf "${TMPDIR:?}"/*
"$starcl" search small.cfg --seed 5 --run "$url#stopped" >out-stopped.txt 2>&1 &
search=$!
wait_for 2 stopped
kill -INT $search
wait $search
[ $? = 130 ] || complain "an interrupted search does not exit with 130"
grep -qF "Go on with:  starcl resume '$url#stopped'" out-stopped.txt || complain "no line to resume with"
expect 0 "(done)" "$starcl" resume "$url#stopped"
same_front whole "$url#stopped"
[ -z "$(ls -A "$TMPDIR")" ] || complain "something was left in TMPDIR: $(ls "$TMPDIR")"

# ---- a server that crashes, and one that stays away ----

"$starcl" search small.cfg --seed 5 --run "$url#restarted" >out-restarted.txt 2>&1 &
search=$!
wait_for 2 restarted
server_end immediate
sleep 1
server_begin
wait $search || {
    complain "a search does not survive a restart of its server"
    cat out-restarted.txt
}
[ "$(grep -c "trying again for" out-restarted.txt)" = 1 ] || complain "a lost server is not told once"
grep -q "is back" out-restarted.txt || complain "that it is back is not told"
same_front whole "$url#restarted"
[ "$(ask restarted "SELECT string_agg(kind, ',' ORDER BY rowid) FROM events")" = \
    "$(ask small-001 "SELECT string_agg(kind, ',' ORDER BY rowid) FROM events")" ] || complain "events were lost or doubled"

"$starcl" search small.cfg --seed 5 --run "$url#left" --set run.patience=2 >out-left.txt 2>&1 &
search=$!
wait_for 2 left
server_end fast
wait $search
[ $? = 130 ] || complain "a search whose server stays away does not exit with 130"
grep -q "did not come back within 2 s" out-left.txt || complain "that it gives up is not told"
grep -qF "everything so far is kept. Go on with:  starcl resume '$url#left'" out-left.txt || complain "no line to resume"
expect 1 "cannot open $url#left" "$starcl" show "$url#left"
server_begin
expect 0 "(done)" "$starcl" resume "$url#left"
same_front whole "$url#left"

# ---- passwords ----

sql postgres "CREATE ROLE guarded LOGIN PASSWORD 'open-sesame'; GRANT CREATE ON DATABASE runs TO guarded"
sed -i '1i local all guarded scram-sha-256' "$server/data/pg_hba.conf"
sql postgres "SELECT pg_reload_conf()" >/dev/null
guarded="postgresql://guarded@/runs?host=$server"
sleep 0.3
export PGPASSFILE="$work/passwords"
expect 1 "it asks for a password: put a line" "$starcl" show "$guarded"
expect 1 "password authentication failed" env PGPASSWORD=wrong "$starcl" show "$guarded"
echo "*:*:*:guarded:open-sesame" >passwords
chmod 600 passwords
expect 2 "the URL of the database holds a password" "$starcl" show "postgresql://guarded:open-sesame@/runs?host=$server"
grep -q "sesame" out.txt && complain "the message repeats the password"
sed "s|run = {|run = { store = \"postgresql://guarded:open-sesame@/runs?host=$server\";|" small.cfg >secret.cfg
expect 2 "secret.cfg:1" "$starcl" search secret.cfg
grep -q "sesame" out.txt && complain "the message repeats the password"
"$starcl" search small.cfg --seed 5 --run "$guarded#guarded" >out-guarded.txt 2>&1 &
search=$!
wait_for 1 guarded
tr '\0' ' ' <"/proc/$search/cmdline" >seen.txt
wait $search || complain "a search with a password fails"
same_front whole "$guarded#guarded"
sql runs "SET search_path TO starcl_guarded; SELECT value FROM run; SELECT details FROM events" >>seen.txt
cat out-guarded.txt >>seen.txt
grep -q "sesame" seen.txt && complain "the password is seen"
expect 1 "the user guarded may not read" "$starcl" show "$guarded#small-001"
unset PGPASSFILE

# ---- what else is wrong ----

expect 1 "nowhere.invalid" "$starcl" show postgresql://nowhere.invalid/runs
expect 1 'database "none" does not exist' "$starcl" search small.cfg --run "postgresql://owner@/none?host=$server#x"
sql runs "CREATE SCHEMA starcl_strange"
expect 1 "not made by starcl" "$starcl" show "$url#strange"
# An older one is renewed when it is gone on with, and refused to who only reads.
ask founded "ALTER TABLE evaluations DROP COLUMN measured_on; ALTER TABLE jobs DROP COLUMN kind;
    ALTER TABLE workers DROP COLUMN kind; UPDATE schema_version SET version = 7;
    UPDATE run SET value = 'interrupted' WHERE key = 'status'" >/dev/null
expect 2 "has tables of an older version" "$starcl" show "$url#founded"
expect 0 "Pareto front" "$starcl" resume "$url#founded"
[ "$(ask founded "SELECT count(*) FROM evaluations WHERE measured_on IS NULL")" -gt 0 ] || complain "the renewed run lost its evaluations"
ask founded "UPDATE schema_version SET version = 99" >/dev/null
expect 2 "tables of version 99" "$starcl" show "$url#founded"
ask left "UPDATE run SET value = 'interrupted' WHERE key = 'status'"
expect 1 "only reads" "$starcl" resume "$url&options=-cdefault_transaction_read_only%3Don#left"
mkdir disk
if mount -t tmpfs -o size=48m tmpfs disk 2>mount.txt; then
    chmod 711 "$work"
    mkdir disk/space
    chmod 777 disk/space
    [ "$(id -u)" = 0 ] && chown nobody:nogroup disk/space
    sql postgres "CREATE TABLESPACE small LOCATION '$work/disk/space'"
    sql postgres "CREATE DATABASE narrow TABLESPACE small"
    narrow="postgresql://owner@/narrow?host=$server#run"
    sed 's/steps = 40/steps = 300/; s/final = {.*}; }/}/' small.cfg >long.cfg
    "$starcl" search long.cfg --seed 5 --run "$narrow" >out-full.txt 2>&1 &
    search=$!
    for _ in $(seq 300); do
        [ "$(sql narrow 'SELECT count(*) FROM starcl_run.evaluations' 2>/dev/null || echo 0)" -ge 1 ] && break
        sleep 0.05
    done
    dd if=/dev/zero of=disk/filler bs=4096 2>/dev/null
    wait $search
    [ $? = 1 ] || complain "a search whose server is full does not exit with 1"
    grep -q "the server's disk is full: make room there" out-full.txt || {
        complain "the full disk was not named"
        cat out-full.txt
    }
    rm disk/filler
    expect 0 "(done)" "$starcl" resume "$narrow"
    expect 0 "" "$starcl" search long.cfg --seed 5 --run whole-long --quiet
    same_front whole-long "$narrow"
    sql postgres "DROP DATABASE narrow" && sql postgres "DROP TABLESPACE small"
else
    echo "note: a full disk was not tried: $(cat mount.txt)"
fi
finish
