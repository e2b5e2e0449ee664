# Measuring, and comparing what was measured.
. "$(dirname "$0")/lib.sh"

quick="--seconds 0.01 --quiet"
expect 2 "there is no suite 'gem'; suites: gemm, ops, train, decode, context, portability" "$starcl" bench gem
expect 2 "the call is: starcl bench" "$starcl" bench
expect 2 "--seconds needs a number above 0, not 'x'" "$starcl" bench gemm --seconds x
expect 2 "the suite gemm has no workload 'y'" "$starcl" bench gemm --only y --seconds 0.01
expect 2 "'more' is too much" "$starcl" bench gemm more
expect 2 "one --device" "$starcl" bench gemm --device cpu --device cpu

# shellcheck disable=SC2086
expect 0 "GFLOP/s" "$starcl" bench gemm --only "4096x256x256 nn" $quick --out gemm.json
for word in '"suite":' '"device":' '"driver":' '"read_gbytes":' '"efficiency":' '"4096x256x256 nn"'; do
    grep -qF "$word" gemm.json || complain "gemm.json has no $word"
done
# shellcheck disable=SC2086
expect 0 '"unit":	"GFLOP/s"' "$starcl" bench gemm --only "4096x256x256 nn" $quick --json
# shellcheck disable=SC2086
expect 0 "tokens/s" "$starcl" bench decode --only mixed-768 $quick --save models
for file in architecture.json weights.safetensors; do
    [ -s models/mixed-768/$file ] || complain "models/mixed-768/$file is missing"
done

# shellcheck disable=SC2086
expect 1 "workloads that failed: 1" "$starcl" bench decode --only mixed-768 $quick --save /proc/none
grep -qF "failed: cannot make the folder /proc/none" out.txt || complain "the failed workload does not say why"

# The harmonic mean of 50 % and 25 % is a third; a device that lacks or fails a workload makes it 0.
device() {
    printf '{"device":"%s","driver":"1","peaks":{"gflops":100,"read_gbytes":10},"results":[' "$1"
    printf '{"suite":"train","name":"m","value":1,"unit":"tokens/s","efficiency":%s},' "$2"
    printf '{"suite":"gemm","name":"a","value":1,"unit":"GFLOP/s","efficiency":%s},' "$3"
    printf '{"suite":"gemm","name":"b","value":1,"unit":"GFLOP/s","efficiency":%s}]}' "$4"
}
device A 0.5 0.2 0.3 >a.json
{ printf '{"suite":"portability","devices":['; device B 0.25 0.4 0; printf ']}'; } >b.json
expect 0 "train m                               50.0    25.0         33.3" "$starcl" bench portability --compare a.json b.json
expect 0 "gemm                                  24.0     0.0          0.0" "$starcl" bench portability --compare a.json b.json
expect 0 "train m                               50.0         50.0" "$starcl" bench portability --compare a.json
echo '{"device": 1' >damaged.json
expect 2 "damaged.json holds no results of" "$starcl" bench portability --compare a.json damaged.json
expect 1 "nothing.json" "$starcl" bench portability --compare nothing.json
finish
