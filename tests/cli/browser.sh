# The page in Chromium, as it stands in a file and as `starcl watch` serves it: what its script does is compared with
# the JSON that the page holds, and nothing goes wrong in it. Where there is no chromium this is skipped.
chromium=$(command -v chromium || command -v chromium-browser || command -v google-chrome)
if [ -z "$chromium" ]; then
    echo "skipped: there is no chromium here, which opens the page"
    exit 77
fi
. "$(dirname "$0")/lib.sh"

# ---- a browser, by the DevTools protocol: JSON that ends with a zero byte, over two pipes ----

browser=""
watcher=""
searcher=""
trap 'kill -9 $browser $watcher $searcher 2>/dev/null; rm -rf "$work"' EXIT
mkfifo to from
HOME=$work "$chromium" --headless --no-sandbox --disable-gpu --no-first-run --user-data-dir="$work/profile" \
    --remote-debugging-pipe 3<to 4>from >/dev/null 2>chromium.txt &
browser=$!
exec 5>to
cat <from >said &

asked=0
session=""
# told WORDS: what the browser said that has these words, a line a message.
told() {
    tr '\0' '\n' <said | grep -aF -e "$1"
}
# ask METHOD PARAMETERS: the answer, within a minute, in $answer.
ask() {
    asked=$((asked + 1))
    printf '{"id":%d,%s"method":"%s","params":%s}\0' "$asked" "${session:+\"sessionId\":\"$session\",}" "$1" "$2" >&5
    for _ in $(seq 600); do
        answer=$(told "{\"id\":$asked,") && return
        kill -0 "$browser" 2>/dev/null || break
        sleep 0.1
    done
    complain "chromium does not answer $1: $(tail -3 chromium.txt)"
    finish
}
# part PATH: of the answer.
part() {
    printf '%s' "$answer" >answer.json
    sqlite3 :memory: "SELECT json_extract(CAST(readfile('answer.json') AS TEXT), '$1')"
}
# compute EXPRESSION: its value in the page, as JSON writes it, in $value; promises are waited for.
compute() {
    printf '%s' "$1" >expression.js
    ask Runtime.evaluate "$(sqlite3 :memory: "SELECT json_object('expression', CAST(readfile('expression.js') AS TEXT),
        'returnByValue', json('true'), 'awaitPromise', json('true'))")"
    value=$(part '$.result.result.value')
}
true_there() {
    compute "$1"
    [ "$value" = 1 ] || complain "not true in the page: $1 ($value)"
}
# Until it is true there, a minute at most.
until_there() {
    for _ in $(seq 300); do
        compute "$1"
        [ "$value" = 1 ] && return
        sleep 0.2
    done
    complain "never true in the page: $1"
}
# What the test itself knows of a page: the candidates as the JSON has them, and what is seen of them.
helpers='
    window.json = () => JSON.parse(document.getElementById("data").textContent);
    window.every = (selector) => [...document.querySelectorAll(selector)];
    window.known = () => new Map(json().runs.flatMap((run, place) =>
        run.candidates.map((candidate) => [`${place}:${candidate.id}`, candidate])));
    window.rows = () => every("#candidates tbody tr").filter((row) => row.offsetParent !== null);
    window.keys = () => rows().map((row) => row.dataset.candidate);
    window.metric = (key, name) => known().get(key).metrics[name];
    window.enter = (input, value) => { input.value = value; input.dispatchEvent(new Event("input")); };
    window.limits = () => every("#limit-controls input[type=range]");
    window.front = () => [...known()].filter(([, candidate]) => candidate.state === "front").map(([key]) => key);
    window.marked = (selector) => [...new Set(every(selector).map((element) => element.dataset.candidate))].sort();
    window.same = (a, b) => JSON.stringify([...a].sort()) === JSON.stringify([...b].sort());
    true'
# visit ADDRESS: a page that is there, and whose script ran.
visit() {
    ask Page.navigate "{\"url\":\"$1\"}"
    until_there 'document.readyState === "complete" && location.href !== "about:blank" &&
        document.getElementById("shown") !== null'
    compute "$helpers"
}
# nothing_wrong WHERE: no error of a script, and nothing that the policy of the page refused.
nothing_wrong() {
    compute true
    told '"method":"Runtime.exceptionThrown"' && complain "an error in the script of $1"
    told '"method":"Log.entryAdded"' | grep -F '"level":"error"' && complain "the browser complains about $1"
}

ask Target.createTarget '{"url":"about:blank"}'
target=$(part '$.result.targetId')
ask Target.attachToTarget "{\"targetId\":\"$target\",\"flatten\":true}"
session=$(part '$.result.sessionId')
ask Runtime.enable '{}'
ask Log.enable '{}'
ask Page.enable '{}'
ask Emulation.setDeviceMetricsOverride '{"width":1280,"height":900,"deviceScaleFactor":1,"mobile":false}'

# ---- a page of two runs, in a file ----

expect 0 "Pareto front" "$starcl" search small.cfg --seed 3 --run one --quiet --set search.generations=4
expect 0 "Pareto front" "$starcl" search small.cfg --seed 4 --run other --quiet
# Those that failed have no measurements, and stand last whichever way.
sqlite3 one/run.db "UPDATE evaluations SET status = 'failed', reason = 'no memory' WHERE id IN (1, 2, 3);
    DELETE FROM measurements WHERE evaluation IN (1, 2, 3)"
expect 0 "" "$starcl" report one other -o both.html
visit "file://$work/both.html"
true_there 'every("[data-candidate]").length > 3 * known().size'

# The table: all of it; sorted one way, then the other, and by text; filtered.
true_there 'rows().length === known().size && shown.textContent === `${known().size} of ${known().size} candidates`'
sorted='((sign, values) => values.every((value, i) => i === 0 || values[i - 1] === value || value === undefined ||
    sign * values[i - 1] < sign * value))'
compute 'window.head = document.querySelector("th[data-key=\"metrics.bits_per_byte\"]"); head.click(); true'
true_there "head.ariaSort === 'ascending' && $sorted(1, keys().map((key) => metric(key, 'bits_per_byte')))"
true_there 'keys().every((key, i, all) => (metric(key, "bits_per_byte") === undefined) === (i >= all.length - 3))'
compute 'head.click(); true'
true_there "head.ariaSort === 'descending' && $sorted(-1, keys().map((key) => metric(key, 'bits_per_byte')))"
true_there 'keys().every((key, i, all) => (metric(key, "bits_per_byte") === undefined) === (i >= all.length - 3))'
compute 'document.querySelector("th[data-key=genome]").click(); true'
true_there 'every("th[aria-sort]").length === 1 && keys().map((key) => known().get(key).genome).every((text, i, all) =>
    i === 0 || all[i - 1].localeCompare(text) <= 0)'
compute 'enter(document.querySelector("#table-controls input[type=search]"), "other CHILD"); true'
true_there 'same(keys(), [...known()].filter(([key, candidate]) => key[0] === "1" &&
    candidate.origin === "child").map(([key]) => key)) && keys().length > 0 && keys().length < known().size'
compute 'enter(document.querySelector("#table-controls input[type=search]"), ""); document.querySelector(
    "#table-controls input[type=checkbox]").click(); true'
true_there 'same(keys(), front()) && shown.textContent === `${front().length} of ${known().size} candidates`'

# What would I lose: no limit, the best of an objective alone, a limit between, and none again. What the front keeps is
# computed here from the JSON.
true_there 'limits().length === 3 && marked(".beyond").length === 0'
for slider in 0 1 2; do
    for place in 0 1; do
        compute "window.objective = json().columns[$slider].name;
            window.values = [...new Set(front().map((key) => metric(key, objective)))].sort((a, b) => a - b);
            enter(limits()[$slider], $place); true"
        true_there "(() => {
            const left = front().filter((key) => metric(key, objective) <= values[$place]);
            const cells = every('#limit-result tr').slice(1).map((row) => Number(row.lastChild.textContent));
            const of = (some, run) => some.filter((key) => key.startsWith(run)).length;
            return left.length > 0 && left.length < front().length &&
                same(marked('.beyond'), front().filter((key) => !left.includes(key))) &&
                same(marked('tr.front:not(.beyond)'), left) && JSON.stringify(cells) ===
                JSON.stringify([of(front(), '0:'), of(left, '0:'), of(front(), '1:'), of(left, '1:')]);
        })()"
    done
    compute "enter(limits()[$slider], limits()[$slider].max); true"
    true_there 'marked(".beyond").length === 0'
done

# Hovering tells of a candidate, marks it wherever it is drawn, and stops when the pointer leaves.
compute 'window.point = document.querySelector("#fronts svg [data-candidate]"); point.scrollIntoView({block: "center"});
    window.box = point.getBoundingClientRect(); `${box.x + box.width / 2},"y":${box.y + box.height / 2}`'
ask Input.dispatchMouseEvent "{\"type\":\"mouseMoved\",\"x\":$value}"
until_there '!tip.hidden'
true_there '((key) => tip.textContent.includes(known().get(key).genome) && marked(".chosen").includes(key) &&
    every(".chosen").length === every(`[data-candidate="${key}"], [data-ends~="${key}"]`).length)(
    document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2).closest("[data-candidate]").dataset.candidate)'
ask Input.dispatchMouseEvent '{"type":"mouseMoved","x":2,"y":2}'
until_there 'tip.hidden && every(".chosen").length === 0'
# At no width is the page wider than its window.
for width in 1280 800 390; do
    ask Emulation.setDeviceMetricsOverride "{\"width\":$width,\"height\":900,\"deviceScaleFactor\":1,\"mobile\":false}"
    true_there "document.documentElement.scrollWidth <= $width"
done
nothing_wrong both.html

# ---- a page that is watched while its run goes on ----

"$starcl" search small.cfg --seed 5 --run live --quiet --set search.generations=500 >/dev/null 2>&1 &
searcher=$!
for _ in $(seq 300); do
    [ "$(sqlite3 -readonly live/run.db 'SELECT count(*) FROM evaluations' 2>/dev/null || echo 0)" -gt 4 ] && break
    sleep 0.1
done
"$starcl" watch live >address.txt 2>watch.txt &
watcher=$!
for _ in $(seq 200); do
    [ -s address.txt ] && break
    sleep 0.1
done
visit "$(cat address.txt)"
compute 'window.begun = known().size; head = document.querySelector("th[data-key=id]"); head.click(); head.click();
    enter(document.querySelector("#table-controls input[type=search]"), "-"); enter(limits()[1], 0);
    document.querySelector("details").open = true; begun'
# More candidates come without the page being loaded again, and what was sorted, filtered, limited and opened stays.
until_there 'known().size > begun + 1'
true_there 'rows().length === known().size && keys().every((key, i, all) => i === 0 || known().get(all[i - 1]).id >
    known().get(key).id) && document.querySelector("#table-controls input[type=search]").value === "-"'
true_there 'marked(".beyond").length === front().length - Number(every("#limit-result tr").at(-1).lastChild.textContent) &&
    document.querySelector("details").open'
until_there 'now.textContent.includes("candidate ")'
nothing_wrong "starcl watch"
# The search ends, then the watch: the page says so, and keeps what it has.
kill -KILL "$searcher"
wait "$searcher" 2>/dev/null
searcher=""
kill -INT "$watcher"
wait "$watcher"
watcher=""
until_there 'now.textContent.includes("Nothing answers at this address now")'
true_there 'known().size > begun + 1 && rows().length === known().size'
told '"method":"Runtime.exceptionThrown"' && complain "an error in the script when nothing answers"

finish
