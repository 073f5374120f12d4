#!/bin/bash
# mlmamba bench: which lines its table has for a model, for weights that are made up, for text alone; no time is judged.
# bench.sh MLMAMBA JSON_CHECK
mlmamba=$1 json_check=$2
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
unset MLMAMBA_MODEL
n=0 failed=0
run() { TMPDIR=$dir "$mlmamba" bench --device cpu --threads 1 --runs 1 --tokens 4 "$@" >"$dir/out" 2>"$dir/err" </dev/null; rc=$?; }
bad() { failed=$((failed + 1)); echo "FAILED: $1"; sed 's/^/  out: /' "$dir/out"; sed 's/^/  err: /' "$dir/err"; }
want_rc() { n=$((n + 1)); [ "$rc" -eq "$2" ] || bad "$1: status $rc, wanted $2"; }
want_err() { n=$((n + 1)); grep -qF -- "$2" "$dir/err" || bad "$1: error, wanted '$2'"; }

# A CSV of 12 fields a line: positive times, floors where work is counted, rates that follow from them, all the lines named.
want_csv() {
    n=$((n + 1))
    local head='stage,batch,tokens,ms,bytes,flops,gb_per_s,tflop_per_s,floor_ms,percent_of_floor,rate,unit'
    [ "$(head -1 "$dir/$1.csv")" = "$head" ] || { bad "$1: the header of the CSV"; return; }
    awk -F, 'function off(a, b) { return a > 1.01 * b + 0.01 || b > 1.01 * a + 0.01 }
        NR == 1 { next }
        NF != 12 || $4 <= 0 || ($5 + $6 > 0 && $9 <= 0) { print "line " NR ": " $0; wrong = 1 }
        off($7 * $4, $5 * 1e-6) || off($8 * $4, $6 * 1e-9) || ($9 > 0 && off($10 * $4, 100 * $9)) { print "rates: " $0; wrong = 1 }
        END { exit wrong }' "$dir/$1.csv" || bad "$1: the CSV"
    for name in $2; do
        grep -q "^$name," "$dir/$1.csv" || bad "$1: no line '$name'"
    done
}
# The number of a field (4: ms, 5: bytes, 6: flops) of a line.
field() { awk -F, -v stage="$2" -v batch="$3" -v f="$4" '$1 == stage && $2 == batch { print $f; exit }' "$dir/$1.csv"; }
want_equal() { n=$((n + 1)); [ "$2" = "$3" ] || bad "$1: '$2', wanted '$3'"; }

cat >"$dir/shape.json" <<'END'
{"model_type": "ml_mamba", "eos_token_id": 0,
 "vision": {"type": "concat", "towers": [
  {"type": "vit", "image_size": 56, "patch_size": 14, "hidden_size": 64, "num_layers": 3, "num_heads": 4, "mlp_dim": 128,
   "class_token": true, "num_registers": 4, "layer_scale": true, "feature_layer": -2, "final_norm": false},
  {"type": "vit", "image_size": 56, "patch_size": 14, "hidden_size": 48, "num_layers": 3, "num_heads": 4, "mlp_dim": 96,
   "feature_layer": -2, "final_norm": false}]},
 "connector": {"type": "mamba2_bidirectional", "input_size": 112, "hidden_size": 64, "num_layers": 2, "expand": 2,
  "head_dim": 16, "state_size": 16, "conv_kernel": 4, "swiglu_dim": 64, "projector_dims": [128, 64, 64]},
 "text": {"model_type": "mamba2", "hidden_size": 64, "num_hidden_layers": 3, "vocab_size": 600,
  "pad_vocab_size_multiple": 16, "state_size": 16, "head_dim": 16, "num_heads": 8, "tie_word_embeddings": true}}
END

# ---- a shape without weights: every line is there, in bf16 and int8
all='read product tower0 tower1 towers connector prefill step fork preprocess vision image_prefill question first_token
next_question token answer snapshot restore state_save state_load decode short_answers'
run --random "$dir/shape.json" --batch 1,2 --prefill 30,2x40 --csv "$dir/bf16.csv"
want_rc bf16 0; want_csv bf16 "$all"
n=$((n + 1)); grep -q 'shape, bf16 weights\|bf16 weights' "$dir/out" || bad 'the table'
want_equal 'steps' "$(grep -c '^step,' "$dir/bf16.csv")" 2
want_equal 'prefills' "$(grep '^prefill,' "$dir/bf16.csv" | cut -d, -f2,3 | tr '\n' ' ')" '1,30 2,40 '
# 54,080 weights in products and 38,400 in the table, 2 bytes each, and the small ones: what a step reads follows from the shape
want_equal 'an answer is never ended early' "$(grep '^answer,' "$dir/bf16.csv" | cut -d, -f3)" 16
n=$((n + 1)); [ "$(field bf16 step 2 5)" -gt "$(field bf16 step 1 5)" ] || bad 'bytes of two rows'
want_equal 'operations of two rows' "$(field bf16 step 2 6)" $((2 * $(field bf16 step 1 6)))
n=$((n + 1)); [ -z "$(find "$dir" -name '*.mlmstate' -o -name 'mlmamba-bench-*')" ] || bad 'files are left behind'
run --random "$dir/shape.json" --type int8 --batch 1 --json
want_rc int8 0
n=$((n + 1)); "$json_check" model weights device stages tokens_per_second rss_mb <"$dir/out" 2>>"$dir/err" || bad 'int8: JSON'
n=$((n + 1)); grep -q '"weights": "int8"' "$dir/out" || bad 'int8: weights'

# ---- only what is asked for; text alone; the folder of a shape
run --random "$dir/shape.json" --only step --batch 1 --csv "$dir/only.csv"
want_rc only 0
want_equal only "$(cut -d, -f1 "$dir/only.csv" | tr '\n' ' ')" 'stage read product step '
sed -e '/"vision"/,/"connector"/d' -e '/head_dim": 16, "state_size": 16, "conv_kernel"/d' "$dir/shape.json" >"$dir/text.json"
run --random "$dir/text.json" --batch 1 --csv "$dir/text.csv"
want_rc text 0; want_csv text 'read product prefill step token'
mkdir "$dir/folder" && cp "$dir/shape.json" "$dir/folder/config.json"
run --random "$dir/folder" --only step --batch 1
n=$((n + 1)); ! grep -qE '(^| )0(\.0)? tokens' "$dir/out" || bad 'only: what was not measured is not shown as 0'
want_rc folder 0

# ---- what is refused
run --random no-such-shape; want_rc 'no shape' 1; want_err 'no shape' ml-mamba-2.7b
run --random "$dir/shape.json" --type int4; want_rc 'bad type' 2; want_err 'bad type' 'bf16, int8 or f32'
run --type int8; want_rc 'type of a model' 2
run --random "$dir/shape.json" --model x; want_rc 'two models' 2
run --batch 0; want_rc 'bad batch' 2
run --batch 1,2,x; want_rc 'bad list' 2
run --prefill 3x; want_rc 'bad prefill' 2
run --state f16; want_rc 'bad state' 2
run --random "$dir/shape.json" --only step,stop --batch 1; want_rc 'bad line' 2; want_err 'bad line' "'stop'"
printf '{"model_type": "ml_mamba"' >"$dir/broken.json"
run --random "$dir/broken.json"; want_rc 'broken shape' 1; want_err 'broken shape' broken.json
run --random "$dir/shape.json" --only step --batch 1 --csv "$dir/none/x.csv"; want_rc 'no folder' 1; want_err 'no folder' 'none/x.csv'

echo "$n checks, $failed failed"
[ "$failed" -eq 0 ]
