#!/bin/bash
# check.sh TOOL[,TOOL...] WHAT...: compute-sanitizer, TOOL memcheck | racecheck | initcheck | synccheck, or `all` four; one process each, JOBS (4)
# at a time, LIMIT (60) s each; none is started any more after MOST seconds (without it: no end).
# WHAT: @OP       every case of test_ops_parity of that op, one process a case ("@" alone: all ops)
#       case:TEXT the cases of test_ops_parity whose name contains TEXT
#       NAME      a test of `ctest -L gpu`, whole
#       anything else: a program of bin/ with arguments, in quotes
#       every   all ops and steps, small: each op's cases in a process, own products, the tests of steps
# racecheck leaves kernels of cuBLAS out: it reports accesses within them (kernels/bench/NOTES.md).
# DET=1: cases on cuda+det.  Logs in LOGS (/tmp).  PAUSE=PGID stands still meanwhile.  PLUGIN=FILE: another plug-in.
. "$(dirname "$0")/env.sh"
tools=${1//,/ }; shift
[ "$tools" = all ] && tools="synccheck memcheck initcheck racecheck"
sanitizer=$(command -v compute-sanitizer || find /usr/local/cuda/bin /usr/local/cuda/compute-sanitizer /opt/nvidia -name compute-sanitizer 2>/dev/null | head -1)
[ -n "$tools" ] && [ $# -gt 0 ] && [ -n "$sanitizer" ] || { echo "usage: check.sh TOOL WHAT... (compute-sanitizer: ${sanitizer:-not found})"; exit 2; }
device=cuda; [ "$DET" = 1 ] && device=cuda+det
logs=${LOGS:-/tmp}/card-check-${tools// /-}
mkdir -p "$logs"; rm -f "$logs"/*
vendor=
"$sanitizer" --help 2>&1 | grep -q -- --kernel-name-exclude && vendor="--kernel-name-exclude kns=nvjet --kernel-name-exclude kns=cublas"
one() { # NUMBER TOOL LABEL PROGRAM ARGS...
    local number=$1 tool=$2 label=$3 without='' start rc log say; shift 3
    [ "$tool" = racecheck ] && without=$vendor
    log=$logs/$(printf '%03d' "$number").log start=$(now)
    # shellcheck disable=SC2086 # options or none
    ours timeout -k 5 "${LIMIT:-60}" "$sanitizer" --tool "$tool" $without --error-exitcode 99 --print-limit 5 "$@" >"$log" 2>&1 </dev/null; rc=$?
    say=$(grep -h 'ERROR SUMMARY\|RACECHECK SUMMARY' "$log" | tail -1 | sed 's/=* *//')
    printf '%-9s %-62s rc %3d %6s s  %s\n' "$tool" "$label" $rc "$(since "$start")" "$say"
    [ $rc = 0 ] && return
    echo $rc >"$log.rc"
    grep '^========= \(Error\|Race\|Warning\|Invalid\|Barrier\|Uninit\|    at\)\|FAILED\|skipped' "$log" | sort | uniq -c | sort -rn | head -6 |
        cut -c1-200 | sed 's/^/    | /'
}
run() { # LABEL PROGRAM ARGS...
    local program=$card/bin/$2 label=$1 tool; shift 2
    for tool in $tools; do
        while [ "$(jobs -rp | wc -l)" -ge "$jobs" ]; do sleep 0.1; done
        if [ -n "$MOST" ] && awk -v t="$(since "$begin")" -v most="$MOST" 'BEGIN { exit t < most }'; then
            echo "not begun: $tool $label"; touch "$logs/not.$tool.${label//[^a-z0-9]/_}.rc"
            continue
        fi
        count=$((count + 1))
        one "$count" "$tool" "$label" "$program" "$@" &
        running+=($!)
    done
}
every() {
    local op
    run "test_token small" test_token --device cuda small
    run "test_late small" test_late --device cuda small
    run "test_project_step small" test_project_step --device cuda small
    for op in ssd_scan conv1d ssd_step $(cut -d' ' -f1 "$card/cases.list" | awk '!seen[$0]++ && !/^(ssd_scan|conv1d|ssd_step)$/'); do
        run "op $op" test_ops_parity --device cuda --case "$op "
    done
    run "op linear, own products" test_ops_parity --device cuda+det --case "linear "
    run "test_mamba2" test_mamba2 --device cuda
}
jobs=${JOBS:-4} count=0 begin=$(now)
HOLD_MOST=${HOLD_MOST:-120}
hold
[ -n "$watch" ] && jobs=$((jobs + 1))
for what in "$@"; do
    case $what in
    every) every ;;
    @*) while read -r name; do run "$name" test_ops_parity --device $device --case "$name"; done < <(grep "^${what#@}" "$card/cases.list") ;;
    case:*) run "$what" test_ops_parity --device $device --case "${what#case:}" ;;
    *)
        line=$(grep "|$what|" "$card/tests.list" | cut -d'|' -f3)
        # shellcheck disable=SC2086 # a program and its arguments
        run "$what" ${line:-$what}
        ;;
    esac
done
wait "${running[@]}" 2>/dev/null
resume
bad=$(find "$logs" -name '*.rc' | wc -l)
echo "$tools: $count runs, $bad not clean, $(since "$begin") s; logs in $logs"
[ "$count" -gt 0 ] && [ "$bad" = 0 ]
