# What `cpack` makes: Debian packages that are complete, and an archive that works wherever it is unpacked.
. "$(dirname "$0")/lib.sh"
build=$3
version=$("$starcl" --version | sed -n '1s/^starcl //p')

expect 0 "generated" cpack --config "$build/CPackConfig.cmake" -B "$work/packages"
architecture=$(dpkg --print-architecture)
program=packages/starcl_${version}_$architecture.deb
library=packages/libstarcl${version%.*}_${version}_$architecture.deb
development=packages/libstarcl-dev_${version}_$architecture.deb

has() { # has PACKAGE PATH...: the package has files whose paths match these patterns
    package=$1
    shift
    dpkg-deb -c "$package" >files.txt || complain "$package cannot be read"
    for path in "$@"; do
        grep -q " \./$path\( -> .*\)\?\$" files.txt || complain "$package has no $path"
    done
}
says() { # says PACKAGE FIELD WORDS
    dpkg-deb -f "$1" "$2" | grep -qF -e "$3" || complain "$2 of $1 is '$(dpkg-deb -f "$1" "$2")', without '$3'"
}
has "$program" usr/bin/starcl usr/share/man/man1/starcl.1.gz usr/share/starcl/configs/hour/quality.cfg \
    usr/share/bash-completion/completions/starcl usr/share/zsh/vendor-completions/_starcl \
    usr/share/fish/vendor_completions.d/starcl.fish 'usr/share/doc/starcl/\(copyright\|changelog.gz\)'
grep -q "include\|libstarcl" files.txt && complain "the program's package has parts of the library"
has "$library" "usr/lib/.*libstarcl.so.${version%.*}" "usr/share/doc/libstarcl${version%.*}/copyright"
has "$development" usr/include/starcl/starcl.h 'usr/lib/.*libstarcl.a' 'usr/lib/.*libstarcl.so' \
    'usr/lib/.*pkgconfig/starcl.pc' usr/share/doc/libstarcl-dev/copyright
says "$program" Depends "pocl-opencl-icd | opencl-icd"
says "$program" Depends "libclblast1"
says "$program" Recommends "dict-gcide"
says "$library" Depends "libsqlite3-0"
says "$development" Depends "libstarcl${version%.*} (= $version)"
packages="$program $library $development"
if [ -e "$build/starcl-mpi.so" ]; then
    mpi=packages/starcl-mpi_${version}_$architecture.deb
    packages="$packages $mpi"
    has "$mpi" 'usr/lib/.*starcl/starcl-mpi.so' 'usr/share/doc/starcl-mpi/\(copyright\|changelog.gz\)'
    says "$mpi" Depends "starcl (= $version)"
    says "$mpi" Depends "mpi"
    dpkg-deb -e "$mpi" mpi-control
    [ -e mpi-control/postinst ] && complain "a script calls ldconfig for what is no library"
fi
dpkg-deb -f "$program" Depends | grep -q mpi && complain "the program needs MPI"
dpkg-deb -e "$library" control
grep -qx "libstarcl ${version%.*} libstarcl${version%.*} (>= $version)" control/shlibs || complain "shlibs is wrong"
grep -qx "activate-noawait ldconfig" control/triggers || complain "nothing tells ldconfig"
[ -e control/postinst ] && complain "a script calls ldconfig, too"
dpkg-deb -x "$program" root
nm root/usr/bin/starcl 2>&1 | grep -q "no symbols" || complain "the program is not stripped"
grep -q "Shaw" root/usr/share/doc/starcl/copyright || complain "the licence of Random123 is missing"
if command -v lintian >/dev/null; then
    # shellcheck disable=SC2086
    lintian --allow-root --fail-on error $packages >lintian.txt 2>&1 ||
        complain "lintian: $(cat lintian.txt)"
fi

# The archive, unpacked where nobody expected it, called from a folder that has no config.
mkdir -p "any where" elsewhere
tar -xzf "packages/starcl-$version-$(uname -s).tar.gz" -C "any where"
unpacked="$work/any where/starcl-$version-$(uname -s)"
cd elsewhere || exit 1
small="--set data.path=$source/host --set model.width=32 --set model.depth=3 --set model.context=32 --set train.steps=4
    --set train.batch=2 --set train.warmup=1 --set search.final.keep=0 --set search.population=4
    --set search.generations=1"
# shellcheck disable=SC2086
expect 0 "Pareto front" "$unpacked/bin/starcl" search quickstart $small --run quick
[ -e quick/run.db ] || complain "the installed config made no run"
expect 0 "invalid before repair" "$unpacked/bin/starcl" space --config hour/quality.cfg --children 5
expect 2 "there is no file hour/qualify, and no such config in $unpacked" "$unpacked/bin/starcl" search hour/qualify
expect 2 "baselines/lfm2, " "$unpacked/bin/starcl" show 11111 --config none
printf 'model = {\n    width = ;\n};\n' >quickstart # a file here comes first
# shellcheck disable=SC2086
expect 2 "quickstart:2: syntax error" "$unpacked/bin/starcl" search quickstart $small
finish
