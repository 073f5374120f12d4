#!/bin/bash
# check.sh TOOL WHAT...: compute-sanitizer, TOOL memcheck | racecheck | initcheck | synccheck, one process each, JOBS (4) at a time, LIMIT (60) s each.
# WHAT: @OP       every case of test_ops_parity of that op, one process a case ("@" alone: all ops)
#       case:TEXT the cases of test_ops_parity whose name contains TEXT
#       NAME      a test of `ctest -L gpu`, whole
#       anything else: a program of bin/ with arguments, in quotes
# DET=1: cases on cuda+det.  Logs in LOGS (/tmp).  PAUSE=PGID stands still meanwhile.  PLUGIN=FILE: another plug-in.
. "$(dirname "$0")/env.sh"
tool=$1; shift
sanitizer=$(command -v compute-sanitizer || find /usr/local/cuda/bin /usr/local/cuda/compute-sanitizer /opt/nvidia -name compute-sanitizer 2>/dev/null | head -1)
[ -n "$tool" ] && [ $# -gt 0 ] && [ -n "$sanitizer" ] || { echo "usage: check.sh TOOL WHAT... (compute-sanitizer: ${sanitizer:-not found})"; exit 2; }
device=cuda; [ "$DET" = 1 ] && device=cuda+det
logs=${LOGS:-/tmp}/card-check-$tool
mkdir -p "$logs"; rm -f "$logs"/*
one() { # NUMBER LABEL PROGRAM ARGS...
    local number=$1 label=$2 start rc log say; shift 2
    log=$logs/$(printf '%03d' "$number").log start=$(now)
    ours timeout -k 5 "${LIMIT:-60}" "$sanitizer" --tool "$tool" --error-exitcode 99 --print-limit 5 "$@" >"$log" 2>&1 </dev/null; rc=$?
    say=$(grep -h 'ERROR SUMMARY\|RACECHECK SUMMARY' "$log" | tail -1 | sed 's/=* *//')
    printf '%-70s rc %3d %6s s  %s\n' "$label" $rc "$(since "$start")" "$say"
    [ $rc = 0 ] && return
    echo $rc >"$log.rc"
    grep '^========= \(Error\|Race\|Warning\|Invalid\|Barrier\|Uninit\|    at\)\|FAILED\|skipped' "$log" | sort | uniq -c | sort -rn | head -6 |
        cut -c1-200 | sed 's/^/    | /'
}
run() { # LABEL PROGRAM ARGS...
    while [ "$(jobs -rp | wc -l)" -ge "$jobs" ]; do sleep 0.1; done
    count=$((count + 1))
    local program=$card/bin/$2 label=$1; shift 2
    one "$count" "$label" "$program" "$@" &
    running+=($!)
}
jobs=${JOBS:-4} count=0 begin=$(now)
HOLD_MOST=${HOLD_MOST:-120}
hold
[ -n "$watch" ] && jobs=$((jobs + 1))
for what in "$@"; do
    case $what in
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
echo "$tool: $count runs, $bad not clean, $(since "$begin") s; logs in $logs"
[ "$count" -gt 0 ] && [ "$bad" = 0 ]
