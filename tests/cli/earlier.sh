# A search that learns from earlier runs: from the first candidate, repeatably, also when those are gone; and which runs
# cannot teach it.
. "$(dirname "$0")/lib.sh"

# learn NAME ARGUMENTS...: a search with a surrogate and other arguments
learn() {
    run=$1
    shift
    "$starcl" search small.cfg --seed 5 --run "$run" --set search.surrogate.candidates=4 \
        --set search.surrogate.warmup=0 --set search.generations=2 --quiet "$@"
}

expect 0 "Pareto front" "$starcl" search small.cfg --seed 3 --run one --quiet
expect 0 "Pareto front" learn taught --set 'search.surrogate.runs=["one"]'
expect 0 "Pareto front" learn untaught
[ "$(sqlite3 taught/run.db 'SELECT count(DISTINCT place) FROM earlier')" = \
    "$(sqlite3 one/run.db 'SELECT count(*) FROM evaluations')" ] || complain "not every evaluation was read"
[ "$(sqlite3 taught/run.db 'SELECT min(candidate) FROM predictions')" = 1 ] ||
    complain "the first candidate was not predicted"
[ "$(sqlite3 untaught/run.db 'SELECT min(candidate) FROM predictions')" -gt 1 ] ||
    complain "something was predicted from nothing"
grep -qF "runs = [\"$(pwd -P)/one\"]" taught/config.cfg || complain "the run's config does not say what taught it"

# Equal when it goes on without the run that taught it, which is gone.
sqlite3 taught/run.db "UPDATE run SET value = 'interrupted' WHERE key = 'status'; DELETE FROM predictions;
    DELETE FROM measurements WHERE evaluation > 3; DELETE FROM evaluations WHERE id > 3"
expect 0 "Pareto front" learn again --set 'search.surrogate.runs=["one"]'
mv one gone
expect 0 "Pareto front" "$starcl" resume taught
same_front taught again
[ "$(sqlite3 taught/run.db 'SELECT * FROM predictions')" = "$(sqlite3 again/run.db 'SELECT * FROM predictions')" ] ||
    complain "predictions differ after resuming"

# refused WORDS ARGUMENTS...: exit 2, and nothing is written
refused() {
    words=$1
    shift
    expect 2 "$words" learn refused "$@"
    [ ! -e refused ] || complain "something was written for: $*"
}
refused "one is not a run" --set 'search.surrogate.runs=["one"]'
refused "gone cannot teach this search: model.width differ" --set 'search.surrogate.runs=["gone"]' \
    --set model.width=16
refused "gone cannot teach this search: train.batch differ" --set 'search.surrogate.runs=["gone"]' --set train.batch=2
refused "is of another space" --set 'search.surrogate.runs=["gone"]' --set 'model.classes=["SA-1", "Rec-1"]'
refused "is of another space" --set 'search.surrogate.runs=["gone"]' --set model.depth=4
refused "it has no evaluation with all of search.objectives" --set 'search.surrogate.runs=["gone"]' \
    --set 'search.objectives=["bits_per_byte", "decode_us"]'
cat "$source"/cl/*.cl >text.txt
refused "gone cannot teach this search: it was trained on another text" --set 'search.surrogate.runs=["gone"]' \
    --set data.path=text.txt
sed 's/kernel = 3/kernel = 5/' "$source/configs/catalogue.cfg" >mine.cfg
refused "it has another catalogue of LIV classes" --set 'search.surrogate.runs=["gone"]' --set model.catalogue=mine.cfg
refused "search.surrogate.candidates is 0; it needs 2 or more" --set 'search.surrogate.runs=["gone"]' \
    --set search.surrogate.candidates=0
# Shorter training is not another space.
expect 0 "Pareto front" learn shorter --set 'search.surrogate.runs=["gone"]' --set train.steps=6

finish
