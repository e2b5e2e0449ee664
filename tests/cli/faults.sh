# A disk that fails or is full: a clear error, or it goes on; and resumed on a good disk, the result is as without.
# FAULT_STRIDE=1 tries every write, fsync, rename and truncation that fails; the ordinary test is content with a sample.
. "$(dirname "$0")/lib.sh"
failing=$3
stride=${FAULT_STRIDE:-0}
trap 'umount "$work/disk" 2>/dev/null; rm -rf "$work"' EXIT

sed -i 's/steps = 12/steps = 6/; s/population = 4; generations = 3/population = 3; generations = 2/' small.cfg

# with_fault AT ERROR STAYS COMMAND...: what AT is is failing_writes.c's.
with_fault() {
    at=$1
    error=$2
    stays=$3
    shift 3
    env LD_PRELOAD="$failing" ASAN_OPTIONS=verify_asan_link_order=0 FAULT_FOLDER="$work/faulty" \
        FAULT_COUNT="$work/count" FAULT_AT="$at" FAULT_ERROR="$error" ${stays:+FAULT_STAYS=1} "$@" >out-fault.txt 2>&1
}

# A search and a training, and how they go on. $1 is start or resume.
search() {
    case $1 in
    start) echo search small.cfg --seed 5 --run faulty/run --quiet ;;
    resume) echo resume faulty/run --quiet ;;
    esac
}
train() {
    case $1 in
    start) echo train 11111-61111 --config small.cfg --out faulty/run --set train.checkpoint_steps=2 --quiet ;;
    resume) echo train --resume --out faulty/run --quiet ;;
    esac
}
# Is the result in faulty/run that of `whole`?
search_is_whole() {
    same_front whole-search faulty/run
    [ "$(sqlite3 faulty/run/run.db 'PRAGMA integrity_check')" = ok ] || complain "run.db is damaged"
    [ "$(sqlite3 faulty/run/run.db 'SELECT count(*) FROM generations')" = 6 ] || complain "survivors are missing"
    [ "$(sqlite3 faulty/run/run.db 'SELECT count(*) FROM evaluations')" = \
        "$(sqlite3 whole-search/run.db 'SELECT count(*) FROM evaluations')" ] || complain "evaluations are missing"
}
train_is_whole() {
    for file in weights.safetensors training.safetensors; do
        cmp -s whole-train/$file faulty/run/$file || complain "$file differs from that of an undisturbed training"
    done
}

# try KIND AT ERROR STAYS
try() {
    kind=$1
    shift
    what="$kind, fault $1, error $2${3:+, lasting}"
    rm -rf faulty
    mkdir faulty
    # shellcheck disable=SC2046
    with_fault "$1" "$2" "$3" "$starcl" $($kind start)
    got=$?
    case $got in
    0) outcome=went-on ;;
    1)
        outcome=failed
        grep -q "^starcl: .*faulty" out-fault.txt || {
            complain "the error names no file ($what)"
            cat out-fault.txt
        }
        ;;
    *)
        complain "exit $got ($what)"
        cat out-fault.txt
        ;;
    esac
    find faulty -name '*.new' | grep . && complain "something half made was left ($what)"
    if [ $got != 0 ]; then
        # Nothing of the name, or something that can be gone on with.
        next=start
        [ -e faulty/run ] && next=resume
        # shellcheck disable=SC2046
        "$starcl" $($kind $next) >out.txt 2>&1 || {
            complain "$next fails afterwards ($what)"
            cat out.txt
        }
    fi
    before=$failures
    "${kind}_is_whole"
    [ "$failures" = "$before" ] || echo "    ($what: $outcome)"
    grep -v '^{.*}$' faulty/run/log.jsonl && complain "log.jsonl has half a line ($what)"
    echo "$outcome" >>outcomes.txt
}

no_space=28
io_error=5
for kind in search train; do
    : >outcomes.txt
    rm -rf faulty
    mkdir faulty
    # shellcheck disable=SC2046
    with_fault 0 0 "" "$starcl" $($kind start) || complain "a $kind without a fault fails"
    cat out-fault.txt >out-$kind.txt
    mv faulty/run whole-$kind
    points=$(cat count)
    [ "$points" -gt 20 ] || complain "only $points writes were seen"
    step=$stride
    [ "$step" -gt 0 ] || step=$((points / 8 + 1))
    for at in $(seq 1 "$step" "$points"); do
        try "$kind" "$at" $no_space stays
        try "$kind" $((at + step / 2)) $io_error ""
    done
    told=$(grep -c failed outcomes.txt)
    echo "$kind: $points writes; $told faults told, $(grep -c went-on outcomes.txt) without harm"
    grep -q failed outcomes.txt || complain "no fault of the disk was told"
done

# A disk that is full in the middle.
fill() {
    dd if=/dev/zero of=disk/filler bs=4096 2>/dev/null
}
# wait_for_lines WORD COUNT FILE
wait_for_lines() {
    for _ in $(seq 200); do
        [ -e "$3" ] && [ "$(grep -c "$1" "$3")" -ge "$2" ] && return
        sleep 0.05
    done
    complain "$3 never had $2 lines of $1"
}
mkdir disk
if ! mount -t tmpfs -o size=24m tmpfs disk 2>mount.txt; then
    echo "note: a full disk was not tried: $(cat mount.txt)"
    finish
    exit
fi
sed -i 's/steps = 6/steps = 300/; s/population = 3; generations = 2/population = 4; generations = 3/' small.cfg
expect 0 "" "$starcl" search small.cfg --seed 5 --run undisturbed --quiet
"$starcl" search small.cfg --seed 5 --run disk/run >out-full.txt 2>&1 &
search=$!
wait_for_lines '"evaluated"' 3 disk/run/log.jsonl
fill
wait $search
[ $? = 1 ] || complain "a search on a full disk does not exit with 1"
grep "^starcl: " out-full.txt | tee full.txt
grep -q "^starcl: .*disk/run/.*\(full\|No space left\)" full.txt || complain "the full disk was not named"
grep -q "Go on with:  starcl resume disk/run" out-full.txt || complain "no line to resume with"
expect 1 "disk/run" "$starcl" resume disk/run
rm disk/filler
expect 0 "Pareto front of disk/run (done)" "$starcl" resume disk/run
same_front undisturbed disk/run

rm -rf disk/run
quick="--set train.steps=600 --set train.warmup=2 --set train.checkpoint_steps=50"
# shellcheck disable=SC2086
expect 0 "after 600 steps" "$starcl" train 11111-41111-61111 --config small.cfg --out whole $quick
# shellcheck disable=SC2086
"$starcl" train 11111-41111-61111 --config small.cfg --out disk/longer $quick >out-full.txt 2>&1 &
training=$!
wait_for_lines '"evaluated"' 3 disk/longer/log.jsonl
fill
wait $training
[ $? = 1 ] || complain "a training on a full disk does not exit with 1"
grep "^starcl: " out-full.txt | tee full.txt
grep -q "^starcl: .*disk/longer/.*No space left" full.txt || complain "the full disk was not named"
expect 1 "disk/longer" "$starcl" train --resume --out disk/longer
rm disk/filler
expect 0 "after 600 steps" "$starcl" train --resume --out disk/longer
for file in weights.safetensors training.safetensors; do
    cmp -s whole/$file disk/longer/$file || complain "$file of the resumed training differs"
done
finish
