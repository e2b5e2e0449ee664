# What is shown of a run: its generations, the lineage of a candidate, several runs side by side; as tables and as JSON.
. "$(dirname "$0")/lib.sh"

# The JSON of a call, through a Python expression that must be true of it.
holds() {
    expression=$1
    shift
    "$@" >out.json 2>err.txt || complain "$* failed: $(cat err.txt)"
    python3 -c "import json, math, sys; j = json.load(open('out.json')); sys.exit(not ($expression))" ||
        complain "not true of $*: $expression"
}

expect 0 "Pareto front" "$starcl" search small.cfg --seed 3 --run one --quiet
expect 0 "Pareto front" "$starcl" search small.cfg --seed 4 --run other --quiet

# Generations: the counts are those of the database, by SQL alone.
expect 0 "Generations of one, of 4 candidates each" "$starcl" show one --generations
least=$(sqlite3 one/run.db "SELECT min(value) FROM measurements m JOIN evaluations e ON e.id = m.evaluation JOIN
    candidates c ON c.genome = e.genome WHERE metric = 'bits_per_byte' AND c.generation = 1")
holds "len(j['generations']) == 3 and all(g['candidates'] == 4 for g in j['generations']) and
    abs(j['generations'][1]['metrics']['bits_per_byte']['least'] - $least) < 1e-9" \
    "$starcl" show one --generations --json
holds "all(abs(sum(g['class_shares'].values()) - 1) < 1e-9 and abs(sum(p['share'] for p in g['pairs']) - 1) < 1e-9
    for g in j['generations'])" "$starcl" show one --generations --json
# The same is in the database for other programs.
stored=$(sqlite3 one/run.db "SELECT value FROM analysis WHERE generation = 1 AND name = 'bits_per_byte.least'")
python3 -c "import sys; sys.exit(abs($least - ${stored:-0}) > 1e-9)" || complain "analysis has $stored, not $least"
[ "$(sqlite3 one/run.db 'SELECT count(DISTINCT generation) FROM analysis')" = 3 ] ||
    complain "analysis has not 3 generations"

# What a surrogate predicted, before it was told.
expect 0 "Pareto front" "$starcl" search small.cfg --seed 3 --run predicted --quiet \
    --set search.surrogate.candidates=4 --set search.surrogate.warmup=4
expect 0 "how the surrogate predicted bits_per_byte" "$starcl" show predicted --generations
predictions=$(sqlite3 predicted/run.db "SELECT count(*) FROM predictions p JOIN candidates c ON c.id = p.candidate
    WHERE metric = 'bits_per_byte' AND generation = 2")
holds "j['generations'][2]['surrogate']['bits_per_byte']['predictions'] == $predictions > 0" \
    "$starcl" show predicted --generations --json
[ "$(sqlite3 predicted/run.db "SELECT count(*) FROM predictions WHERE metric <> 'bits_per_byte'")" = 0 ] ||
    complain "what is known without training was predicted"

# Lineage: parents are those of the database, down to those without; each LIV has a parent's class or is new.
child=$(sqlite3 one/run.db 'SELECT max(id) FROM candidates')
expect 0 "Lineage of candidate $child of one" "$starcl" show one --lineage "$child"
parent=$(sqlite3 one/run.db "SELECT parent_1 FROM candidates WHERE id = $child")
holds "j['lineage'][0]['id'] == $child and j['lineage'][0]['parents'][0] == $parent and
    j['lineage'][0]['origin'] == 'child' and len(j['lineage'][0]['livs']) == 3 and
    all(p in [c['id'] for c in j['lineage']] for c in j['lineage'] for p in c['parents']) and
    j['lineage'][-1]['origin'] == 'random'" "$starcl" show one --lineage "$child" --json
holds "all(l['new'] or {c['id']: c['genome'] for c in j['lineage']}[l['parent']].split('-')[l['parent_liv'] - 1][0] ==
    j['lineage'][0]['genome'].split('-')[n][0] for n, l in enumerate(j['lineage'][0]['livs']))" \
    "$starcl" show one --lineage "$child" --json
expect 0 "generation 1, random" "$starcl" show one --lineage 1
expect 2 "one has no candidate 99; its candidates are 1 to 12" "$starcl" show one --lineage 99
expect 2 "--lineage needs the id of a candidate" "$starcl" show one --lineage first

# Candidates beyond limits are not trained, but have children.
expect 0 "Pareto front" "$starcl" search small.cfg --seed 3 --run limited --quiet --set search.generations=4 \
    --set search.limits.parameters=22800
untrained=$(sqlite3 limited/run.db "SELECT min(id) FROM candidates
    WHERE genome NOT IN (SELECT genome FROM evaluations)")
expect 0 "not trained" "$starcl" show limited --lineage "${untrained:-0}"
holds "not j['lineage'][0]['trained'] and j['lineage'][0]['metrics'] == {}" \
    "$starcl" show limited --lineage "${untrained:-0}" --json

# Several runs. A run beside itself has equal numbers; tokens are evaluations x steps x batch x context.
expect 0 "hypervolume" "$starcl" show one --compare other
evaluations=$(sqlite3 one/run.db 'SELECT count(*) FROM evaluations')
holds "len(j['runs']) == 3 and j['runs'][0]['hypervolume'] == j['runs'][2]['hypervolume'] and
    j['runs'][0]['tokens'] == $evaluations * 12 * 4 * 32 and all(0 < r['hypervolume'] <= 1 for r in j['runs'])" \
    "$starcl" show one --compare other one --json
expect 0 "Pareto front" "$starcl" search small.cfg --run two --quiet --set search.generations=1 \
    --set 'search.objectives=["bits_per_byte", "parameters"]'
expect 2 "one and two cannot be compared: the objectives of the one are bits_per_byte, parameters, cache_bytes" \
    "$starcl" show one --compare two
expect 2 "nothing is not a run" "$starcl" show one --compare nothing
expect 2 "starcl show one --compare other" "$starcl" show one other
expect 2 "--generations and --lineage show different things" "$starcl" show one --generations --lineage 1
expect 2 "--generations shows something of a run" "$starcl" show 11111-41111 --generations

finish
