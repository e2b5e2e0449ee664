# The public interface under the sanitizers: installed.c, linked with the static library.
. "$(dirname "$0")/lib.sh"

expect 0 "the library works" "$3" small.cfg
expect 0 "Pareto front" "$starcl" show api
finish
