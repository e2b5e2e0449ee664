# What the command-line tests share. Called as: sh test.sh STARCL SOURCE
set -u
starcl=$1
source=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
failures=0

# A search of seconds over the project's own sources.
cat >small.cfg <<TEXT
run = { name = "small"; };
data = { path = "$source/host"; };
model = {
    width = 32; depth = 3; context = 32; head_channels = 16;
    classes = [ "SA-1", "Rec-1", "GConv-1", "GMemless" ];
};
train = { steps = 12; batch = 4; warmup = 2; validation_batches = 2; learning_rate = 3e-3; };
search = { population = 4; generations = 3; };
TEXT

complain() {
    echo "FAILED: $*"
    failures=$((failures + 1))
}

# expect STATUS WORDS COMMAND...: the command's exit status, and words that its output holds.
expect() {
    expected=$1
    words=$2
    shift 2
    "$@" >out.txt 2>&1
    got=$?
    if [ "$got" != "$expected" ]; then
        complain "exit $got instead of $expected: $*"
        cat out.txt
    elif [ -n "$words" ] && ! grep -qF -e "$words" out.txt; then
        complain "no '$words' in the output of: $*"
        cat out.txt
    fi
}

# The front of a run without what may differ between two equal runs: its folder and measured speed.
front() {
    "$starcl" show "$1" --json | grep -v -e '"run"' -e _per_s -e _us
}

same_front() {
    front "$1" >front-1.txt
    front "$2" >front-2.txt
    if ! [ -s front-1.txt ] || ! cmp -s front-1.txt front-2.txt; then
        complain "the fronts of $1 and $2 differ"
        diff front-1.txt front-2.txt | head -20
    fi
}

# kill_when SQL RUN COMMAND...: the command, which makes the run, killed as soon as its database answers 1.
kill_when() {
    question=$1
    database=$2/run.db
    shift 2
    "$@" >/dev/null 2>&1 &
    search=$!
    until [ -s "$database" ] && [ "$(sqlite3 "$database" "$question" 2>/dev/null)" = 1 ]; do
        kill -0 "$search" 2>/dev/null || break
        sleep 0.02
    done
    kill -9 "$search" 2>/dev/null
    wait "$search" 2>/dev/null
}

finish() {
    [ "$failures" = 0 ] || exit 1
    echo "ok"
}
