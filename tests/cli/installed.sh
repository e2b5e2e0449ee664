# `cmake --install`, and a program of somebody else (installed.c) that uses the library: with the shared and with the
# static one, and in a locale that writes numbers with a comma.
. "$(dirname "$0")/lib.sh"
build=$3
prefix=$work/installed

expect 0 "Installing" cmake --install "$build" --prefix "$prefix"
library=$(dirname "$(find "$prefix" -name libstarcl.a)")
export PKG_CONFIG_PATH="$library/pkgconfig"

# Nothing but the interface shows: neither where a static library is linked nor where a shared one is loaded.
only_interface() {
    "$@" >names.txt || return 1
    grep ' [A-Z] ' names.txt | grep -v ' star_' | head -n 5 >others.txt
    cat others.txt
    [ "$(grep -c ' T star_' names.txt)" = "$(grep -c '^STAR_API' "$source/include/starcl/starcl.h")" ] &&
        ! [ -s others.txt ]
}
expect 0 "" only_interface nm -g --defined-only "$library/libstarcl.a"
expect 0 "" only_interface nm -D --defined-only "$library/libstarcl.so"

# A locale with a decimal comma, compiled here, so that none need be installed.
comma() {
    env LC_ALL=C "$@"
}
mkdir locales
if localedef -i de_DE -f UTF-8 "$work/locales/de_DE.UTF-8" >localedef.txt 2>&1; then
    comma() {
        env LOCPATH="$work/locales" LC_ALL=de_DE.UTF-8 "$@"
    }
    mark=,
else
    echo "skipped: a locale with a decimal comma; its sources are missing (Debian's package locales)"
    cat localedef.txt
    mark=.
fi

# The man page and the shells' completion.
page=$prefix/share/man/man1/starcl.1
for command in search show train evaluate doctor; do
    grep -q "^.SS starcl $command\$" "$page" || complain "the man page has no $command"
done
if command -v groff >/dev/null; then
    groff -man -Tutf8 -ww -z "$page" 2>warnings.txt || complain "groff does not take the man page"
    [ -s warnings.txt ] && complain "groff warns: $(cat warnings.txt)"
fi
completes() { # completes WORDS WORD...: the last of these words can become each of WORDS
    wanted=$1
    shift
    bash -c '. "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _starcl; echo "${COMPREPLY[*]}"' \
        "$prefix/share/bash-completion/completions/starcl" "$@" >completed.txt
    [ "$(cat completed.txt)" = "$wanted" ] || complain "$* completes to '$(cat completed.txt)', not '$wanted'"
}
completes "search" starcl sea
completes "space search show" starcl s
completes "--stride" starcl evaluate here --st
completes "" starcl evaluate he
for shell in zsh fish; do
    file=$prefix/share/zsh/site-functions/_starcl
    [ $shell = fish ] && file=$prefix/share/fish/vendor_completions.d/starcl.fish
    grep -q stride "$file" || complain "$shell completes no --stride"
    command -v $shell >/dev/null && expect 0 "" $shell -n "$file"
done

cp "$source/tests/cli/installed.c" .
flags="-std=c17 -D_GNU_SOURCE -Wall -Wextra -Werror"
# shellcheck disable=SC2046,SC2086
expect 0 "" cc $flags installed.c -o shared $(pkg-config --cflags --libs starcl) -lm
# shellcheck disable=SC2046,SC2086
expect 0 "" cc $flags installed.c -o static $(pkg-config --cflags starcl) -Wl,-Bstatic -L"$library" -lstarcl \
    -Wl,-Bdynamic $(pkg-config --static --libs starcl)
ldd static | grep -q libstarcl && complain "the program that should hold the library loads it"
run_program() {
    mkdir "$work/in-$1-$2" && cd "$work/in-$1-$2" || exit 1
    expect 0 "the library works; decimal point $3" "$2" env LD_LIBRARY_PATH="$library" "$work/$1" "$work/small.cfg"
    expect 0 "Pareto front" env LD_LIBRARY_PATH= "$prefix/bin/starcl" show api
    cd "$work" || exit 1
}
run_program shared env .
run_program static env .
run_program shared comma $mark
run_program static comma $mark
finish
