#!/bin/sh
# Is FILE a table of `mlmamba bench --csv`: the header, 12 fields a line, positive times, floors, and the lines that are named?
file=$1
head='stage,batch,tokens,ms,bytes,flops,gb_per_s,tflop_per_s,floor_ms,percent_of_floor,rate,unit'
[ "$(head -1 "$file")" = "$head" ] || { echo "$file: the header is not $head"; exit 1; }
awk -F, 'NR > 1 && (NF != 12 || $4 + 0 <= 0 || ($5 + $6 > 0 && $9 + 0 <= 0)) { print "line " NR ": " $0; bad = 1 }
    NR > 1 && $5 > 0 && ($7 * $4 - $5 * 1e-6 > 0.02 * $5 * 1e-6 + 0.01 * $4) { print "GB/s of line " NR ": " $0; bad = 1 }
    END { exit bad }' "$file" || exit 1
for name in $2; do
    grep -q "^$name," "$file" || { echo "$file: there is no line $name"; exit 1; }
done
