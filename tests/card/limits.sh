#!/bin/bash
# limits.sh [ncu] [power]: what limits the stages whose targets are not reached; both without arguments, about a minute in all.
# ncu:   counters of the heaviest kernels of each stage, a line each, the slowest first: time, clock of the SMs, DRAM, tensor pipe, issue
#        slots, L1 and shared memory (shares of what they can do), hit rate of L2, occupancy, waves of blocks, registers.
#        Models of 2 layers (token kernel: 16) and true widths; TOP (7) kernels a stage.
# power: clock and power (nvidia-smi, every 100 ms) while a stage runs for LOOP (2) seconds, in the second half of them; the stage's time then.
# Logs in LOGS (/tmp).  PAUSE=PGID stands still while something runs.  PLUGIN=FILE: another plug-in.
. "$(dirname "$0")/env.sh"
logs=${LOGS:-/tmp}/card-limits
mkdir -p "$logs"; rm -f "$logs"/*
HOLD_MOST=${HOLD_MOST:-75}

# ---- counters ---------------------------------------------------------------------------------------
metrics="gpu__time_duration.sum sm__cycles_elapsed.avg.per_second dram__throughput.avg.pct_of_peak_sustained_elapsed
    dram__bytes.sum sm__pipe_tensor_cycles_active.avg.pct_of_peak_sustained_elapsed
    sm__pipe_tensor_op_hmma_cycles_active.avg.pct_of_peak_sustained_elapsed sm__inst_executed_pipe_tensor.avg.pct_of_peak_sustained_elapsed
    sm__inst_issued.avg.pct_of_peak_sustained_elapsed
    l1tex__data_pipe_lsu_wavefronts.avg.pct_of_peak_sustained_elapsed lts__t_sector_hit_rate.pct
    sm__warps_active.avg.pct_of_peak_sustained_active launch__waves_per_multiprocessor launch__registers_per_thread"
wanted= # those that this ncu knows, with commas
know() {
    local m base
    timeout 15 "$ncu" --query-metrics >"$logs/metrics.txt" 2>&1
    for m in $metrics; do
        base=${m%%.*}
        if [ "${base#launch__}" != "$base" ] || ! grep -q '^gpu__time_duration' "$logs/metrics.txt" || grep -q "^${base}[ .]" "$logs/metrics.txt"; then
            wanted+=${wanted:+,}$m
        else
            echo "ncu does not know $base"
        fi
    done
}
# Kernels of one name and grid once (the fastest); columns by the names in the first line, whatever their order.
table='
    /^"ID"/ { gsub(/^"|"$/, ""); n = split($0, f, "\",\""); for (i = 1; i <= n; i++) at[f[i]] = i; head = 1; next }
    !head || !/^"[0-9]/ { next }
    function value(name) { v = (name in at) ? f[at[name]] : ""; gsub(/,/, "", v); return v }
    function share(name) { v = value(name); return v == "" ? "    -" : sprintf("%5.1f", v) }
    {
        gsub(/^"|"$/, ""); split($0, f, "\",\"")
        name = f[at["Kernel Name"]]; sub(/\(.*/, "", name); sub(/^void /, "", name); gsub(/\(int\)|\(bool\)|<unnamed>::/, "", name)
        us = value("gpu__time_duration.sum") / 1e3; key = name f[at["Grid Size"]]
        if (key in best && best[key] <= us) next
        best[key] = us
        e = ".avg.pct_of_peak_sustained_elapsed"
        tensor = value("sm__pipe_tensor_cycles_active" e); hmma = value("sm__pipe_tensor_op_hmma_cycles_active" e)
        inst = value("sm__inst_executed_pipe_tensor" e)
        if (tensor == "" || hmma + 0 > tensor + 0) tensor = hmma
        if (tensor == "") tensor = inst
        line[key] = sprintf("%9.1f %5.0f %s %5.0f %5s %s %s %s %s %6s %4s  %s", us,
            value("sm__cycles_elapsed.avg.per_second") / 1e6, share("dram__throughput" e),
            us > 0 ? value("dram__bytes.sum") / us / 1e3 : 0, tensor == "" ? "-" : sprintf("%.1f", tensor),
            share("sm__inst_issued" e), share("l1tex__data_pipe_lsu_wavefronts" e),
            share("lts__t_sector_hit_rate.pct"), share("sm__warps_active.avg.pct_of_peak_sustained_active"),
            value("launch__waves_per_multiprocessor"), value("launch__registers_per_thread"), substr(name, 1, 56))
    }
    END { for (k in line) print line[k] }'
count() { # NAME LIMIT REGEX SKIP LAUNCHES PROGRAM ARGS...
    local name=$1 limit=$2 regex=$3 skip=$4 launches=$5 program=$6 start log rc; shift 6
    start=$(now) log=$logs/ncu.${name//[^a-z0-9]/_}
    ours timeout -k 3 "$limit" "$ncu" --clock-control none --cache-control none --kernel-name "regex:$regex" --launch-skip "$skip" \
        --launch-count "$launches" --kill yes --metrics "$wanted" --csv --page raw --print-units base \
        "$card/bin/$program" "$@" >"$log.csv" 2>"$log.err" </dev/null; rc=$?
    echo "-- $name ($(grep -c '^"[0-9]' "$log.csv") launches, $(since "$start") s, rc $rc)"
    awk "$table" "$log.csv" | sort -rn | head -"${TOP:-7}"
    grep -q '^"[0-9]' "$log.csv" || tail -q -n 3 "$log.csv" "$log.err" | cut -c1-200
}
counters() {
    ncu=$(command -v ncu || find /usr/local/cuda*/ /opt/nvidia -name ncu -type f 2>/dev/null | head -1)
    [ -n "$ncu" ] || { echo "no ncu here"; return; }
    know
    echo "       us   MHz dram%  GB/s  tens issue shared  L2hit  occ  waves  reg  kernel"
    local lm="--device cuda --act bf16" all='ssd_|conv|norm|nvjet|gemm|attention|activate|swiglu|copy|token'
    # shellcheck disable=SC2086 # options
    {
        count "token, one row, 16 layers" 12 token_kernel 1 1 perf_lm $lm --tokens 1 --layers 16
        count "prefill 16 x 769" 14 "$all" 36 60 perf_lm $lm --tokens 769 --batch 16 --layers 2
        count "prefill 1 x 8192" 12 "$all" 6 36 perf_lm $lm --tokens 8192 --layers 2
        count "prefill 1 x 769" 12 "$all" 6 36 perf_lm $lm --tokens 769 --layers 2
        count "DINOv2-L, 32 pictures" 12 "$all" 20 16 perf_vision --batch 32 --only DINOv2
        count "SigLIP, 32 pictures" 12 "$all" 20 16 perf_vision --batch 32 --only SigLIP
        count "connector, 32 pictures" 12 "$all" 0 40 perf_vision --batch 32 --only connector
    }
}

# ---- power: all get ready together, then one after the other -------------------------------------------
power() {
    local turn=$logs/turn i=0 k n=0 pids=() fields reasons seen
    nvidia-smi --query-gpu=name,clocks.max.sm,power.limit,temperature.gpu --format=csv,noheader
    reasons=clocks_event_reasons.sw_power_cap
    nvidia-smi --query-gpu=$reasons --format=csv,noheader >/dev/null 2>&1 || reasons=clocks_throttle_reasons.sw_power_cap
    fields=timestamp,clocks.sm,power.draw.instant,temperature.gpu,$reasons
    nvidia-smi --query-gpu=$fields --format=csv,noheader,nounits >/dev/null 2>&1 || fields=timestamp,clocks.sm,power.draw,temperature.gpu,$reasons
    exec 9>"$turn"; flock 9
    ready() { # NAME PROGRAM ARGS...
        local log=$logs/loop.$i; echo "$1" >"$log.name"; i=$((i + 1))
        ours timeout -k 3 50 "$card/bin/$2" "${@:3}" --loop "${LOOP:-2}" --turn "$turn" >"$log" 2>&1 9>&- </dev/null &
        pids+=($!)
    }
    local lm="--device cuda --act bf16 --layers 16"
    # shellcheck disable=SC2086 # options
    {
        ready "step of one row, 16 layers" perf_lm $lm --tokens 1
        ready "prefill 1 x 769, 16 layers" perf_lm $lm --tokens 769
        ready "prefill 16 x 769, 16 layers" perf_lm $lm --tokens 769 --batch 16
        ready "prefill 1 x 8192, 16 layers" perf_lm $lm --tokens 8192
        ready "both towers, 32 pictures" perf_vision --batch 32 --only "two queues"
        ready "connector, 32 pictures" perf_vision --batch 32 --only connector
    }
    for ((k = 0; k < 200; k++)); do
        n=0
        for ((seen = 0; seen < i; seen++)); do
            if grep -q '^ready' "$logs/loop.$seen" || ! kill -0 "${pids[seen]}" 2>/dev/null; then n=$((n + 1)); fi
        done
        [ $n = $i ] && break
        sleep 0.1
    done
    nvidia-smi --query-gpu=$fields --format=csv,noheader,nounits -lms 100 >"$logs/smi.csv" 2>&1 9>&- &
    seen=$!
    exec 9>&- # go
    wait "${pids[@]}"
    kill $seen 2>/dev/null
    for ((k = 0; k < i; k++)); do
        awk -F', *' -v name="$(cat "$logs/loop.$k.name")" '
            NR == FNR {
                if (match($0, /from [0-9\/]+ [0-9:.]+ to [0-9\/]+ [0-9:.]+/)) {
                    split(substr($0, RSTART, RLENGTH), w, " "); from = w[2] " " w[3]; to = w[5] " " w[6]
                    said = $0; sub(/.*: /, "", said); runs = $0; sub(/.*[0-9]: /, "", runs)
                }
                next
            }
            from != "" && $1 >= from && $1 <= to { n++; clock[n] = $2; watt[n] = $3; cap[n] = $5 }
            END {
                if (from == "") { printf "%-30s did not run\n", name; exit }
                low = 1e9
                for (j = int(n / 2) + 1; j <= n; j++) {
                    m++; sum += clock[j]; power += watt[j]; capped += cap[j] == "Active"
                    if (clock[j] < low) low = clock[j]
                    if (clock[j] > high) high = clock[j]
                }
                if (m) printf "%-30s %s; %d MHz (%d .. %d), %.0f W, at the power limit in %d of %d looks\n", name, runs, sum / m, low, high, power / m, capped, m
                else printf "%-30s %s; no look in that time\n", name, runs
            }' "$logs/loop.$k" "$logs/smi.csv"
    done
}

begin=$(now)
hold
for part in ${*:-ncu power}; do
    case $part in
    ncu) counters ;;
    power) power ;;
    *) echo "usage: limits.sh [ncu] [power]"; exit 2 ;;
    esac
done
resume
echo "== limits: $(since "$begin") s; logs in $logs"
