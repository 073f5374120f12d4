#!/bin/bash
# test.sh [-j N] [PATTERN]: what `ctest -L gpu` runs (names that match PATTERN), N (4) at a time; those that fill the card alone, at the end.
# Each has LIMIT seconds (60).  One line each; the end of the log (TAIL lines, 12) of those that are not ok; logs in LOGS (/tmp).
# PAUSE=PGID stands still meanwhile.  PLUGIN=FILE: another plug-in.
. "$(dirname "$0")/env.sh"
n=4
[ "$1" = -j ] && { n=$2; shift 2; }
pattern=${1:-.}
logs=${LOGS:-/tmp}/card-tests
mkdir -p "$logs"; rm -f "$logs"/*
one() { # NAME PROGRAM ARGS...
    local name=$1 program=$2 start rc say text; shift 2
    start=$(now)
    ours timeout -k 5 "${LIMIT:-60}" "$card/bin/$program" "$@" >"$logs/$name.log" 2>&1 </dev/null; rc=$?
    case $rc in 0) say=ok ;; 77) say=SKIPPED ;; 124 | 137) say="NO END" ;; *) say=FAILED ;; esac
    text=$(printf '%-30s %-8s rc %3d %6s s' "$name" "$say" $rc "$(since "$start")")
    if [ $rc != 0 ]; then
        echo "$rc" >"$logs/$name.rc"
        text+=$'\n'$(grep -v '^\[ *\(RUN\|OK\)' "$logs/$name.log" | tail -"${TAIL:-12}" | cut -c1-220 | sed 's/^/    | /')
    fi
    echo "$text"
}
begin=$(now)
hold
[ -n "$watch" ] && n=$((n + 1)) # it is a job too
while IFS='|' read -r kind name command; do
    [ "$kind" = many ] && [[ $name =~ $pattern ]] || continue
    while [ "$(jobs -rp | wc -l)" -ge "$n" ]; do sleep 0.05; done
    # shellcheck disable=SC2086 # a program and its arguments
    one "$name" $command &
    running+=($!)
done <"$card/tests.list"
[ ${#running[@]} = 0 ] || wait "${running[@]}" 2>/dev/null
while IFS='|' read -r kind name command; do
    # shellcheck disable=SC2086
    [ "$kind" = alone ] && [[ $name =~ $pattern ]] && one "$name" $command
done <"$card/tests.list"
resume
count() { find "$logs" -name "*.$1" | wc -l; }
bad=$(count rc)
echo "$(count log) tests, $bad not ok, $(since "$begin") s; logs in $logs"
[ "$bad" = 0 ]
