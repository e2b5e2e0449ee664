#!/bin/sh
# What it gains that gradients travel while the backward pass still runs: seconds of a step of two ranks with a core
# each, by two builds of starcl in turn, which write the same weights; of one process with both cores; and of two ranks
# on network namespaces whose connection is as slow as RATE.
#
#     sh bench/overlap.sh STARCL BEFORE [ROUNDS [STEPS [RATE...]]]        prints JSON
#
# BEFORE is another starcl, with its starcl-mpi.so beside it, that sends when the pass is over. For namespaces one must
# be root. The width is 256, the depth 8 (attention and SwiGLU in turn), and a step is 16 x 256 tokens.
set -u
starcl=$(realpath "$1")
before=$(realpath "$2")
rounds=${3:-5}
steps=${4:-10}
[ $# -le 4 ] && set -- "" "" "" "" 200mbit 1gbit
shift 4
source=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d /tmp/starcl-overlap-XXXXXX)
name=$$
disconnect() {
    ip netns del "star-$name-1" 2>/dev/null
    ip netns del "star-$name-2" 2>/dev/null
}
trap 'disconnect; rm -rf "$work"' EXIT
cd "$work" || exit 1
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_rmaps_base_oversubscribe=1
export OMPI_MCA_hwloc_base_binding_policy=none
cat >overlap.cfg <<TEXT
run = { name = "overlap"; seed = 1; };
data = { path = "$source/host"; };
model = { width = 256; depth = 8; context = 256; head_channels = 64; };
train = { steps = $steps; batch = 16; warmup = 2; validation_batches = 1; };
TEXT
genome=11111-81111-12111-82111-13111-83111-14111-84111
# What mpirun starts: a rank with the core of its number, and what starts it on another host instead of ssh.
cat >rank.sh <<TEXT
#!/bin/sh
export POCL_MAX_PTHREAD_COUNT=1
exec taskset -c "\$OMPI_COMM_WORLD_RANK" "\$@"
TEXT
cat >agent.sh <<TEXT
#!/bin/sh
host=star-$name-\${1##*.}
shift
exec ip netns exec "\$host" unshare -u sh -c "hostname \$host; \$*"
TEXT
chmod +x rank.sh agent.sh
connect() { # connect RATE
    ip netns add "star-$name-1" && ip netns add "star-$name-2" &&
        ip link add eth0 netns "star-$name-1" type veth peer name eth0 netns "star-$name-2" || exit 1
    for host in 1 2; do
        ip -n "star-$name-$host" addr add "10.78.0.$host/24" dev eth0
        ip -n "star-$name-$host" link set eth0 up
        ip -n "star-$name-$host" link set lo up
        tc -n "star-$name-$host" qdisc add dev eth0 root tbf rate "$1" burst 128kb latency 5ms || exit 1
    done
}
here() {
    mpirun -n 2 "$work/rank.sh" "$@"
}
apart() {
    network=10.78.0.0/24
    ip netns exec "star-$name-1" unshare -u sh -c "hostname star-$name-1; exec \"\$@\"" sh \
        mpirun --mca plm_rsh_agent "$work/agent.sh" --mca btl tcp,self --mca btl_tcp_if_include $network \
        --mca oob_tcp_if_include $network --host 10.78.0.1,10.78.0.2 -n 2 "$work/rank.sh" "$@"
}
count=0
step() { # step LIST COMMAND...: adds the seconds of a step, without the first, to a list
    list=$1
    shift
    count=$((count + 1))
    "$@" train $genome --config overlap.cfg --out "out-$count" --set 'train.parts=[8, 8]' --quiet >out.txt 2>&1 || {
        cat out.txt >&2
        exit 1
    }
    sed -n 's/.*"tokens_per_second":\([0-9.]*\).*/\1/p' "out-$count/log.jsonl" |
        awk '{ printf "%.4f\n", 16 * 256 / $1 }' >>"$list.txt"
}
numbers() { # numbers FILE: its lines as a JSON list, in the order of size
    echo "[$(sort -n "$1.txt" | paste -sd, | sed 's/,/, /g')]"
}
median() {
    sort -n "$1.txt" | awk '{ all[NR] = $1 } END { print (all[int((NR + 1) / 2)] + all[int((NR + 2) / 2)]) / 2 }'
}
row() { # row WHERE NAME
    printf '  {"between": "%s", "before": %s, "overlap": %s, "medians": [%s, %s]}' "$1" "$(numbers "$2-before")" \
        "$(numbers "$2-overlap")" "$(median "$2-before")" "$(median "$2-overlap")"
}
pair() { # pair NAME HOW
    step "$1-before" "$2" "$before"
    step "$1-overlap" "$2" "$starcl"
}
step warm here "$starcl"
for _ in $(seq "$rounds"); do
    pair near here
    step one "$starcl"
done
for rate in "$@"; do
    connect "$rate"
    for _ in $(seq "$rounds"); do
        pair "far-$rate" apart
    done
    disconnect
done
for out in out-*; do
    cmp "$out/weights.safetensors" out-1/weights.safetensors >&2 || exit 1
done
echo "{\"steps\": $steps, \"processor\": \"$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)\","
echo " \"one_process_with_both_cores\": $(numbers one), \"rows\": ["
row "memory" near
for rate in "$@"; do
    echo ","
    row "$rate" "far-$rate"
done
echo "]}"
