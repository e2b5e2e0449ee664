# The page about runs: its numbers are those of `show --json`, what a run holds stays text in it, and nothing that is
# there is overwritten.
. "$(dirname "$0")/lib.sh"

# The JSON of a page, into page.json.
data_of() {
    sed -n 's|.*<script type="application/json" id="data">\(.*\)</script>$|\1|p' "$1" >page.json
    [ -s page.json ] || complain "$1 has no data"
}
# An expression of SQLite that must be true of the page's JSON j and of the shown JSON s.
true_of_it() {
    [ "$(sqlite3 :memory: "SELECT $1 FROM (SELECT CAST(readfile('page.json') AS TEXT) AS j,
        CAST(readfile('show.json') AS TEXT) AS s)")" = 1 ] || complain "not true: $1"
}
# shows PATH ARGUMENTS...: the JSON at a path of the page is what `starcl show ARGUMENTS... --json` prints.
shows() {
    path=$1
    shift
    "$starcl" show "$@" --json >show.json || complain "show $* failed"
    true_of_it "json_extract(j, '$path') = json(s)"
}
# How often words occur in a page.
count() {
    grep -oF -e "$1" "$2" | wc -l
}

expect 0 "Pareto front" "$starcl" search small.cfg --seed 3 --run one --quiet --set search.seeds=2 \
    --set search.final.keep=2 --set search.final.steps=20 --set search.final.seeds=2 \
    --set 'search.founders=["mamba"]' --set search.surrogate.candidates=4 --set search.surrogate.warmup=4
expect 0 "Pareto front" "$starcl" search small.cfg --seed 4 --run other --quiet

# One run.
expect 0 "one.html" "$starcl" report one -o one.html
data_of one.html
shows '$.runs[0].front' one
shows '$.runs[0].generations' one --generations
true_of_it "json_array_length(j, '\$.runs') = 1 AND j->'\$.comparison' IS NULL"
evaluated=$(sqlite3 one/run.db 'SELECT count(DISTINCT genome) FROM evaluations')
least=$(sqlite3 one/run.db "SELECT min(v) FROM (SELECT avg(value) v FROM measurements m JOIN evaluations e
    ON e.id = m.evaluation WHERE metric = 'bits_per_byte' AND steps = 12 GROUP BY genome)")
true_of_it "json_array_length(j, '\$.runs[0].candidates') = $evaluated AND
    abs((SELECT min(value->>'\$.metrics.bits_per_byte') FROM json_each(j, '\$.runs[0].candidates')) - $least) < 1e-9"
true_of_it "(SELECT json_group_array(value->>'id') FROM (SELECT value FROM json_each(j, '\$.runs[0].candidates')
    WHERE value->>'state' = 'front' ORDER BY value->>'id')) = (SELECT json_group_array(value->>'id') FROM
    (SELECT value FROM json_each(j, '\$.runs[0].front.front') ORDER BY value->>'id'))"
true_of_it "(SELECT min(f.value->'metrics' = c.value->'metrics' AND f.value->'standard_errors' =
    c.value->'standard_errors' AND f.value->>'genome' = c.value->>'genome')
    FROM json_each(j, '\$.runs[0].front.front') f JOIN json_each(j, '\$.runs[0].candidates') c
    ON f.value->>'id' = c.value->>'id')"
progress=$(sqlite3 one/run.db "SELECT json_group_array(json_array(candidate, tokens, hypervolume)) FROM progress")
true_of_it "(SELECT min(abs(a.value->>2 - (b.value->>2)) <= 1e-12 * (b.value->>2) AND a.value->>0 = b.value->>0)
    FROM json_each(j, '\$.runs[0].progress') a JOIN json_each('$progress') b USING (key))"
true_of_it "(SELECT value->>'baseline' FROM json_each(j, '\$.runs[0].candidates') LIMIT 1) = 'mamba'"
true_of_it "(SELECT count(*) > 0 AND min(value->>'low' <= value->>'share' AND value->>'share' <= value->>'high' AND
    value->>'share' * json_array_length(j, '\$.runs[0].front.front') - (value->>'holders') < 1e-9)
    FROM json_each(j, '\$.runs[0].motifs'))"

# What is read without a script: every number of the tables that `show` prints, a point a candidate in each plot, error
# bars, and what the run was made with.
for words in $("$starcl" show one | awk '$1 ~ /^[0-9]+$/ { print $2, $5 }'); do
    grep -qF ">$words" one.html || complain "$words is not read in the page"
done
members=$(sqlite3 :memory: "SELECT json_array_length(readfile('page.json'), '\$.runs[0].front.front')")
sed -n '/<section id="fronts">/,/<\/section>/p' one.html >fronts.html
[ "$(count 'class="plot"' fronts.html)" = 3 ] || complain "there are not three plots of pairs"
[ "$(count 'class="point front' fronts.html)" = $((3 * members)) ] || complain "not all of the front is drawn"
[ "$(count '<use href="#shape-' fronts.html)" -ge $((3 * evaluated)) ] || complain "not every candidate is drawn"
[ "$(count 'class="error"' fronts.html)" -ge $((2 * evaluated)) ] || complain "there are no error bars"
[ "$(count '<tr data-candidate=' one.html)" = "$evaluated" ] || complain "the table has not every candidate"
[ "$(count '<figure data-candidate=' one.html)" = "$members" ] || complain "not all genomes of the front are drawn"
# Each member of the front with its parents, unless both are one.
edges=$(sqlite3 one/run.db "SELECT count(*) FROM candidates c JOIN candidates p ON p.id = c.parent_1 OR p.id = c.parent_2
    WHERE c.id IN (SELECT value->>'id' FROM json_each(CAST(readfile('page.json') AS TEXT), '\$.runs[0].front.front'))")
[ "$(count 'class="descent"' one.html)" -ge "$edges" ] || complain "there are fewer than $edges lines to parents"
for section in summary fronts limits growth final genomes motifs lineage scores classes sharing repair curves lengths surrogate \
    table manifest; do
    [ "$(count "<section id=\"$section\">" one.html)" = 1 ] || complain "there is no section $section"
done
# A line for each training that ended, from its first step to its last loss.
sed -n '/<section id="curves">/,/<\/section>/p' one.html >curves.html
trained=$(sqlite3 one/run.db "SELECT count(*) FROM events WHERE json_array_length(details, '$.curve') > 0")
[ "$trained" = "$(sqlite3 one/run.db "SELECT count(*) FROM events WHERE kind = 'evaluated'")" ] ||
    complain "a training has no curve"
[ "$(count '<path class="way' curves.html)" = "$trained" ] || complain "there are not $trained learning curves"
for fact in device driver version corpus text; do
    value=$(sqlite3 one/run.db "SELECT value FROM run WHERE key = '$fact'")
    grep -qF ">$value<" one.html || complain "the $fact is not in the page"
done
grep -qE ' d="[^"]*(nan|inf)|[xy]="-?(nan|inf)' one.html && complain "a place in a plot is no number"

# What was wrong with children before repair: of each that a surrogate chose from, four times four a generation and
# more where one was drawn again.
repairs() {
    sqlite3 "$1/run.db" "SELECT generation, name, value FROM analysis WHERE name LIKE '%children%' ORDER BY 1, 2"
}
true_of_it "(SELECT min(value->>'children' BETWEEN 16 AND 40 AND value->>'\$.before_repair.invalid' BETWEEN 0.1 AND 1)
    FROM json_each(j, '\$.runs[0].generations.generations') WHERE key > 0)"
true_of_it "j->'\$.runs[0].generations.generations[0].children' IS NULL"
sed -n '/<section id="repair">/,/<\/section>/p' one.html >repair.html
all=$(sqlite3 one/run.db "SELECT sum(value) FROM analysis WHERE name = 'children'")
invalid=$(sqlite3 one/run.db "SELECT sum(value) FROM analysis WHERE name = 'invalid_children'")
grep -qF "of all ${all%.0} children" repair.html || complain "the page does not say how many children there were"
percent=$(awk "BEGIN { printf \"%.1f\", 100 * ($invalid / $all) }")
grep -qF "<td>invalid</td><td class=\"number\">$percent<" repair.html ||
    complain "the page does not say that $percent % of them were invalid"
[ "$(count '<circle' repair.html)" = 2 ] || complain "not each generation that has children is drawn"
second=$(sqlite3 one/run.db "SELECT printf('%d', value) FROM analysis WHERE name = 'children' AND generation = 1")
shown=$("$starcl" show one --generations | awk '/before repair/ { getline; getline; print $1, $2 }')
[ "$shown" = "2 $second" ] || complain "show does not say that the second generation had $second children: $shown"
# A run of a version that did not keep that says nothing; one that is gone on with counts the same children.
cp -r one unkept
sqlite3 unkept/run.db "DELETE FROM analysis WHERE name LIKE '%children%';
    UPDATE run SET value = 'interrupted' WHERE key = 'status'"
expect 0 "unkept.html" "$starcl" report unkept -o unkept.html
grep -qF "before repair" unkept.html && complain "a run that did not keep repairs tells of them"
"$starcl" show unkept --generations | grep -qF "before repair" && complain "a table tells of what was not kept"
expect 0 "Pareto front" "$starcl" resume unkept --quiet
[ -n "$(repairs one)" ] && [ "$(repairs one)" = "$(repairs unkept)" ] || complain "a resumed run counts other children"

# It says all itself: no address of anything else, and browsers are told so.
grep -qE 'src=|url\(|@import|https?://' one.html && complain "the page refers to something else"
grep -qF "default-src 'none'" one.html || complain "no policy forbids it"
expect 0 "" "$starcl" report one -o again.html
cmp -s one.html again.html || complain "the same run has two pages"

# What it says repeats the run.
"$starcl" report other --out other.html >/dev/null
awk '/<summary>config.cfg/ { inside = 1 } inside { print } /<\/pre><\/details>/ { inside = 0 }' other.html |
    sed '/^<\/pre>/d; s|.*<pre>||; s|&quot;|"|g; s|&lt;|<|g; s|&gt;|>|g; s|&#39;|'"'"'|g; s|&amp;|\&|g' >config.cfg
cmp -s config.cfg other/config.cfg || complain "the config in the page is not the run's"
expect 0 "Pareto front" "$starcl" search config.cfg --run repeated --quiet
same_front other repeated

# Several runs.
expect 0 "both.html" "$starcl" report one other -o both.html
data_of both.html
shows '$.comparison' one --compare other
shows '$.runs[1].front' other
sed -n '/<section id="summary">/,/<\/section>/p' both.html >summary.html
for volume in $("$starcl" show one --compare other | awk 'NR == 2 || NR == 3 { print $5 }'); do
    grep -qF ">$volume<" summary.html || complain "the hypervolume $volume is not read in the page"
done
expect 0 "Pareto front" "$starcl" search small.cfg --run two --quiet --set search.generations=1 \
    --set 'search.objectives=["bits_per_byte", "parameters"]'
expect 2 "one and two cannot be compared: the objectives of the one are bits_per_byte, parameters, cache_bytes" \
    "$starcl" report one two -o refused.html
expect 0 "" "$starcl" report two -o two.html
expect 0 "Pareto front" "$starcl" search small.cfg --run single --quiet --set search.generations=1 \
    --set 'search.objectives=["bits_per_byte"]' --set search.algorithm=ga
expect 0 "" "$starcl" report single -o single.html
[ "$(sed -n '/<section id="fronts">/,/<\/section>/p' single.html | grep -cF 'class="plot"')" = 1 ] ||
    complain "a single objective is not drawn"

# Whatever the database holds is text.
hostile='"></title></script><script>alert(1)</script><img src=x onerror="alert(2)">&amp;'"''"
strange='o"<u>&one'
cp -r other "$strange"
sqlite3 "$strange/run.db" "UPDATE run SET value = '$hostile' WHERE key IN ('name', 'device', 'driver', 'version',
        'corpus', 'text', 'gemm', 'status');
    UPDATE run SET value = replace(value, 'SA-1', '</pre><i>SA-1') WHERE key IN ('config', 'catalogue');
    UPDATE evaluations SET status = 'failed', reason = '$hostile' WHERE id = 1"
expect 0 "hostile.html" "$starcl" report "$strange" -o hostile.html
[ "$(count '<script' hostile.html)" = 2 ] || complain "a text has become a script"
[ "$(count '</script' hostile.html)" = 2 ] || complain "a text ends a script"
for words in '<img' '<u>' '<i>SA' '</pre><i' 'onerror="'; do
    grep -qF -e "$words" hostile.html && complain "a text has become markup: $words"
done
data_of hostile.html
true_of_it "j->>'\$.runs[0].facts.device' = '$hostile' AND j->>'\$.runs[0].name' = '$hostile' AND
    j->>'\$.runs[0].path' = '$strange' AND j->>'\$.runs[0].candidates[0].reason' = '$hostile' AND
    j->>'\$.runs[0].candidates[0].state' = 'failed'"
[ "$(count '&lt;script&gt;alert(1)&lt;/script&gt;' hostile.html)" -ge 7 ] || complain "a text is missing"

# Refused, with what to do, and nothing written.
refused() {
    words=$1
    shift
    expect 2 "$words" "$starcl" report "$@"
    [ ! -e refused.html ] || complain "something was written for: $*"
}
echo mine >mine.html
refused "mine.html exists already, and nothing is overwritten" one -o mine.html
refused "mine.html exists already" nothing -o mine.html # before anything is read
[ "$(cat mine.html)" = mine ] || complain "a file was overwritten"
refused "exists already" one -o other
refused "there is no folder nowhere; make it first" one -o nowhere/refused.html
refused "nothing is not a run" nothing -o refused.html
refused "nothing is not a run" one nothing -o refused.html
refused "one is given twice" one one -o refused.html
refused "--out is missing" one
refused "the option --out needs a value" one -o
refused "has no option --quick" one -o refused.html --quick
refused "something is missing" -o refused.html
cp -r other empty
sqlite3 empty/run.db "DELETE FROM measurements; DELETE FROM evaluations"
refused "empty has no evaluated candidate yet" empty -o refused.html
refused "empty has no evaluated candidate yet" one empty -o refused.html
ls | grep -qF .new && complain "a temporary file is left"
if [ "$(id -u)" != 0 ]; then
    mkdir sealed && chmod a-w sealed
    expect 1 "cannot write sealed/refused.html" "$starcl" report one -o sealed/refused.html
fi
expect 1 "No space left on device" "$starcl" report one -o /dev/full

# A run of an older version, one that another process writes to, and one that goes on.
cp -r other old
sqlite3 old/run.db "ALTER TABLE evaluations DROP COLUMN trained_steps; ALTER TABLE evaluations DROP COLUMN measured_on; DROP TABLE progress; DROP TABLE told; PRAGMA user_version = 4"
expect 0 "old.html" "$starcl" report old -o old.html
grep -qF "It is not known (yet)" old.html || complain "a run without its growth does not say so"
[ "$(sqlite3 old/run.db 'PRAGMA user_version')" = 4 ] || complain "reading migrated a run"
sqlite3 old/run.db "PRAGMA user_version = 99"
refused "old/run.db has tables of version 99" old -o refused.html
"$starcl" search small.cfg --seed 5 --run going --quiet --set search.generations=500 >/dev/null 2>&1 &
search=$!
for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
    sleep 0.5
    [ "$(sqlite3 going/run.db 'SELECT count(*) FROM evaluations' 2>/dev/null || echo 0)" -gt 6 ] && break
done
expect 0 "going.html" "$starcl" report going -o going.html
kill -KILL $search
wait $search 2>/dev/null
data_of going.html
true_of_it "j->>'\$.runs[0].front.status' = 'running' AND j->>'\$.runs[0].front.evaluations' =
    json_array_length(j, '\$.runs[0].candidates') AND j->>'\$.runs[0].front.evaluations' > 0"

finish
