#!/bin/sh
# Trailing white space, tabs and missing final newlines everywhere; clang-format 14 where it is installed.
git rev-parse HEAD >/dev/null 2>&1 || exit 77 # the checks speak of the tracked files
fail=0
for f in $(git ls-files '*.c' '*.h' '*.cu' '*.cuh' '*.cmake' '*CMakeLists.txt' '*.sh' '*.md' '*.py' app/run tests/run); do
    [ -f "$f" ] || continue
    grep -nE '[[:space:]]+$' "$f" >/dev/null && { echo "$f: trailing white space on line $(grep -nE '[[:space:]]+$' "$f" | head -1 | cut -d: -f1)"; fail=1; }
    case $f in *.c | *.h | *.cu | *.cuh) grep -n "$(printf '\t')" "$f" >/dev/null && { echo "$f: tab"; fail=1; } ;; esac
    [ -z "$(tail -c 1 "$f")" ] || { echo "$f: no newline at the end"; fail=1; }
done
if command -v clang-format >/dev/null 2>&1 && clang-format --version | grep -q 'version 14\.'; then
    bad=$(git ls-files '*.c' '*.h' '*.cu' '*.cuh' | xargs clang-format --dry-run 2>&1 | sed -n 's,:[0-9]*:[0-9]*: warning: .*,,p' | sort -u)
    [ -z "$bad" ] || { echo "not as .clang-format wants (clang-format -i FILE):"; echo "$bad"; fail=1; }
fi
exit $fail
