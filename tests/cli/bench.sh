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
cp gemm.json kept.json
# shellcheck disable=SC2086
expect 2 "gemm.json exists already, and nothing is overwritten" "$starcl" bench gemm $quick --out gemm.json
grep -qF "GFLOP/s" out.txt && complain "bench measured before it refused"
# shellcheck disable=SC2086
expect 2 "there is no folder nowhere" "$starcl" bench gemm $quick --out nowhere/gemm.json
cmp -s gemm.json kept.json || complain "bench wrote over a file"
for word in '"suite":' '"device":' '"driver":' '"read_gbytes":' '"efficiency":' '"4096x256x256 nn"'; do
    grep -qF "$word" gemm.json || complain "gemm.json has no $word"
done
# shellcheck disable=SC2086
expect 0 '"unit":	"GFLOP/s"' "$starcl" bench gemm --only "4096x256x256 nn" $quick --json
# shellcheck disable=SC2086
expect 0 "tokens/s" "$starcl" bench decode --only mixed-768 $quick --save models
grep -q "estimate, at most on NVIDIA H100 SXM" out.txt || complain "the table has no estimates"
# shellcheck disable=SC2086
expect 0 '"gemv":' "$starcl" bench decode --only mixed-768 $quick --json
for word in '"launches":' '"copies":	0' '"bytes":' '"flops":' '"estimates":' '"device":	"AMD MI300X"' '"bound":	"memory"'; do
    grep -qF "$word" out.txt || complain "decoding has no $word"
done
for file in architecture.json weights.safetensors; do
    [ -s models/mixed-768/$file ] || complain "models/mixed-768/$file is missing"
done

expect 2 "nothing is trained in 'float8'; allowed: float32, tf32" "$starcl" bench train --precision float8
expect 2 "--precision is for the suites gemm and train" "$starcl" bench decode --precision bfloat16
# shellcheck disable=SC2086
expect 0 '"precision":	"bfloat16"' "$starcl" bench train --only mixed-256 $quick --precision bfloat16 --json
grep -q '"narrow_store":' out.txt || complain "what waits for the backward pass is not narrowed"
# shellcheck disable=SC2086
expect 0 '"follow_norm":' "$starcl" bench train --only mixed-256 $quick --precision float16 --json

# shellcheck disable=SC2086
expect 1 "workloads that failed: 1" "$starcl" bench decode --only mixed-768 $quick --save /proc/none
grep -qF "failed: cannot make the folder /proc/none" out.txt || complain "the failed workload does not say why"

# One device as several processors, each measured by a process of its own.
expect 2 "--targets: 'avx3' is no target; allowed: native, sse41, avx, avx2, avx512" "$starcl" bench gemm --targets native,avx3
expect 2 "'' is no target" "$starcl" bench gemm --targets native,
# shellcheck disable=SC2086
expect 2 "has no workload 'y'" "$starcl" bench gemm --only y $quick --targets native
if "$starcl" devices --json | grep -q '"platform":.*Portable Computing Language' && grep -q avx2 /proc/cpuinfo; then
    # shellcheck disable=SC2086
    expect 0 "target avx2, driver" "$starcl" bench gemm --only "4096x256x256 nn" $quick --targets native,avx2 --out targets.json
    [ "$(grep -c '"target":' targets.json)" = 2 ] || complain "not both targets are in the JSON"
    [ "$(grep '"device":' targets.json | sort -u | wc -l)" = 2 ] || complain "the driver was not told its target"
    # shellcheck disable=SC2086
    expect 0 '"target":	"avx2"' env STARCL_DEVICE=cpu "$starcl" bench gemm --only "4096x256x256 nn" $quick --targets avx2 --json
    # A process that dies is a device that fails everything.
    dying() { (ulimit -t 3 && exec "$starcl" bench gemm --seconds 60 --quiet --targets avx2 "$@"); }
    expect 1 "failed: its process was ended by signal" dying
    expect 1 '"error":	"its process was ended by signal' dying --json
fi

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

# What several calls measured on one platform is joined; two measurements of one workload stay apart.
decode_of_a='{"device":"A","driver":"1","peaks":{},"results":[
    {"suite":"decode","name":"m","value":2,"unit":"tokens/s","efficiency":0.75}]}'
echo "$decode_of_a" >more.json
expect 0 "decode m                              75.0         75.0" "$starcl" bench portability --compare a.json more.json
expect 0 "train m                               50.0    50.0         50.0" "$starcl" bench portability --compare a.json a.json

# Pictures: a page without anything from elsewhere, and a table for other programs. Nothing is overwritten.
expect 0 "portability" "$starcl" bench portability --compare a.json b.json --plot p.html --csv p.csv
cat >expected.csv <<'TEXT'
problem,application,platform,fom,arch eff,unit,of bound
starcl bench,"train m","A, driver 1",1.0,0.5,tokens/s,0.5
starcl bench,"train m","B, driver 1",1.0,0.25,tokens/s,0.25
starcl bench,"gemm","A, driver 1",1.0,0.24,GFLOP/s,0.24
starcl bench,"gemm","B, driver 1",,0.0,,0.0
TEXT
cmp -s p.csv expected.csv || complain "the table for other programs is: $(cat p.csv)"
sed 's|xmlns="[^"]*"||' p.html | grep -q 'http\|src=\|href=\|url(' && complain "the page needs something from elsewhere"
[ "$(grep -c '<rect .*\[1\]' p.html)" = 2 ] || complain "the first platform has not a step in both workloads"
[ "$(grep -c '<rect .*\[2\]' p.html)" = 1 ] || complain "a platform that did not run has a step"
grep -q '<td class="none">did not run</td><td><b>0.0</b>' p.html || complain "the page hides what did not run"
expect 2 "p.html exists already, and nothing is overwritten" "$starcl" bench portability --compare a.json --plot p.html
expect 2 "p.csv exists already" "$starcl" bench portability --plot q.html --csv p.csv
expect 2 "--plot shows platforms beside each other" "$starcl" bench gemm --plot q.html
[ -e q.html ] && complain "a refused call left a page behind"
cmp -s p.csv expected.csv || complain "the table was overwritten"

# The best platform comes first, shares above the bound are capped for other programs, and names are only names.
device '<b>&\"C' 1.5 0.5 0.5 >c.json
expect 0 "150.0" "$starcl" bench portability --compare a.json c.json a.json --plot r.html --csv r.csv
grep -q '^starcl bench,"train m","<b>&""C, driver 1",1.0,1.0,tokens/s,1.5$' r.csv || complain "not capped: $(cat r.csv)"
expect 0 "60.0" "$starcl" bench portability --compare a.json c.json a.json # what exceeds its bound counts as 100
expect 0 '"score":	0.6' "$starcl" bench portability --compare a.json c.json a.json --json
expect 0 '"score":	0.33333333333333331' "$starcl" bench portability --compare a.json b.json --json
grep -q '"A, driver 1 (3)"' r.csv || complain "two equal devices have one name"
grep -q '<b>&' r.html && complain "a device's name is part of the page's code"
[ "$(grep -o '<text[^>]*>\[[0-9]\]' r.html | sed 's/.*>//' | head -n 3 | tr -d '\n')" = "[2][1][3]" ] ||
    complain "the platforms are not in the order of their shares"
finish
