#!/bin/bash
# away.sh: training on another machine, one with a GPU and Python with torch, triton, numpy and Pillow (README.md, "On another machine").
#
#   away.sh pack PACKED OUTDIR      here: OUTDIR/away-1.tar and away-2.tar, 22 MiB each (over 25 MiB: an error): what pack.py wrote, these programs
#
# There, in a copy of the repository (without one: tar xf away-1.tar -C AWAY, then AWAY/assets/train/away.sh, and MODEL=DIR for lay):
#   away.sh lay PART...             unpacks parts into AWAY (/tmp/away), in one call or two, and says what is lacking
#   away.sh start MINUTES DEADLINE SEED [--first] [ARGS]    starts training in the background and watches over it: the second stage from the
#                                   shipped weights (--first: the first stage from scratch), MINUTES of training, over at the latest DEADLINE
#                                   seconds from now; ARGS are those of train.py.  If it ends with an error, it is started again, once
#   away.sh fetch SECONDS TO        waits until training has ended, SECONDS at most, then copies weights, log.txt, run.json into TO
#   away.sh stop                    ends training at once; `echo 90 >AWAY/out/finish` ends it within 90 seconds, as it should end
set -u
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
export AWAY=${AWAY:-/tmp/away}
code=$AWAY/assets/train model=$AWAY/assets/models/mlmamba-tiny out=$AWAY/out

die() { echo "away.sh: $*" >&2; exit 1; }
lives() { [ -f "$AWAY/$1" ] && kill -0 "$(cat "$AWAY/$1")" 2>/dev/null; } # pid: training, a process group; watch.pid: who watches over it

pack() { # PACKED OUTDIR
    local packed=$1 to=$2 stage most=$((25 << 20)) part size
    [ -f "$packed/names.json" ] || die "$packed: not a folder that pack.py wrote"
    stage=$(mktemp -d) && mkdir -p "$to" || exit 1
    mkdir -p "$stage/packed" "$stage/assets/train" "$stage/assets/models/mlmamba-tiny"
    cp "$packed"/* "$stage/packed/"
    cp "$here"/*.py "$here/away.sh" "$stage/assets/train/"
    cp "$here/../models/mlmamba-tiny/tokenizer.json" "$stage/assets/models/mlmamba-tiny/"
    (cd "$stage/packed" && sha256sum -- *) >"$stage/packed.sha256"
    # Programs go into the first part; of the data, the largest file first, each into the part that is smaller.
    { echo packed.sha256; (cd "$stage" && find assets -type f); } >"$stage/1"
    (cd "$stage" && find packed -type f -printf '%s %p\n') | sort -rn |
        awk -v one="$stage/1" -v two="$stage/2" '{ k = a > b; if (k) b += $1; else a += $1; print $2 >> (k ? two : one) }'
    for part in 1 2; do
        tar cf "$to/away-$part.tar" -C "$stage" -T "$stage/$part" || die "$to/away-$part.tar cannot be written"
        size=$(stat -c %s "$to/away-$part.tar")
        awk -v name="$to/away-$part.tar" -v n="$size" 'BEGIN { printf "%s %.1f MiB\n", name, n / 1048576 }'
        [ "$size" -le $most ] || die "$to/away-$part.tar is over 25 MiB"
    done
    rm -rf "$stage"
}

lay() { # PART...
    local part from=${MODEL:-$here/../models/mlmamba-tiny} f lacking=
    mkdir -p "$model" "$out" || exit 1
    for part in "$@"; do tar xf "$part" --no-same-owner -C "$AWAY" || die "$part: not unpacked"; done
    if [ -f "$from/model.safetensors" ] && [ ! "$from" -ef "$model" ]; then
        for f in "$from"/*; do [ "${f##*/}" = tokenizer.json ] || cp "$f" "$model/"; done
    fi
    [ -f "$code/train.py" ] || lacking=" the programs (away-1.tar)"
    [ -f "$model/model.safetensors" ] || lacking+=" weights to start from (MODEL=DIR; --first needs none)"
    if [ -f "$AWAY/packed.sha256" ]; then
        while read -r _ f; do [ -f "$AWAY/packed/$f" ] || lacking+=" $f"; done <"$AWAY/packed.sha256"
    fi
    python3 -c 'import torch, triton, numpy, PIL
print("torch", torch.__version__, "triton", triton.__version__, "GPU", torch.cuda.is_available())' || echo "*** a Python package is missing"
    echo "$AWAY: $(du -sh "$AWAY" | cut -f1)${lacking:+, lacking:$lacking}"
}

start() { # MINUTES DEADLINE SEED [--first] [ARGS]
    local minutes=$1 deadline=$2 seed=$3 first='' smoke='' args=() a
    shift 3
    for a in "$@"; do
        case $a in --first) first=1; continue ;; --cpu-smoke | --smoke) smoke=1 ;; esac
        args+=("$a")
    done
    [[ $deadline =~ ^[0-9]+$ ]] || die "DEADLINE $deadline: not a number of seconds"
    [ -f "$code/train.py" ] || die "no $code/train.py: nothing was laid here"
    [ -n "$smoke" ] || (cd "$AWAY/packed" && sha256sum --quiet -c ../packed.sha256) || die "the data is not complete"
    if lives watch.pid; then die "training runs already, process group $(cat "$AWAY/pid")"; fi
    if [ -z "$first" ]; then
        args=(--second --curriculum-from 1 --lr 1.2e-3 --warm-up 0.02 --decay 0.6 --floor 0.01 --aux 0.3 0.15 0.6 "${args[@]}")
        if [ -z "$smoke" ]; then # a smoke test is of any size, from scratch
            [ -f "$model/model.safetensors" ] || die "no weights to start from in $model"
            args=(--from "$model" "${args[@]}")
        fi
    fi
    [ -f "$out/log.txt" ] && mv "$out" "$out.$(date +%s)"
    mkdir -p "$out"
    rm -rf "$AWAY/pid" "$AWAY/watch.pid" "$AWAY/again"
    setsid bash "$code/away.sh" watch "$deadline" --packed "$AWAY/packed" --seed "$seed" --minutes-total "$minutes" --deadline "$deadline" \
        --workers 8 --final "" --out "$out" "${args[@]}" </dev/null >"$AWAY/stdout.txt" 2>&1 &
    for ((a = 0; a < 20; a++)); do [ -s "$AWAY/pid" ] && break; sleep 0.2; done
    sleep 2
    lives pid || { tail -n 5 "$AWAY/stdout.txt"; die "training has not started, or has ended already"; }
    a=$(cat "$AWAY/pid")
    echo "training runs, process group $a: kill -STOP -- -$a, kill -CONT -- -$a; log $out/log.txt, errors $AWAY/stdout.txt"
}

# ---- the watch: runs train.py, and once more if it does not end well --------------------------------------------------
run() { # ARGS of train.py -> its status
    local child status
    setsid python3 train.py "$@" &
    child=$!
    echo $child >"$AWAY/pid"
    wait $child; status=$?
    kill -KILL -- -$child 2>/dev/null # the loader's processes
    return $status
}
say() { printf '%6.1f *** %s\n' $(($(date +%s) - began)) "$*" | tee -a "$out/log.txt"; }
well() { tail -n 1 "$out/log.txt" 2>/dev/null | grep -q ' end$'; }

# What is left of a schedule, as arguments: minutes, and rate, auxiliary weight and scenes as they were.  The stream is another one.
rest() { # RUN.JSON
    python3 - "$1" <<'P'
import json
import sys
import schedule
with open(sys.argv[1], encoding="utf-8") as f:
    run = json.load(f)
a, state = run["arguments"], run["state"]
share = min(state.get("share", 0.0), 0.999)
rate = schedule.rate_at(share, a["warm_up"], a["decay"], a["floor"]) if share >= a["warm_up"] else 1.0
first, last, until = a["aux"]
print("--minutes-total %.3f" % max(a["minutes_total"] - state["seconds"] / 60, 0.1),
      "--lr %.6g --floor %.6g --decay %.4g" % (a["lr"] * rate, min(1.0, a["floor"] / rate), min(1.0, a["decay"] / (1 - share))),
      "--aux %.4g %.4g %.4g" % (schedule.aux_at(share, *a["aux"]), last, max((until - share) / (1 - share), 1e-6)),
      "--curriculum-from %.4g --seed %d" % (max(a["curriculum_from"], share), a["seed"] + 100))
P
}

watch() { # DEADLINE ARGS of train.py
    local deadline=$1 left status more=(); shift
    cd "$code" || exit 1
    export PYTHONUNBUFFERED=1
    began=$(date +%s)
    echo $$ >"$AWAY/watch.pid"
    run "$@"; status=$?
    well && return
    left=$((deadline - ($(date +%s) - began)))
    if [ $left -lt "${LEAST:-120}" ]; then # loading and compiling take most of it
        say "training ended with an error (status $status); not started again: $left s are left"
        return 1
    fi
    rm -f "$out"/w.whole "$out"/*.partial "$out"/*.joined
    if [ -f "$out/run.json" ]; then # it is written after the first pieces
        mkdir -p "$AWAY/again"
        cp "$out"/w*.bin "$out/run.json" "$AWAY/again/"
        read -ra more < <(rest "$AWAY/again/run.json")
        more+=(--from "$AWAY/again/w")
    fi
    more+=(--deadline "$left")
    say "training ended with an error (status $status); started again with ${more[*]}"
    run "$@" "${more[@]}"; status=$?
    well && return
    say "training ended with an error again (status $status); not started again"
    return 1
}

# ---- what it has made -------------------------------------------------------------------------------------------------
fetch() { # SECONDS TO
    local end=$(($(date +%s) + $1)) to=$2 a b
    mkdir -p "$to" || exit 1
    while lives watch.pid && [ "$(date +%s)" -lt "$end" ]; do sleep 1; done
    if lives watch.pid; then echo "training still runs"; else echo "training has ended"; fi
    seen() { stat -c %Y.%s "$out"/w*.bin; ls "$out/w.whole" "$out"/*.partial; }
    for ((b = 0; b < 6; b++)); do # not while pieces are written
        a=$(seen 2>/dev/null)
        cp "$out"/w*.bin "$to/" 2>/dev/null
        case $a in *whole* | *partial*) ;; *) [ "$a" = "$(seen 2>/dev/null)" ] && break ;; esac
        sleep 1
    done
    cp "$out/run.json" "$to/" 2>/dev/null
    [ -f "$AWAY/again/run.json" ] && cp "$AWAY/again/run.json" "$to/run-before.json" # of the run that ended with an error
    tail -c 400000 "$out/log.txt" >"$to/log.txt"
    tail -n 4 "$out/log.txt"
    grep -h EVALUATION "$out/log.txt" | tail -n 4
    grep -n '\*\*\*\|Error\|Traceback\|^train.py:' "$AWAY/stdout.txt" | tail -n 8
    ls -l "$to"
}

stop() {
    local name group
    for name in watch.pid pid; do
        lives $name || continue
        group=-$(cat "$AWAY/$name")
        kill -TERM -- "$group"
        kill -CONT -- "$group"
    done
    sleep 1
    lives pid && kill -KILL -- "-$(cat "$AWAY/pid")"
    echo "stopped"
}

verb=${1:-} least=0
case $verb in pack | fetch) least=2 ;; lay | watch) least=1 ;; start) least=3 ;; stop) ;; *) verb='' ;; esac
if [ -z "$verb" ] || [ $# -le $least ]; then sed -n '4,14s/^# \{0,3\}//p' "$0"; exit 2; fi
shift
"$verb" "$@"
