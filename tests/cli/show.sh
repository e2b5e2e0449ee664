# What is shown of a run: its generations, the lineage of a candidate, several runs side by side; as tables and as JSON.
. "$(dirname "$0")/lib.sh"

# The JSON j of a call, through an expression of SQLite that must be true of it.
holds() {
    expression=$1
    shift
    "$@" >out.json 2>err.txt || complain "$* failed: $(cat err.txt)"
    true_of_it "$expression" || complain "not true of $*: $expression"
}
true_of_it() {
    [ "$(sqlite3 :memory: "SELECT $1 FROM (SELECT CAST(readfile('out.json') AS TEXT) AS j)")" = 1 ]
}

expect 0 "Pareto front" "$starcl" search small.cfg --seed 3 --run one --quiet
expect 0 "Pareto front" "$starcl" search small.cfg --seed 4 --run other --quiet

# Generations: the counts are those of the database, by SQL alone.
expect 0 "Generations of one, of 4 candidates each" "$starcl" show one --generations
least=$(sqlite3 one/run.db "SELECT min(value) FROM measurements m JOIN evaluations e ON e.id = m.evaluation JOIN
    candidates c ON c.genome = e.genome WHERE metric = 'bits_per_byte' AND c.generation = 1")
holds "(SELECT count(*) = 3 AND min(value->>'candidates') = 4 AND max(value->>'candidates') = 4
    FROM json_each(j, '\$.generations')) AND
    abs((j->>'\$.generations[1].metrics.bits_per_byte.least') - $least) < 1e-9" \
    "$starcl" show one --generations --json
holds "(SELECT max(abs((SELECT total(value) FROM json_each(g.value, '\$.class_shares')) - 1)) < 1e-9 AND
    max(abs((SELECT total(value->>'share') FROM json_each(g.value, '\$.pairs')) - 1)) < 1e-9
    FROM json_each(j, '\$.generations') g)" "$starcl" show one --generations --json
# The same is in the database for other programs.
stored=$(sqlite3 one/run.db "SELECT value FROM analysis WHERE generation = 1 AND name = 'bits_per_byte.least'")
true_of_it "abs($least - ${stored:-0}) <= 1e-9" || complain "analysis has $stored, not $least"
[ "$(sqlite3 one/run.db 'SELECT count(DISTINCT generation) FROM analysis')" = 3 ] ||
    complain "analysis has not 3 generations"

# What a surrogate predicted, before it was told.
expect 0 "Pareto front" "$starcl" search small.cfg --seed 3 --run predicted --quiet \
    --set search.surrogate.candidates=4 --set search.surrogate.warmup=4
expect 0 "how the surrogate predicted bits_per_byte" "$starcl" show predicted --generations
predictions=$(sqlite3 predicted/run.db "SELECT count(*) FROM predictions p JOIN candidates c ON c.id = p.candidate
    WHERE metric = 'bits_per_byte' AND generation = 2")
holds "j->>'\$.generations[2].surrogate.bits_per_byte.predictions' = $predictions AND $predictions > 0" \
    "$starcl" show predicted --generations --json
[ "$(sqlite3 predicted/run.db "SELECT count(*) FROM predictions WHERE metric <> 'bits_per_byte'")" = 0 ] ||
    complain "what is known without training was predicted"

# Lineage: parents are those of the database, down to those without; each LIV has a parent's class or is new.
child=$(sqlite3 one/run.db 'SELECT max(id) FROM candidates')
expect 0 "Lineage of candidate $child of one" "$starcl" show one --lineage "$child"
parent=$(sqlite3 one/run.db "SELECT parent_1 FROM candidates WHERE id = $child")
holds "j->>'\$.lineage[0].id' = $child AND j->>'\$.lineage[0].parents[0]' = $parent AND
    j->>'\$.lineage[0].origin' = 'child' AND json_array_length(j, '\$.lineage[0].livs') = 3 AND
    j->>'\$.lineage[#-1].origin' = 'random' AND
    NOT EXISTS (SELECT * FROM json_each(j, '\$.lineage') c, json_each(c.value, '\$.parents') p
                WHERE p.value NOT IN (SELECT value->>'id' FROM json_each(j, '\$.lineage')))" \
    "$starcl" show one --lineage "$child" --json
class_of() { # class_of GENOME PLACE: the first digit of a LIV
    echo "substr(json('[\"' || replace($1, '-', '\",\"') || '\"]')->>($2), 1, 1)"
}
holds "(SELECT count(*) = 3 AND min(l.value->>'new' OR coalesce((SELECT
        $(class_of "c.value->>'genome'" "(l.value->>'parent_liv') - 1") = $(class_of "j->>'\$.lineage[0].genome'" l.key)
        FROM json_each(j, '\$.lineage') c WHERE c.value->>'id' = l.value->>'parent'), 0))
    FROM json_each(j, '\$.lineage[0].livs') l)" "$starcl" show one --lineage "$child" --json
expect 0 "generation 1, random" "$starcl" show one --lineage 1
expect 2 "one has no candidate 99; its candidates are 1 to 12" "$starcl" show one --lineage 99
expect 2 "--lineage needs the id of a candidate" "$starcl" show one --lineage first

# Candidates beyond limits are not trained, but have children.
expect 0 "Pareto front" "$starcl" search small.cfg --seed 3 --run limited --quiet --set search.generations=4 \
    --set search.limits.parameters=22800
untrained=$(sqlite3 limited/run.db "SELECT min(id) FROM candidates
    WHERE genome NOT IN (SELECT genome FROM evaluations)")
expect 0 "not trained" "$starcl" show limited --lineage "${untrained:-0}"
holds "j->>'\$.lineage[0].trained' = 0 AND j->'\$.lineage[0].metrics' = '{}'" \
    "$starcl" show limited --lineage "${untrained:-0}" --json

# Several runs. A run beside itself has equal numbers; tokens are evaluations x steps x batch x context.
expect 0 "hypervolume" "$starcl" show one --compare other
evaluations=$(sqlite3 one/run.db 'SELECT count(*) FROM evaluations')
holds "j->>'\$.runs[0].hypervolume' = j->>'\$.runs[2].hypervolume' AND
    j->>'\$.runs[0].tokens' = $evaluations * 12 * 4 * 32 AND
    (SELECT count(*) = 3 AND min(value->>'hypervolume' > 0 AND value->>'hypervolume' <= 1) FROM json_each(j, '\$.runs'))" \
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
