# A search in oclgrind: the optimiser and everything between the operators, too; and decoding of every kind of memory.
. "$(dirname "$0")/lib.sh"

simulated() {
    oclgrind --data-races --uniform-writes --log log.txt "$starcl" "$@" || return $?
    [ ! -s log.txt ] || { echo "oclgrind reports"; head -50 log.txt; return 1; }
}

# The simulator cannot run kernels of two threads at once.
expect 0 "Pareto front" simulated search small.cfg --run simulated --set devices.build_ahead=false \
    --set train.steps=2 --set train.batch=2 --set model.context=16 --set train.validation_batches=1 \
    --set search.population=2 --set search.generations=1
expect 0 "" "$starcl" train 31111-41111-51111-61111-71111-81111 --config small.cfg --out trained \
    --set train.steps=1 --set train.warmup=0 --set model.depth=6
for weights in float32 float16; do
    expect 0 "int" simulated generate trained --prompt "int" --tokens 6 --weights $weights
done
finish
