# A search from end to end: repeatable, kept, never overwritten, on a person's own text.
. "$(dirname "$0")/lib.sh"

expect 0 "Pareto front of one (done)" "$starcl" search small.cfg --seed 3 --run one
expect 0 "Pareto front of runs/small-001 (done)" "$starcl" search small.cfg --seed 3
same_front one runs/small-001
expect 0 "Pareto front" "$starcl" search small.cfg --seed 4 --run other --quiet
front other >front-other.txt
front one | cmp -s - front-other.txt && complain "another seed gives the same front"

# The run folder.
expect 2 "one exists and is not overwritten" "$starcl" search small.cfg --run one
for file in run.db config.cfg catalogue.cfg log.jsonl; do
    [ -s one/$file ] || complain "one/$file is missing"
done
[ "$(sqlite3 one/run.db 'SELECT count(*) FROM candidates')" = 12 ] || complain "run.db has not 12 candidates"
[ "$(sqlite3 one/run.db 'SELECT count(*) FROM generations')" = 12 ] || complain "run.db has not 3 x 4 survivors"
[ "$(grep -c '"event":"evaluated"' one/log.jsonl)" = "$(sqlite3 one/run.db 'SELECT count(*) FROM evaluations')" ] ||
    complain "log.jsonl and run.db count different evaluations"

# Weights and architecture of the front, and of nothing else.
"$starcl" show one --json | sed -n 's/.*"id":[^0-9]*\([0-9]*\).*/\1/p' | sort >ids.txt
for kind in safetensors json; do
    ls one/checkpoints | sed -n "s/\\.$kind\$//p" | sort >kept.txt
    cmp -s ids.txt kept.txt || complain "checkpoints/*.$kind are not those of the front"
done
id=$(head -1 ids.txt)
head -c 4000 "one/checkpoints/$id.safetensors" | grep -qa '"embedding.weight":{"dtype":"F32","shape":\[256,32\]' ||
    complain "checkpoints/$id.safetensors does not begin with the embedding"
expect 0 "LIV" "$starcl" show one:"$id"
expect 2 "has no evaluated candidate 99" "$starcl" show one:99
expect 0 "there is nothing to resume" "$starcl" resume one

# A config that a run kept starts the same search.
expect 0 "Pareto front" "$starcl" search one/config.cfg --run again
same_front one again

# A person's own text, packed; other objectives; classes; a catalogue of one's own.
cat "$source"/cl/*.cl | gzip >text.gz
expect 0 "train tok/s" "$starcl" search small.cfg --run own --set data.path=text.gz --set search.generations=1 \
    --set 'search.objectives=["bits_per_byte", "train_tokens_per_s"]' --set 'model.classes=["GConv-1", "GMemless"]'
[ "$(sqlite3 own/run.db "SELECT count(*) FROM candidates WHERE genome GLOB '1*' OR genome GLOB '*-1*'")" = 0 ] ||
    complain "a class that is not in model.classes was used"
sed 's/"SA-1"/"Mine"/' "$source/configs/catalogue.cfg" >mine.cfg
expect 0 "Pareto front" "$starcl" search small.cfg --run mine --set model.catalogue=mine.cfg \
    --set 'model.classes=["Mine"]' --set search.generations=1
rm mine.cfg
expect 0 "Mine" "$starcl" show mine:1

# All levels evolve, with depths, norms and residuals; genomes read back, whatever they hold.
expect 0 "Pareto front" "$starcl" search small.cfg --run levels --set 'search.levels=["all"]' --set train.steps=4 \
    --set search.depth_least=2 --set search.depth_most=4 --set 'search.norms=["pre", "both"]' \
    --set 'search.residuals=["plain", "scaled"]'
[ "$(sqlite3 levels/run.db "SELECT count(*) FROM candidates WHERE genome LIKE '%|%'")" -gt 0 ] ||
    complain "no operator or featurizer evolved"
[ "$(sqlite3 levels/run.db "SELECT count(*) FROM evaluations WHERE status = 'failed'")" = 0 ] ||
    complain "genomes of all levels fail"
for genome in $(sqlite3 levels/run.db 'SELECT genome FROM candidates'); do
    expect 0 "sum" "$starcl" show "$genome" --config small.cfg --set 'model.classes=[]'
done
expect 0 "Pareto front" "$starcl" search small.cfg --run fixed --set 'search.levels=["featurizer"]' \
    --set 'model.pattern=["SA-1", "GMemless"]' --set train.steps=4 --set search.generations=2
[ "$(sqlite3 fixed/run.db "SELECT count(*) FROM candidates WHERE genome NOT LIKE '11111-81111-12121%'")" = 0 ] ||
    complain "a fixed backbone evolved"

# Several seeds a candidate, and the best again: evaluations, weights, both tables, and JSON.
expect 0 "trained again from scratch, 24 steps, seeds 3" "$starcl" search small.cfg --run seeds \
    --set search.generations=1 --set search.seeds=2 --set 'search.final={ keep=2; steps=24; seeds=3; }'
grep -q " +- " out.txt || complain "no standard errors are shown"
[ "$(sqlite3 seeds/run.db 'SELECT group_concat(steps || ":" || n) FROM
    (SELECT steps, count(*) AS n FROM evaluations GROUP BY steps ORDER BY steps)')" = "12:8,24:6" ] ||
    complain "there are not 4 x 2 and 2 x 3 evaluations"
[ "$(sqlite3 seeds/run.db 'SELECT count(DISTINCT seed) FROM evaluations')" = 3 ] || complain "there are not 3 seeds"
[ "$(find seeds/checkpoints -name '*-final.safetensors' | wc -l)" = 2 ] || complain "no final weights were kept"
expect 0 "" "$starcl" generate "$(find seeds/checkpoints -name '*-final.safetensors' | head -1)" --tokens 5
expect 0 '"test_bits_per_byte"' "$starcl" show seeds --json
for word in '"standard_errors"' '"within_noise_of_previous"' '"final_steps":	24'; do
    grep -qF "$word" out.txt || complain "show --json has no $word"
done
# Training one of them for longer has nothing to do with the final stage.
expect 0 "after 40 steps" "$starcl" train seeds:1 --out more --set train.steps=40
expect 2 "the final training is longer than a candidate's" "$starcl" search small.cfg --run short \
    --set 'search.final={ keep=2; steps=12; }'
expect 2 "unknown key, did you mean 'keep'?" "$starcl" search small.cfg --run short --set search.final.kep=2
expect 2 "selection must not see" "$starcl" search small.cfg --run short \
    --set 'search.objectives=["test_bits_per_byte"]'

# Candidates that fail are recorded, and the search goes on.
expect 0 "failed" "$starcl" search small.cfg --run diverging --set train.learning_rate=1.0 --set train.clip=1e6 \
    --set train.steps=60 --set search.generations=1
[ "$(sqlite3 diverging/run.db "SELECT count(*) FROM evaluations WHERE status = 'failed' AND reason <> ''")" -gt 0 ] ||
    complain "no failure was recorded"
expect 0 "failed" "$starcl" show diverging

# Little memory: batches are trained in parts, and what does not fit at all is refused.
expect 0 "Pareto front" "$starcl" search small.cfg --run capped --set train.batch=16 --set devices.memory=1 \
    --set search.generations=2
[ "$(sqlite3 capped/run.db "SELECT max(value) <= 1048576 FROM measurements WHERE metric = 'peak_bytes'")" = 1 ] ||
    complain "more memory was taken than devices.memory allows"
[ "$(sqlite3 capped/run.db "SELECT count(*) FROM evaluations WHERE status = 'failed'")" = 0 ] ||
    complain "candidates fail that fit in parts"
expect 0 "8 x 2 sequences a step" "$starcl" train 11111-41111-61111 --config small.cfg --out parts \
    --set train.batch=16 --set devices.memory=1
expect 0 "training needs" "$starcl" search small.cfg --run refused --set model.width=64 --set devices.memory=1 \
    --set search.generations=1
[ "$(sqlite3 refused/run.db "SELECT count(*) FROM evaluations WHERE status = 'failed' AND reason LIKE '%1 of 4%'")" = 4 ] ||
    complain "candidates that cannot fit were not refused"
finish
