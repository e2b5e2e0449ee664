# Rungs, inherited weights, early stopping and a surrogate together: repeatable, killed twice and resumed, and within
# the budget.
. "$(dirname "$0")/lib.sh"

ask() {
    sqlite3 "$1/run.db" "$2"
}

# 12 steps of 4 x 32 tokens, two seeds: 3,072 tokens a candidate that is trained in full.
budget=50000
how=""
frugal() {
    # shellcheck disable=SC2086 # nothing, or exec
    $how "$starcl" search small.cfg --seed 5 --quiet --set search.algorithm='"nsga2-steady"' --set search.seeds=2 \
        --set search.budget.tokens=$budget --set 'search.rungs=[0.5, 1.0]' --set search.promoted=0.5 \
        --set search.inheritance=true --set search.early_stopping=true --set search.surrogate.candidates=4 \
        --set search.surrogate.warmup=4 --set 'search.reference=[9.0, 100000.0, 10000000.0]' "$@"
}

what_it_did() {
    ask "$1" "SELECT id, generation, genome, parent_1, parent_2, origin, sources FROM candidates ORDER BY id"
    ask "$1" "SELECT genome, seed, steps, status, trained_steps FROM evaluations ORDER BY id"
    ask "$1" "SELECT e.genome, e.seed, e.steps, m.metric, m.value FROM measurements m JOIN evaluations e
        ON e.id = m.evaluation WHERE m.metric <> 'train_tokens_per_s' ORDER BY 1, 2, 3, 4"
    ask "$1" "SELECT place, candidate, hypervolume, tokens FROM progress ORDER BY place"
    ask "$1" "SELECT * FROM predictions ORDER BY 1, 2, 3"
    (cd "$1/checkpoints" && sha256sum *)
}

expect 0 "" frugal --run whole
expect 0 "" frugal --run twice
how=exec # in the background it is the search itself that is killed, not a shell that waits for it
frugal --run killed >/dev/null 2>&1 &
search=$!
how=""
for evaluations in 9 25; do
    for _ in $(seq 400); do
        [ "$(grep -cs '"evaluated"' killed/log.jsonl)" -ge $evaluations ] 2>/dev/null && break
        sleep 0.05
    done
    kill -KILL $search 2>/dev/null
    wait $search 2>/dev/null
    echo "killed with $(ask killed 'SELECT count(*) FROM evaluations') evaluations"
    [ "$(ask killed "SELECT value FROM run WHERE key = 'status'")" = running ] || complain "it was done before it was killed"
    ls killed/checkpoints | grep -q -e -state- || complain "no training is kept to go on from"
    if [ $evaluations = 9 ]; then
        "$starcl" resume killed --quiet >/dev/null 2>&1 &
        search=$!
    fi
done
touch killed/checkpoints/8-state-2.safetensors.21223.new # as one that is killed while it writes leaves behind
expect 0 "" "$starcl" resume killed --quiet
same_front whole killed
what_it_did whole >whole.txt
for run in twice killed; do
    what_it_did $run >$run.txt
    cmp -s whole.txt $run.txt || complain "$run did something else: $(diff whole.txt $run.txt | head -5)"
done

# What is left while one of two candidates goes on to the second rung: 600 steps of each are done, and of the last 600,
# from step 600 on, as many as its steps say.
exec_search() {
    exec "$starcl" search small.cfg --seed 5 --quiet --run left --set search.population=2 --set search.generations=1 \
        --set 'search.rungs=[0.5, 1.0]' --set search.promoted=0.5 --set train.steps=1200 --set search.final.keep=0
}
exec_search >/dev/null 2>&1 &
search=$!
share=""
for _ in $(seq 600); do
    cp left/now.json now.json 2>/dev/null && share=$(sqlite3 :memory: "SELECT abs(n->>'share' - (600 + (n->>'step')) /
        1800.0) < 1e-5 FROM (SELECT CAST(readfile('now.json') AS TEXT) AS n) WHERE n->>'step' > 600")
    [ -n "$share" ] || ! kill -0 $search 2>/dev/null && break
    sleep 0.05
done
kill -KILL $search 2>/dev/null
wait $search 2>/dev/null
[ "$share" = 1 ] || complain "the share that is done is not as its steps say: $(cat now.json)"

# A rung is gone on from, and within the budget as many go on as may.
[ "$(ask whole "SELECT count(*) FROM evaluations WHERE trained_steps <> 6")" = 0 ] || complain "a rung takes other steps"
[ "$(ask whole "SELECT count(*) > 8 FROM evaluations WHERE steps = 6")" = 1 ] || complain "few began"
# The best half of those so far goes on, and whoever is in it only later does so as well.
[ "$(ask whole "WITH n AS (SELECT sum(steps = 6) AS low, sum(steps = 12) AS high FROM evaluations)
    SELECT high BETWEEN low / 2 - 4 AND low - 4 FROM n")" = 1 ] || complain "it is not the best half that went on"
[ "$(ask whole "SELECT sum(trained_steps) * 128 BETWEEN $budget - 2 * 3072 AND $budget FROM evaluations")" = 1 ] ||
    complain "the budget is not what was trained: $(ask whole 'SELECT sum(trained_steps) * 128 FROM evaluations')"

# Only what was trained in full is on the front that grows: a candidate's first rung changes nothing.
[ "$(ask whole 'SELECT count(*) FROM progress a JOIN progress b ON b.place = a.place + 1
    WHERE b.hypervolume < a.hypervolume OR b.hypervolume <> a.hypervolume AND NOT EXISTS
        (SELECT 1 FROM progress c WHERE c.candidate = b.candidate AND c.place < b.place)')" = 0 ] ||
    complain "the front grew by what was not trained in full"

# A training that was stopped early has an event of its own name, which is not that of a search that failed.
[ "$(ask whole "SELECT count(*) FROM evaluations WHERE status = 'stopped'")" = \
    "$(ask whole "SELECT count(*) FROM events WHERE kind = 'stopped_early'")" ] ||
    complain "not each training that was stopped early has its event"

# What is left are the weights of the front.
ids=$("$starcl" show whole --json | sed -n 's/^.*"id":[^0-9]*\([0-9]*\).*/\1.safetensors/p' | sort)
[ "$ids" = "$(cd whole/checkpoints && ls -- *.safetensors | sort)" ] ||
    complain "checkpoints are not the front's: $ids; $(ls whole/checkpoints)"

# Children begin elsewhere than at random: the first generation is the same without inheritance, what follows is not.
expect 0 "" frugal --run drawn --set search.inheritance=false
first="SELECT e.id, m.value FROM measurements m JOIN evaluations e ON e.id = m.evaluation
    JOIN candidates c ON c.genome = e.genome WHERE m.metric = 'bits_per_byte' AND c.id <= 4 ORDER BY e.id LIMIT 8"
[ "$(ask whole "$first")" = "$(ask drawn "$first")" ] || complain "inheritance changes what has no parents"
best="SELECT min(m.value) FROM measurements m JOIN evaluations e ON e.id = m.evaluation
    WHERE m.metric = 'bits_per_byte'"
[ "$(ask whole "SELECT ($best) < $(ask drawn "$best") - 0.2")" = 1 ] ||
    complain "inherited weights help nothing: $(ask whole "$best"), $(ask drawn "$best")"
finish
