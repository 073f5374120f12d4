#!/bin/sh
# Agreement of two forms of a model on the same questions, by our own program.
#   tests/golden/agreement.sh MLMAMBA QUESTIONS_DIR MODEL_A MODEL_B      (QUESTIONS_DIR: made by make_questions.py)
set -eu
mlmamba=$1
dir=$2
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
for side in a b; do
    if [ $side = a ]; then model=$3; else model=$4; fi
    while IFS= read -r question; do
        (cd "$dir" && "$mlmamba" ask --quiet --model "$model" p*.png "$question") |
            awk -v q="$question" '{i = index($0, ": "); print substr($0, 1, i - 1) "\t" q "\t" substr($0, i + 2)}'
    done <"$dir/questions.txt" >"$tmp/$side"
done
total=$(wc -l <"$tmp/a")
same=$(paste -d '\n' "$tmp/a" "$tmp/b" | awk 'NR % 2 {a = $0; next} a == $0 {n++} END {print n + 0}')
echo "$same of $total answers agree"
for side in a b; do
    awk -F '\t' -v side=$side 'NR == FNR {t[$1 "\t" $2] = $3; next} ($1 "\t" $2) in t {n++; ok += t[$1 "\t" $2] == $3}
        END {printf "model %s: %d of %d answers with a known truth are right (%.1f %%)\n", side, ok, n, 100 * ok / n}' "$dir/truth.tsv" "$tmp/$side"
done
