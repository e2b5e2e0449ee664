#!/bin/sh
# What narrower numbers cost and save: one genome trained in each precision, seed by seed.
#
#     sh bench/precision.sh build/release/starcl GENOME 1 2 3 >bench/results/precision.json
#
# The genome of the README's figures is the quickstart's best. CONFIG=FILE takes another config, STEPS=N another length.
# Precisions of a seed run one behind the other, so that their speeds compare. The table goes to stderr.
set -eu
starcl=$(realpath "$1")
genome=$2
shift 2
config=$(realpath "${CONFIG:-$(dirname "$0")/../configs/quickstart.cfg}")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

for seed in "$@"; do
    for precision in float32 tf32 bfloat16 float16; do
        rm -rf trained
        "$starcl" train "$genome" --config "$config" --out trained --seed "$seed" --set "train.precision=\"$precision\"" \
            ${STEPS:+--set "train.steps=$STEPS"} >told.txt 2>&1 || { cat told.txt >&2 && exit 1; }
        products=$(sed -n 's/^device .*, GEMM \(.*\)/\1/p' told.txt)
        echo "$precision $seed $(sed -n 's/^memory *\([0-9.]* [A-Za-z]*\),.*/\1/p' told.txt)" \
            "$(sed -n 's/^validation \([0-9.]*\), test \([0-9.]*\) .*/\1 \2/p' told.txt)" \
            "$(sed -n 's/.*"tokens_per_second":\([0-9.]*\).*/\1/p' trained/log.jsonl | tail -1) $products"
    done
done >table.txt
processor=$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -1)
awk -v processor="$processor" -v genome="$genome" '
    {
        if (!($1 in count)) order[++precisions] = $1
        n = ++count[$1]
        memory[$1] = $3 " " $4
        products[$1] = $8
        for (i = 9; i <= NF; i++) products[$1] = products[$1] " " $i
        validation[$1, n] = $5
        test[$1, n] = $6
        difference[$1] += $5 - validation["float32", n]
        squares[$1] += ($5 - validation["float32", n]) ^ 2
        speed[$1] += $7
    }
    END {
        printf "%-9s %-10s %22s %12s  %s\n", "precision", "memory", "bits/byte - float32", "tokens/s", "products" >"/dev/stderr"
        printf "{\"suite\": \"precision\", \"processor\": \"%s\", \"genome\": \"%s\", \"results\": [", processor, genome
        for (i = 1; i <= precisions; i++) {
            p = order[i]
            n = count[p]
            mean = difference[p] / n
            error = n > 1 ? sqrt((squares[p] - n * mean ^ 2) / (n - 1) / n) : 0
            printf "%-9s %-10s %+10.4f +- %8.4f %12.0f  %s\n", p, memory[p], mean, error, speed[p] / n, products[p] >"/dev/stderr"
            printf "%s\n  {\"precision\": \"%s\", \"products\": \"%s\", \"memory\": \"%s\", \"tokens_per_s\": %.0f", \
                (i > 1 ? "," : ""), p, products[p], memory[p], speed[p] / n
            printf ", \"validation\": ["
            for (k = 1; k <= n; k++) printf "%s%s", (k > 1 ? ", " : ""), validation[p, k]
            printf "], \"test\": ["
            for (k = 1; k <= n; k++) printf "%s%s", (k > 1 ? ", " : ""), test[p, k]
            printf "]}"
        }
        printf "\n]}\n"
    }' table.txt
