# One architecture: trained, interrupted and resumed bit for bit, its weights used.
. "$(dirname "$0")/lib.sh"

quick="--set train.steps=40 --set train.checkpoint_steps=15"
# shellcheck disable=SC2086
expect 0 "bits/byte after 40 steps; weights: whole/weights.safetensors" \
    "$starcl" train 11111-41111-61111 --config small.cfg --out whole $quick
expect 2 "whole exists and is not overwritten" "$starcl" train 11111 --config small.cfg --out whole
for file in config.cfg begun.json catalogue.cfg genome.txt architecture.json training.safetensors log.jsonl; do
    [ -s whole/$file ] || complain "whole/$file is missing"
done

# Killed at its third state, then resumed: the same weights and the same state, bit for bit.
sed 's/steps = 12/steps = 400/; s/search = /search = /' small.cfg >long.cfg
quick="--set train.checkpoint_steps=60"
# shellcheck disable=SC2086
expect 0 "after 400 steps" "$starcl" train 11111-41111-61111 --config long.cfg --out long $quick
# shellcheck disable=SC2086
"$starcl" train 11111-41111-61111 --config long.cfg --out killed $quick >/dev/null 2>&1 &
training=$!
for _ in $(seq 200); do
    sleep 0.02
    [ -e killed/log.jsonl ] && [ "$(grep -c evaluated killed/log.jsonl)" -ge 2 ] && break
done
kill -KILL $training
wait $training 2>/dev/null
[ "$(grep -c evaluated killed/log.jsonl)" -lt 7 ] || echo "note: training was over before it was killed"
expect 0 "after 400 steps" "$starcl" train --resume --out killed
for file in weights.safetensors training.safetensors architecture.json; do
    cmp -s long/$file killed/$file || complain "$file of the resumed training differs"
done
# Resuming what is done trains no further.
expect 0 "after 400 steps" "$starcl" train --resume --out killed
cmp -s long/weights.safetensors killed/weights.safetensors || complain "a finished training was changed"
# Longer, on demand.
expect 0 "after 420 steps" "$starcl" train --resume --out killed --set train.steps=420

# The pattern of a config, and a candidate of a run.
expect 0 "after 12 steps" "$starcl" train --config small.cfg --out pattern --set 'model.pattern=["SA-3", "GMemless"]'
expect 0 "Pareto front" "$starcl" search small.cfg --run run --set search.generations=1
expect 0 "after 5 steps" "$starcl" train run:1 --out candidate --set train.steps=5 --set train.warmup=1
[ "$(cat candidate/genome.txt)" = "$(sqlite3 run/run.db 'SELECT genome FROM candidates WHERE id = 1')" ] ||
    complain "candidate 1 of the run was not trained"
for config in "$source"/configs/baselines/*.cfg; do
    expect 0 "sum" "$starcl" show 11111 --config "$config" --set model.width=128
    expect 0 "after 2 steps" "$starcl" train --config "$config" --out "baseline-$(basename "$config")" \
        --set data.path="$source/host" --set model.width=32 --set model.head_channels=8 --set model.context=32 \
        --set train.steps=2 --set train.warmup=1 --set train.batch=2 --set model.depth=5
done

# Text from weights: repeatable with a seed, greedy without chance, from a run's checkpoint too.
"$starcl" generate whole --prompt "int " --tokens 60 --seed 4 >text-1.txt || complain "generate failed"
"$starcl" generate whole --prompt "int " --tokens 60 --seed 4 >text-2.txt
"$starcl" generate whole --prompt "int " --tokens 60 --seed 5 >text-3.txt
cmp -s text-1.txt text-2.txt || complain "the same seed gives another text"
cmp -s text-1.txt text-3.txt && complain "another seed gives the same text"
[ "$(head -c 4 text-1.txt)" = "int " ] || complain "the text does not begin with the prompt"
[ "$(wc -c <text-1.txt)" = 65 ] || complain "the text has not 60 bytes behind the prompt"
"$starcl" generate whole --temperature 0 --seed 1 >greedy-1.txt
"$starcl" generate whole --top-k 1 --seed 2 >greedy-2.txt
cmp -s greedy-1.txt greedy-2.txt || complain "greedy choices depend on the seed"
"$starcl" generate whole --prompt "int " --tokens 60 --weights float16 >half.txt || complain "float16 weights failed"
[ "$(wc -c <half.txt)" = 65 ] || complain "the text from float16 weights has not 60 bytes behind the prompt"
checkpoint=$(ls run/checkpoints/*.safetensors | head -1)
expect 0 "" "$starcl" generate "$checkpoint" --tokens 5
expect 0 "" "$starcl" generate whole/weights.safetensors --tokens 5

# Any text, in sliding windows: the same twice, a path and a folder, numbers for scripts, and a text of two bytes.
expect 0 "bits a byte" "$starcl" evaluate whole --on "$source/README.md" --bytes 3000
cp out.txt evaluated.txt
expect 0 "standard error" "$starcl" evaluate whole/weights.safetensors --on "$source/README.md" --bytes 3000
cmp -s out.txt evaluated.txt || complain "evaluating twice differs"
expect 0 '"stride":	7' "$starcl" evaluate whole --on "$source/host" --bytes 500 --stride 7 --json
printf 'ab' >two.txt
expect 0 '"standard_error":	null' "$starcl" evaluate whole --on two.txt --json
: >nothing.txt
expect 2 "the text has 0 bytes" "$starcl" evaluate whole --on nothing.txt

# Damaged checkpoints.
cp -r whole damaged
head -c 3000 whole/weights.safetensors >damaged/weights.safetensors
expect 1 "damaged/weights.safetensors" "$starcl" generate damaged
head -c 300 whole/architecture.json >damaged/architecture.json
expect 1 "damaged/architecture.json is not JSON" "$starcl" generate damaged
sed 's/"operator":"rms_norm"/"operator":"magic"/' whole/architecture.json >damaged/architecture.json
expect 1 "there is no operator 'magic'" "$starcl" generate damaged
head -c 5000 whole/training.safetensors >damaged/training.safetensors
# In two bytes an element while it waits for the backward pass: less memory, and the precision stays with the training.
for precision in bfloat16 float16; do
    expect 0 "activations wait in $precision" "$starcl" train 11111-41111-81111 --config small.cfg --out "$precision" \
        --set "train.precision=\"$precision\"" --set train.warmup=2 --set train.steps=7 --set train.checkpoint_steps=7
    expect 2 "cannot change train.precision" "$starcl" train --resume --out "$precision" --set train.steps=14 \
        --set 'train.precision="float32"'
    expect 0 "after 14 steps" "$starcl" train --resume --out "$precision" --set train.steps=14
done
expect 0 "after 2 steps" "$starcl" train 11111-81111 --config small.cfg --out tf32 --set train.steps=2 \
    --set train.warmup=1 --set 'train.precision="tf32"'
expect 2 "is train.precision now" "$starcl" train 11111-81111 --config small.cfg --out former \
    --set 'devices.products="tf32"'
[ ! -e former ] || complain "something was written for a key that is no more"
expect 0 "after 2 steps" "$starcl" train 11111-81111 --config small.cfg --out former --set train.steps=2 \
    --set train.warmup=1 --set 'devices.products="float32"'
expect 1 "damaged/training.safetensors" "$starcl" train --resume --out damaged --set train.steps=50
finish
