#!/bin/sh
# A command on rusticl with llvmpipe, a driver that runs on the CPU in the shape of GPUs: sh rusticl.sh COMMAND...
#
# It is Mesa's, made for GPUs: nothing begins before a queue is flushed, kernels come by way of SPIR-V, and its device has
# 2 GiB. Debian has it in mesa-opencl-icd, which is a driver of GPUs too and needs libclc-15, beside which the libclc-19 of
# gpu-compilers.sh cannot be installed. So STARCL_RUSTICL may name a folder into which these and the packages that they
# depend on were unpacked (`dpkg -x PACKAGE.deb FOLDER`): its libclc is then put before the system's for the command alone.
# Exit 77 where there is neither.
set -u
root=${STARCL_RUSTICL:-}
for driver in "$root"/usr/lib/*/libRusticlOpenCL.so.1 "$root"/usr/lib64/libRusticlOpenCL.so.1; do
    [ -f "$driver" ] && break
done
if ! [ -f "$driver" ] || ! [ -f "$root/usr/lib/clc/spirv64-mesa3d-.spv" ]; then
    echo "skipped: rusticl is not there (Debian's packages mesa-opencl-icd and libclc-15, or STARCL_RUSTICL)"
    exit 77
fi
vendors=$(mktemp -d)
trap 'rm -rf "$vendors"' EXIT
echo "$driver" >"$vendors/rusticl.icd"
export OCL_ICD_VENDORS="$vendors" RUSTICL_ENABLE=llvmpipe RUSTICL_DEVICE_TYPE=gpu
[ -n "$root" ] || { "$@"; exit; }
libraries=$(dirname "$driver")
export LD_LIBRARY_PATH="$libraries${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
# shellcheck disable=SC2016
set -- unshare --mount sh -c 'mount --bind "$0" /usr/lib/clc && exec "$@"' "$root/usr/lib/clc" "$@"
if ! unshare --mount true 2>/dev/null; then # which is for root, here or in a namespace of users
    shift
    set -- unshare --map-root-user "$@"
fi
"$@"
