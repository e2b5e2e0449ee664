# `cmake --install`, and a program of somebody else that uses the library.
. "$(dirname "$0")/lib.sh"
build=$3

expect 0 "Installing" cmake --install "$build" --prefix "$work/installed"
PKG_CONFIG_PATH=$(dirname "$(find installed -name starcl.pc)")
export PKG_CONFIG_PATH
cp "$source/tests/cli/installed.c" .
# shellcheck disable=SC2046
expect 0 "" cc -Wall -Werror installed.c -o program $(pkg-config --cflags --libs starcl)
expect 0 "the library works" ./program small.cfg
expect 0 "Pareto front" installed/bin/starcl show api
finish
