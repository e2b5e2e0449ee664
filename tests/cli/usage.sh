# What a person gets who mistypes, asks for help, or has the wrong files.
. "$(dirname "$0")/lib.sh"

expect 2 "starcl search" "$starcl"
expect 0 "starcl resume" "$starcl" --help
expect 0 "starcl 0." "$starcl" --version
for command in devices tune verify space search resume show train generate evaluate export doctor; do
    expect 0 "starcl $command" "$starcl" $command --help
done
expect 2 "did you mean search?" "$starcl" serach
expect 2 "there is no command 'xyzzy'" "$starcl" xyzzy
expect 2 "did you mean --device?" "$starcl" devices --devise=0
expect 2 "needs a value: --seed N" "$starcl" search small.cfg --seed
expect 2 "the option --json has no value" "$starcl" devices --json=yes
expect 2 "something is missing; the call is: starcl search CONFIG" "$starcl" search
expect 2 "too many words" "$starcl" search a b
expect 2 "--seed needs a whole number" "$starcl" search small.cfg --seed -1

# Configs.
expect 2 "cannot read none.cfg" "$starcl" search none.cfg
expect 2 "--set model.widht: unknown key, did you mean 'width'?" "$starcl" search small.cfg --set model.widht=64
expect 2 "write it as path=value" "$starcl" search small.cfg --set model.width
expect 2 "there is no file or folder /nowhere" "$starcl" search small.cfg --set data.path=/nowhere
expect 2 "no class \"SA-7\"; allowed: SA-1" "$starcl" search small.cfg --set 'model.classes=["SA-7"]'
echo "short" >short.txt
expect 2 "each part needs at least 33 (model.context + 1)" "$starcl" search small.cfg --set data.path=short.txt
printf 'model = {\n    width = ;\n};\n' >broken.cfg
expect 2 "broken.cfg:2: syntax error" "$starcl" search broken.cfg
expect 2 "no usable OpenCL device matches '9.9'" "$starcl" search small.cfg --device 9.9
expect 2 "did you mean 'catalogue'?" "$starcl" search small.cfg --set model.catalog=x
expect 2 "cannot read mine.cfg" "$starcl" search small.cfg --set model.catalogue=mine.cfg
expect 2 "--set search.population: 1 is out of range" "$starcl" search small.cfg --set search.population=1
expect 2 "search.generations: 4000 x 100000 are 400000000 individuals" "$starcl" search small.cfg \
    --set search.population=4000 --set search.generations=100000
[ -e runs ] && complain "a refused search left a run folder behind"

# What STARCL_DEVICE chose belongs to the run.
expect 0 "Pareto front" env STARCL_DEVICE=cpu "$starcl" search small.cfg --run chosen --set search.generations=1
grep -q 'device = "cpu";' chosen/config.cfg || complain "the choice of STARCL_DEVICE is not in the run's config"

# Genomes.
expect 0 "ends" "$starcl" show 11111-81111
expect 0 "SA-1" "$starcl" show '11111-81111~22|1:2212.B1331.C1331.V1335'
expect 2 "has no use for the feature A" "$starcl" show '11111|1:2122.A1331.B1331.C1331.V1331'
expect 0 "features B and V from LIV 1" "$starcl" show 11112-41111-11112 --set model.width=64
expect 0 '"cache_bytes"' "$starcl" show 11111-41111 --json --config small.cfg
expect 2 "position 3: a gene is a number" "$starcl" show 11x11
expect 2 "class 29 is not in use" "$starcl" show 29.1.1.1.1
expect 2 "shares, but no other LIV" "$starcl" show 11211-41111
expect 2 "not the folder of a run, and not a genome" "$starcl" show runs/none
expect 2 "is not a run: it has no run.db" "$starcl" show .
expect 2 "is not a run" "$starcl" resume runs/none
expect 2 "is not a run" "$starcl" show nothing:3

# The search space.
expect 0 "Different backbones of 6 LIVs" "$starcl" space
expect 0 '"operator_featurizer_pairs"' "$starcl" space --json --set model.depth=3
sed 's/nonlinearity = "softmax"; channel_mixing = "grouped"/nonlinearity = "softmax"; channel_mixing = "diagonal"/' \
    "$source/configs/catalogue.cfg" >broken-catalogue.cfg
expect 2 "token_mixing low-rank allows channel_mixing grouped, dense, not diagonal" "$starcl" space \
    --catalogue broken-catalogue.cfg

# How many children are invalid before repair.
expect 0 "invalid before repair, of 200 each" "$starcl" space --children 200 --config "$source/configs/quickstart.cfg"
expect 0 '"constrained":' "$starcl" space --children 20 --json --set 'search.levels=["all"]'
expect 2 "children needs a whole number from 1 to 10000000, not 'many'" "$starcl" space --children many
expect 2 "children needs a whole number from 1" "$starcl" space --children 0

# Training and generating.
expect 2 "--out DIR is missing" "$starcl" train 11111 --config small.cfg
expect 2 "model.pattern is empty" "$starcl" train --config small.cfg --out t
expect 2 "data.path is missing" "$starcl" train 11111 --out t
expect 2 "is not a folder that starcl train made" "$starcl" train --resume --out nothing
expect 2 "leave genome" "$starcl" train 11111 --resume --out nothing
expect 2 "nothing is neither a folder" "$starcl" generate nothing
expect 0 "--stride N" "$starcl" help evaluate
expect 0 "Exit codes" "$starcl" help
expect 0 ".TH STARCL 1" "$starcl" help man
expect 2 "starcl help has man, bash, zsh and fish, not 'sh'" "$starcl" help sh
expect 2 "--on is missing" "$starcl" evaluate .
expect 2 "--stride needs a whole number" "$starcl" evaluate . --on . --stride 0
expect 2 "--bytes needs a whole number" "$starcl" evaluate . --on . --bytes 1.5
expect 2 "--temperature needs a number" "$starcl" generate . --temperature warm
expect 2 "--weights is auto, float32 or float16" "$starcl" generate . --weights float8
expect 2 "there is no file ./weights.safetensors" "$starcl" generate .
[ -e t ] && complain "a refused training left a folder behind"

# Devices.
expect 0 "would be used" "$starcl" devices
expect 0 '"chosen"' "$starcl" devices --json
expect 0 '"tuned"' "$starcl" devices --json
expect 2 "--seconds needs a whole number from 1 to 150, not '0'" "$starcl" tune --seconds 0
expect 2 "did you mean --seconds?" "$starcl" tune --second 5
expect 2 "no usable OpenCL device matches '9.9'" "$starcl" tune --device 9.9
mkdir no-vendors
expect 1 "apt-get install pocl-opencl-icd" env OCL_ICD_VENDORS="$work/no-vendors/" "$starcl" devices
expect 1 "no OpenCL platform" env OCL_ICD_VENDORS="$work/no-vendors/" "$starcl" search small.cfg
finish
