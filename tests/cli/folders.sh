# Folders of trainings and runs, whatever a person does to them: nothing is left by a wrong call, nothing is trained
# twice, spoiled, or gone on with unnoticed after it was changed.
. "$(dirname "$0")/lib.sh"

genome=11111-61111
train() {
    "$starcl" train "$genome" --config small.cfg "$@"
}
resume() {
    "$starcl" train --resume "$@"
}
# The files of a folder and what is in them.
content() {
    (cd "$1" && find . -type f ! -name lock ! -name log.jsonl -exec md5sum {} + | sort)
}
# unchanged FOLDER: is as `content` found it in content.txt.
unchanged() {
    content "$1" | cmp -s content.txt - || complain "$1 was changed"
}

# ---- a wrong call leaves nothing, and the next one gets the name ----

expect 2 "nonsense" train --out wrong --device nonsense
head -c 20 "$source/README.md" >short.txt
expect 2 "short.txt" train --out wrong --set data.path=short.txt
expect 1 "memory" train --out wrong --set devices.memory=1 --set train.batch=1 --set model.width=512
expect 2 "genome" "$starcl" train 99111 --config small.cfg --out wrong
expect 2 "nonsense" "$starcl" search small.cfg --run wrong --device nonsense
[ -e wrong ] && complain "a wrong call left a folder"
ls -d wrong* 2>/dev/null
expect 0 "after 12 steps" train --out wrong

# ---- two that want one name: one wins, the other is refused ----

for round in $(seq 20); do
    train --out "race-$round" --set train.steps=1 --set train.warmup=0 >/dev/null 2>race-1.txt &
    one=$!
    train --out "race-$round" --set train.steps=1 --set train.warmup=0 >/dev/null 2>race-2.txt &
    wait $!
    second=$?
    wait $one
    first=$?
    case $first-$second in
    0-2) grep -q "exists and is not overwritten" race-2.txt || complain "the loser was not told why" ;;
    2-0) grep -q "exists and is not overwritten" race-1.txt || complain "the loser was not told why" ;;
    *) complain "two trainings into one folder end with $first and $second" ;;
    esac
    [ "$(grep -c '"started"' "race-$round/log.jsonl")" = 1 ] || complain "race-$round was begun twice"
done
short="--set search.generations=1 --set train.steps=2 --quiet"
for round in $(seq 5); do
    # shellcheck disable=SC2086
    "$starcl" search small.cfg --run "runs-$round" $short >/dev/null 2>&1 &
    one=$!
    # shellcheck disable=SC2086
    "$starcl" search small.cfg --run "runs-$round" $short >/dev/null 2>&1
    second=$?
    wait $one
    case $?-$second in
    0-2 | 2-0) ;;
    *) complain "two searches into one folder do not end with 0 and 2" ;;
    esac
done

# ---- one writer ----

"$starcl" train "$genome" --config small.cfg --out busy --set train.steps=100000 --set train.checkpoint_steps=5 \
    --quiet >/dev/null 2>&1 &
training=$!
for _ in $(seq 100); do
    sleep 0.1
    [ -e busy/training.safetensors ] && break
done
expect 1 "another starcl is working in busy" resume --out busy
kill -KILL $training
wait $training 2>/dev/null
# A resume that writes the config anew holds the folder too.
"$starcl" train --resume --out busy --set train.steps=200000 --quiet >/dev/null 2>&1 &
training=$!
for _ in $(seq 100); do
    sleep 0.1
    grep -q 'steps = 200000' busy/config.cfg && break
done
expect 1 "another starcl is working in busy" resume --out busy --set train.steps=8
kill -KILL $training
wait $training 2>/dev/null

# ---- what a resume may change, and what it refuses before anything is written ----

expect 0 "after 40 steps" train --out kept --set train.steps=40 --set train.checkpoint_steps=15
content kept >content.txt
expect 2 "model.width" resume --out kept --set model.width=64
expect 2 "train.learning_rate, train.clip" resume --out kept --set train.learning_rate=0.1 --set train.clip=2.0
expect 2 "train.steps, train.checkpoint_steps" resume --out kept --set run.seed=9 --set train.steps=50
expect 2 "40" resume --out kept --set train.steps=13
expect 2 "nonsense" resume --out kept --device nonsense
unchanged kept
expect 0 "after 40 steps" resume --out kept --device cpu
grep -q 'device = "cpu"' kept/config.cfg || complain "--device of a resume was not kept"
expect 0 "after 44 steps" resume --out kept --set train.steps=44
expect 0 "after 44 steps" resume --out kept

# ---- weights are those of the state ----

cp kept/weights.safetensors right.safetensors
rm kept/weights.safetensors
expect 0 "after 44 steps" resume --out kept
cmp -s right.safetensors kept/weights.safetensors || complain "missing weights were not written again"
cp wrong/weights.safetensors kept/weights.safetensors
expect 0 "after 44 steps" resume --out kept
cmp -s right.safetensors kept/weights.safetensors || complain "stale weights were not written again"

# ---- what changed since the beginning is said ----

cp -r "$source/cl" text
expect 0 "" train --out changing --set data.path=text
expect 0 "" "$starcl" search small.cfg --run run --set data.path=text --set search.generations=1
sed -i 's/width = 32/width = 48/; s/clip = 1/clip = 2/' changing/config.cfg run/config.cfg
content changing >content.txt
expect 0 "changing/config.cfg was changed (model.width, train.clip)" resume --out changing
expect 0 "goes on with the config that it began with" resume --out changing
echo 41111-61111 >changing/genome.txt
expect 0 "changing/genome.txt was changed; the training goes on with what it began with" resume --out changing
echo "# mine" >>run/catalogue.cfg
sqlite3 run/run.db "UPDATE run SET value = 'interrupted' WHERE key = 'status'"
expect 0 "run/config.cfg was changed (model.width, train.clip)" "$starcl" resume run
sqlite3 run/run.db "UPDATE run SET value = 'interrupted' WHERE key = 'status';
    UPDATE run SET value = '0.0.7' WHERE key = 'version'"
expect 0 "began with starcl 0.0.7" "$starcl" resume run
sqlite3 run/run.db "UPDATE run SET value = 'interrupted' WHERE key = 'status'"
expect 0 "run/catalogue.cfg was changed; the run goes on with what it began with" "$starcl" resume run
sed -i 's/"version":[^,]*,/"version":"0.0.7",/' changing/begun.json
expect 0 "began with starcl 0.0.7" resume --out changing
# One byte in the middle, the length as before.
printf X | dd of=text/low_rank.cl bs=1 seek=300 conv=notrunc 2>/dev/null
content changing >content.txt
expect 1 "has changed since the training began" resume --out changing
unchanged changing
sqlite3 run/run.db "UPDATE run SET value = 'interrupted' WHERE key = 'status'"
expect 1 "has changed since the run began" "$starcl" resume run
sqlite3 run/run.db "DELETE FROM run WHERE key = 'text'"
expect 1 "begun by an older starcl" "$starcl" resume run
expect 0 "Pareto front of run" "$starcl" show run
# The same text elsewhere is the same text.
cp -r "$source/cl" moved
expect 0 "after 12 steps" resume --out changing --set data.path=moved

# ---- older, damaged or foreign folders ----

cp -r kept older
rm older/begun.json older/lock
expect 0 "which text the training began with was not kept" resume --out older --set train.steps=46
grep -q "was changed" out.txt && complain "an older folder was taken for a changed one"
expect 0 "after 46 steps" resume --out older
grep -q "was changed" out.txt && complain "an older folder was taken for a changed one"

expect 2 "is not a folder that starcl train made" resume --out nowhere
[ -e nowhere ] && complain "a refused resume made a folder"
expect 2 "is not a folder that starcl train made" resume --out run
cp -r kept damaged
echo '{' >damaged/begun.json
expect 1 "damaged/begun.json" resume --out damaged
finish
