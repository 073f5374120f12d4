#!/bin/bash
# measure.sh PHASE [...]: 1 decode of one row (perf_lm), 2 the engine's table, 3 deterministic, states, 256 rows.  Each under a minute.
# Logs in LOGS (/tmp).  PAUSE=PGID stands still while something is timed.  ROUNDS (2): of phase 1.  RUNS (3): of each line of phases 2 and 3.
# VARIANTS="A=0,B=1 C=1 ...": phase 1 measures with each of these environments (default: two kernels, one kernel for in_proj and step, one for
# all layers).  WEIGHTS="bf16:f32 ...": of these weights and states.  PLUGIN=FILE: another plug-in.
. "$(dirname "$0")/env.sh"
logs=${LOGS:-/tmp}/card-measure
mkdir -p "$logs"
variants="MLM_CUDA_TOKEN_AT_ONCE=0,MLM_CUDA_STEP_AT_ONCE=0 MLM_CUDA_TOKEN_AT_ONCE=0,MLM_CUDA_STEP_AT_ONCE=1 MLM_CUDA_TOKEN_AT_ONCE=1"
card_now() { nvidia-smi --query-gpu=name,clocks.sm,power.draw,temperature.gpu,memory.used --format=csv,noheader 2>/dev/null; }

figures='s/.*loop with ids to the host, batch 1: \([0-9.]* us\).*/loop \1,/p
    s/^decode batch 1, [a-z0-9]* weights: \([0-9.]* us\) a step.*tokens \(.*\)/graph \1; tokens \2/p
    s/.*check sum \(.*\)/sum \1,/p
    /^perf_lm:\|^skipped/p' # of what perf_lm prints

# ---- phase 1: all programs get ready together; then one after the other -----------------------------
round() { # NUMBER
    local k=$1 turn=$logs/turn.$1 i=0 v w s log pids=() ready
    rm -f "$turn" "$logs/lm.$k".*
    exec 9>"$turn"; flock 9
    for w in ${WEIGHTS:-bf16:f32 i8:f32 bf16:bf16}; do
        for v in ${VARIANTS:-$variants}; do
            s=${w#*:} log=$logs/lm.$k.$i i=$((i + 1))
            echo "${w%:*} weights, $s state, ${v//MLM_CUDA_/}" >"$log.name"
            # shellcheck disable=SC2086 # one assignment a word
            ours timeout -k 5 50 env ${v//,/ } "$card/bin/perf_lm" --device cuda --act bf16 --weights "${w%:*}" --state "$s" \
                --tokens 1 --batch 1 --turn "$turn" >"$log" 2>&1 9>&- </dev/null &
            pids+=($!)
        done
    done
    for ((w = 0; w < 400; w++)); do
        ready=0
        for ((v = 0; v < i; v++)); do # those that have ended need not be waited for
            if grep -q '^ready' "$logs/lm.$k.$v" || ! kill -0 "${pids[v]}" 2>/dev/null; then ready=$((ready + 1)); fi
        done
        [ $ready = $i ] && break
        sleep 0.1
    done
    hold
    exec 9>&- # go
    wait "${pids[@]}"
    resume
    for ((v = 0; v < i; v++)); do
        printf '%d  %-58s %s\n' "$k" "$(cat "$logs/lm.$k.$v.name")" "$(sed -n "$figures" "$logs/lm.$k.$v" | tr '\n' ' ')"
    done
}
phase1() { HOLD_MOST=60; for ((r = 1; r <= ${ROUNDS:-2}; r++)); do round $r; done; }

# ---- phases 2 and 3: mlmamba bench ----------------------------------------------------------------
bench() { # NAME LIMIT OPTIONS...
    local name=$1 limit=$2 out rc; shift 2
    out=$logs/$name
    rm -f "$out.csv"
    ours timeout -k 5 "$limit" "$card/bin/mlmamba" bench --device cuda:0 --random ml-mamba-2.7b --runs "${RUNS:-3}" --csv "$out.csv" "$@" \
        >"$out.txt" 2>&1 </dev/null; rc=$?
    [ $rc = 0 ] || { echo "$name: rc $rc: $(tail -1 "$out.txt" | cut -c1-200)"; return; }
    awk -F, -v name="$name" 'NR > 1 && $1 != "read" && $1 != "product" {
        shape = ($2 > 0 && $3 > 0) ? $2 " x " $3 : ($2 + $3 > 0) ? $2 + $3 : ""
        rate = ($11 > 0) ? sprintf("%.1f %s", $11, $12) : ""
        printf("%-7s %-15s %9s %10.3f ms %5.1f %% of floor  %s\n", name, $1, shape, $4, $10, rate) }' "$out.csv"
    sed -n 's/^Device memory/memory: Device memory/p; s/^Ceilings measured here: \(read.*TFLOP.s\).*/ceilings \1/p' "$out.txt"
}
phase2() {
    HOLD_MOST=75
    hold
    bench many 25 --batch 1,64 --only step,decode,prefill --prefill 769,16x769,8192 --tokens 32
    bench one 25 --batch 1,32 --only first_token,answer,short_answers --tokens 64
    bench alone 15 --batch 1 --only step --tokens 16
    resume
}
phase3() {
    HOLD_MOST=75
    hold
    bench det 20 --batch 1,64 --deterministic --only step,prefill --prefill 769,16x769 --tokens 16
    bench wide 20 --batch 1,256 --state bf16 --only step,decode --tokens 16
    bench states 15 --batch 1 --only snapshot --tokens 16
    resume
}
[ $# -gt 0 ] || { echo "usage: measure.sh 1|2|3 ..."; exit 2; }
for p in "$@"; do
    case $p in [123]) ;; *) echo "measure.sh: no phase $p"; exit 2 ;; esac
    begin=$(now)
    echo "== phase $p: $(card_now)"
    "phase$p"
    echo "== phase $p: $(since "$begin") s; $(card_now)"
done
