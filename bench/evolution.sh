#!/bin/sh
# What a search costs beside evaluating: every algorithm, 10,000 and 100,000 simulated evaluations, population 1,000.
# Called as: sh bench/evolution.sh build/release/tests/test_evolve_cost >bench/results/evolution.json
set -eu
program=$1
processor=$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -1)
printf '{"suite": "evolution", "processor": "%s", "results": [' "$processor"
comma=
for algorithm in random nsga2 nsga2-steady ga firefly ageing map-elites; do
    for evaluations in 10000 100000; do
        line=$("$program" "$algorithm" "$evaluations" 1000)
        echo "$line" >&2
        printf '%s\n  %s' "$comma" "$line"
        comma=,
    done
done
printf '\n]}\n'
