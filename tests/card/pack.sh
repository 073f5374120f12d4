#!/bin/bash
# pack.sh [--no-build] [--arch 90] [--build-dir DIR]: packs build/card.tar.xz for a machine with a card (README.md): the programs that
# `ctest -L gpu` and measure.sh run, the plug-in for one architecture, the shared libraries they need, the scripts beside this one.
# Builds them first in DIR (build/card-build); --no-build takes what is there.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/../.."
start=$(date +%s)
build=build/card-build arch='' compile=1
while [ $# -gt 0 ]; do
    case $1 in
    --no-build) compile=0; shift ;;
    --arch) arch=$2; shift 2 ;;
    --build-dir) build=$2; shift 2 ;;
    *) sed -n '2,4s/^# //p' "$0"; exit 2 ;;
    esac
done
command -v jq >/dev/null || { echo "jq is not installed"; exit 1; }
mkdir -p build
log=$PWD/build/card.log
listed() { (cd "$build" && ctest --show-only=json-v1 -L gpu); }
if [ $compile = 1 ]; then
    launcher=
    if command -v ccache >/dev/null; then launcher="-DCMAKE_C_COMPILER_LAUNCHER=ccache -DCMAKE_CUDA_COMPILER_LAUNCHER=ccache"; fi
    # shellcheck disable=SC2086 # two options or none
    [ -f "$build/CMakeCache.txt" ] || cmake -S . -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DMLM_CUDA=ON -DMLM_CUDA_ARCHITECTURES="${arch:-90}" \
        $launcher >"$log" 2>&1 || { tail -20 "$log"; exit 1; }
    cmake -S . -B "$build" ${arch:+-DMLM_CUDA_ARCHITECTURES="$arch"} >"$log" 2>&1 || { tail -20 "$log"; exit 1; } # the list of tests as it is now
    full=$(cd "$build" && pwd)
    # The programs of the tests: ctest lists those that are built, and complains by name about those that are not.
    tests=$({ listed; (cd "$build" && ctest -N -L gpu); } 2>&1 | tr -d '",' | grep -o "$full/tests/[a-z]*/test_[a-z0-9_]*\$" | xargs -n1 basename | sort -u)
    # shellcheck disable=SC2086 # one target a word
    cmake --build "$build" --target mlmamba_cuda mlmamba perf_lm perf_vision perf_gap perf_ops $tests >"$log" 2>&1 || {
        grep -A12 'FAILED\|error' "$log" | head -40
        exit 1
    }
fi
[ -f "$build/lib/libmlmamba-cuda.so" ] || { echo "$build/lib/libmlmamba-cuda.so is not there: build it first"; exit 1; }
arch=$(sed -n 's/^MLM_CUDA_ARCHITECTURES:[A-Z]*=//p' "$build/CMakeCache.txt")

card=build/card
rm -rf $card
mkdir -p $card/bin $card/lib
# KIND|NAME|PROGRAM ARGS: many at a time, the longest first; alone: fills the card, or counts what is free of it.
listed 2>/dev/null | jq -r '.tests[] | select(.command) | [.name, (.command | [(.[0] | split("/") | last)] + .[1:] | join(" "))] | join("|")' |
    awk -F'|' '{ alone = $1 == "test_gpu_memory" || $1 == "test_gpu_engine"
                 turn = alone ? 4 : $1 ~ /^test_ops_parity/ ? 1 : $1 ~ /^test_(engine|stream|golden)/ ? 2 : 3
                 print turn "|" (alone ? "alone" : "many") "|" $0 }' | sort -t'|' -k1,1n -s | cut -d'|' -f2- >$card/tests.list
while IFS='|' read -r _ name command; do
    program=$(find "$build/tests" -type f -name "${command%% *}" -perm -u+x | head -1)
    [ -n "$program" ] || { echo "$name: ${command%% *} is not built"; exit 1; }
    cp "$program" $card/bin/
done <$card/tests.list
cp "$build/app/mlmamba" "$build"/tests/perf/perf_{lm,vision,gap,ops} "$build/lib/libmlmamba-cuda.so" $card/bin/
strip $card/bin/*
# Libraries, but not those of libc and the compiler, which every machine has.
for p in "$card"/bin/*; do ldd "$p"; done | awk '$3 ~ /^\// { print $3 }' | sort -u |
    grep -v '/\(libc\|libm\|libdl\|librt\|libpthread\|ld-linux[^/]*\|libgcc_s\|libstdc++\)\.so' | while read -r l; do cp -L "$l" $card/lib/; done
# Names of the cases of test_ops_parity.
cat >$card/cases.c <<'C'
#include "tests/support/op_cases.h"
#include <stdio.h>
int main(void)
{
    char text[256];
    for (int i = 0; i < op_case_count; i++)
        if (!(op_cases[i].flags & OP_PERF))
            puts(op_case_name(&op_cases[i], text, sizeof text));
}
C
mapfile -t archives < <(find "$build/tests/support" "$build/kernels" -name 'libmlm_*.a')
cc -D_GNU_SOURCE -I. $card/cases.c -o $card/cases -Wl,--start-group "${archives[@]}" -Wl,--end-group -lm -ldl -lpthread -lcjson -lz >"$log" 2>&1 ||
    { cat "$log"; exit 1; }
$card/cases >$card/cases.list
rm $card/cases $card/cases.c
# Where the tests look for their data; what was packed.
sed -n 's/^CMAKE_HOME_DIRECTORY:INTERNAL=//p' "$build/CMakeCache.txt" >$card/source
{ git rev-parse --short HEAD; git diff HEAD --shortstat -- kernels vision fusion lm app tests; } >$card/commit 2>/dev/null || true
cp "$here"/{env,test,check,measure,limits}.sh "$here/README.md" $card/
tar cf - -C build card | xz -6 -T0 >build/card.tar.xz
echo "build/card.tar.xz: $(stat -c %s build/card.tar.xz | awk '{ printf "%.1f MB", $1 / 1e6 }'), architecture $arch, $(wc -l <$card/tests.list) tests," \
    "$(wc -l <$card/cases.list) cases, $(find $card/lib -type f | wc -l) libraries; $(($(date +%s) - start)) s"
