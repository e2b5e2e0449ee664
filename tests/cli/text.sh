# The text of a run: its three parts, and what happens when somebody changes it while it is in use.
. "$(dirname "$0")/lib.sh"

cat "$source"/cl/*.cl >text
cp text kept
sed -i 's/steps = 12/steps = 100/; s/generations = 3/generations = 2/' small.cfg

# until_written FILE WORD: waits for the word in the file, at most 30 seconds.
until_written() {
    for _ in $(seq 300); do
        sleep 0.1
        grep -q "$2" "$1" 2>/dev/null && return
    done
    complain "no $2 in $1 after 30 seconds"
}

# A search stops as a whole, fails no candidate, and goes on when the text is back.
expect 0 "for training, " "$starcl" search small.cfg --seed 5 --run whole --set data.path=text
grep -q "for validation, .* for test" out.txt || complain "the sizes of the parts are not said"
"$starcl" show whole --json | grep -q '"test_bits_per_byte":[^0-9]*[1-9]' || complain "the test part is not measured"
"$starcl" search small.cfg --seed 5 --run cut --set data.path=text --quiet >out-cut.txt 2>&1 &
search=$!
until_written cut/log.jsonl '"evaluated"'
truncate -s 1000 text
wait $search
status=$?
[ $status = 1 ] || complain "a search whose text was cut exits with $status instead of 1"
grep -q "text went from .* to 1000 bytes while it was in use" out-cut.txt || {
    complain "the message does not say what happened to the text"
    cat out-cut.txt
}
grep -q '"event":"failed"' cut/log.jsonl && complain "candidates failed because the text was cut"
expect 0 "(stopped)" "$starcl" show cut
expect 1 "has changed since the run began" "$starcl" resume cut
cp kept text
expect 0 "Pareto front of cut (done)" "$starcl" resume cut --quiet
same_front whole cut

# So does the training of one architecture.
long="--config small.cfg --set train.steps=400 --set train.checkpoint_steps=40 --set data.path=text"
# shellcheck disable=SC2086
expect 0 "bits/byte after 400 steps" "$starcl" train 11111-41111-61111 --out longer $long
grep -q "^validation [0-9.]*, test [0-9.]* bits/byte" out.txt || complain "train does not tell both parts"
# shellcheck disable=SC2086
"$starcl" train 11111-41111-61111 --out replaced $long >out-replaced.txt 2>&1 &
training=$!
until_written replaced/log.jsonl '"evaluated"'
cp kept other
mv other text
wait $training
status=$?
[ $status = 1 ] || complain "a training whose text was replaced exits with $status instead of 1"
grep -q "text was replaced by another file while it was in use" out-replaced.txt || {
    complain "the message does not say what happened to the text"
    cat out-replaced.txt
}
expect 0 "after 400 steps" "$starcl" train --resume --out replaced
cmp -s longer/weights.safetensors replaced/weights.safetensors || complain "the weights of the resumed training differ"

# What the config can see is refused where it stands.
expect 2 "--set train.batch: 65536 sequences of model.context, 65536, are 4294967296 tokens a step" \
    "$starcl" search small.cfg --set model.context=65536 --set train.batch=65536
expect 2 "selection must not see the test part" "$starcl" search small.cfg \
    --set 'search.objectives=["test_bits_per_byte", "parameters"]'
finish
