# MAD's tasks and folders of arrays: trained, searched and resumed; what does not fit is refused before anything is
# written.
. "$(dirname "$0")/lib.sh"

cat >mad.cfg <<'TEXT'
run = { name = "mad"; };
data = { tasks = [ "selective-copying", "in-context-recall" ]; mad = { length = 32; copy_tokens = 4; }; };
model = { width = 32; depth = 2; head_channels = 16; classes = [ "SA-1", "Rec-1", "GMemless" ]; };
train = { steps = 12; batch = 4; warmup = 2; validation_batches = 2; learning_rate = 1e-2; };
search = {
    population = 4; generations = 2; objectives = [ "accuracy", "accuracy_in_context_recall", "parameters" ];
    final = { keep = 1; steps = 15; seeds = 2; };
};
TEXT

# ---- a search over two tasks ----

expect 0 "task    selective-copying, vocabulary 16, 4 tokens to copy; 12800 sequences of 32 tokens for training" \
    "$starcl" search mad.cfg --run run
expect 0 "test accuracy" "$starcl" show run
expect 0 "" "$starcl" search mad.cfg --run again
same_front run again
# The mean is that of the two, and bits a byte are of text.
means=$(sqlite3 run/run.db "SELECT count(*) FROM evaluations e JOIN measurements a ON a.evaluation = e.id
    JOIN measurements b ON b.evaluation = e.id JOIN measurements c ON c.evaluation = e.id WHERE a.metric = 'accuracy'
    AND b.metric = 'accuracy_in_context_recall' AND c.metric = 'accuracy_selective_copying'
    AND abs(a.value - (b.value + c.value) / 2) < 1e-12")
[ "$means" = "$(sqlite3 run/run.db 'SELECT count(*) FROM evaluations')" ] || complain "a mean accuracy is wrong"
[ "$(sqlite3 run/run.db "SELECT count(*) FROM measurements WHERE metric LIKE '%bits%' OR metric = 'perplexity'")" = 0 ] ||
    complain "bits a byte of a task that is no text"
expect 0 "sum" "$starcl" show run:1
expect 0 "after 3 steps" "$starcl" train run:1 --out one --set 'data.tasks=["in-context-recall"]' --set train.steps=3 \
    --set data.mad.copy_tokens=0
# 32 x 16 of the embedding and as much of the output, not 256 of them.
parameters=$(sqlite3 run/run.db "SELECT min(value) FROM measurements WHERE metric = 'parameters'")
[ "${parameters%.*}" -lt 12000 ] || complain "$parameters parameters for a vocabulary of 16"

# ---- one architecture ----

for task in in-context-recall fuzzy-in-context-recall noisy-in-context-recall selective-copying memorization \
    compression; do
    expect 0 "accuracy: validation" "$starcl" train 41111-81111 --config mad.cfg --out "$task" \
        --set "data.tasks=[\"$task\"]" --set data.mad.copy_tokens=0 --set data.mad.length=0 --set train.batch=4
done
expect 1 "it was trained on a task with a vocabulary of 16, not on text" "$starcl" generate selective-copying
expect 1 "it encodes sequences, for MAD's compression, and has no decoding steps" "$starcl" generate compression
expect 2 "trains one model, for one of them" "$starcl" train 41111-81111 --config mad.cfg --out two
expect 130 "" sh -c "'$starcl' train 41111-81111 --config mad.cfg --out cut --set train.steps=100000 \
    --set 'data.tasks=[\"compression\"]' --set data.mad.copy_tokens=0 & training=\$!
    for i in \$(seq 100); do sleep 0.1; [ -e cut/log.jsonl ] && break; done
    sleep 1; kill -INT \$training; wait \$training"
expect 2 "cannot change data.mad.length" "$starcl" train --resume --out cut --set data.mad.length=64

# ---- arrays ----

# array FILE ROWS COLUMNS OFFSET: ids (row + column + OFFSET) % 10 of one byte each.
array() {
    mkdir -p "$(dirname "$1")"
    printf "\223NUMPY\001\000\166\000%-117s\n" \
        "{'descr': '|i1', 'fortran_order': False, 'shape': ($2, $3), }" >"$1"
    for row in $(seq "$2"); do
        for column in $(seq "$3"); do
            printf "\\$(printf %03o $(((row + column + $4) % 10)))"
        done
    done >>"$1"
}

for part in train test; do
    array arrays/$part/inputs.npy 20 16 0
    array arrays/$part/targets.npy 20 16 1
done
expect 0 "arrays, vocabulary 10; 18 sequences of 16 tokens for training, 2 for validation, 20 for test" \
    "$starcl" search mad.cfg --run by-arrays --set 'data.tasks=[]' --set data.path=arrays --set data.mad.length=0 \
    --set data.mad.copy_tokens=0 --set 'search.objectives=["accuracy","parameters"]' --set search.final.keep=0
grep -q 'vocabulary = 10;' by-arrays/config.cfg || complain "the vocabulary that was found is not in the config"
# The next number is the sum of the last and one: that is learned in no time.
expect 0 "test 1.0000 after 120 steps" "$starcl" train 81111 --out counting --set data.path=arrays \
    --set train.steps=120 --set train.warmup=10 --set train.batch=4 --set model.width=32
expect 0 "after 130 steps" "$starcl" train --resume --out counting --set train.steps=130
array arrays/test/targets.npy 20 16 2
expect 1 "arrays has changed since the training began" "$starcl" train --resume --out counting

# ---- what does not fit: exit 2, and nothing is written ----

refuse() {
    words=$1
    shift
    expect 2 "$words" "$starcl" search mad.cfg --run refused "$@"
    [ -e refused ] && complain "a refused search left something: $*"
}
text="--set data.tasks=[] --set data.mad.length=0 --set data.mad.copy_tokens=0"
refuse "data.tasks: \"x\" is not known; allowed: in-context-recall, fuzzy-in-context-recall" \
    --set 'data.tasks=["selective-copying","x"]'
refuse "did you mean \"memorization\"?" --set 'data.tasks=["memorisation"]' --set data.mad.copy_tokens=0
refuse "none of data.tasks has noise; noisy-in-context-recall does" --set data.mad.noise=0.3
refuse "none of data.tasks copies tokens" --set 'data.tasks=["memorization"]'
refuse "needs a length of at least 66, not 32" --set data.mad.copy_tokens=32
refuse "must be even" --set data.mad.length=33
refuse "bits_per_byte is not measured on selective-copying, in-context-recall" \
    --set 'search.objectives=["bits_per_byte","parameters"]'
refuse "accuracy_memorization is not measured on selective-copying, in-context-recall" \
    --set 'search.objectives=["accuracy_memorization"]'
refuse "perplexity is not measured" --set 'search.limits={ perplexity = 3.0; }'
refuse "\"test_accuracy\" cannot be an objective" --set 'search.objectives=["test_accuracy"]'
# shellcheck disable=SC2086
refuse "data.mad is for data.tasks and for a folder of arrays" $text --set data.path="$source/host" \
    --set data.mad.vocabulary=20
# shellcheck disable=SC2086
refuse "accuracy_in_context_recall is not measured on text" $text --set data.path="$source/host"
# shellcheck disable=SC2086
refuse "only vocabulary and length can be said" $text --set data.path=arrays --set data.mad.examples=5
# shellcheck disable=SC2086
refuse "train/inputs.npy: row 0, column 6 (counted from 0) is 8; ids from 0 to 7 are expected" $text \
    --set data.path=arrays --set data.mad.vocabulary=8 --set 'search.objectives=["accuracy"]'
# shellcheck disable=SC2086
refuse "train/inputs.npy has rows of 16 tokens; 8 are expected, as data.mad.length says" $text \
    --set data.path=arrays --set data.mad.length=8 --set 'search.objectives=["accuracy"]'
head -c 200 arrays/test/inputs.npy >short && mv short arrays/test/inputs.npy
# shellcheck disable=SC2086
refuse "test/inputs.npy has 72 bytes of elements; its shape (20, 16) and type '|i1' say 320" $text \
    --set data.path=arrays --set 'search.objectives=["accuracy"]'
finish
