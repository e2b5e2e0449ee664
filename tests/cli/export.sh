# An architecture and its weights for PyTorch: what is written, and that nothing is where it cannot be. That the module
# computes the same is compared by bench/peers/export.py.
. "$(dirname "$0")/lib.sh"

expect 0 "" "$starcl" train 11112-81111-11112 --config small.cfg --out trained --set train.steps=2
expect 0 "there/new/ has model.py and weights.safetensors" "$starcl" export trained --to pytorch -o there/new/
[ "$(cd there/new && echo *)" = "model.py weights.safetensors" ] || complain "the folder has $(ls there/new)"

# module WORDS: a line of the module has them.
module() {
    grep -qF -e "$1" there/new/model.py || complain "model.py has no '$1'"
}
module "    genome  11112-81111-11112"
module "class SA1Lending(nn.Module):"
module "class GMemless(nn.Module):"
module "h = self.liv2(h, B, V, past[2])"
module "def attend("
module "raise ValueError("
module "    main(load(Model()))"
grep -q -e "def scan" -e "def convolve" there/new/model.py && complain "model.py has operators that it does not need"
grep -E "^(import|from) " there/new/model.py |
    grep -vxE "import (argparse|json|sys|torch|torch.nn.functional as F)|from (pathlib import Path|torch import nn)" &&
    complain "model.py imports more than PyTorch"
head -c 4000 there/new/weights.safetensors | grep -q '"liv0.C_weight":{"dtype":"F32","shape":\[32,32\]' ||
    complain "the weights have not the module's names"
if command -v python3 >/dev/null; then
    python3 -c 'import sys; compile(open(sys.argv[1]).read(), sys.argv[1], "exec")' there/new/model.py ||
        complain "model.py is no Python"
fi

# A .safetensors file with its JSON beside it, and a file of an older starcl, which does not say its version.
cp trained/weights.safetensors 7.safetensors
sed 's/"version":1,//' trained/architecture.json >7.json
cmp -s 7.json trained/architecture.json && complain "architecture.json has no version"
expect 0 "" "$starcl" export 7.safetensors --to pytorch -o older
for file in model.py weights.safetensors; do
    cmp -s older/$file there/new/$file || complain "$file of the older checkpoint differs"
done

# Nothing is overwritten.
cp older/model.py kept.py
echo "mine" >file
mkdir empty
for there in older older/ file empty; do
    expect 2 "is there already" "$starcl" export trained --to pytorch -o $there
done
cmp -s older/model.py kept.py || complain "a folder that was there was written to"
[ "$(cat file)" = mine ] || complain "a file that was there was written to"

# What is asked for wrongly.
expect 2 "--to is missing" "$starcl" export trained -o wrong
expect 2 "--out is missing" "$starcl" export trained --to pytorch
expect 2 "--to knows no format 'onnx'; allowed: pytorch" "$starcl" export trained --to onnx -o wrong
expect 2 "did you mean pytorch?" "$starcl" export trained --to pytorhc -o wrong
expect 2 "the call is: starcl export CHECKPOINT --to pytorch -o DIR" "$starcl" export --to pytorch -o wrong
expect 2 "did you mean --out?" "$starcl" export trained --to pytorch --ot wrong
expect 2 "the name of the folder is empty" "$starcl" export trained --to pytorch -o ""
expect 2 "neither a folder with weights.safetensors" "$starcl" export nothing --to pytorch -o wrong

# Files that are not whole.
mkdir bare
cp trained/weights.safetensors bare
expect 2 "there is no architecture (JSON) beside" "$starcl" export bare --to pytorch -o wrong

# spoil WORDS SED: the export refuses architecture.json after this change.
spoil() {
    sed "$2" trained/architecture.json >bare/architecture.json
    cmp -s trained/architecture.json bare/architecture.json && complain "nothing changed: $2"
    expect 1 "$1" "$starcl" export bare --to pytorch -o wrong
}
spoil "it has version 2 of the format, and this starcl reads version 1" 's/"version":1/"version":2/'
expect 1 "it has version 2 of the format" "$starcl" generate bare
spoil "'version' must be a whole number" 's/"version":1/"version":"new"/'
spoil "is not JSON" 's/}$//'
spoil "there is no operator 'magic'" 's/"operator":"rms_norm"/"operator":"magic"/'
spoil "no tensor" 's/"liv.00.C.weight"/"liv.00.C.other"/'
cp trained/architecture.json bare
head -c 20000 trained/weights.safetensors >bare/weights.safetensors
expect 1 "does not lie in the file as its shape says" "$starcl" export bare --to pytorch -o wrong
printf 'short' >bare/weights.safetensors
expect 1 "bare/weights.safetensors" "$starcl" export bare --to pytorch -o wrong

# A place that cannot be written to, and weights that cannot be when half of the folder is there.
expect 1 "cannot make the folder" "$starcl" export trained --to pytorch -o /proc/none/new
(
    ulimit -f 20 # blocks of 512 or 1024 bytes: room for the module and not for the weights
    trap '' XFSZ
    failures=0
    expect 1 "cannot write" "$starcl" export trained --to pytorch -o wrong
    [ "$failures" = 0 ]
) || complain "where the disk is full"
[ -e wrong ] && complain "a refused export left its folder"
left=$(find . -name "*.new*" ! -path ./there/new ! -path "./there/new/*")
[ -z "$left" ] || complain "half-written folders are left: $left"
finish
