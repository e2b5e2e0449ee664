# Which devices a person may name, and parts of one.
. "$(dirname "$0")/lib.sh"
unset STARCL_DEVICE

expect 0 "would be used" "$starcl" devices
grep -q "units parts" out.txt || complain "the list does not say in how many parts a device can be split"
"$starcl" devices --json --device cpu >devices.json || complain "no JSON"
# How each family of kernels is laid out, in both forms alike.
for number in "attention chunk" "scan chunk" "convolution tile"; do
    family=${number% *} name=${number#* }
    words=$(sed -n "s/^  $family:.* $name \([0-9]*\).*/\1/p" out.txt)
    [ "${words:-0}" -gt 0 ] || complain "the list does not say the $name of $family"
    "$starcl" devices --json | tr -d ' \t\n' | grep -q "\"$family\":{[^}]*\"$name\":$words[,}]" ||
        complain "the JSON has no $name $words of $family"
done
parts=$(grep -A 30 '"type":.*"CPU"' devices.json | sed -n 's/.*"parts":[^0-9]*\([0-9]*\).*/\1/p' | head -1)
expect 2 "cannot be split" "$starcl" devices --device cpu/100000:1
if [ "${parts:-1}" -lt 2 ]; then
    echo "this machine's CPU cannot be split"
    finish
    exit
fi

# A part is marked as the device that it is of; a word that means several is none.
expect 0 "* part 2 of 2 would be used" "$starcl" devices --device cpu/2:2
[ "$(grep -c '^\*' out.txt)" = 2 ] || complain "not one device is marked"
expect 2 "has no part 3 of 2" "$starcl" devices --device cpu/2:3
expect 2 "name one of them" "$starcl" search small.cfg --device cpu/2
[ -e runs ] && complain "a refused search left a run folder behind"

# Where something was computed is kept, and what comes out is the same.
expect 0 "bits/byte" "$starcl" train 11111-41111 --config small.cfg --out whole --device cpu
expect 0 "bits/byte" "$starcl" train 11111-41111 --config small.cfg --out part --device cpu/2:2
cmp whole/weights.safetensors part/weights.safetensors || complain "a part computes something else"
grep -q "(part 2 of 2)" part/begun.json || complain "the folder does not say which part"
grep -q 'device = "cpu/2:2";' part/config.cfg || complain "the part is not in the run's config"

# --device takes the place of all that the config names.
expect 0 "Pareto front" "$starcl" search small.cfg --run one --set search.generations=1 \
    --set 'devices.use=["cpu/2"]' --device cpu
grep -q 'use = \[ *\];' one/config.cfg || complain "--device left devices.use as it was: $(grep use one/config.cfg)"
expect 2 "devices.use[1]: is empty" "$starcl" search small.cfg --set 'devices.use=["cpu", ""]'
finish
