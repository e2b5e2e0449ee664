# Every algorithm with real candidates: repeatable, killed and resumed, with candidates that fail; budgets, founders,
# the hypervolume of the front as it grows, and what a search will cost.
. "$(dirname "$0")/lib.sh"

ask() {
    sqlite3 "$1/run.db" "$2"
}

# What two equal runs have in common, beside the front: who was tried, and how the front grew.
same_run() {
    same_front "$1" "$2"
    for query in 'SELECT id, generation, genome, parent_1, parent_2 FROM candidates ORDER BY id' \
        'SELECT place, candidate, hypervolume, tokens FROM progress ORDER BY place' \
        "SELECT value FROM run WHERE key = 'reference'"; do
        [ -n "$(ask "$1" "$query")" ] || complain "$1 has nothing to say to: $query"
        [ "$(ask "$1" "$query")" = "$(ask "$2" "$query")" ] || complain "$1 and $2 differ: $query"
    done
}

for algorithm in nsga2 nsga2-steady ga firefly ageing map-elites random; do
    case $algorithm in
    ga | firefly) objectives='search.objectives=["bits_per_byte"]' ;;
    *) objectives='search.objectives=["bits_per_byte", "parameters", "cache_bytes"]' ;;
    esac
    set -- "$starcl" search small.cfg --seed 5 --quiet --set "search.algorithm=\"$algorithm\"" --set "$objectives"
    expect 0 "" "$@" --run "$algorithm-1"
    # Killed when some candidates are evaluated, and resumed.
    "$@" --run "$algorithm-2" >/dev/null 2>&1 &
    search=$!
    for _ in $(seq 200); do
        [ "$(grep -cs '"evaluated"' "$algorithm-2/log.jsonl")" -ge 5 ] 2>/dev/null && break
        sleep 0.05
    done
    kill -KILL $search 2>/dev/null
    wait $search 2>/dev/null
    echo "$algorithm: killed with $(ask "$algorithm-2" 'SELECT count(*) FROM evaluations') evaluations"
    expect 0 "" "$starcl" resume "$algorithm-2" --quiet
    same_run "$algorithm-1" "$algorithm-2"
    [ "$(ask "$algorithm-1" 'SELECT count(DISTINCT genome) FROM candidates')" = 12 ] ||
        complain "$algorithm tried something twice"
    # Some diverge, and it goes on.
    expect 0 "(done)" "$@" --run "$algorithm-failing" --set train.learning_rate=1.0 --set train.clip=1e6 \
        --set train.steps=60 --set search.generations=2
    [ "$(ask "$algorithm-failing" "SELECT count(*) > 0 FROM evaluations WHERE status = 'failed'")" = 1 ] ||
        complain "no candidate of $algorithm failed"
    [ "$(ask "$algorithm-failing" 'SELECT count(*) FROM candidates')" = 8 ] ||
        complain "a failure ended the search of $algorithm"
done
# They do not all do the same; two may, where no child is better than its parents.
different=$(for algorithm in nsga2 nsga2-steady ageing map-elites random; do
    ask $algorithm-1 'SELECT group_concat(genome) FROM (SELECT genome FROM candidates ORDER BY id)'
done | sort -u | wc -l)
[ "$different" -ge 3 ] || complain "five algorithms tried $different rows of candidates"

# The hypervolume never falls, ends as shown, and is that of the front: counted here over one objective, where it is
# what lies between the best and the reference, a tenth beyond the worst of the first four.
[ "$(ask nsga2-1 'SELECT count(*) FROM progress a JOIN progress b ON b.place = a.place + 1
    WHERE b.hypervolume < a.hypervolume')" = 0 ] || complain "the hypervolume of a front fell"
[ "$(ask ga-1 "WITH values_of AS (SELECT c.id, m.value FROM candidates c JOIN evaluations e ON e.genome = c.genome
        JOIN measurements m ON m.evaluation = e.id WHERE m.metric = 'bits_per_byte')
    SELECT abs((SELECT max(value) * 1.1 FROM values_of WHERE id <= 4) - (SELECT min(value) FROM values_of) -
        (SELECT hypervolume FROM progress WHERE place = 12)) < 1e-9")" = 1 ] ||
    complain "the hypervolume is not that of the front"
expect 0 "hypervolume " "$starcl" show nsga2-1
expect 0 '"hypervolume"' "$starcl" show nsga2-1 --json
expect 0 "up to bits/byte 9.0000" "$starcl" search small.cfg --run given --set search.generations=1 \
    --set 'search.objectives=["bits_per_byte"]' --set 'search.reference=[9.0]'
[ "$(ask given 'SELECT abs(9 - (SELECT min(value) FROM measurements WHERE metric = "bits_per_byte") -
    (SELECT hypervolume FROM progress WHERE place = 4)) < 1e-9')" = 1 ] || complain "the reference is not the given one"

# Budgets: 12 steps x 4 x 32 tokens a candidate are 1,536; hours are what candidates took so far.
expect 0 "" "$starcl" search small.cfg --run tokens --set search.budget.tokens=10751 --quiet # 7 x 1,536 - 1
[ "$(ask tokens 'SELECT count(*), max(tokens) FROM candidates, progress')" = "36|9216.0" ] ||
    complain "a budget of 10,751 tokens is not six candidates"
expect 0 "" "$starcl" search small.cfg --run seven --set search.budget.evaluations=7 --quiet
[ "$(ask seven 'SELECT count(*) FROM candidates')" = 7 ] || complain "a budget of seven evaluations is not seven"
expect 0 "" "$starcl" search small.cfg --run hours --set search.budget.hours=0.0003 --quiet # 1.08 s
# The last one was expected to take what those before took on average; it may have taken longer.
[ "$(ask hours 'WITH b AS (SELECT sum(seconds) AS sum, count(*) AS n FROM evaluations
        WHERE id < (SELECT max(id) FROM evaluations))
    SELECT n = 0 OR sum + sum / n <= 1.08 FROM b')" = 1 ] ||
    complain "a candidate began for which there was no room"
[ "$(ask hours 'SELECT sum(seconds) + sum(seconds) / count(*) > 1.08 FROM evaluations')" = 1 ] ||
    complain "the search stopped though another candidate had room"
expect 2 "search.budget.tokens: 1535 are fewer than one candidate is trained on" "$starcl" search small.cfg \
    --run refused --set search.budget.tokens=1535
expect 2 "search.budget.hours: -1 is out of range" "$starcl" search small.cfg --run refused \
    --set search.budget.hours=-1.0

# Founders: genomes, a baseline, the front of a run; a run keeps their genomes, so that it goes on without the other.
expect 0 "" "$starcl" search small.cfg --run founded --quiet \
    --set 'search.founders=["41111-81111-61111", "transformer++", "81111-11111-12121", "41111-81111-61111"]'
[ "$(ask founded "SELECT group_concat(genome, ' ') FROM candidates WHERE id <= 3")" = \
    "41111-81111-61111 11111-81111-12121 81111-11111-12121" ] || complain "the founders are not the first"
mv founded earlier
"$starcl" search small.cfg --run later --quiet --set 'search.founders=["earlier"]' --set train.steps=100 \
    >/dev/null 2>&1 &
search=$!
for _ in $(seq 200); do
    [ -s later/log.jsonl ] && grep -q '"evaluated"' later/log.jsonl && break
    sleep 0.05
done
kill -KILL $search
wait $search 2>/dev/null
"$starcl" show earlier --json | sed -n 's/.*"genome":[^"]*"\(.*\)".*/\1/p' | sort >front.txt
rm -r earlier
expect 0 "(done)" "$starcl" resume later --quiet
ask later 'SELECT genome FROM candidates WHERE id <= 4' | sort >first.txt
[ "$(comm -12 front.txt first.txt | wc -l)" = "$( (head -4 front.txt) | wc -l)" ] ||
    complain "the front of the earlier run is not what the later one began with"

refuses() {
    words=$1
    shift
    expect 2 "$words" "$starcl" search small.cfg --run refused "$@"
    [ -e refused ] && complain "a refused search left a folder"
}
refuses "did you mean \"striped-mamba\"?" --set 'search.founders=["stripedmamba"]'
refuses "class 9 is not in use" --set 'search.founders=["91111-81111-81111"]'
refuses "2 LIVs" --set 'search.founders=["11111-81111"]'
refuses "position 2: a LIV needs five genes" --set 'search.founders=["1-2"]'
refuses "is not a run: it has no run.db" --set "search.founders=[\"$work\"]"
sed 's/"SA-1"/"Mine"/' "$source/configs/catalogue.cfg" >mine.cfg
refuses "the run has another catalogue" --set 'search.founders=["later"]' --set model.catalogue=mine.cfg \
    --set 'model.classes=["Mine"]'
refuses "are more than \"ga\" can optimise" --set 'search.algorithm="ga"'
refuses "did you mean \"ageing\"?" --set 'search.algorithm="aging"'
refuses "must be true or false" --set search.free_mutation=1
refuses "one for each" --set 'search.reference=[1.0]'

# Options of all: each changes what is tried.
for option in search.immigrants=1.0 search.mutation=0.5 'search.rates={ backbone=0.5; }' search.free_mutation=true; do
    expect 0 "" "$starcl" search small.cfg --run option --seed 5 --quiet --set "$option"
    [ "$option" = search.free_mutation=true ] || [ "$(ask option 'SELECT group_concat(genome) FROM candidates')" != \
        "$(ask nsga2-1 'SELECT group_concat(genome) FROM candidates')" ] || complain "$option changes nothing"
    [ "$option" != search.immigrants=1.0 ] ||
        [ "$(ask option 'SELECT count(*) FROM candidates WHERE parent_1')" = 0 ] ||
        complain "immigrants have parents"
    rm -r option
done

# What a search will cost: of 12 candidates, and 7 with a budget; nothing is written.
mkdir empty
cd empty || exit 1
cp ../small.cfg .
expect 0 "candidates  12" "$starcl" search small.cfg --dry-run --run told
grep -q "^tokens      18.4k$" out.txt || complain "12 x 1,536 tokens are not told"
expect 0 '"candidates":	7,' "$starcl" search small.cfg --dry-run --json --set search.budget.evaluations=7 \
    --set 'search.final={ keep=2; steps=24; seeds=3; }'
grep -q '"final_tokens":	18432,' out.txt || complain "2 x 3 x 24 x 128 tokens are not told"
expect 2 "unknown key" "$starcl" search small.cfg --dry-run --set search.nonsense=1
expect 2 "--json is for --dry-run" "$starcl" search small.cfg --json
[ "$(ls)" = "out.txt
small.cfg" ] || complain "a dry run wrote something: $(ls)"
expect 1 "none of the random candidates can be trained" "$starcl" search small.cfg --dry-run --set model.width=64 \
    --set train.batch=4 --set devices.memory=1
finish
