#!/bin/sh
# Breaks the code on purpose, one line at a time, and sees the tests fail: sh tests/mutate.sh [options] [LIST...]
#
#   LIST          files of mutations; default tests/mutations/*.list
#   --only WORDS  mutations whose file, change or test holds these words
#   --keep DIR    the copy that is mutated; kept, so that a second call builds less. Default: a folder that is removed
#
# A list has paragraphs of four lines, "file PATH", "from TEXT", "to TEXT" and "test NAME": the text, which stands in
# one line of the file and nowhere else in it, is replaced, and the ctest of that name must fail (or not build). Lines
# that begin with # are comments. The working tree is not touched. Not part of the ordinary run: a mutation takes as
# long as its test.
set -u
source=$(cd "$(dirname "$0")/.." && pwd)
only=""
work=""
while [ $# -gt 0 ]; do
    case "$1" in
    --only) only=$2; shift 2 ;;
    --keep) work=$2; shift 2 ;;
    -*) echo "mutate.sh: there is no option $1" >&2; exit 2 ;;
    *) break ;;
    esac
done
[ $# -gt 0 ] || set -- "$source"/tests/mutations/*.list
if [ -z "$work" ]; then
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
fi
trap 'exit 130' INT TERM
mkdir -p "$work"

# The tree as it is, without what was built; files that are equal keep their time, so that little is built again.
(cd "$source" && git ls-files -co --exclude-standard) >"$work/files"
while read -r path; do
    [ -f "$source/$path" ] || continue
    mkdir -p "$work/tree/$(dirname "$path")"
    cmp -s "$source/$path" "$work/tree/$path" || cp -p "$source/$path" "$work/tree/$path"
done <"$work/files"
log="$work/log"

# prepare PRESET: builds the code as it is, once.
prepared=""
prepare() {
    build="$work/tree/build/$1"
    case "$prepared" in
    *" $1 "*) return ;;
    esac
    if ! (cd "$work/tree" && cmake --preset "$1" -DBUILD_TESTING=ON &&
        cmake --build --preset "$1" --parallel "$(nproc)") >"$log" 2>&1; then
        tail -20 "$log" >&2
        echo "mutate.sh: the code does not build as it is" >&2
        exit 1
    fi
    prepared="$prepared $1 "
}

# replace FILE FROM TO: in the one line that holds FROM; fails if there is none, or more.
replace() {
    FROM=$2 TO=$3 awk '
        BEGIN { from = ENVIRON["FROM"]; to = ENVIRON["TO"] }
        (place = index($0, from)) { count++; $0 = substr($0, 1, place - 1) to substr($0, place + length(from)) }
        { print }
        END { exit count != 1 }' "$1" >"$work/mutated"
}

# Most tests run with sanitizers; those that cannot bear them are in the release build alone (tests/CMakeLists.txt).
preset_of() {
    case "$1" in
    cli/installed | cli/packages | cli/simulated | *:oclgrind | *:rusticl) echo release ;;
    *) echo debug ;;
    esac
}

# What must be built for a test: its program, and where a script is the test, what scripts call.
build_for() {
    case "$1" in
    cli/*) cmake --build "$build" --parallel "$(nproc)" ;;
    *) cmake --build "$build" --parallel "$(nproc)" --target "test_$(echo "${1%%:*}" | tr / _)" ;;
    esac
}

caught=0
survived=0
try_mutation() {
    case "$file $from $to $test" in
    *"$only"*) ;;
    *) return ;;
    esac
    target="$work/tree/$file"
    if [ ! -f "$target" ] || ! replace "$target" "$from" "$to"; then
        echo "STALE    $file: '$from' is not in exactly one line"
        survived=$((survived + 1))
        return
    fi
    prepare "$(preset_of "$test")"
    cp -p "$target" "$work/original"
    cp "$work/mutated" "$target"
    if ! build_for "$test" >"$log" 2>&1; then
        outcome="caught  " # by the compiler
    elif timeout 900 ctest --test-dir "$build" -R "^$test\$" >"$log" 2>&1; then
        outcome=SURVIVED
    elif grep -q "No tests were found" "$log"; then
        outcome="NO TEST "
    else
        outcome="caught  "
    fi
    cp "$work/original" "$target" # a new time, so that it is built again
    [ "$outcome" = "caught  " ] && caught=$((caught + 1)) || survived=$((survived + 1))
    echo "$outcome $test  $file: $from  ->  $to"
}

for list in "$@"; do
    file=""
    while IFS= read -r line || [ -n "$line" ]; do
        case "$line" in
        "#"* | "") ;;
        "file "*) file=${line#file } from="" to="" test="" ;;
        "from "*) from=$(printf '%s' "${line#from }") ;;
        "to"*) to=$(printf '%s' "${line#to}" | sed 's/^ *//') ;;
        "test "*)
            test=${line#test }
            try_mutation </dev/null
            ;;
        *) echo "mutate.sh: $list: '$line' is no line of a mutation" >&2; exit 2 ;;
        esac
    done <"$list"
done
echo "$caught caught, $survived not"
[ "$survived" = 0 ]
