#!/bin/bash
# mlmamba vqa from outside: outputs, exit statuses, signals, full disks, pipes, shards under a real mpirun.
# vqa.sh MLMAMBA JSON_CHECK SOURCE_DIR
mlmamba=$1 json_check=$2 images=$3/assets/images fixtures=$3/tests/support/vqa
dir=$(mktemp -d) || exit 1
trap 'chmod -R u+w "$dir" 2>/dev/null; rm -rf "$dir"' EXIT
unset MLMAMBA_MODEL
for v in $(env | sed -n 's/^\(OMPI_[A-Z_]*\|PMI_[A-Z]*\|SLURM_[A-Z_]*\)=.*/\1/p'); do unset "$v"; done
n=0 failed=0

run() { timeout 300 "$mlmamba" "$@" >"$dir/out" 2>"$dir/err" </dev/null; rc=$?; }
bad() { failed=$((failed + 1)); echo "FAILED: $1"; echo "  status $rc"; head -5 "$dir/out" | sed 's/^/  out: /'; head -20 "$dir/err" | sed 's/^/  err: /'; }
want_rc() { n=$((n + 1)); [ "$rc" -eq "$2" ] || bad "$1: status, wanted $2"; }
want_err() { n=$((n + 1)); grep -qF -- "$2" "$dir/err" || bad "$1: error, wanted '$2'"; }
want_lines() { n=$((n + 1)); [ "$(wc -l <"$2")" -eq "$3" ] || bad "$1: wanted $3 lines in $2, found $(wc -l <"$2")"; }
want_same() { n=$((n + 1)); cmp -s <(sed 's/"ms": {[^}]*}//' "$2") <(sed 's/"ms": {[^}]*}//' "$3") || bad "$1: $2 and $3 differ"; }
want() { n=$((n + 1)); [ "$2" = "$3" ] || bad "$1: wanted '$3', found '$2'"; }

# 30 questions, 5 a picture, one of them about a picture that is not there, one line broken
i=0
for s in 0 1 2 3 4 5; do
    for q in 'What is in the top middle?' 'What color is it?' 'How many stars are there?' 'Is there a cat?' 'Describe the image.'; do
        i=$((i + 1))
        case $i in
        7) echo "{\"id\": $i, \"image\": \"none.png\", \"question\": \"$q\"}" ;;
        19) echo "{\"id\": $i, \"image\": " ;;
        *) echo "{\"id\": $i, \"image\": \"scene$s.png\", \"question\": \"$q\", \"answer\": \"x\", \"kind\": \"k$((i % 2))\"}" ;;
        esac
    done
done >"$dir/q.jsonl"
o="--images $images --max-tokens 6"

# ---- a run, its files, what is printed
run vqa "$dir/q.jsonl" $o -o "$dir/a" --progress json
want_rc run 3; want_lines run "$dir/a/results.jsonl" 30
want_err run 'row 7, line 7'; want_err run '"event": "end", "rows": 30, "done": 30, "errors": 2'
while read -r line; do printf '%s\n' "$line" | "$json_check" >/dev/null 2>&1 || bad "json: $line"; done <"$dir/a/results.jsonl"
{ tr -d '\n' <"$dir/a/run.json"; echo; } | "$json_check" >/dev/null 2>&1; rc=$?; want_rc 'run.json' 0
want ids "$(sed -n 's/^{"row": \([0-9]*\),.*/\1/p' "$dir/a/results.jsonl" | tr '\n' ' ')" "$(seq -s ' ' 30) "
want 'no lock' "$(ls "$dir/a" | tr '\n' ' ')" 'results.jsonl run.json '
run vqa "$dir/q.jsonl" $o -o "$dir/a"
want_rc again 3; want_err again 'going on: 30 of 30'
run vqa "$dir/q.jsonl" $o -o "$dir/a" --task vqa
want_rc 'another task' 1; want_err 'another task' 'the task was'
run vqa "$dir/q.jsonl" $o -o "$dir/a" --col-question kind
want_rc 'another column' 1; want_err 'another column' "--col-question was 'none' and is 'kind' now"
want 'another task does not go on' "$(grep -c 'going on:' "$dir/err")" 0
run vqa "$dir/q.jsonl" $o --limit 0 -o "$dir/none"
want_rc 'limit 0' 2; want_err 'limit 0' 'from 1 to 2147483647'
run vqa "$dir/q.jsonl" $o -o "$dir/b" --batch 1 --window 1 --threads 1 -q
want_rc 'batch 1' 3; want_same 'batch 1' "$dir/a/results.jsonl" "$dir/b/results.jsonl"
want quiet "$(grep -vc '^mlmamba: row' "$dir/err")" 0
run vqa "$dir/q.jsonl" $o -o "$dir/c" --filter kind=k1 --limit 5
want_rc filter 0; want_lines filter "$dir/c/results.jsonl" 5
run vqa "$dir/q.jsonl" $o -o "$dir/c2" --sample 6 --seed 3
want_lines sample "$dir/c2/results.jsonl" 6

# ---- pipes
cat "$dir/q.jsonl" | timeout 300 "$mlmamba" vqa - $o -o - >"$dir/out" 2>"$dir/err"; rc=$?
want_rc pipe 3; grep '"ok": true' "$dir/out" >"$dir/piped"; grep '"ok": true' "$dir/a/results.jsonl" >"$dir/whole"
want_same pipe "$dir/whole" "$dir/piped"; want_lines pipe "$dir/out" 30
timeout 300 "$mlmamba" vqa "$dir/q.jsonl" $o -o - -q 2>"$dir/err" | head -1 >"$dir/out"; rc=${PIPESTATUS[0]}
want_rc 'head -1' 1; want 'head -1' "$(grep -c 'Broken pipe' "$dir/err")" 0

# ---- dry run, usage
run vqa "$dir/q.jsonl" $o --dry-run
want_rc dry 3; want dry "$(cat "$dir/out")" '30 rows, 7 pictures: 2 rows cannot be asked (1 pictures), 0 ids come twice'
run vqa; want_rc 'no data' 2
run vqa "$dir/q.jsonl"; want_rc 'no output' 2; want_err 'no output' '--output'
run vqa "$dir/q.jsonl" -o "$dir/x" --format nonsense; want_rc format 2; want_err format vlmevalkit
run vqa "$dir/q.jsonl" -o "$dir/x" --task nonsense; want_rc task 2
run vqa "$dir/q.jsonl" -o "$dir/x" --prompt '{nonsense}'; want_rc prompt 2
run vqa "$dir/q.jsonl" -o "$dir/x" --shard 4/4; want_rc shard 2
run vqa "$dir/q.jsonl" -o "$dir/x" --filter kind; want_rc 'filter without =' 2
printf '{"img": "scene0.png", "q": "What?"}\n' >"$dir/cols.jsonl"; printf 'img,q\nscene0.png,What?\n' >"$dir/cols.csv"; printf 'image;question\na;b\n' >"$dir/semi.csv"
run vqa "$dir/cols.jsonl" --dry-run; want_rc columns 3; want_err columns "no column 'image' (there are img, q); --col-image"
run vqa "$dir/cols.csv" --dry-run; want_rc 'columns of a table' 1; want_err 'columns of a table' "(it has img, q)"
run vqa "$dir/cols.csv" $o --col-image img --col-question p --dry-run; want_rc 'no such column' 1; want_err 'no such column' "no column 'p', it has img, q"
run vqa "$dir/cols.csv" $o --col-image img --col-question q --dry-run; want_rc 'named columns' 0
run vqa "$dir/semi.csv" --dry-run; want_rc semicolons 1; want_err semicolons "(not ';')"
run vqa "$dir/none.jsonl" -o "$dir/x"; want_rc 'no such data' 1
run vqa "$dir/q.jsonl" -o "$dir/q.jsonl"; want_rc 'output is the data' 1
run vqa "$dir/a/results.jsonl" --images "$images" -o "$dir/a"; want_rc 'output is the input' 1; want_err 'output is the input' 'both data set and output'
if [ "$(id -u)" -ne 0 ]; then
    mkdir "$dir/ro" && chmod a-w "$dir/ro"
    run vqa "$dir/q.jsonl" $o -o "$dir/ro"; want_rc read-only 1; want_err read-only ro
fi

# ---- a forgotten folder of pictures is said once, before a model is loaded
mkdir "$dir/data"; grep -v '"image": $\|none.png' "$dir/q.jsonl" >"$dir/data/q.jsonl"
run vqa "$dir/data/q.jsonl" -o "$dir/forgot"
want_rc 'no --images' 1; want_lines 'no --images' "$dir/err" 1
want_err 'no --images' "$dir/data/scene0.png is not): --images DIR says where they are"
run vqa "$dir/data/q.jsonl" -o "$dir/forgot" --images "$dir/elsewhere"; want_rc 'wrong --images' 1; want_err 'wrong --images' "there is no folder '$dir/elsewhere'"
mkdir "$dir/data/pictures"; cp "$images"/scene*.png "$dir/data/pictures"
run vqa "$dir/data/q.jsonl" --dry-run; want_rc 'dry, no --images' 1; want_err 'dry, no --images' "$dir/data/scene0.png is not, $dir/data/pictures/scene0.png is): --images DIR"
run vqa "$dir/data/q.jsonl" -o "$dir/forgot"; want_lines 'pictures beside' "$dir/err" 1; want_err 'pictures beside' "$dir/data/pictures/scene0.png is): --images DIR"
run vqa "$dir/data/q.jsonl" -o "$dir/forgot" --images "$dir/data/pictures" --max-tokens 4; want_rc 'with --images' 0; want_lines 'with --images' "$dir/forgot/results.jsonl" 28

# ---- questions that are longer than the model takes: a line each, a field in the results, a count
mkdir "$dir/cutting"; cp "$3"/assets/models/mlmamba-tiny/*.json "$3"/assets/models/mlmamba-tiny/*.safetensors "$dir/cutting"
sed -i '0,/{/s//{"max_text_tokens": 11,/' "$dir/cutting/config.json"
run vqa "$dir/data/q.jsonl" --images "$images" --model "$dir/cutting" --max-tokens 3 --limit 6 -o "$dir/cut"
want_rc cut 0; want_err cut 'row 1 (id 1, line 1): the question has 13 tokens, the first 11 are used'
want_err cut "3 rows of this run had a question longer than the model takes: 'prompt_used' in the results"
want 'cut rows' "$(grep -c '"prompt_tokens": 13, "prompt_used": 11' "$dir/cut/results.jsonl")" 2
run vqa "$dir/data/q.jsonl" --images "$images" --model "$dir/cutting" --max-tokens 3 --limit 6 -o - -q
want 'cut quietly' "$(wc -c <"$dir/err")" 0

# ---- every task's prompt and probabilities, on rows of the fixtures
sed "s/000000085637.jpg/scene0.png/; s/000000506095.jpg/scene1.png/" "$fixtures/vsr.jsonl" >"$dir/vsr.jsonl"
run vqa "$dir/vsr.jsonl" $o -o "$dir/vsr"
want_rc vsr 0; want vsr "$(grep -c '"probs": {"True": [0-9.e-]*, "False": [0-9.e-]*}' "$dir/vsr/results.jsonl")" 2
want 'vsr prompt' "$(grep -c 'is this statement \\"True\\" or \\"False\\"? The person is ahead of the cow.\\nRespond with \\"True\\" or \\"False\\" directly."' "$dir/vsr/results.jsonl")" 1
run vqa "$fixtures/vlmevalkit.tsv" --max-tokens 4 -o "$dir/kit"
want_rc kit 0; want kit "$(grep -c '"probs": {"A": ' "$dir/kit/results.jsonl")" 2
run vqa "$images" --max-tokens 4 -o "$dir/folder"; want_rc folder 0
want caption "$(grep -c '"prompt": "Provide a short image description."' "$dir/folder/results.jsonl")" 7
run vqa "$images" --question 'Is it {red}?' --prompt 'Q: {question} {{x}}' --max-tokens 2 -o "$dir/template"
want template "$(grep -c '"prompt": "Q: Is it {red}? {x}"' "$dir/template/results.jsonl")" 7

# ---- a full disk, a file limit
if mkdir "$dir/small" && mount -t tmpfs -o size=16k tmpfs "$dir/small" 2>/dev/null; then
    run vqa "$dir/q.jsonl" $o -o "$dir/small/a"
    want_rc 'disk full' 1; want_err 'disk full' 'No space left on device'
    mkdir "$dir/more" && cp -r "$dir/small/a" "$dir/more/a"
    umount "$dir/small"
    run vqa "$dir/q.jsonl" $o -o "$dir/more/a"; want_rc 'after disk full' 3
    want_same 'after disk full' "$dir/a/results.jsonl" "$dir/more/a/results.jsonl"
fi
(ulimit -f 4; timeout 300 "$mlmamba" vqa "$dir/q.jsonl" $o -o "$dir/limit" >"$dir/out" 2>"$dir/err"); rc=$?
want_rc 'file limit' 1; want_err 'file limit' 'File too large'; want_err 'file limit' 'row '
run vqa "$dir/q.jsonl" $o -o "$dir/limit"; want_rc 'after file limit' 3
want_same 'after file limit' "$dir/a/results.jsonl" "$dir/limit/results.jsonl"

# ---- signals: rows that run are finished, the rest is asked by the same command
for sig in INT TERM; do
    rm -rf "$dir/sig"
    "$mlmamba" vqa "$dir/q.jsonl" $o -o "$dir/sig" --batch 1 --threads 1 >"$dir/out" 2>"$dir/err" &
    pid=$!
    for _ in $(seq 200); do [ -s "$dir/sig/results.jsonl" ] && break; sleep 0.05; done
    kill -$sig $pid; wait $pid; rc=$?
    case $sig in INT) want_rc 'SIGINT' 130 ;; TERM) want_rc 'SIGTERM' 143 ;; esac
    want_err "$sig" 'the same command goes on from there'
    run vqa "$dir/q.jsonl" $o -o "$dir/sig"; want_rc "after $sig" 3
    want_same "after $sig" "$dir/a/results.jsonl" "$dir/sig/results.jsonl"
done

# ---- kill -9, two at once
rm -rf "$dir/kill"
for lines in 1 8 20; do
    "$mlmamba" vqa "$dir/q.jsonl" $o -o "$dir/kill" --batch 2 >"$dir/out" 2>"$dir/err" &
    pid=$!
    for _ in $(seq 400); do [ "$(cat "$dir/kill/results.jsonl" 2>/dev/null | wc -l)" -ge $lines ] && break; sleep 0.02; done
    kill -KILL $pid; wait $pid 2>/dev/null
done
run vqa "$dir/q.jsonl" $o -o "$dir/kill"; want_rc 'after kill -9' 3
want_same 'after kill -9' "$dir/a/results.jsonl" "$dir/kill/results.jsonl"
mkdir -p "$dir/two"
"$mlmamba" vqa "$dir/q.jsonl" $o -o "$dir/two" --batch 1 --threads 1 >/dev/null 2>&1 &
pid=$!
for _ in $(seq 200); do [ -s "$dir/two/run.lock" ] && break; sleep 0.02; done
run vqa "$dir/q.jsonl" $o -o "$dir/two"; want_rc 'two runs' 1; want_err 'two runs' "process $pid"
wait $pid; rc=$?; want_rc 'the first of two' 3

# ---- shards: a loop, Slurm's variables, mpirun
for s in 2 0 1; do run vqa "$dir/q.jsonl" $o -o "$dir/shards" --shard $s/3; done
run vqa merge "$dir/shards"; want_rc merge 3
want_same merge "$dir/a/results.jsonl" "$dir/shards/results.jsonl"
for s in 0 1; do SLURM_PROCID=$s SLURM_NTASKS=2 run vqa "$dir/q.jsonl" $o -o "$dir/slurm"; want_err slurm 'SLURM_PROCID'; done
run vqa merge "$dir/slurm"; want_same slurm "$dir/a/results.jsonl" "$dir/slurm/results.jsonl"
rm "$dir/slurm/results-1-of-2.jsonl"
run vqa merge "$dir/slurm"; want_rc 'a shard is missing' 1; want_err 'a shard is missing' '15 of 30 rows are missing'
run vqa merge "$dir/slurm" --allow-missing; want_rc 'missing allowed' 3; want_lines 'missing allowed' "$dir/slurm/results.jsonl" 15
run vqa merge "$dir/none"; want_rc 'merge nothing' 1
if command -v mpirun >/dev/null 2>&1; then
    OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 timeout 300 mpirun -n 4 --oversubscribe --bind-to none \
        "$mlmamba" vqa "$dir/q.jsonl" $o -o "$dir/mpi" --threads 1 >"$dir/out" 2>"$dir/err" </dev/null; rc=$?
    want_rc mpirun 0
    want 'mpirun files' "$(ls "$dir/mpi" | grep -c 'results-[0-3]-of-4.jsonl')" 4
    run vqa merge "$dir/mpi"; want_rc 'merge of mpirun' 3
    want_same mpirun "$dir/a/results.jsonl" "$dir/mpi/results.jsonl"
else
    echo "mpirun is not there: the test under it was left out"
fi

echo "$n checks, $failed failed"
[ "$failed" -eq 0 ]
