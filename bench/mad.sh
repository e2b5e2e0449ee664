#!/bin/sh
# Are classes ordered on MAD's tasks as MAD's paper orders them (arXiv 2403.17844)? Trains SA-1, Rec-1 and GConv-1, each
# in turn with GMemless, four LIVs of width 128, on in-context recall, selective copying and memorization, over a small
# grid of learning rates, and prints for each the test accuracy of the rate with the best validation accuracy.
# `sh bench/mad.sh STARCL [options]`:
#
#   --tasks "A B"       default the three above; any of MAD's six
#   --classes "A B"     default "SA-1 Rec-1 GConv-1"
#   --rates "..."       of train.learning_rate; default "0.005 0.01 0.02"
#   --arrays PYTHON     trains on folders that bench/peers/mad_npy.py writes with that Python (NumPy), instead of on the
#                       generators: accuracies should agree within two points
#   --set path=value    as starcl's, repeatable: --set train.steps=4000
#
# Lines "cell ..." are single trainings: task, class, rate, validation and test accuracy, seconds.
set -u
starcl=$1
shift
tasks="in-context-recall selective-copying memorization"
classes="SA-1 Rec-1 GConv-1"
rates="0.005 0.01 0.02"
python=""
sets=""
while [ $# -gt 1 ]; do
    case "$1" in
    --tasks) tasks=$2 ;;
    --classes) classes=$2 ;;
    --rates) rates=$2 ;;
    --arrays) python=$2 ;;
    --set) sets="$sets --set $2" ;;
    *)
        echo "mad.sh: there is no option $1" >&2
        exit 2
        ;;
    esac
    shift 2
done
here=$(dirname "$0")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Where a task's data is from, in words of --set.
data_of() {
    if [ -z "$python" ]; then
        echo "--set data.mad.length=0 --set data.tasks=[\"$1\"]"
        return
    fi
    [ -d "$work/$1" ] || "$python" "$here/peers/mad_npy.py" "$1" "$work/$1" >&2 || exit 1
    echo "--set data.mad.length=0 --set data.tasks=[] --set data.path=$work/$1"
}

# What a task is trained for where --set does not say otherwise: steps, sequences a step.
size_of() {
    case "$1" in
    memorization) echo "--set train.steps=200 --set train.batch=32 --set train.warmup=20" ;;
    selective-copying) echo "--set train.steps=1200 --set train.batch=16 --set train.warmup=120" ;;
    *) echo "--set train.steps=2000 --set train.batch=32 --set train.warmup=100" ;;
    esac
}

# train TASK CLASS RATE: "validation test seconds", or "nan nan 0" where it fails.
train() {
    rm -rf "$work/run"
    begin=$(date +%s)
    # shellcheck disable=SC2046,SC2086
    "$starcl" train --config "$here/../configs/mad.cfg" $(size_of "$1") $(data_of "$1") $sets --set "train.learning_rate=$3" \
        --set "model.pattern=[\"$2\",\"GMemless\"]" --set train.validation_batches=20 \
        --set train.checkpoint_steps=1000000 --out "$work/run" --quiet >"$work/out" 2>"$work/errors" ||
        sed 's/^/failed: /' "$work/errors" >&2
    found=$(sed -n 's/^accuracy: validation \([0-9.]*\), test \([0-9.]*\) .*/\1 \2/p' "$work/out")
    echo "${found:-nan nan} $(($(date +%s) - begin))"
}

printf '%-26s' "test accuracy"
for class in $classes; do
    printf ' %9s' "$class"
done
echo
for task in $tasks; do
    line=$(printf '%-26s' "$task")
    for class in $classes; do
        best=-1
        test=nan
        for rate in $rates; do
            result=$(train "$task" "$class" "$rate")
            echo "cell $task $class $rate $result" >&2
            # shellcheck disable=SC2086
            set -- $result
            better=$(awk -v a="$1" -v b="$best" 'BEGIN { print (a != "nan" && a > b) }')
            [ "$better" = 1 ] && best=$1 && test=$2
        done
        line="$line $(printf '%9s' "$test")"
    done
    echo "$line"
done
