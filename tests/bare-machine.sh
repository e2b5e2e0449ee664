#!/bin/sh
# The two commands of the README, or the Debian package, on a machine that has nothing: a Debian root made by
# debootstrap (minbase) with a clean clone of this repository's HEAD, entered by chroot. Not part of the ordinary run: it
# needs root, debootstrap, a mirror, 4 GB of disk and up to an hour.
#
#   sh tests/bare-machine.sh [--root DIR] [--keep] [--avx2] [--suite NAME] [--only search|test|package [-- WORD...]]
#
# --root DIR      where the root goes; default a new folder in $TMPDIR or /tmp. One that was kept is used again, with
#                 the packages it has by now, and gets a new clone
# --keep          leave the root there afterwards
# --avx2          PoCL compiles as for a processor without AVX-512 (POCL_KERNELLIB_NAME=avx2)
# --suite NAME    the Debian release; default bookworm
# --only COMMAND  `./dev search configs/quickstart.cfg` or `./dev test` alone; words behind "--" are added to it, as in
#                 --only test -- -R base/base
#                 `package` only where it is named: what `cmake --build --preset package` has made is installed by apt,
#                 its man page shown, words completed in bash, and its quickstart searched, briefly
#
# It ends with 0 if every command that it ran did.
set -eu
source=$(cd "$(dirname "$0")/.." && pwd)
root=""
keep=false
kernel_library=""
suite=bookworm
commands="search test"

refuse() {
    echo "bare-machine: $*" >&2
    exit 2
}

while [ $# -gt 0 ]; do
    case "$1" in
    --root | --suite | --only)
        [ $# -ge 2 ] || refuse "$1 needs a value"
        case "$1" in
        --root) root=$2 ;;
        --suite) suite=$2 ;;
        --only) commands=$2 ;;
        esac
        shift
        ;;
    --keep) keep=true ;;
    --avx2) kernel_library=avx2 ;;
    --)
        shift
        break
        ;;
    *) refuse "what is '$1'? allowed: --root, --keep, --avx2, --suite, --only, and words behind --" ;;
    esac
    shift
done
case "$commands" in
search | test) ;;
package)
    package=$(find "$source/build/package/packages" -maxdepth 1 -name 'starcl_*.deb' 2>/dev/null | head -n 1)
    [ -n "$package" ] || refuse "there is no package: cmake --preset package, and cmake --build --preset package"
    ;;
"search test") [ $# = 0 ] || refuse "words behind -- belong to one command: say which with --only" ;;
*) refuse "--only is search, test or package, not '$commands'" ;;
esac
[ "$(id -u)" = 0 ] || refuse "only root can make a Debian root and enter it"
command -v debootstrap >/dev/null || refuse "debootstrap is missing: apt-get install debootstrap"

# The mirror that this machine's apt takes the suite from, in either notation of /etc/apt.
mirror_of() {
    for file in /etc/apt/sources.list.d/*.sources; do
        [ -e "$file" ] || continue
        awk -v suite="$1" 'BEGIN { RS = "" }
            { uri = ""; found = 0; lines = split($0, line, "\n")
              for (i = 1; i <= lines; i++) {
                  words = split(line[i], word, " ")
                  if (word[1] == "URIs:") uri = word[2]
                  if (word[1] == "Suites:") for (w = 2; w <= words; w++) if (word[w] == suite) found = 1
              }
              if (found && uri) print uri }' "$file"
    done
    for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
        [ -e "$file" ] || continue
        sed 's/\[[^]]*\]//' "$file" | awk -v suite="$1" '$1 == "deb" && $3 == suite { print $2 }'
    done
}
mirror=$(mirror_of "$suite" | head -n 1)
[ -n "$mirror" ] || refuse "no mirror for '$suite' in /etc/apt; --suite names a release that this machine's apt knows"

[ -n "$root" ] || root=$(mktemp -d "${TMPDIR:-/tmp}/bare-machine-XXXXXX")
mkdir -p "$root"
root=$(cd "$root" && pwd)
marker=$root/.starcl-bare-machine
[ -e "$marker" ] || [ -z "$(ls -A "$root")" ] || refuse "$root is not empty, and no root that this script kept"

unmount_all() {
    for folder in dev/shm dev/pts sys proc; do
        if grep -qF " $root/$folder " /proc/mounts; then
            umount "$root/$folder" || umount -l "$root/$folder"
        fi
    done
}

clean_up() {
    outcome=$?
    trap - EXIT INT TERM
    unmount_all
    if [ "$keep" = true ]; then
        echo "bare-machine: kept $root"
    elif grep -qF " $root/" /proc/mounts; then
        echo "bare-machine: something is still mounted below $root; it is left there" >&2
    else
        rm -rf --one-file-system "$root"
    fi
    exit "$outcome"
}
trap clean_up EXIT
trap 'exit 130' INT TERM

started=$(date +%s)
touch "$marker"
if [ ! -e "$root/etc/debian_version" ]; then
    if ! debootstrap --variant=minbase "$suite" "$root" "$mirror" >"$root.log" 2>&1; then
        cat "$root.log" >&2
        exit 1
    fi
    rm -f "$root.log"
fi
rm -rf "$root/starcl"
git clone --quiet --no-local "$source" "$root/starcl"
mount -t proc proc "$root/proc"
mount -t sysfs -o ro sysfs "$root/sys" # the driver counts processors there
mkdir -p "$root/dev/shm"
mount -t tmpfs tmpfs "$root/dev/shm"
mkdir -p "$root/dev/pts"
mount -t devpts -o ptmxmode=666 devpts "$root/dev/pts"
ln -sf pts/ptmx "$root/dev/ptmx"
echo "bare-machine: $suite from $mirror in $root after $(($(date +%s) - started)) s," \
    "starcl at $(git -C "$source" rev-parse --short HEAD)"
grep -m 1 'model name' /proc/cpuinfo
grep -qw avx512f /proc/cpuinfo && echo "with AVX-512${kernel_library:+; PoCL compiles for $kernel_library}"

# inside WORD...: the words as a command in the clone, with the environment of a person who has just logged in.
inside() {
    chroot "$root" /usr/bin/env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 \
        ${http_proxy:+http_proxy="$http_proxy"} ${https_proxy:+https_proxy="$https_proxy"} \
        ${kernel_library:+POCL_KERNELLIB_NAME="$kernel_library"} \
        /bin/sh -c 'cd /starcl && exec "$@"' sh "$@"
}

# What a person does with the package, as a script in the root.
cat >"$root/starcl/try-package.sh" <<'TEXT'
set -ex
export DEBIAN_FRONTEND=noninteractive
printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d # no server of dictionaries is started here
chmod +x /usr/sbin/policy-rc.d
apt-get update
apt-get install -y --reinstall "$1" man-db bash-completion
man starcl | grep -q "starcl search"
bash -c '. /usr/share/bash-completion/bash_completion; _completion_loader starcl
    COMP_WORDS=(starcl sea); COMP_CWORD=1; _starcl; [ "${COMPREPLY[*]}" = search ]'
cd /tmp
starcl --version
starcl doctor
shift
starcl search quickstart --set train.steps=20 --set train.warmup=4 --set search.population=4 \
    --set search.generations=2 --set search.final.keep=0 "$@"
TEXT

failed=""
for command in $commands; do
    case "$command" in
    search) set -- ./dev search configs/quickstart.cfg "$@" ;;
    test) set -- ./dev test "$@" ;;
    package)
        cp "$package" "$root/starcl/"
        set -- sh try-package.sh "/starcl/${package##*/}" "$@"
        ;;
    esac
    echo "bare-machine: $*"
    started=$(date +%s)
    outcome=0
    inside "$@" || outcome=$?
    [ "$outcome" = 0 ] || failed="$failed $command"
    echo "bare-machine: $command: exit $outcome after $(($(date +%s) - started)) s"
    set --
done
[ -z "$failed" ] || {
    echo "bare-machine: failed:$failed"
    exit 1
}
echo "bare-machine: all done"
