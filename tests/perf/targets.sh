#!/bin/sh
# What measure.sh found beside what is aimed at on one H100 80GB: targets.sh OUT_DIR
cd "$1" || exit 2
line() { # TEXT FILE STAGE BATCH TOKENS TARGET [more]: milliseconds, at most the target; "more": a rate, at least
    [ -f "$2.csv" ] || return
    awk -F, -v text="$1" -v stage="$3" -v batch="$4" -v tokens="$5" -v target="$6" -v more="$7" '
        $1 == stage && $2 == batch && (tokens == "" || $3 == tokens) {
            v = more ? $11 : $4; good = more ? v >= target : v <= target
            printf "%-46s %9.3f %s  target %7.2f  %s  floor %8.3f ms = %3.0f %%\n", text, v, more ? "/s" : "ms", target, good ? "yes" : " no", $9, $10
            exit }' "$2.csv"
}
line 'decode 1, bf16, f32 state' bf16 decode 1 '' 2.07
line 'decode 1, bf16, bf16 state' bf16_state decode 1 '' 2.0
line 'decode 1, int8, f32 state' int8 decode 1 '' 1.25
line 'decode 64, bf16, f32 state' bf16 decode 64 '' 10.2
line 'decode 64, bf16, bf16 state' bf16_state decode 64 '' 6.8
line 'decode 256, bf16, bf16 state' bf16_state decode 256 '' 20
line 'prefill 1 x 769' bf16 prefill 1 769 8.5
line 'prefill 16 x 769' bf16 prefill 16 769 115
line 'prefill 1 x 8192' bf16 prefill 1 8192 75
line 'both towers, 1 picture' bf16 towers 1 '' 3.2
line 'both towers, 32 pictures' bf16 towers 32 '' 65
line 'connector, 1 picture' bf16 connector 1 '' 0.65
line 'connector, 32 pictures' bf16 connector 32 '' 15
line 'picture + 40 tokens to the first token' bf16 first_token 0 '' 12.5
line 'picture to an answer of 256 tokens' bf16 answer 0 256 540
line 'next question, first token' bf16 next_question 0 '' 4
line '10-token answers, batch 32, pictures' bf16 short_answers 32 '' 90 more
sed -n 's/^Device memory/Device memory (rest: at most 1000 MB)/p; s/^The rest:/The rest:/p; s/^Ceilings/Ceilings/p' bf16.txt
cat torch_towers.txt torch_lm.txt gap.txt 2>/dev/null | grep -v '^perf_gap:'
