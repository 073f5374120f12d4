#!/bin/sh
# Every header compiles alone, as C11 and as C++17.  check_headers.sh CC CXX
git rev-parse HEAD >/dev/null 2>&1 || exit 77 # the checks speak of the tracked files
fail=0
cc=$1
cxx=$2
for h in $(git ls-files 'kernels/*.h' 'vision/*.h' 'fusion/*.h' 'lm/*.h' 'app/engine/*.h'); do
    case $h in kernels/cpu/*simd* | kernels/cpu/*variant*) continue ;; esac # templates, compiled once per ISA
    printf '#include "%s"\n' "$h" | "$cc" -std=c11 -D_GNU_SOURCE -Wall -Wextra -Werror -I. -Ikernels/base -fsyntax-only -x c - || { echo "$h: not alone as C11"; fail=1; }
    case $h in *_private.h | kernels/cpu/*) continue ;; esac
    [ -z "$cxx" ] || printf '#include "%s"\n' "$h" | "$cxx" -std=c++17 -D_GNU_SOURCE -Wall -Wextra -Werror -I. -Ikernels/base -fsyntax-only -x c++ - || { echo "$h: not alone as C++17"; fail=1; }
done
exit $fail
