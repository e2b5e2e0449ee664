# What stands in the way, one by one: starcl doctor names it and what to do, and fails; what does no harm it only notes.
. "$(dirname "$0")/lib.sh"
layer=$3

if "$starcl" doctor | grep -q "^problem *permission"; then
    echo "skipped: this machine has a GPU that this user may not open, which is a problem of its own"
    exit 0
fi
expect 0 "Nothing stands in the way." "$starcl" doctor
grep -q "^good *driver" out.txt && grep -q "^good *choice" out.txt || complain "no driver or no choice"
expect 0 '"subject":	"device"' "$starcl" doctor --json

# No driver; one that is not there, beside one that is; files that name nothing.
mkdir none broken
expect 1 "no OpenCL driver is registered in $work/none" env OCL_ICD_VENDORS="$work/none" "$starcl" doctor
grep -q "apt-get install pocl-opencl-icd" out.txt || complain "no driver to install is named"
cp /etc/OpenCL/vendors/*.icd broken
echo libnowhere.so.1 >broken/nowhere.icd
: >broken/empty.icd
expect 1 "nowhere.icd: libnowhere.so.1 cannot be loaded: " env OCL_ICD_VENDORS="$work/broken" "$starcl" doctor
grep -q "empty.icd: its library cannot be loaded: it names no library" out.txt || complain "the empty file is not named"
grep -q "^good *device" out.txt || complain "the good driver's device is missing"
[ "$(grep -c '^problem' out.txt)" = 2 ] || complain "not two problems"

# Little memory and no float64 are said, and are no problem. A device that cannot be opened is one.
expect 0 "has little memory, 256 MiB" env OPENCL_LAYERS="$layer" SMALL_DEVICE=1 "$starcl" doctor
grep -q "has no double precision" out.txt || complain "float64 is not mentioned"
grep -q "kernels need none" out.txt || complain "what to do about float64 is not said"
expect 1 "cannot be opened" env OPENCL_LAYERS="$layer" FAIL_FROM=0 FAIL_FOREVER=1 "$starcl" doctor
expect 1 "Change or unset STARCL_DEVICE" env STARCL_DEVICE=nowhere "$starcl" doctor

# A cache that cannot be written; kernels of a device that is gone.
expect 1 "kernels cannot be kept" env XDG_CACHE_HOME=/proc/nowhere "$starcl" doctor
grep -q "set XDG_CACHE_HOME" out.txt || complain "what to do about the cache is not said"
mkdir -p caches/starcl/programs
echo "of an older version" >caches/starcl/programs/gemm-0.bin
expect 0 "1 of them, 20 B, are stale" env XDG_CACHE_HOME="$work/caches" "$starcl" doctor
grep -q "rm -r \"$work/caches/starcl/programs\"" out.txt || complain "how to remove them is not said"

# Runs: one that nobody works in, one that a process holds, a training, a damaged one, and what is none.
expect 0 "" "$starcl" search small.cfg --run run --quiet --set search.generations=1
expect 0 "run is a run, and no process works in it" "$starcl" doctor run
grep -q "starcl resume run" out.txt || complain "how to go on is not said"
flock -F run/lock sleep 30 &
holder=$!
while flock -n run/lock true; do sleep 0.1; done
expect 1 "another starcl is working in run" "$starcl" doctor run
grep -q "fuser run/lock" out.txt || complain "who holds it is not said"
kill "$holder"
cp -r run damaged
echo "not a database, but long enough to be looked at as one" >damaged/run.db
expect 1 "damaged cannot be read" "$starcl" doctor damaged
expect 0 "" "$starcl" train 41111 --config small.cfg --out trained --quiet
expect 0 "trained is a folder that starcl train made, and no process works in it" "$starcl" doctor trained
expect 1 "nothing is neither a run nor a training" "$starcl" doctor run nothing
grep -q "^good *run" out.txt || complain "the good run is missing"
finish
