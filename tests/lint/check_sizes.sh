#!/bin/sh
# What a reader holds at once: .c <= 600 lines, .cu <= 800, .h <= 450, functions <= 80 lines (kernels in .cu 150).
git rev-parse HEAD >/dev/null 2>&1 || exit 77 # the checks speak of the tracked files
fail=0
for f in $(git ls-files '*.c' '*.h' '*.cu' '*.cuh'); do
    [ -f "$f" ] || continue
    n=$(wc -l <"$f")
    case $f in
    *.cu | *.cuh) max=800 ;;
    *.h) max=450 ;;
    *) max=600 ;;
    esac
    [ "$n" -le "$max" ] || { echo "$f: $n lines, the limit is $max"; fail=1; }
    case $f in *.cu | *.cuh) fmax=150 ;; *) fmax=80 ;; esac
    # A function runs from an opening brace in column 0 (or at the end of a column-0 line) to a closing one in column 0.
    awk -v max="$fmax" -v file="$f" '
        /^[A-Za-z_].*\)[ \t]*\{?[ \t]*$/ { head = $0; start = NR }
        /^\{/ { if (!start) start = NR }
        /^\}/ { if (start && head != "" && NR - start > max) { printf "%s:%d: function of %d lines, the limit is %d\n", file, start, NR - start, max; bad = 1 }
                start = 0; head = "" }
        /^[A-Za-z_].*[;=,][ \t]*$/ { start = 0; head = "" }
        END { exit bad }' "$f" || fail=1
done
exit $fail
