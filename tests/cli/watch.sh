    watcher=""
# A run watched while it goes on: the page in a browser, read by nobody else and never written to, and its lines in a
# pipe; whatever happens to the search and its folder.
. "$(dirname "$0")/lib.sh"
watcher=""
searcher=""
trap 'kill -9 $watcher $searcher 2>/dev/null; rm -rf "$work"' EXIT

# watch RUN...: begins to watch; $address is where.
watch() {
    : >address.txt
    "$starcl" watch "$@" >address.txt 2>watch.txt &
    watcher=$!
    for _ in $(seq 200); do
        [ -s address.txt ] && break
        sleep 0.1
    done
    address=$(cat address.txt)
    [ -n "$address" ] || complain "watch $* tells no address: $(cat watch.txt)"
}
# Ends it as Ctrl-C does.
end_watch() {
    kill -INT "$watcher"
    wait "$watcher" || complain "watch ends with $?, not 0: $(cat watch.txt)"
}
# code ARGUMENTS...: the status of an answer; its headers are in headers.txt, and its text is in answer.txt.
code() {
    curl -s -m 20 -D headers.txt -o answer.txt -w '%{http_code}' "$@"
}
# answers CODE ARGUMENTS...
answers() {
    expected=$1
    shift
    got=$(code "$@")
    [ "$got" = "$expected" ] || complain "$got instead of $expected: $*"
}
header() {
    sed -n "s/^$1: \(.*\)\r$/\1/Ip" headers.txt
}
# Until a command succeeds, 30 seconds at most; then how often it failed, of ten tries a second, in $waited.
until_true() {
    waited=0
    while ! eval "$1"; do
        waited=$((waited + 1))
        if [ $waited = 300 ]; then
            complain "never: $1"
            return
        fi
        sleep 0.1
    done
}
now_has() {
    code "${address}now" >/dev/null
    grep -qF -e "$1" answer.txt
}
# How many candidates of a run are evaluated, and how many are in the page.
recorded() {
    sqlite3 -readonly "$1/run.db" 'SELECT count(DISTINCT genome) FROM evaluations' 2>/dev/null || echo 0
}
in_page() {
    code "$address" >/dev/null
    grep -o '<tr data-candidate="0:[0-9]*"' answer.txt | sort -u | wc -l
}
# The JSON of a page, without what makes it live.
data() {
    sed -n 's|.*<script type="application/json" id="data">\(.*\)</script>$|\1|p' "$1" |
        sed 's/"refresh_seconds":[0-9]*,//'
}
content() {
    (cd "$1" && find . -type f ! -name 'run.db-*' -exec md5sum {} + | sort)
}

expect 0 "Pareto front" "$starcl" search small.cfg --seed 3 --run one --quiet
expect 0 "Pareto front" "$starcl" search small.cfg --seed 4 --run other --quiet

# ---- what is refused ----

expect 2 "nowhere is not a run: it has no run.db" "$starcl" watch nowhere
expect 2 "one is given twice" "$starcl" watch one other one
expect 2 "--port needs a whole number from 0 to 65535" "$starcl" watch one --port 70000
expect 2 "something is missing; the call is: starcl watch RUN..." "$starcl" watch
cp -r one newer
sqlite3 newer/run.db 'PRAGMA user_version = 99'
expect 2 "use that program, or a newer one" "$starcl" watch newer
expect 0 "Pareto front" "$starcl" search small.cfg --run smaller --quiet --set search.generations=1 \
    --set 'search.objectives=["bits_per_byte"]'
expect 2 "objectives" "$starcl" watch one smaller

# ---- a run that is done: the page of `starcl report`, to be read on this machine alone ----

expect 0 "one.html" "$starcl" report one -o one.html
content one >content.txt
watch one
port=${address##*:}
port=${port%/}
expect 2 "the port $port of 127.0.0.1 is in use by another program" "$starcl" watch one --port "$port"
answers 200 "$address"
[ "$(data answer.txt)" = "$(data one.html)" ] || complain "the page is not that of starcl report"
[ "$(header content-type)" = "text/html; charset=utf-8" ] || complain "it is no page: $(header content-type)"
answers 200 --head "$address"
[ -s answer.txt ] && grep -q '<' answer.txt && complain "HEAD has a text"
[ "$(header content-length)" -gt 10000 ] || complain "HEAD does not say how long the page is"
tag=$(header etag)
answers 304 -H "If-None-Match: $tag" "$address"
[ "$(header etag)" = "$tag" ] || complain "304 names another page: $(header etag)"
answers 304 -H "If-None-Match: \"x\", W/$tag" "$address"
answers 200 -H 'If-None-Match: "x"' "$address"
answers 200 "${address}now"
now_has "<p>done" || complain "now does not say that it is done"
grep -qF "data-page=\"$(echo "$tag" | tr -d '"')\"" answer.txt || complain "now does not name the page"
for method in POST PUT DELETE PATCH OPTIONS TRACE; do
    answers 405 -X $method -d text "$address"
    [ "$(header allow)" = "GET, HEAD" ] || complain "$method: what is allowed is not said"
done
for path in x now/ ../one/run.db one/run.db index.html; do
    answers 404 --path-as-is "$address$path"
done
answers 200 "${address}?anything=1"

# Only what was sent to a name of loopback: a name of somebody else may lead here.
for host in example.com localhost.example.com 127.0.0.1.example.com 'localhost:x' 127.0.0.2 '[::1]:80' ''; do
    answers 403 -H "Host:${host:+ $host}" --http1.0 "$address"
done
for host in localhost LocalHost:1 "127.0.0.1:$port"; do
    answers 200 -H "Host: $host" "$address"
done
listens=$(awk -v port="$(printf ':%04X' "$port")" '$4 == "0A" && index($2, port) { print $2 }' /proc/net/tcp \
    /proc/net/tcp6)
[ "$listens" = "$(printf '0100007F:%04X' "$port")" ] || complain "it listens at $listens"

# Browsers run the page's own style and script, and nothing else.
hash_of() {
    { echo && sed -n "/^<$1>\$/,/^<\/$1>\$/p" answer.txt | sed '1d;$d'; } | sha256sum | cut -c 1-64 |
        tr a-f A-F | basenc --base16 -d | basenc --base64
}
answers 200 "$address"
policy=$(header content-security-policy)
for directive in "default-src 'none'" "script-src 'sha256-$(hash_of script)'" \
    "style-src-elem 'sha256-$(hash_of style)'" "connect-src 'self'" "form-action 'none'" "base-uri 'none'"; do
    case "; $policy;" in
    *"; $directive;"*) ;;
    *) complain "the policy lacks $directive: $policy" ;;
    esac
done
grep -qF "content=\"$policy\"" answer.txt || complain "the page has another policy than the server"
for name in x-content-type-options=nosniff x-frame-options=DENY referrer-policy=no-referrer \
    cross-origin-resource-policy=same-origin cache-control=no-cache; do
    [ "$(header "${name%=*}")" = "${name#*=}" ] || complain "the answer lacks $name"
done

# Many at once, some of whom ask and are silent.
seq 300 | sed "s|.*|url = \"$address\"\noutput = \"/dev/null\"|" >many.txt
curl -s -m 60 --parallel --parallel-max 200 -w '%{http_code}\n' --config many.txt >codes.txt 2>/dev/null
[ "$(grep -c 200 codes.txt)" = 300 ] || complain "of 300 requests $(grep -c 200 codes.txt) were answered"
end_watch
content one | cmp -s content.txt - || complain "the run that was watched is another than before"

# Several runs, of which one has tables of an older program.
cp -r other older
sqlite3 older/run.db 'DROP TABLE told; ALTER TABLE evaluations DROP COLUMN trained_steps; ALTER TABLE evaluations DROP COLUMN measured_on; PRAGMA user_version = 5'
watch one older --port "$port"
[ "$address" = "http://127.0.0.1:$port/" ] || complain "the port $port was free again, and is not used: $address"
answers 200 "$address"
grep -q '"comparison":' answer.txt || complain "there is no comparison of two runs"
now_has "<h3>older</h3>" || complain "now does not name the runs"
mv older moved
until_true 'now_has "gone: older was moved or deleted"'
until_true '! { answers 200 "$address"; grep -q "\"comparison\":" answer.txt; }'
mv moved older
until_true 'answers 200 "$address"; grep -q "\"comparison\":" answer.txt'
end_watch

# ---- a search that goes on ----

# search RUN ARGUMENTS...: one that takes some seconds, in the background, until it trains its first candidate.
search() {
    run=$1
    shift
    "$starcl" search small.cfg --run "$run" --quiet --set train.steps=300 --set search.generations=30 "$@" \
        >search.txt 2>&1 &
    searcher=$!
    until_true "[ -e $run/now.json ]"
}
search live
watch live
now_has "<p>running" || complain "now does not say that it runs"
until_true 'now_has "candidate "'
grep -q 'step [0-9]* of 300, loss [0-9.]* nats' answer.txt || complain "the step is not told"
grep -q '; on ' answer.txt || complain "the device is not told"
until_true 'now_has "<path class=\"line\""'
until_true 'now_has " done, "'
for count in 2 4 6; do
    until_true "[ \$(recorded live) -ge $count ]"
    until_true "[ \$(in_page) -ge $count ]"
    # Within two seconds where nothing else loads the machine.
    [ "$waited" -lt 50 ] || complain "candidate $count was in the page after $waited tenths of a second"
done

# In a pipe each candidate is one line.
"$starcl" show live --follow >lines.txt 2>follow.txt &
follower=$!
until_true '[ $(grep -c "generation 1 .* bits/byte .* parameters" lines.txt) = 4 ]'

# Killed, and gone on with.
kill -9 $searcher
wait $searcher
until_true 'now_has "killed: it ended without a word; go on with: starcl resume live"'
grep -qF "live: killed" watch.txt || complain "the terminal does not say that it was killed"
until_true 'grep -q "live: killed" follow.txt'
"$starcl" resume live --quiet >search.txt 2>&1 &
searcher=$!
until_true 'now_has "<p>running"'
before=$(recorded live)
until_true "[ \$(in_page) -gt $before ]"
until_true "[ \$(wc -l <lines.txt) -gt $before ]"

# Interrupted.
kill -INT $searcher
until_true 'now_has "interrupted; go on with: starcl resume live"'
[ -e live/now.json ] && complain "now.json is left of a search that has ended"
wait $searcher
kill -INT $follower
wait $follower
[ $? = 130 ] || complain "--follow that is interrupted does not end with 130"
[ "$(wc -l <lines.txt)" = "$(recorded live)" ] || complain "not one line a candidate: $(wc -l <lines.txt)"

# Removed; the page stays, and shows the next run of that name. What a run holds is never markup.
expect 0 "live.html" "$starcl" report live -o live.html
until_true 'answers 200 "$address"; [ "$(data answer.txt)" = "$(data live.html)" ]'
tag=$(header etag)
rm -rf live
until_true 'now_has "gone: live was moved or deleted; what it was last stands below"'
answers 304 -H "If-None-Match: $tag" "$address"
cp -r one live
until_true 'answers 200 "$address"; [ "$(in_page)" = "$(recorded one)" ]'
until_true 'now_has "<p>done"'
sqlite3 live/run.db "UPDATE run SET value = 'running' WHERE key = 'status'"
flock -F live/lock sleep 60 &
searcher=$!
echo '{"what": "<script>alert(1)</script>", "step": 1, "steps": 2, "time": 1}' >live/now.json
until_true 'now_has "&lt;script&gt;alert(1)"'
grep -qF '<script>alert' answer.txt && complain "a text of a run is markup"
kill $searcher
searcher=""
end_watch

# Several devices: what each of them does.
search halves --set 'devices.use=["cpu/2"]'
watch halves
until_true 'now_has "2 of 2 devices busy"'
until_true 'now_has "(part 2 of 2)</td><td>generation "'
kill -INT $searcher
wait $searcher
searcher=""
end_watch

# ---- lines and screens of a run that is done ----

expect 0 "bits/byte" "$starcl" show one --follow
[ "$(wc -l <out.txt)" = "$(recorded one)" ] || complain "not one line a candidate of a run that is done"
expect 0 "Pareto front" "$starcl" search small.cfg --run rungs --quiet --set 'search.rungs=[0.34,1.0]' \
    --set search.seeds=2 --set search.final.keep=2 --set search.final.steps=20 --set search.final.seeds=2
sqlite3 rungs/run.db "DELETE FROM evaluations WHERE id = (SELECT max(id) FROM evaluations WHERE steps = 12)"
"$starcl" show rungs --follow >out.txt || complain "rungs cannot be followed"
for steps in 4 12; do
    complete=$(sqlite3 rungs/run.db "SELECT count(*) FROM (SELECT genome FROM evaluations WHERE steps = $steps
        GROUP BY genome HAVING count(*) = 2)")
    [ "$(grep -c "step $steps " out.txt)" = "$complete" ] || complain "not $complete candidates at step $steps"
done
[ "$(grep -c "^final  candidate .*test bits/byte" out.txt)" = 2 ] || complain "the final training has not two lines"
script -qec "stty rows 8 cols 80; TERM=xterm $starcl show one --follow" /dev/null >screen.txt
grep -q "Pareto front of one (done)" screen.txt || complain "there is no front on the terminal"
[ "$(wc -l <screen.txt)" -le 8 ] || complain "more is drawn than the terminal has rows: $(wc -l <screen.txt)"
tail -2 screen.txt | grep -q "done" || complain "the terminal does not say that it is done"

for option in --json --measure "--only decode_us" "--config small.cfg" "--device cpu" "--set model.width=16"; do
    # shellcheck disable=SC2086
    expect 2 "" "$starcl" show one --follow $option
    grep -qE "is not for --follow|--only is for --measure" out.txt || complain "$option: $(cat out.txt)"
done
expect 2 "--generations and --follow show different things" "$starcl" show one --generations --follow
expect 2 "'11111' is not the folder of one" "$starcl" show 11111 --follow
expect 2 "several runs are compared with --compare" "$starcl" show one other --follow
finish
