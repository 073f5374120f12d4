#!/bin/bash
# The contract of the command line: what is on standard output, on standard error, and the exit status.
# cli.sh MLMAMBA JSON_CHECK SOURCE_DIR
mlmamba=$1 json_check=$2 images=$3/assets/images model=$3/assets/models/mlmamba-tiny
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
unset MLMAMBA_MODEL
n=0 failed=0
q='What is in the top middle?'

run() { "$mlmamba" "$@" >"$dir/out" 2>"$dir/err" </dev/null; rc=$?; }
bad() { failed=$((failed + 1)); echo "FAILED: $1"; echo "  status $rc"; sed 's/^/  out: /' "$dir/out"; sed 's/^/  err: /' "$dir/err"; }
want_rc() { n=$((n + 1)); [ "$rc" -eq "$2" ] || bad "$1: status, wanted $2"; }
want_out() { n=$((n + 1)); printf '%s\n' "$2" | cmp -s - "$dir/out" || bad "$1: output, wanted '$2'"; }
want_no_out() { n=$((n + 1)); [ ! -s "$dir/out" ] || bad "$1: output, wanted none"; }
want_err() { n=$((n + 1)); grep -qF -- "$2" "$dir/err" || bad "$1: error, wanted '$2'"; }
want_no_err() { n=$((n + 1)); [ ! -s "$dir/err" ] || bad "$1: error, wanted none"; }
want_json() { n=$((n + 1)); l=$1; shift; "$json_check" "$@" <"$dir/out" 2>>"$dir/err" || bad "$l: JSON"; }
want_plain() { n=$((n + 1)); ! LC_ALL=C grep -q "$(printf '[\001-\010\013-\037\177]')" "$dir/out" "$dir/err" || bad "$1: control characters"; }

# ---- ask
run ask "$images/scene0.png" "$q"
want_rc ask 0; want_out ask 'An orange cross.'; want_no_err ask
run ask "$q" --threads 1 -- "$images/scene0.png"
want_rc order 2; want_no_out order; want_err order 'the question comes last'
run ask --threads 2 "$images/scene0.png" --max-tokens 2 -- "$q"
want_rc options 0; want_out options 'An orange'
run ask "$images/scene0.png" "$images/scene5.png" "$q"
want_rc several 0; want_out several "$images/scene0.png: An orange cross.
$images/scene5.png: A teal arrow."
# Without a GPU: one line and a status for who insists on one, the CPU for everybody else.
export CUDA_VISIBLE_DEVICES=
run ask --device cuda "$images/scene0.png" "$q"
want_rc 'no GPU' 1; want_no_out 'no GPU'; want_err 'no GPU' 'mlmamba: CUDA: '
n=$((n + 1)); [ "$(wc -l <"$dir/err")" -eq 1 ] || bad 'no GPU: one line'
run ask --device cuda:1 "$images/scene0.png" "$q"
want_rc 'no second GPU' 1; want_err 'no second GPU' 'mlmamba: CUDA: '
run ask --device auto "$images/scene0.png" "$q"
want_rc auto 0; want_out auto 'An orange cross.'; want_no_err auto
unset CUDA_VISIBLE_DEVICES
run ask "$images/scene0.png" "$dir/none.png" "$q"
want_rc rows 3; want_out rows "$images/scene0.png: An orange cross."; want_err rows none.png
run ask "$dir/none.png" "$dir/nor.png" "$q"
want_rc 'all failed' 1; want_no_out 'all failed'; want_err 'all failed' nor.png
"$mlmamba" ask - "$q" <"$images/scene0.png" >"$dir/out" 2>"$dir/err"; rc=$?
want_rc stdin 0; want_out stdin 'An orange cross.'
run ask - "$q"
want_rc 'empty stdin' 1; want_err 'empty stdin' 'standard input'
run ask - - "$q"
want_rc 'stdin twice' 2
run ask "$images/scene0.png" What is it; want_rc quotes 2; want_err quotes 'put the question in quotes'
run ask --stats "$images/scene0.png" "$q"
want_rc stats 0; want_out stats 'An orange cross.'; want_err stats 'tokens/s'
run ask --temperature 1.5 --seed 3 "$images/scene0.png" 'Describe the image.'
cp "$dir/out" "$dir/first"
run ask --temperature 1.5 --seed 3 "$images/scene0.png" 'Describe the image.'
want_out seed "$(cat "$dir/first")"

# ---- tasks and fits
run ask --task caption "$images/scene0.png"; want_rc caption 0; want_no_err caption
cp "$dir/out" "$dir/first"
run ask "$images/scene0.png" 'Provide a short image description.'; want_out 'caption words' "$(cat "$dir/first")"
run ask --task vqa "$images/scene0.png" "$q"; cp "$dir/out" "$dir/first"; want_rc vqa 0
run ask "$images/scene0.png" "$q
Answer the question using a single word or phrase."; want_out 'vqa words' "$(cat "$dir/first")"
run ask --task poem "$images/scene0.png" "$q"; want_rc 'unknown task' 2; want_err 'unknown task' 'true-false'
run ask --task caption; want_rc 'caption of nothing' 2
run ask --fit letterbox --json "$images/scene0.png" "$q"; want_rc fit 0
run ask --fit round "$images/scene0.png" "$q"; want_rc 'unknown fit' 2; want_err 'unknown fit' letterbox

# ---- JSON
run ask --json "$images/scene0.png" "$dir/none.png" "$q"
want_rc json 3; want_json json image question answer error
n=$((n + 1)); [ "$(wc -l <"$dir/out")" -eq 2 ] || bad 'json: two lines'
run info --json; want_rc 'info json' 0; want_json 'info json' model fingerprint memory formats device limits
run tokenize --json 'two "red" circles'; want_rc 'tokenize json' 0; want_json 'tokenize json' ids pieces
run bench --json --runs 1 --tokens 4; want_rc 'bench json' 0; want_json 'bench json' stages tokens_per_second rss_mb
run bench --csv "$dir/bench.csv" --runs 1 --tokens 4 --batch 1 --image "$images/scene1.png"; want_rc 'bench csv' 0
n=$((n + 1)); grep -q '^first_token,' "$dir/bench.csv" || bad 'bench csv'

# ---- check, import, complete (published files: test_published)
run check "$model"; want_rc check 0; want_no_err check
n=$((n + 1)); grep -q 'mlmamba directory, complete' "$dir/out" || bad 'check: verdict'
run check --json --hash "$model"; want_rc 'check json' 0; want_json 'check json' kind complete parts problem tensors faults
n=$((n + 1)); grep -q "$(sha256sum "$model/model.safetensors" | cut -d' ' -f1)" "$dir/out" || bad 'check: sha256'
mkdir "$dir/half"; cp "$model/config.json" "$dir/half"
run check "$dir/half"; want_rc 'check half' 1
n=$((n + 1)); grep -q '^MISSING  weights' "$dir/out" || bad 'check half: missing part'
run check "$dir/none"; want_rc 'check none' 1; want_err 'check none' 'does not exist'
run check a b; want_rc 'check two' 2
run import "$model" --output "$dir/copy"; want_rc import 0; want_no_out import
run ask --model "$dir/copy" "$images/scene0.png" "$q"; want_out 'import answers' 'An orange cross.'
run import "$model" --output "$dir/copy"; want_rc 'import again' 1; want_err 'import again' 'is there already'
run import "$model" --output "$dir/wide" --dtype fp32; want_rc 'import int8 as fp32' 1; want_err 'import int8 as fp32' 'cannot be converted'
run import "$model" --output "$dir/wide" --dtype int3; want_rc 'import dtype' 2; want_err 'import dtype' 'keep, bf16 or fp32'
run import "$model"; want_rc 'import where' 2; want_err 'import where' '--output'
run complete --max-tokens 5 "$q"; want_rc complete 0
run complete --json --raw --max-tokens 5 'A red'; want_rc 'complete json' 0; want_json 'complete json' text completion finish tokens
run complete; want_rc 'complete nothing' 2
run complete --raw ''; want_rc 'complete empty' 2; want_err 'complete empty' empty
run ask --reference-rounding "$images/scene0.png" "$q"; want_rc rounding 0; want_out rounding 'An orange cross.'

# ---- usage
run; want_rc nothing 2; want_err nothing 'mlmamba --help'; want_no_out nothing
run paint; want_rc command 2; want_err command "no command 'paint'"
run "$images/scene0.png"; want_rc 'picture as command' 2; want_err 'picture as command' 'mlmamba ask'
run ask; want_rc 'no arguments' 2; want_err 'no arguments' 'a picture and a question are missing'
run ask "$images/scene0.png"; want_rc 'no question' 2; want_err 'no question' 'the question is missing'
run ask 'What is this?'; want_rc 'no picture' 2; want_err 'no picture' example:
run ask "$images/scene0.png" ' '; want_rc 'empty question' 2; want_err 'empty question' 'the question is empty'
run ask "$images/scene0.png" "$images/scene1.png"; want_rc 'two pictures' 2; want_err 'two pictures' 'the question comes last'
run describe; want_rc 'describe nothing' 2
run chat a b; want_rc 'chat two' 2
for o in --nonsense --threads=0 --threads=x --threads --top-p=1.1 --temperature=nan --temperature=-1 --max-tokens=0 \
    --max-tokens=1e3 --seed=-1 --seed=99999999999999999999 --memory-limit=0 --csv --model= -Z; do
    run ask "$images/scene0.png" "$q" "$o"
    want_rc "option $o" 2; want_no_out "option $o"; want_err "option $o" 'mlmamba ask:'
done
for c in ask describe chat info bench tokenize; do
    run help $c; want_rc "help $c" 0; want_no_err "help $c"; cp "$dir/out" "$dir/first"
    run $c --help; want_rc "$c --help" 0; want_out "$c --help" "$(cat "$dir/first")"
    n=$((n + 1)); grep -q '^usage: mlmamba' "$dir/out" && grep -q 'example' "$dir/out" || bad "help $c: usage and example"
done
run --help; want_rc --help 0; n=$((n + 1)); grep -q 'ask PICTURE' "$dir/out" || bad --help
run --version; want_rc --version 0; n=$((n + 1)); grep -qE '^mlmamba [0-9]+\.[0-9]+\.[0-9]+$' "$dir/out" || bad --version
run help help; want_rc 'help help' 0; want_no_err 'help help'
run help paint; want_rc 'help paint' 2

# ---- names that were nearly right, and arguments that are something else
want_usage() { want_rc "$1" 2; want_no_out "$1"; want_err "$1" "$2"; }
run dscribe x.png; want_usage dscribe "no command 'dscribe', did you mean describe?"
run help aks; want_usage 'help aks' 'did you mean ask?'
run --hepl; want_usage --hepl 'did you mean --help?'
run --model x ask; want_usage 'option first' 'the command comes first'
run ask --modle=x a b; want_usage modle 'option --modle=x, did you mean --model?'
run ask --max-tokns 3 a b; want_usage max-tokns 'did you mean --max-tokens?'
run ask --ma 3 a b; want_usage 'cut option' 'option --ma is cut short, it could be --max-tokens'
run ask --t 3 a b; want_usage 'unclear option' 'it could be --threads --task --temperature --top-k --top-p'
run ask "$images/scene0.png" '--what is it?'; want_usage 'dashes' 'put --'
run ask --outptu x a b; want_usage 'of another command' '--outptu'
run ask --task captoin a.png; want_usage captoin 'did you mean caption?'
run ask --fit modle a b; want_usage 'fit modle' 'did you mean model?'
run vqa --task yes-now x -o y; want_usage yes-now 'did you mean yes-no?'
run vqa --progress plian x -o y; want_usage plian 'did you mean plain?'
run score --format tabel x; want_usage tabel 'did you mean table?'
run score --export evlai x; want_usage evlai 'did you mean evalai?'
run import x -o y --dtype fp31; want_usage fp31 'did you mean fp32?'
run quantize x -o y --type int9; want_usage int9 'did you mean int8?'
run bench --only stpe; want_usage stpe 'did you mean step?'
for far in 'paint' 'ask --nonsense a b' 'ask --task poem a b' 'score --format xml x' 'vqa --task a x -o y'; do
    # shellcheck disable=SC2086
    run $far; want_rc "$far" 2; n=$((n + 1)); ! grep -q 'did you mean' "$dir/err" || bad "$far: nothing is near"
done
cp "$images/scene0.png" "$dir/my picture.png"
run ask "$dir/my picture.png" "$q"; want_rc 'blank in a name' 0; want_out 'blank in a name' 'An orange cross.'
run ask "$dir/my" picture.png "$q"; want_usage 'ask, cut name' "there is '$dir/my picture.png': put it in quotes"
run describe "$dir/my" picture.png; want_usage 'describe, cut name' "there is '$dir/my picture.png': put it in quotes"
run chat "$dir/my" picture.png; want_usage 'chat, cut name' "there is '$dir/my picture.png': put it in quotes"
run ask --task caption "$images/scene0.png" 'What is this?'; want_usage 'caption question' "no question, but 'What is this?' is no file"
run ask --task caption "$images/scene0.png" What is this; want_usage 'caption words' "'What' is no file"
run describe "$images/scene0.png" 'What is this?'; want_usage 'describe question' "'What is this?' is no file"
run chat "$images/scene0.png" 'What is this?'; want_usage 'chat question' "'What is this?' is no file"
run ask 'What is this?' none.png; want_usage 'question first' 'has a picture'
run ask "$images/scene0.png" none.png; want_usage 'no question, no file' 'has a picture'
run ask https://example.org/a.png "$q"; want_usage address 'is an address'
run ask "$images/scene0.png" '-5 or 5?'; want_usage 'minus five' 'put --'
run ask "$images/scene0.png" -- '-5 or 5?'; want_rc 'minus five --' 0
run ask '' "$q"; want_usage 'empty name' 'the name of the picture is empty'
run ask "$images/scene0.png" '' "$q"; want_usage 'empty names' 'the name of picture 2 of 2 is empty'
run ask "$images/scene0.png" ''; want_usage 'empty question again' 'the question is empty'
run describe ''; want_usage 'describe empty' 'is empty'
run chat ''; want_usage 'chat empty' 'is empty'
run vqa '' -o "$dir/run"; want_usage 'vqa empty' 'the name of a data set is empty'
run vqa "$images/scene0.png" "$q" -o "$dir/run"; want_usage 'vqa picture' 'is a picture, not a data set'
run score ''; want_usage 'score empty' 'the name of the results is empty'

# ---- files that are no pictures
mkdir "$dir/album" "$dir/bare"; for i in 3 1 4 2; do cp "$images/scene0.png" "$dir/album/$i.png"; done
run ask "$dir/album" "$q"; want_rc 'ask a folder' 1; want_no_out 'ask a folder'
want_err 'ask a folder' "a folder with 4 pictures (1.png, 2.png, 3.png, ...); about all of them: mlmamba vqa $dir/album --question \"$q\""
n=$((n + 1)); [ "$(wc -l <"$dir/err")" -eq 1 ] || bad 'ask a folder: one line'
run ask "$dir/album" "$images/scene0.png" "$q"; want_rc 'a folder and a picture' 3; want_err 'a folder and a picture' 'mlmamba vqa'
want_out 'a folder and a picture' "$images/scene0.png: An orange cross."
mv "$dir/album" "$dir/my album"; run ask "$dir/my album" "$q"
want_err 'ask a folder with a blank' "mlmamba vqa '$dir/my album' --question"; mv "$dir/my album" "$dir/album"
run describe "$dir/album"; want_rc 'describe a folder' 1; want_err 'describe a folder' "mlmamba vqa $dir/album -o"
run ask "$dir/bare" "$q"; want_rc 'ask an empty folder' 1; want_err 'ask an empty folder' 'no pictures are in it'
run chat "$dir/album"; want_rc 'chat about a folder' 1; want_err 'chat about a folder' 'mlmamba vqa'
for f in /etc/passwd "$dir" /dev/null /dev/zero; do
    run ask "$f" "$q"; want_rc "picture $f" 1; want_no_out "picture $f"; want_err "picture $f" "$f"
done
mkfifo "$dir/fifo"
timeout 20 "$mlmamba" ask "$dir/fifo" "$q" >"$dir/out" 2>"$dir/err"; rc=$?
want_rc fifo 1; want_err fifo fifo
head -c 3000 "$images/scene0.png" >"$dir/cut.png"; run ask "$dir/cut.png" "$q"; want_rc cut 1; want_err cut cut.png
hostile=$dir/$(printf 'a\033[31mb\nc\302\233d\377.png')
cp "$images/scene0.png" "$hostile"
run ask "$hostile" "$images/scene0.png" "$q"; want_rc 'hostile name' 0; want_plain 'hostile name'
n=$((n + 1)); [ "$(wc -l <"$dir/out")" -eq 2 ] || bad 'hostile name: two lines'
run ask --json "$hostile" "$q"; want_rc 'hostile json' 0; want_json 'hostile json' image image_bytes; want_plain 'hostile json'
run ask "$hostile.none" "$q"; want_rc 'hostile error' 1; want_plain 'hostile error'
n=$((n + 1)); [ "$(wc -l <"$dir/err")" -eq 1 ] || bad 'hostile error: one line'

# ---- models
run info --model "$dir"; want_rc "no model" 1; want_err "no model" "looked for config.json"; want_err "no model" "mlmamba check $dir"
run info --model "$dir/none"; want_rc 'no directory' 1; want_err 'no directory' "$dir/none"
run info --memory-limit 5; want_rc 'memory limit' 1; want_err 'memory limit' '5.0 MB'
n=$((n + 1)); [ "$(grep -o mlmamba-tiny "$dir/err" | wc -l)" -eq 1 ] || bad 'memory limit: the model is named once'
run info --device toaster; want_rc device 1; want_err device toaster
MLMAMBA_MODEL=$dir/none run info; want_rc environment 1; want_err environment MLMAMBA_MODEL
run info --model "$model"; want_rc info 0; want_no_err info
n=$((n + 1)); grep -q '^limits .*256 MB, 16384 a side, 64 Mpixel' "$dir/out" || bad 'info: limits of pictures'
n=$((n + 1)); grep -q 'Weak on photographs' "$dir/out" || bad 'info: limits'

# ---- output that cannot be written, interrupts
"$mlmamba" ask "$images/scene0.png" "$q" >/dev/full 2>"$dir/err"; rc=$?; : >"$dir/out"
want_rc /dev/full 1; want_err /dev/full 'standard output'
"$mlmamba" ask "$images/scene0.png" "$q" >&- 2>"$dir/err"; rc=$?
want_rc 'closed output' 1; want_err 'closed output' 'standard output'
"$mlmamba" --help 2>"$dir/err" | :; rc=${PIPESTATUS[0]}; want_no_err 'nobody reads'
mkfifo "$dir/slow"
"$mlmamba" chat "$images/scene0.png" <"$dir/slow" >"$dir/out" 2>"$dir/err" &
pid=$!
exec 9>"$dir/slow"
printf '%s\n' "$q" >&9
for _ in $(seq 200); do grep -q "cross\." "$dir/out" && break; sleep 0.1; done # the whole answer: it is streamed
kill -TERM $pid; wait $pid; rc=$?
exec 9>&-
want_rc terminated 143; want_out terminated 'An orange cross.'

# A question of minutes: the first token is never reached, but how long it is was said.
for s in INT TERM; do
    timeout --preserve-status -s $s 1 "$mlmamba" ask -n 5 "$images/scene0.png" "$(head -c 60000 /dev/zero | tr '\0' a)" >"$dir/out" 2>"$dir/err"; rc=$?
    n=$((n + 1)); [ $rc -eq $([ $s = INT ] && echo 130 || echo 143) ] || bad "SIG$s in a long question: status"
    want_err "SIG$s in a long question" 'are used; beyond 2048 an answer is not to be relied on'; want_no_out "SIG$s in a long question"
    n=$((n + 1)); [ "$(wc -l <"$dir/err")" -eq 1 ] || bad "SIG$s in a long question: one line"
done

# ---- questions that are longer than the model takes: one line, also for several pictures
mkdir "$dir/cutting"; cp "$model"/*.json "$model"/*.safetensors "$dir/cutting"
sed -i '0,/{/s//{"max_text_tokens": 11,/' "$dir/cutting/config.json"
run ask --model "$dir/cutting" "$images/scene0.png" "$images/scene5.png" "$q"
want_rc 'cut question' 0; want_err 'cut question' 'the question has 13 tokens, the first 11 are used'
n=$((n + 1)); [ "$(wc -l <"$dir/err")" -eq 1 ] || bad 'cut question: one line'
run ask -q --model "$dir/cutting" "$images/scene0.png" "$q"; want_rc 'cut quietly' 0; want_no_err 'cut quietly'
run complete --model "$dir/cutting" "$q"; want_rc 'cut text' 0; want_err 'cut text' 'the first 11 are used'
printf '%s\n' "$q" | "$mlmamba" chat --model "$dir/cutting" "$images/scene0.png" >"$dir/out" 2>"$dir/err"; rc=$?
want_rc 'cut in a chat' 0; want_err 'cut in a chat' 'has 13 tokens, the first 11 are used'

# ---- chat
printf '%s\nWhat color is it?\n/undo\nWhat color is it?\n/save %s\n/quit\nnever\n' "$q" "$dir/talk" |
    "$mlmamba" chat "$images/scene0.png" >"$dir/out" 2>"$dir/err"; rc=$?
want_rc chat 0; want_no_err chat; want_out chat 'An orange cross.
Orange.
Orange.'
run ask --state "$dir/talk" 'How many objects are there?'; want_rc state 0; want_out state 'Six.'
printf '/load %s\nHow many objects are there?\n/image %s\n%s\r\n' "$dir/talk" "$images/scene5.png" "$q" | "$mlmamba" chat >"$dir/out" 2>"$dir/err"; rc=$?
want_rc 'chat load' 0; want_out 'chat load' 'Six.
A teal arrow.'
printf 'hello\n/undo\n/retry\n/foo\n/save\n/load %s/none\n/image %s/none\n' "$dir" "$dir" | "$mlmamba" chat >"$dir/out" 2>"$dir/err"; rc=$?
want_rc 'chat errors' 3; want_no_out 'chat errors'; want_err 'chat errors' "no picture is set; a line '/image PATH' opens one"
n=$((n + 1)); [ "$(wc -l <"$dir/err")" -eq 9 ] || bad 'chat errors: nine lines'
printf '  /image\t%s\na\0b\n%s\n%s\n' "$images/scene0.png" "$(head -c 1500000 /dev/zero | tr '\0' a)" "$q" |
    "$mlmamba" chat >"$dir/out" 2>"$dir/err"; rc=$?
want_rc 'chat lines' 3; want_out 'chat lines' 'An orange cross.'
want_err 'chat lines' 'NUL byte'; want_err 'chat lines' 'more than 1 MB'
n=$((n + 1)); [ "$(wc -l <"$dir/err")" -eq 2 ] || bad 'chat lines: two lines'
# In a pipe a picture that cannot be opened is not answered for by the one before.
for wrong in "/image $dir/none" "/load $dir/none" /image '/imgae x.png'; do
    printf '%s\n%s\n%s\n/retry\n/undo\n/save %s\n/stats\n/image "%s"\n%s\n' "$q" "$wrong" "$q" "$dir/old" "$images/scene5.png" "$q" |
        "$mlmamba" chat "$images/scene0.png" >"$dir/out" 2>"$dir/err"; rc=$?
    want_rc "chat, $wrong" 3; want_err "chat, $wrong" "refused, there is no picture for it: $q"
    want_out "chat, $wrong" 'An orange cross.
A teal arrow.'
    n=$((n + 1)); [ "$(grep -c 'refused, there' "$dir/err")" -eq 4 ] && [ ! -e "$dir/old" ] || bad "chat, $wrong: four lines are refused"
done
if command -v script >/dev/null; then # at a terminal the picture before stays
    printf '/image %s/none\n%s\n/quit\n' "$dir" "$q" | script -qec "'$mlmamba' chat '$images/scene0.png'" /dev/null >"$dir/out" 2>"$dir/err"; rc=$?
    want_rc 'chat at a terminal' 0; n=$((n + 1))
    grep -qF "still about $images/scene0.png" "$dir/out" && grep -qF 'An orange cross.' "$dir/out" || bad 'chat at a terminal'
fi
printf '/imgae\n/undo x\n/foo\n' | "$mlmamba" chat >"$dir/out" 2>"$dir/err"; rc=$?
want_rc 'chat commands' 3; want_err 'chat commands' 'did you mean /image?'; want_err 'chat commands' 'did you mean /undo?'
want_err 'chat commands' 'no command /foo; /help'
"$mlmamba" chat "$images/scene0.png" <"$dir" >"$dir/out" 2>"$dir/err"; rc=$?
want_rc 'chat directory' 1; want_err 'chat directory' 'cannot read standard input'
for c in chat 'ask - x' 'tokenize -'; do
    # shellcheck disable=SC2086
    "$mlmamba" $c <&- >"$dir/out" 2>"$dir/err"; rc=$?
    want_rc "$c, closed input" 1; want_err "$c, closed input" 'mlmamba: standard input is closed'
done
mkdir "$dir/small"
(ulimit -f 1; printf '/save %s\n' "$dir/small/talk" | "$mlmamba" chat "$images/scene0.png" 2>&1) >"$dir/small.log"
cp "$dir/small.log" "$dir/err"
want_err 'file limit' 'File too large'
n=$((n + 1)); [ -z "$(ls "$dir/small")" ] || bad 'file limit: a file was left'
printf '%s' "$q" | "$mlmamba" chat "$images/scene0.png" >"$dir/out" 2>"$dir/err"; rc=$?
want_rc 'last line' 0; want_out 'last line' 'An orange cross.'
run ask --state /etc/passwd hello; want_rc 'not a state' 1; want_err 'not a state' '/etc/passwd is not a state file'

# ---- the rest
run describe "$images/scene3.png"; want_rc describe 0; want_out describe 'A tennis ball, two ladders, a castle, a volleyball and a camera.'
run tokenize 'two red circles'; want_rc tokenize 0
n=$((n + 1)); [ "$(cut -f2- "$dir/out" | tr -d '\n')" = 'two red circles' ] || bad 'tokenize: pieces'
printf 'abc' | "$mlmamba" tokenize - >"$dir/out" 2>"$dir/err"; rc=$?; want_rc 'tokenize -' 0

echo "$((n - failed)) of $n checks passed"
[ "$failed" -eq 0 ]
