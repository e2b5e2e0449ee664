# Checkpoints from anyone: what `starcl generate` cannot run is refused with words, not run.
. "$(dirname "$0")/lib.sh"

expect 0 "" "$starcl" train 81111 --config small.cfg --out trained --set train.steps=2
expect 0 "" "$starcl" generate trained --tokens 5

# spoil WORDS SED: generate refuses architecture.json after this change.
spoil() {
    rm -rf spoiled
    cp -r trained spoiled
    sed "$2" trained/architecture.json >spoiled/architecture.json
    cmp -s trained/architecture.json spoiled/architecture.json && complain "nothing changed: $2"
    expect 1 "$1" "$starcl" generate spoiled --tokens 5
}

spoil "(embedding): the table has 100 rows, but tokens are bytes and need 256" 's/"shape":\[256,32\]/"shape":[100,32]/'
spoil "the logits have 300 columns" 's/"shape":\[32,256\]/"shape":[32,300]/'
spoil "the tokens and the targets are one value" 's/"targets":[0-9]*/"targets":0/'
spoil "the nonlinearity is not known" 's/"nonlinearity":[0-9][0-9]*/"nonlinearity":9/'
spoil "is not JSON" 's/}$//'

# Weights of another shape, and weights that were cut off.
rm -rf spoiled
cp -r trained spoiled
head -c 20000 trained/weights.safetensors >spoiled/weights.safetensors
expect 1 "does not lie in the file as its shape says" "$starcl" generate spoiled --tokens 5
finish
