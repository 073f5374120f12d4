#!/bin/bash
# Everything about speed on one GPU, in one go: the table of `mlmamba bench` on ML-Mamba's true shapes with made-up weights (bf16 and
# int8 weights, f32 and bf16 states, the deterministic mode), PyTorch beside it on the same card, and the gap of bf16 to fp64.
# measure.sh BIN_DIR OUT_DIR [quick]     BIN_DIR: where mlmamba and perf_gap lie; quick: fewer runs, no large batches
here=$(cd "$(dirname "$0")" && pwd) bin=$1 out=$2 quick=$3
[ -x "$bin/mlmamba" ] && mkdir -p "$out" || { echo "usage: measure.sh BIN_DIR OUT_DIR [quick]"; exit 2; }
if [ "$quick" = quick ]; then runs="--runs 3 --tokens 32" large=1,64; else runs="--runs 5 --tokens 64" large=1,64,256; fi
bench() { # NAME OPTION...
    local name=$1; shift
    "$bin/mlmamba" bench --device cuda:0 --random ml-mamba-2.7b $runs --csv "$out/$name.csv" "$@" >"$out/$name.txt" 2>&1 ||
        tail -1 "$out/$name.txt"
}
bench bf16 --batch 1,8,64 # 4 x --tokens: an answer of 256 tokens
bench bf16_state --state bf16 --batch "$large" --only step,decode
bench int8 --type int8 --batch 1,64 --only step,token,decode
bench int8_state --type int8 --state bf16 --batch 1,64 --only step,decode
bench deterministic --deterministic --batch 1,64 --only step,prefill
if python3 -c 'import torch' 2>/dev/null; then
    python3 "$here/../golden/bench_towers.py" >"$out/torch_towers.txt" 2>&1
    python3 "$here/../golden/bench_lm.py" >"$out/torch_lm.txt" 2>&1
    [ -x "$bin/perf_gap" ] && python3 "$here/../golden/gap.py" "$bin/perf_gap" "$here/gap.json" >"$out/gap.txt" 2>&1
fi
sh "$here/targets.sh" "$out"
