# A search in the shape of GPUs, by a layer that calls the device one, and on rusticl where that is there: genomes of all
# levels are trained, kept and read for decoding, and come to what they come to in the device's own shape.
. "$(dirname "$0")/lib.sh"
layer=$3

search() { # search RUN SHAPE COMMAND...
    run=$1
    shape=$2
    shift 2
    expect 0 "$shape" "$@" devices
    expect 0 "Pareto front of $run (done)" "$@" search small.cfg --run "$run" --seed 3 --set 'search.levels=["all"]' \
        --set 'model.classes=[]' --set search.generations=1 --set search.population=6
    id=$("$starcl" show "$run" --json | sed -n 's/.*"id":[^0-9]*\([0-9]*\).*/\1/p' | head -n 1)
    expect 0 "int" "$@" generate "$run/checkpoints/$id.safetensors" --prompt "int" --tokens 8
}
losses() {
    sqlite3 -separator ' ' "$1/run.db" "SELECT c.id, c.genome, value FROM candidates c JOIN evaluations e
        ON e.genome = c.genome JOIN measurements ON evaluation = e.id AND metric = 'bits_per_byte' ORDER BY c.id"
}
# Up to 1e-6 was seen.
same_losses() {
    losses "$1" >losses-1.txt
    losses "$2" >losses-2.txt
    paste -d ' ' losses-1.txt losses-2.txt | awk '
        { distance = $3 - $6; if ($2 != $5 || !(distance < 1e-4 && distance > -1e-4)) { print; differ = 1 } }
        END { exit differ || NR != 6 }' || complain "$1 and $2 come to different losses"
}

search usual "one lane" "$starcl"
search lanes "64 lanes" env OPENCL_LAYERS="$layer" FAKE_GPU=1 "$starcl"
same_losses usual lanes

# What the driver leaks is not ours.
with_rusticl="sh $source/tests/rusticl.sh env ASAN_OPTIONS=${ASAN_OPTIONS:-}:detect_leaks=0"
if $with_rusticl true; then
    # shellcheck disable=SC2086
    search rusticl "64 lanes" $with_rusticl "$starcl"
    same_losses usual rusticl
fi
finish
