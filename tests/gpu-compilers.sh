#!/bin/sh
# Every kernel, in the shape of GPUs, by compilers for GPUs that need none: sh tests/gpu-compilers.sh SOURCE [TEST]
#
# TEST is test_device_shape, which tells what programs of that shape are built with; without it, the release build's.
#
# clang makes code for AMD's gfx942 and gfx1100 and for NVIDIA's sm_90 (of products in float16 for gfx90a and sm_80,
# too), with Debian's libclc as the built-in functions; where CUDA's ptxas is there, it assembles the latter. Where
# ocloc is there, it makes code for Intel's acm-g10; Debian has it in intel-opencl-icd, which is a driver, too, and can
# be unpacked with `dpkg -x` instead of being installed. A kernel whose arrays do not fit into registers has them in
# memory of each lane, which is slow: more than 256 bytes of that are a failure. So are registers with which a
# multiprocessor has less than half of the lanes that it can have, in kernels of attention and of scans:
#
#   sm_90     65,536 registers and 2,048 lanes a multiprocessor: 1,024 lanes have 64 registers each
#   gfx942    512 registers a lane of a SIMD and 8 wavefronts on it: 4 have 128 each
#   gfx1100   1,536 registers a lane of a SIMD and 16 wavefronts of 32 on it: 8 have 192 each
#
# Local memory sets a limit of its own, that of groups of 64 lanes: 16 of them, half of what sm_90 has, are
# 233,472 / 16 - 1,024 = 13,568 bytes each, and on gfx942, whose half is 16 as well, 4,096 of 65,536. It is said, and no
# failure: tiles of attention hold more on purpose, for what they hold is read often. Where products are to multiply
# matrices by an instruction, the code must have it. Ends with 77 where there is no such clang. Says what each kernel
# takes: registers, bytes of a lane's own memory, bytes of local memory.
set -u
source=$1
test=${2:-$source/build/release/tests/test_device_shape}
shape=$("$test" lanes) || { echo "there is no $test; build it, or name another"; exit 1; }
clang=$(command -v clang-19) || { echo "skipped: there is no clang-19"; exit 77; }
library=/usr/lib/clc
[ -f $library/nvptx64--nvidiacl.bc ] || { echo "skipped: there is no libclc-19"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# A program's text as host/device/program.c puts it together.
text() {
    cat "$source/include/starcl/constants.h" "$source/include/starcl/arguments.h"
    for name in vectors rows columns groups masks nonlinearities; do
        cat "$source/cl/common/$name.cl"
    done
    [ "$1" != gemm_tiles ] || cat "$source/cl/gpu/matrix_layouts.cl" "$source/cl/gpu/matrix_units.cl"
    if [ -f "$source/cl/gpu/$1.cl" ]; then cat "$source/cl/gpu/$1.cl"; else cat "$source/cl/$1.cl"; fi
}

# compile TRIPLE OPTIONS...: assembly of $work/program.cl
compile() {
    triple=$1
    shift
    # shellcheck disable=SC2086
    "$clang" -x cl -Xclang -finclude-default-header -O3 -Wno-linker-warnings -D__OPENCL_VERSION__=120 \
        $shape "$@" -target "$triple" -S -o "$work/assembly" "$work/program.cl"
}

# "kernel registers bytes local", a line each with - for what is not known, of an architecture and a program's options, which are words.
# shellcheck disable=SC2086
amd() {
    compile amdgcn-mesa-mesa3d -mcpu="$1" -Xclang -mlink-builtin-bitcode -Xclang "$library/$1-amdgcn-mesa-mesa3d.bc" \
        $2 || return 1
    awk '/-- Begin function/ { name = $NF } /^; NumVgprs:/ { registers = $3 } /^; ScratchSize:/ { bytes = $3 }
        /^; LDSByteSize:/ { print name, registers, bytes, $3 }' "$work/assembly"
}

# shellcheck disable=SC2086
nvidia() {
    compile nvptx64-nvidia-nvcl -Xclang -target-cpu -Xclang "$1" -Xclang -target-feature -Xclang +ptx78 \
        -Xclang -mlink-builtin-bitcode -Xclang $library/nvptx64--nvidiacl.bc $2 || return 1
    ptxas=$(command -v ptxas) || return 0
    "$ptxas" -v -arch="$1" -o "$work/binary" "$work/assembly" 2>"$work/ptxas" || { cat "$work/ptxas" >&2; return 1; }
    awk '/Function properties for/ { name = $NF } /bytes stack frame/ { bytes = $1 }
        / Used [0-9]+ registers/ {
            shared = 0
            for (i = 2; i <= NF; i++) {
                if ($i ~ /^registers/) registers = $(i - 1)
                if ($i ~ /^smem/) shared = $(i - 2)
            }
            print name, registers, bytes, shared
        }' "$work/ptxas"
}

# Private memory is counted a lane, and what is spilled a thread of simd_size lanes.
intel() {
    rm -rf "$work/intel"
    ocloc compile -device "$1" -file "$work/program.cl" -options "$shape $2" -out_dir "$work/intel" \
        -internal_options -cl-intel-allow-zebin >"$work/ocloc" || { cat "$work/ocloc" >&2; return 1; }
    LC_ALL=C grep -aE '^ *(- name|simd_size|kernels_misc_info|- type|size|is_simt_thread|per_thread_memory_buffers):' \
        "$work"/intel/*.bin | awk '
        function add() { bytes += a_lane ? size : size / lanes; size = a_lane = 0 }
        function put() { add(); if (name != "" && name !~ /^Intel_/) print name, "-", bytes, "-"; name = ""; bytes = buffers = 0 }
        /^  - name:/ { put(); name = $3; lanes = 1 }
        /kernels_misc_info/ { put(); exit }
        /simd_size/ { lanes = $2 }
        /per_thread_memory_buffers/ { buffers = 1 }
        buffers && /- type:/ { add() }
        buffers && $1 == "size:" { size = $2 }
        buffers && /is_simt_thread: *true/ { a_lane = 1 }
        END { put() }'
}
targets="gfx942 gfx1100 sm_90"
if command -v ocloc >/dev/null; then targets="$targets acm-g10"; else echo "left out: acm-g10, there is no ocloc"; fi
maker() {
    case "$1" in gfx*) echo amd ;; sm*) echo nvidia ;; *) echo intel ;; esac
}

# The most registers a lane of a target, of kernels whose names are those of attention and scans.
most_registers() {
    case "$2" in
    low_rank_* | chunk_* | carry_states | decay* | linear_attention_* | semiseparable_*) ;;
    *) echo 1000; return ;;
    esac
    case "$1" in sm_90) echo 64 ;; gfx942) echo 128 ;; gfx1100) echo 192 ;; *) echo 1000 ;; esac
}

failures=0
# judge PROGRAM [OPTIONS [KERNEL]]: all kernels of the program, or the one that is used with many lanes
judge() {
    text "$1" >"$work/program.cl"
    for target in $targets; do
        if ! "$(maker "$target")" "$target" "${2:-}" >"$work/kernels"; then
            echo "$1.cl ${2:-} does not compile for $target"
            failures=$((failures + 1))
        fi
        while read -r kernel registers bytes shared; do
            [ "${3:-$kernel}" = "$kernel" ] || continue
            verdict=good
            [ "$bytes" -le 256 ] || verdict="TOO MUCH MEMORY"
            [ "$registers" = - ] || [ "$registers" -le "$(most_registers "$target" "$kernel")" ] ||
                verdict="TOO MANY REGISTERS"
            [ "$verdict" = good ] || failures=$((failures + 1))
            printf '%-30s %-44s %-8s %4s registers %5s bytes %6s local  %s\n' "$kernel" "${2:-}" "$target" \
                "$registers" "$bytes" "$shared" "$verdict"
        done <"$work/kernels"
    done
}

# expect TARGET INSTRUCTION OPTIONS COUNT: that the code of products has the instruction so many times, in the assembly
# that is made of it where there are tools for that: NVIDIA's is HMMA there, and mma.sync elsewhere. Intel's compiler
# declares its functions where a driver says that the device has them; Debian's does not say so.
large="-DLANE_ROWS=1 -DACROSS=8 -DEACH_ROWS=8 -DEACH_COLUMNS=8 -DDEPTH=16 -DA_ACROSS=1 -DB_ACROSS=0 -DWHOLE=1"
large="$large -DPRODUCTS=1 -DSUMMED=0"
expect() {
    target=$1 instruction=$2 options="$large $3"
    text gemm_tiles >"$work/products.cl"
    for function in bf16_bf16_matrix_mad_k16 f16_f16_matrix_mad_k16; do
        for words in int8 short8; do
            [ "$(maker "$target")" != intel ] ||
                echo "float8 __attribute__((overloadable)) intel_sub_group_$function($words, int8, float8);"
        done
    done | cat - "$work/products.cl" >"$work/program.cl"
    rm -f "$work/binary"
    if ! "$(maker "$target")" "$target" "$options" >"$work/kernels"; then
        echo "cl/gpu/gemm_tiles.cl $options does not compile for $target"
        failures=$((failures + 1))
        return
    fi
    case $(maker "$target") in
    nvidia)
        if [ -f "$work/binary" ] && command -v cuobjdump >/dev/null && command -v nvdisasm >/dev/null; then
            cuobjdump -sass "$work/binary" >"$work/assembly"
        fi ;;
    intel)
        mkdir -p "$work/intel/text"
        ocloc disasm -file "$work"/intel/*.bin -device "$target" -dump "$work/intel/text/" >"$work/ocloc" 2>&1
        if ! mv "$work/intel/text/.text.gemm_tiles.asm" "$work/assembly" 2>/dev/null; then
            echo "left out: what $target runs, which ocloc tells where there is a libiga64.so"
            return
        fi ;;
    esac
    found=$(grep -cE "$instruction" "$work/assembly")
    registers=$(awk '$1 == "gemm_tiles" { print $2 }' "$work/kernels")
    bytes=$(awk '$1 == "gemm_tiles" { print $3 }' "$work/kernels")
    verdict=good
    if [ "$found" != "$4" ] || [ "${bytes:-0}" -gt 256 ]; then
        verdict="NOT $4"
        failures=$((failures + 1))
    fi
    printf '%-30s %-44s %-8s %4s registers %5s bytes  %s times: %s\n' "gemm_tiles" "$3" "$target" "${registers:-?}" \
        "${bytes:-?}" "$found" "$verdict"
}
# As often as a tile of 64 x 64 has units in 16 of k.
expect sm_90 "HMMA\.1688\.F32\.TF32|mma\.sync.*tf32" "-DUNIT=1 -DFACTORS=1" 32
expect sm_90 "HMMA\.16816\.F32\.BF16|mma\.sync.*bf16" "-DUNIT=1 -DFACTORS=2" 16
for target in sm_80 sm_90; do
    expect $target "HMMA\.16816\.F32 |mma\.sync.*\.f16" "-DUNIT=1 -DFACTORS=3" 16
done
expect gfx942 v_mfma_f32_32x32x4_xf32 "-DUNIT=2 -DFACTORS=1" 16
expect gfx942 v_mfma_f32_32x32x8_bf16 "-DUNIT=2 -DFACTORS=2" 8
expect gfx942 v_mfma_f32_32x32x8_f16 "-DUNIT=2 -DFACTORS=3" 8
expect gfx90a v_mfma_f32_32x32x8f16 "-DUNIT=2 -DFACTORS=3" 8
expect gfx1100 v_wmma_f32_16x16x16_bf16 "-DUNIT=3 -DFACTORS=2" 8
expect gfx1100 v_wmma_f32_16x16x16_f16 "-DUNIT=3 -DFACTORS=3" 8
case $targets in
*acm-g10*)
    declared="-Dcl_intel_subgroup_matrix_multiply_accumulate -cl-intel-256-GRF-per-thread"
    expect acm-g10 "dpas.*:bf" "-DUNIT=4 -DFACTORS=2 $declared" 8
    expect acm-g10 "dpas.*:hf" "-DUNIT=4 -DFACTORS=3 $declared" 8
    expect pvc "dpas.*:bf" "-DUNIT=5 -DFACTORS=2 $declared" 8
    expect pvc "dpas.*:hf" "-DUNIT=5 -DFACTORS=3 $declared" 8 ;;
esac

for file in "$source"/cl/*.cl "$source"/cl/gpu/*.cl; do
    program=$(basename "$file" .cl)
    case $program in
    matrix_layouts | matrix_units) ;; # the beginning of gemm_tiles
    gemm_tiles)
        sides="-DPRODUCTS=4 -DSUMMED=0" terms="-DPRODUCTS=4 -DSUMMED=1" one="-DPRODUCTS=1 -DSUMMED=0"
        for across in "-DA_ACROSS=1 -DB_ACROSS=0 $one" "-DA_ACROSS=1 -DB_ACROSS=1 $one" \
            "-DA_ACROSS=0 -DB_ACROSS=0 $one" "-DA_ACROSS=1 -DB_ACROSS=0 $sides" "-DA_ACROSS=1 -DB_ACROSS=1 $terms" \
            "-DA_ACROSS=0 -DB_ACROSS=0 $sides"; do
            scalar="-DUNIT=0 -DFACTORS=0 $across"
            judge "$program" "-DLANE_ROWS=4 -DACROSS=16 -DEACH_ROWS=8 -DEACH_COLUMNS=8 -DDEPTH=8 -DWHOLE=1 $scalar"
            judge "$program" "-DLANE_ROWS=1 -DACROSS=8 -DEACH_ROWS=8 -DEACH_COLUMNS=8 -DDEPTH=8 -DWHOLE=1 $scalar"
            judge "$program" "-DLANE_ROWS=1 -DACROSS=8 -DEACH_ROWS=8 -DEACH_COLUMNS=8 -DDEPTH=8 -DWHOLE=0 $scalar"
            judge "$program" "-DLANE_ROWS=1 -DACROSS=8 -DEACH_ROWS=4 -DEACH_COLUMNS=4 -DDEPTH=16 -DWHOLE=1 $scalar"
        done ;;
    low_rank_tiles)
        judge "$program" "-DDOT=64 -DOUT=64 -DNONLINEARITY=2 -DTILE=16"
        judge "$program" "-DDOT=64 -DOUT=64 -DNONLINEARITY=2 -DTILE=16 -DTURNS_C -DTURNS_B" low_rank_step
        judge "$program" "-DDOT=16 -DOUT=16 -DNONLINEARITY=2 -DTILE=16"
        judge "$program" "-DDOT=128 -DOUT=128 -DNONLINEARITY=2 -DTILE=8"
        judge "$program" "-DDOT=128 -DOUT=128 -DNONLINEARITY=4 -DTILE=8" ;;
    low_rank) ;; # with many lanes for heads without tiles only
    linear_attention)
        judge "$program" "-DDOT=64 -DOUT=64 -DDECAY=1 -DMEAN=0"
        judge "$program" "-DDOT=16 -DOUT=16 -DDECAY=1 -DMEAN=0"
        judge "$program" "-DDOT=128 -DOUT=128 -DDECAY=1 -DMEAN=0"
        judge "$program" "-DDOT=16 -DOUT=16 -DDECAY=0 -DMEAN=1"
        judge "$program" "-DDOT=128 -DOUT=128 -DDECAY=0 -DMEAN=1" ;;
    adamw)
        judge "$program"
        judge "$program" -DSCALED=1 adamw ;;
    narrow)
        judge "$program" -DBFLOAT16=1
        judge "$program" -DBFLOAT16=0 ;;
    gemv)
        judge "$program"
        judge "$program" "-DHALVES=1 -DGATE=5" gemv ;;
    semiseparable) judge "$program" -DSTATE=16 semiseparable_step ;;
    semiseparable_chunks)
        judge "$program" -DSTATE=16
        judge "$program" -DSTATE=64 ;;
    *) judge "$program" ;;
    esac
done
[ $failures = 0 ] || { echo "$failures failures"; exit 1; }
