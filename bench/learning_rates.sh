#!/bin/sh
# Is a class judged by what it is, or by an initial constant and a learning rate? Trains every class of the catalogue
# over a grid of embedding deviations and learning rates around the defaults and prints, for each, the loss with the
# defaults, the best of the grid and where it was. `sh bench/learning_rates.sh STARCL [options]`:
#
#   --config FILE       the experiment; default configs/quickstart.cfg
#   --classes "A B"     by name; default all fifteen
#   --deviations "..."  factors on model.embedding_deviation; default half-decades, "0.316 1 3.16"
#   --rates "..."       factors on train.learning_rate; default half-decades, "0.316 1 3.16"
#   --seeds N           means over seeds 1 .. N; default 1
#   --set path=value    as starcl's, repeatable: --set model.width=256; trained are 240 steps if this does not say more
#
# A class that mixes tokens stands in turn with GMemless; GMemless stands alone. Lines "cell ..." are single trainings.
set -u
starcl=$1
shift
config=$(dirname "$0")/../configs/quickstart.cfg
classes="SA-1 SA-2 SA-3 Rec-1 Rec-2 GConv-1 GConv-2 GMemless SA-1d SA-2d SA-3d Rec-1d Rec-2d GConv-1d GConv-2d"
deviations="0.316 1 3.16"
rates="0.316 1 3.16"
seeds=1
sets="--set train.steps=240 --set train.warmup=60 --set train.validation_batches=16"
while [ $# -gt 1 ]; do
    case "$1" in
    --config) config=$2 ;;
    --classes) classes=$2 ;;
    --deviations) deviations=$2 ;;
    --rates) rates=$2 ;;
    --seeds) seeds=$2 ;;
    --set) sets="$sets --set $2" ;;
    *)
        echo "learning_rates.sh: there is no option $1" >&2
        exit 2
        ;;
    esac
    shift 2
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# The value of a key of the resolved config.
value_of() {
    sed -n "s/^ *$1 = \([0-9.e-]*\);.*/\1/p" "$work/t/config.cfg"
}

# train CLASS DEVIATION RATE SEED, both as values or empty: bits/byte, or "nan" where it fails.
train() {
    pattern="[\"$1\", \"GMemless\"]"
    [ "$1" = GMemless ] && pattern='["GMemless"]'
    rm -rf "$work/t"
    # shellcheck disable=SC2086
    "$starcl" train --config "$config" --set "model.pattern=$pattern" $sets --seed "$4" --out "$work/t" --quiet \
        ${2:+--set model.embedding_deviation=$2} ${3:+--set train.learning_rate=$3} 2>"$work/errors" >"$work/out"
    loss=$(sed -n 's/^validation \([0-9.]*\),.*/\1/p' "$work/out" | head -1)
    [ -n "$loss" ] || sed 's/^/failed: /' "$work/errors" >&2
    echo "${loss:-nan}"
}

multiply() {
    awk -v a="$1" -v b="$2" 'BEGIN { printf "%.6g", a * b }' | sed '/[.e]/!s/$/.0/'
}

# One short training tells what the config's own values are.
train GMemless "" "" 1 >/dev/null
deviation=$(value_of embedding_deviation)
rate=$(value_of learning_rate)
echo "defaults: embedding deviation $deviation, learning rate $rate"
printf '%-10s %9s %9s %7s  %s\n' class defaults best gap "best at deviation x rate"
for class in $classes; do
    for d in $deviations; do
        for r in $rates; do
            for seed in $(seq "$seeds"); do
                loss=$(train "$class" "$(multiply "$deviation" "$d")" "$(multiply "$rate" "$r")" "$seed")
                echo "cell $class $d $r $seed $loss"
            done
        done
    done | tee "$work/cells" | if [ -t 2 ]; then tee /dev/stderr; else cat; fi | awk -v class="$class" '
        { if ($6 == "nan") bad[$3 " " $4] = 1; sum[$3 " " $4] += $6; count[$3 " " $4]++ }
        END {
            best = ""
            for (cell in sum)
                if (!(cell in bad) && (best == "" || sum[cell] / count[cell] < sum[best] / count[best]))
                    best = cell
            split(best, at, " ")
            own = sum["1 1"] / count["1 1"]
            printf "%-10s %9.4f %9.4f %7.4f  %s x %s\n", class, own, sum[best] / count[best], \
                own - sum[best] / count[best], at[1], at[2]
        }'
    cat "$work/cells"
done
