#!/bin/sh
# The top level, sizes of what is tracked, and run bits.
fail=0
command -v git >/dev/null 2>&1 && git rev-parse HEAD >/dev/null 2>&1 || exit 77
extra=$(git ls-tree --name-only HEAD | grep -vxE 'CMakeLists\.txt|CMakePresets\.json|README\.md|LICENSE|app|vision|lm|kernels|fusion|assets|tests|\..*')
[ -z "$extra" ] || { echo "top level holds what is not on its list: $extra"; fail=1; }
kib=$(git ls-tree -r -l HEAD | awk '{s += $4} END {print int(s / 1024)}')
[ "$kib" -le 51200 ] || { echo "tracked tree is $kib KiB, the limit is 51200"; fail=1; }
golden=$(git ls-tree -r -l HEAD tests/golden | awk '{s += $4} END {print int(s / 1024)}')
[ "${golden:-0}" -le 12288 ] || { echo "tests/golden is $golden KiB, the limit is 12288"; fail=1; }
git ls-tree -r -l HEAD | awk '$4 > 41943040 {print $5 " is over 40 MiB"; bad = 1} END {exit bad}' || fail=1
for f in app/run tests/run; do
    [ -x "$f" ] || { echo "$f has no run bit"; fail=1; }
done
for d in kernels kernels/base kernels/cpu vision fusion lm app assets tests; do
    [ -f "$d/README.md" ] || { echo "$d has no README.md"; fail=1; }
done
exit $fail
