#!/bin/bash
# mlmamba score from outside: a run of the built-in model scored, compared, exported, reported; what it refuses.
# score.sh MLMAMBA JSON_CHECK SOURCE_DIR
mlmamba=$1 json_check=$2 images=$3/assets/images
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
unset MLMAMBA_MODEL
n=0 failed=0

run() { "$mlmamba" "$@" >"$dir/out" 2>"$dir/err" </dev/null; rc=$?; }
bad() { failed=$((failed + 1)); echo "FAILED: $1"; echo "  status $rc"; sed 's/^/  out: /' "$dir/out"; sed 's/^/  err: /' "$dir/err"; }
want_rc() { n=$((n + 1)); [ "$rc" -eq "$2" ] || bad "$1: status, wanted $2"; }
want_out() { n=$((n + 1)); grep -qF -- "$2" "$dir/out" || bad "$1: output, wanted '$2'"; }
want_no_out() { n=$((n + 1)); [ ! -s "$dir/out" ] || bad "$1: output, wanted none"; }
want_err() { n=$((n + 1)); grep -qF -- "$2" "$dir/err" || bad "$1: error, wanted '$2'"; }
want_json() { n=$((n + 1)); l=$1; shift; "$json_check" "$@" <"$dir/out" 2>>"$dir/err" || bad "$l: JSON"; }
want_file() { n=$((n + 1)); grep -qF -- "$3" "$2" || bad "$1: $2 lacks '$3'"; }
want_not_file() { n=$((n + 1)); ! grep -qF -- "$3" "$2" || bad "$1: $2 has '$3'"; }

# ---- a run of ours: POPE, six pictures
i=0
for p in 0 1 2 3 4 5; do
    for what in 'an orange cross' 'a dog'; do
        i=$((i + 1))
        label=no; [ "$p $what" = '0 an orange cross' ] && label=yes
        printf '{"question_id": %d, "image": "scene%d.png", "text": "Is there %s in the picture?", "label": "%s"}\n' $i $p "$what" $label
    done
done >"$dir/coco_pope_random.json"
run vqa "$dir/coco_pope_random.json" --images "$images" -o "$dir/run" --quiet
want_rc vqa 0
run score "$dir/run"
want_rc score 0; want_out score 'task pope: 12 rows, 12 scored, 6 pictures'
want_out 'both readings' 'probabilities'; want_out 'both readings' 'text'; want_out metrics 'yes ratio'; want_out metrics 'AUC-ROC'
cp "$dir/out" "$dir/first"
run score "$dir/run"; n=$((n + 1)); cmp -s "$dir/first" "$dir/out" || bad 'the same intervals each time'
run score "$dir/run/results.jsonl" --data "$dir/coco_pope_random.json"
want_rc 'with data' 0; want_out 'with data' '12 scored'
run score "$dir/run" --format json; want_rc json 0; want_json json results numbers summary
run score "$dir/run" --format md; want_out md '| accuracy | text |'
run score "$dir/run" --format csv --no-intervals; want_out csv 'accuracy,text,,,12,'
run score "$dir/run" --format md -o "$dir/metrics.md" --quiet; want_rc output 0; want_no_out output; want_file output "$dir/metrics.md" '# Score'

# ---- exchange files, read back with the same numbers
for kind in llava vlm-eval openai evalai; do
    run score "$dir/run" --export $kind -o "$dir/$kind.out" --quiet
    want_rc "export $kind" 0
    run score "$dir/$kind.out" --data "$dir/coco_pope_random.json" --no-intervals
    want_rc "$kind again" 0; want_out "$kind again" '12 scored'
done
line=$("$mlmamba" score "$dir/run" --format csv --no-intervals | grep '^accuracy,text,,,')
for kind in llava openai evalai; do
    run score "$dir/$kind.out" --data "$dir/coco_pope_random.json" --format csv --no-intervals; want_out "$kind: the same number" "$line"
done
line=$("$mlmamba" score "$dir/run" --format csv --no-intervals | grep '^AUC-ROC,probabilities,,,')
mkdir "$dir/harness"; mv "$dir/vlm-eval.out" "$dir/harness/results+rank-0.json"
run score "$dir/harness" --format csv --no-intervals; want_rc harness 0
n=$((n + 1)); [ "$(grep -c '^AUC-ROC,probabilities,,,12,' "$dir/out")" = 1 ] || bad "harness: AUC as $line"

# ---- two runs
sed 's/"text": "[^"]*"/"text": "Yes"/' "$dir/llava.out" >"$dir/yes.jsonl"
sed 's/"text": "[^"]*"/"text": "No"/' "$dir/llava.out" >"$dir/no.jsonl"
run score "$dir/no.jsonl" --data "$dir/coco_pope_random.json" --against "$dir/yes.jsonl"
want_rc against 0; want_out against "McNemar's exact p"; want_out flips '" -> "Yes"'
run score "$dir/run" --against "$dir/yes.jsonl" --data "$dir/coco_pope_random.json" --format json; want_rc 'ours against theirs' 0; want_json 'ours against theirs' against

# ---- the report
mkdir "$dir/pictures"; cp "$images/scene0.png" "$dir/pictures/a.png"
printf '%s\n' '{"id": "x1", "image": "a.png", "question": "What? </script><img src=x onerror=alert(1)> \u202e\" '"'"' &", "answer": "a <b>cross</b>", "kind": "<i>"}' \
    '{"id": "x2", "image": "gone.png", "question": "And this?", "answer": "no", "kind": "b"}' >"$dir/rows.jsonl"
run vqa "$dir/rows.jsonl" --images "$dir/pictures" -o "$dir/run2" --quiet
want_rc 'vqa with an error row' 3
run score "$dir/run2"; want_rc 'error row' 1; want_err 'error row' '1 have an error'; want_no_out 'error row'
run score "$dir/run2" --partial --by kind --report "$dir/r.html" --images "$dir/pictures"
want_rc report 0; want_out partial PARTIAL; want_out 'by a tag called kind' 'kind: <i>'
run score "$dir/run2" --partial --by kin; want_rc 'by no tag' 1; want_err 'by no tag' "no row with an answer has a tag 'kin'; the first row has kind"
want_file report "$dir/r.html" "default-src 'none'"; want_file report "$dir/r.html" 'data:image/jpeg;base64,'
want_file escaped "$dir/r.html" '&lt;/script&gt;&lt;img src=x'; want_file escaped "$dir/r.html" '\u{202e}'; want_file escaped "$dir/r.html" '&lt;i&gt;'
want_not_file escaped "$dir/r.html" '<script'; want_not_file escaped "$dir/r.html" 'src=x onerror=alert(1)>'; want_not_file escaped "$dir/r.html" '<b>'
want_file 'the error row' "$dir/r.html" 'gone.png'
run score "$dir/run2" --export llava; want_rc 'export of errors' 1; want_no_out 'export of errors'
run score "$dir/run2" --export csv; want_rc 'csv has errors' 0
want_out 'csv has errors' 'id,image,question,answer,truth,error'; want_out 'csv has errors' 'x2,gone.png,And this?,,no,'; want_out 'csv quotes' '"What? </script>'
run score "$dir/run2" --export openai; want_rc 'openai has errors' 0; want_out 'openai has errors' '"response": null, "error": {'

# ---- answers whose truth nobody knows: a report, no numbers
printf '%s\n' '{"id": "y1", "image": "a.png", "question": "What is it?"}' '{"id": "y2", "image": "a.png", "question": "Is it?"}' >"$dir/open.jsonl"
run vqa "$dir/open.jsonl" --images "$dir/pictures" -o "$dir/run3" --quiet
run score "$dir/run3"; want_rc 'no truth' 1; want_err 'no truth' 'no right answer'
run score "$dir/run3" --report "$dir/open.html"
want_err 'pictures of the run' '1 pictures, 0 could not be read'
want_rc 'report without truth' 0; want_out 'report without truth' '2 rows, 0 scored'
want_file 'report without truth' "$dir/open.html" 'class="r u"'; want_not_file 'report without truth' "$dir/open.html" 'class="r w"'
printf '%s\n' '{"id": "y1", "image": "a.png", "question": "What is it?", "answer": "x"}' '{"id": "y2", "image": "a.png", "question": "Is it?"}' >"$dir/half.jsonl"
run vqa "$dir/half.jsonl" --images "$dir/pictures" -o "$dir/run4" --quiet
run score "$dir/run4" --report "$dir/half.html"; want_rc 'truth of some rows' 1; want_err 'truth of some rows' '1 of 2 rows have no right answer'

# ---- what it refuses
head -11 "$dir/run/results.jsonl" >"$dir/run/short.jsonl"
run score "$dir/run/short.jsonl"; want_rc missing 1; want_err missing '1 rows are missing'
run score "$dir/run/short.jsonl" --partial; want_rc 'missing allowed' 0
run score "$dir/run" --export gqa -o "$dir/none/there.json"; want_rc 'no such folder' 1; want_err 'no such folder' there.json
run score "$dir/run" --export gqa -o "$dir/pictures"; want_rc 'a folder' 1; want_err 'a folder' 'not a regular file'
run score "$dir/run" --export gqa -o "$dir/run/results.jsonl"; want_rc 'over its input' 2; want_err 'over its input' 'also an input'
run score "$dir/run" --data "$dir/coco_pope_random.json" --report "$dir/coco_pope_random.json"; want_rc 'over its data' 2
run score - --report "$dir/r.html"; want_rc 'report of a pipe' 2
"$mlmamba" score - <"$dir/run/results.jsonl" >"$dir/out" 2>"$dir/err"; rc=$?; want_rc 'a pipe' 0; want_out 'a pipe' '12 scored'
run score; want_rc 'no argument' 2
run score "$dir/none"; want_rc 'no file' 1; want_err 'no file' none
run score "$dir/pictures/a.png"; want_rc 'a picture' 1; want_err 'a picture' a.png
run score "$dir/run" --format xml; want_rc format 2; want_err format 'table, json, md or csv'
run score "$dir/run" --task poem; want_rc task 2; want_err task ocid-ref
run score "$dir/run" --export poem; want_rc export 2; want_err export vlmevalkit
run score "$dir/run" --vqa-norm best; want_rc norm 2; want_err norm official-old
run score "$dir/run" --vqa-norm official; want_rc 'norm of a task' 1; want_err 'norm of a task' 'the task pope has no'
run score "$dir/run" --temperature 1; want_rc 'not its option' 2
run score --help; want_rc help 0; want_out help 'bootstrap over pictures'
mlmamba_out=$("$mlmamba" score "$dir/run" 2>&1 | head -1); n=$((n + 1)); [ -n "$mlmamba_out" ] || bad pipe

echo "$n checks, $failed failed"
[ "$failed" -eq 0 ]
