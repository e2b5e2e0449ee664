# The helper script: words mean what they mean where the caller stands, and a compiler's warnings stop nobody but us.
. "$(dirname "$0")/lib.sh"

# A repository that is built and complete, so that dev only calls: cmake and dpkg-query here write down how they were
# called and succeed.
mkdir -p "re po/build/release" tools elsewhere
cp "$source/dev" "re po/dev"
ln -s "$starcl" "re po/build/release/starcl"
for tool in cmake dpkg-query; do
    printf '#!/bin/sh\necho "$(pwd): %s $*" >>"%s/calls.txt"\necho "install ok installed"\n' $tool "$work" >tools/$tool
    chmod +x tools/$tool
done
PATH=$work/tools:$PATH
cp small.cfg elsewhere/my.cfg
cp small.cfg "re po/own.cfg"
unset STARCL_WARNINGS_ARE_ERRORS

cd elsewhere || exit 1
expect 0 "Pareto front" "../re po/dev" search my.cfg --run out --set search.generations=1
[ -f out/run.db ] || complain "the run is not where the caller stands"
[ -e "../re po/out" ] && complain "the run is in the repository"
expect 0 "Pareto front" "../re po/dev" show out
expect 2 "cannot read own.cfg" "../re po/dev" search own.cfg
grep -qxF "$work/re po: cmake --preset release -DSTARCL_WARNINGS_ARE_ERRORS=OFF" "$work/calls.txt" ||
    complain "dev configures otherwise: $(cat "$work/calls.txt")"
grep -q "$work/elsewhere: cmake" "$work/calls.txt" && complain "dev configures where the caller stands"
ln -s "../re po/dev" linked
expect 0 "Pareto front" ./linked show out
cd "../re po" || exit 1
expect 0 "candidates" ./dev search own.cfg --set search.generations=1
[ -f runs/small-001/run.db ] || complain "called inside, the run is not in runs/"
STARCL_WARNINGS_ARE_ERRORS=ON ./dev show runs/small-001 >out.txt 2>&1
grep -qF -e "-DSTARCL_WARNINGS_ARE_ERRORS=ON" "$work/calls.txt" || complain "warnings cannot be made errors"
PATH=${PATH#*:}
cd "$work" || exit 1

# A compiler that warns of something it did not warn us of. -Wpadded does, in host/base/memory.c.
warning_build() {
    CFLAGS=-Wpadded cmake -G "Unix Makefiles" -S "$source" -B "$work/$1" -DBUILD_TESTING=OFF $2 >/dev/null &&
        make -C "$work/$1" host/base/memory.c.o
}
expect 0 "[-Wpadded]" warning_build tolerant ""
expect 2 "[-Werror=padded]" warning_build strict -DSTARCL_WARNINGS_ARE_ERRORS=ON
finish
