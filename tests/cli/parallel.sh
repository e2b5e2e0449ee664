# One training by several processes under MPI: the bits of one process that trains the same parts, whoever has them;
# what is unlike is refused before anything is written; a rank that is killed, Ctrl-C, resumes; devices; other hosts.
. "$(dirname "$0")/lib.sh"

# Started by a launcher without the module, and by one that starts one process.
mkdir bare
ln "$starcl" bare/starcl 2>/dev/null || cp "$starcl" bare/starcl
expect 1 "starcl-mpi.so that connects them is not there" env OMPI_COMM_WORLD_SIZE=2 OMPI_COMM_WORLD_RANK=0 \
    bare/starcl train 11111 --config small.cfg --out nothing
[ -e nothing ] && complain "a process without ranks trained alone"
expect 0 "after 12 steps" env OMPI_COMM_WORLD_SIZE=1 bare/starcl train 11111 --config small.cfg --out lonely
ldd "$starcl" | grep -i -e libmpi -e starcl-mpi && complain "starcl is linked with MPI"

if ! [ -e "$(dirname "$starcl")/starcl-mpi.so" ] || ! command -v mpirun >/dev/null; then
    [ "$failures" = 0 ] || exit 1
    echo "skipped: the rest; there is no MPI here (Debian's packages libopenmpi-dev and openmpi-bin)"
    exit 77
fi

# The machine may have fewer cores than there are ranks, and its user may be root. What MPI leaks is not ours.
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_rmaps_base_oversubscribe=1
export OMPI_MCA_hwloc_base_binding_policy=none
export ASAN_OPTIONS="${ASAN_OPTIONS:-}:detect_leaks=0"
genome=11111-41111-61111
sed 's/steps = 12; batch = 4/steps = 50; batch = 8; checkpoint_steps = 20/' small.cfg >train.cfg
sed 's/steps = 50/steps = 100000/' train.cfg >endless.cfg
ranks() { # ranks N WORDS...
    count=$1
    shift
    mpirun -n "$count" "$starcl" "$@"
}
same_training() { # same_training A B: every file but the log, and in the log the losses
    for file in training.safetensors weights.safetensors config.cfg begun.json architecture.json; do
        cmp "$1/$file" "$2/$file" || complain "$file of $1 and $2 differ"
    done
    for one in "$1" "$2"; do
        sed -n 's/"time.*"event"/"event"/; /bits_per_byte/p' "$one/log.jsonl" >"$one.losses"
    done
    cmp "$1.losses" "$2.losses" || complain "the losses of $1 and $2 differ"
}

# N ranks, and one process with N parts.
expect 0 "after 50 steps" "$starcl" train $genome --config train.cfg --out one-2 --set 'train.parts=[4, 4]'
expect 0 "rank 1 (process" ranks 2 train $genome --config train.cfg --out two-2
same_training one-2 two-2
[ "$(grep -c -e "after 50 steps" -e "^device" out.txt)" = 2 ] || complain "not one rank alone said what came of it"
grep -q '"ranks":\["' two-2/log.jsonl || complain "the log does not know the ranks"
grep -q "parts = \[4.0, 4.0\]" two-2/config.cfg || complain "the config does not know the parts"
# Parts of unlike sizes, which share their tokens; more parts than ranks; parts that memory cuts into pieces.
unequal='train.parts=[4, 2, 2]'
expect 0 "after 50 steps" "$starcl" train $genome --config train.cfg --out one-3 --set "$unequal"
expect 0 "4 sequences: rank 1" ranks 2 train $genome --config train.cfg --out two-3 --set "$unequal"
same_training one-3 two-3
expect 0 "after 50 steps" ranks 3 train $genome --config train.cfg --out three-3 --set "$unequal"
same_training one-3 three-3
small="--set devices.memory=4 --set train.batch=64 --set train.steps=4 --set train.warmup=1"
# shellcheck disable=SC2086
expect 0 "4 x 16 sequences" "$starcl" train $genome --config train.cfg --out one-small $small --set 'train.parts=[32, 32]'
# shellcheck disable=SC2086
expect 0 "2 x 16 of 64 sequences" ranks 2 train $genome --config train.cfg --out two-small $small
cmp one-small/training.safetensors two-small/training.safetensors || complain "pieces of parts differ"

# A gradient that travels in several buckets while the backward pass goes on, of LIVs that share weights.
shared=11211-81111-11211-82111-11211-83111
wide() { # wide FOLDER PARTS COMMAND...
    folder=$1 parts=$2
    shift 2
    expect 0 "after 8 steps" "$@" $shared --config train.cfg --out "$folder" --set "$parts" --set model.width=256 \
        --set model.head_channels=64 --set train.steps=8
}
wide wide-1 "$unequal" "$starcl" train
wide wide-2 "$unequal" ranks 2 train
wide wide-3 "$unequal" ranks 3 train
same_training wide-1 wide-2
same_training wide-1 wide-3
wide wide-1-of-4 'train.parts=[3, 2, 2, 1]' "$starcl" train
wide wide-2-of-4 'train.parts=[3, 2, 2, 1]' ranks 2 train
same_training wide-1-of-4 wide-2-of-4

# A state of ranks goes on in one process, and one of a process on ranks; its parts stay.
kill_at() { # kill_at SIGNAL WHOM FOLDER WORDS...: when the second state is there; whom: a pattern of "ranks" lines
    signal=$1 whom=$2 folder=$3
    shift 3
    "$@" --out "$folder" >"$folder.txt" 2>&1 &
    launcher=$!
    for _ in $(seq 600); do
        sleep 0.1
        [ "$(grep -cs evaluated "$folder/log.jsonl")" -ge 2 ] 2>/dev/null && break
    done
    victim=$launcher
    [ "$whom" = launcher ] || victim=$(sed -n "s/.*$whom (process \([0-9]*\) on.*/\1/p" "$folder.txt")
    kill "-$signal" "$victim"
    wait $launcher
    got=$?
}
says() { # says FILE WORDS
    grep -qF -e "$2" "$1" || complain "no '$2' in: $(cat "$1")"
}
go_on() { # go_on FOLDER COPY COMMAND...: some steps beyond the last state, in a copy
    folder=$1 copy=$2
    shift 2
    cp -r "$folder" "$copy"
    until=$(($(sed -n 's/.*"step":\([0-9]*\)}/\1/p' "$folder/log.jsonl" | tail -1) + 40))
    expect 0 "after $until steps" "$@" --resume --out "$copy" --set train.steps=$until
}
kill_at KILL "rank 1" killed mpirun -n 2 "$starcl" train $genome --config endless.cfg
[ "$got" != 0 ] || complain "a training whose rank was killed ended well"
says killed.txt "starcl: rank 1 (process $victim on"
says killed.txt "is gone: it was killed"
says killed.txt "Go on with:  mpirun -n 2 starcl train --resume --out killed"
go_on killed killed-1 "$starcl" train
go_on killed killed-2 ranks 2 train
same_training killed-1 killed-2
kill_at KILL "rank 0" first mpirun -n 2 "$starcl" train $genome --config endless.cfg
says first.txt "starcl: rank 0 (process $victim on"
go_on first first-2 ranks 2 train
kill_at KILL "rank 1" wide-killed mpirun -n 2 "$starcl" train $shared --config endless.cfg --set model.width=256 \
    --set model.head_channels=64 --set train.checkpoint_steps=4
says wide-killed.txt "starcl: rank 1 (process $victim on"
go_on wide-killed wide-killed-1 "$starcl" train
go_on wide-killed wide-killed-2 ranks 2 train
same_training wide-killed-1 wide-killed-2
kill_at INT launcher stopped mpirun -n 2 "$starcl" train $genome --config endless.cfg
says stopped.txt "interrupted; everything so far is kept. Go on with:  mpirun -n 2 starcl train --resume --out stopped"
says stopped/log.jsonl '"event":"interrupted"'
go_on stopped stopped-1 "$starcl" train
go_on stopped stopped-2 ranks 2 train
same_training stopped-1 stopped-2
# What began alone is cut into parts when ranks go on with it, which is said.
expect 0 "after 50 steps" "$starcl" train $genome --config train.cfg --out alone
expect 0 "note    a step has 2 parts from here on" ranks 2 train --resume --out alone --set train.steps=60
expect 0 "2 x 4 sequences" "$starcl" train --resume --out alone --set train.steps=70
expect 2 "train.parts has 2, and there are 3 ranks" ranks 3 train --resume --out alone --set train.steps=80
expect 0 "4 x 2 sequences" "$starcl" train --resume --out alone --set 'train.parts=[2, 2, 2, 2]' --set train.steps=80

# What is unlike, or wrong: one message, the exit code of its kind, and nothing is written.
pair() { # pair FIRST SECOND: one rank with these arguments, separated by blanks, and one with those
    # shellcheck disable=SC2086
    mpirun -n 1 "$starcl" train $genome --config train.cfg --out nothing $1 : \
        -n 1 "$starcl" train $genome --config train.cfg --out nothing $2
}
cp -r "$source/host" other-text
echo more >>other-text/base/text.c
expect 2 "its data $work/other-text is not what rank 0 has at " pair "" "--set data.path=other-text"
expect 2 "rank 1 (process" pair "" "--set data.path=no-text"
grep -q "there is no file or folder no-text" out.txt || complain "it does not say what is missing"
expect 2 "train.clip differ; give all ranks the same" pair "" "--set train.clip=0.5"
expect 2 "train.batch is 8 sequences, which 3 ranks cannot have equal parts of" \
    ranks 3 train $genome --config train.cfg --out nothing
expect 2 "train.parts: the parts are 7 sequences together" \
    ranks 2 train $genome --config train.cfg --out nothing --set 'train.parts=[4, 3]'
[ "$(grep -c "starcl:" out.txt)" = 1 ] || complain "both ranks complain of the same"
expect 2 "train.parts: 4.5 is no number of sequences" \
    "$starcl" train $genome --config train.cfg --out nothing --set 'train.parts=[4.5, 3.5]'
expect 2 "is not overwritten" ranks 2 train $genome --config train.cfg --out two-2
expect 2 "number 2 on a machine that has 1" ranks 2 train $genome --config train.cfg --out nothing --device all
[ -e nothing ] && complain "something was written before it was refused"

# Each rank its own device, of two; and devices that compute other last digits: what is kept is all that they have in
# common, so going on from it is what was never interrupted.
expect 0 "after 50 steps" env POCL_DEVICES="pthread pthread" mpirun -n 2 "$starcl" train $genome --config train.cfg \
    --out devices --device all
cmp one-2/weights.safetensors devices/weights.safetensors || complain "two devices of one kind differ from one"
expect 2 "rank 1 (process" mpirun -n 1 "$starcl" train --resume --out one-2 : \
    -n 1 -x STARCL_DEVICE=none-such "$starcl" train --resume --out one-2
grep -q "none-such" out.txt || complain "a resume does not ask every rank for its own device"
if grep -qs ' avx2' /proc/cpuinfo; then
    unlike() {
        mpirun -n 1 "$starcl" "$@" : -n 1 -x POCL_KERNELLIB_NAME=sse41 "$starcl" "$@"
    }
    expect 0 "after 50 steps" unlike train $genome --config train.cfg --out unlike
    cmp -s one-2/weights.safetensors unlike/weights.safetensors && complain "unlike devices compute alike"
    sed 's/steps = 50/steps = 300/' train.cfg >long.cfg
    expect 0 "after 300 steps" unlike train $genome --config long.cfg --out unlike-whole
    kill_at KILL "rank 1" unlike-killed unlike train $genome --config long.cfg
    [ "$(grep -c evaluated unlike-killed/log.jsonl)" -lt 16 ] || echo "note: training was over before it was killed"
    expect 0 "after 300 steps" unlike train --resume --out unlike-killed
    cmp unlike-whole/training.safetensors unlike-killed/training.safetensors ||
        complain "unlike devices that go on differ from those that were never interrupted"
fi

# Four ranks on four hosts, which are network namespaces of this machine, over TCP.
name=$$
cut_off() {
    for host in 1 2 3 4; do
        ip netns del "star-$name-$host" 2>/dev/null
    done
    ip link del "star$name" 2>/dev/null
}
connect() {
    ip link add "star$name" type bridge && ip link set "star$name" up || return 1
    for host in 1 2 3 4; do
        ip netns add "star-$name-$host" &&
            ip link add "st$name-$host" type veth peer name eth0 netns "star-$name-$host" &&
            ip link set "st$name-$host" master "star$name" up &&
            ip -n "star-$name-$host" addr add "10.77.0.$host/24" dev eth0 &&
            ip -n "star-$name-$host" link set eth0 up && ip -n "star-$name-$host" link set lo up || return 1
    done
}
trap 'cut_off; rm -rf "$work"' EXIT
if connect >connect.txt 2>&1; then
    # mpirun starts what is to run on another host by this instead of ssh.
    cat >agent.sh <<TEXT
#!/bin/sh
host=star-$name-\${1##*.}
shift
exec ip netns exec "\$host" unshare -u sh -c "hostname \$host; \$*"
TEXT
    chmod +x agent.sh
    hosts() {
        network=10.77.0.0/24
        ip netns exec "star-$name-1" unshare -u sh -c "hostname star-$name-1; exec \"\$@\"" sh \
            mpirun --mca plm_rsh_agent "$work/agent.sh" --mca btl tcp,self --mca btl_tcp_if_include $network \
            --mca oob_tcp_if_include $network --host 10.77.0.1,10.77.0.2,10.77.0.3,10.77.0.4 -n 4 "$@"
    }
    expect 0 "after 50 steps" "$starcl" train $genome --config train.cfg --out one-4 --set 'train.parts=[2, 2, 2, 2]'
    expect 0 "on star-$name-4) on" hosts "$starcl" train $genome --config train.cfg --out four-4
    same_training one-4 four-4
    wide wide-4-of-4 'train.parts=[3, 2, 2, 1]' hosts "$starcl" train
    same_training wide-1-of-4 wide-4-of-4
    kill_at KILL "rank 2" hosts-killed hosts "$starcl" train $genome --config endless.cfg
    says hosts-killed.txt "starcl: rank 2 (process $victim on star-$name-3) is gone"
    go_on hosts-killed hosts-1 "$starcl" train
    go_on hosts-killed hosts-4 hosts "$starcl" train
    same_training hosts-1 hosts-4
else
    echo "skipped: ranks on network namespaces, which cannot be made here: $(cat connect.txt)"
fi
finish
