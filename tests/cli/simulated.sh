# A whole search in oclgrind: the optimiser and everything between the operators, too.
. "$(dirname "$0")/lib.sh"

expect 0 "Pareto front" oclgrind --data-races --uniform-writes --log log.txt "$starcl" search small.cfg --run simulated \
    --set train.steps=2 --set train.batch=2 --set model.context=16 --set train.validation_batches=1 \
    --set search.population=2 --set search.generations=1
if [ -s log.txt ]; then
    complain "oclgrind reports"
    head -50 log.txt
fi
finish
