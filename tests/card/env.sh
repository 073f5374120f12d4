# shellcheck shell=bash
# Sourced by the scripts beside it: where things are, the libraries that this machine lacks, the pause of another program.
card=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
[ -d "$card/bin" ] || { echo "no programs beside $(basename "$0"): pack.sh packs them, this runs where they were unpacked (README.md)"; exit 2; }

# Tests name their data by the path where they were built: it becomes a link to ROOT, the copy of the repository here.
source=$(cat "$card/source")
if [ ! -e "$source/tests/golden/data" ]; then
    # shellcheck disable=SC2153 # ROOT is the caller's
    for root in "$ROOT" "$card/../.." "$PWD"; do [ -n "$root" ] && [ -e "$root/tests/golden/data" ] && break; root=; done
    if [ -z "$root" ]; then
        echo "no copy of the repository here (ROOT=DIR): tests find no data"
    elif [ -e "$source" ] && [ ! -L "$source" ]; then
        echo "$source is in the way: tests find no data"
    else
        mkdir -p "$(dirname "$source")" && ln -sfn "$(cd "$root" && pwd)" "$source"
    fi
fi

# cuBLASLt: of CUDA, else of Python's packages, else anywhere.
find_lt() {
    local name=libcublasLt.so.13 d
    for d in /usr/local/cuda/lib64 /usr/local/cuda/targets/x86_64-linux/lib \
        $(python3 -c 'import glob, sysconfig; print(*glob.glob(sysconfig.get_paths()["purelib"] + "/nvidia/*/lib"))' 2>/dev/null); do
        [ -e "$d/$name" ] && { echo "$d/$name"; return; }
    done
    { ldconfig -p 2>/dev/null | awk -v name=$name '$1 == name { print $NF }'; find /opt /usr -name "$name*" 2>/dev/null; } | head -1
}
mkdir -p "$card/lt"
if [ ! -e "$card/lt/libcublasLt.so.13" ]; then
    lt=$(find_lt)
    if [ -n "$lt" ]; then ln -sfn "$lt" "$card/lt/libcublasLt.so.13"; else echo "no libcublasLt.so.13 here: products fall back"; fi
fi

# Only for our programs: the shell's own stay with the machine's libraries.
ours() { LD_LIBRARY_PATH=$card/lib:$card/lt${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH} MLMAMBA_CUDA_PLUGIN=${PLUGIN:-$card/bin/libmlmamba-cuda.so} "$@"; }
now() { date +%s.%N; }
since() { awk -v a="$1" -v b="$(now)" 'BEGIN { printf "%.1f", b - a }'; }

# hold: the process group PAUSE stands still until resume, or this script's end, or HOLD_MOST seconds whatever happens.
watch=
hold() {
    [ -n "$PAUSE" ] && [ -z "$watch" ] || return 0
    setsid bash -c "sleep ${HOLD_MOST:-90}; kill -CONT -- -$PAUSE" >/dev/null 2>&1 9>&- & # 9: measure.sh's lock, which it would keep
    watch=$!
    kill -STOP -- -"$PAUSE" 2>/dev/null || echo "PAUSE=$PAUSE: no such process group"
    sleep 0.3
}
resume() {
    [ -n "$PAUSE" ] && [ -n "$watch" ] || return 0
    kill -CONT -- -"$PAUSE" 2>/dev/null
    kill -- -"$watch" 2>/dev/null
    watch=
}
trap resume EXIT
trap 'exit 130' INT TERM HUP
