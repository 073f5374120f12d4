#!/bin/sh
# Calls that have no place here, and process exits below main.
git rev-parse HEAD >/dev/null 2>&1 || exit 77 # the checks speak of the tracked files
fail=0
files=$(git ls-files 'kernels/*.c' 'kernels/*.h' 'kernels/*.cu' 'kernels/*.cuh' 'vision/*.[ch]' 'fusion/*.[ch]' 'lm/*.[ch]' 'app/*.[ch]')
strip='s@//.*@@; s@/\*.*\*/@@; s@"\([^"\\]\|\\.\)*"@""@g; /^[ \t]*\*/d; /^\/\*/d'
check() { # PATTERN REASON FILES
    pattern=$1; reason=$2; shift 2
    for f in "$@"; do
        hits=$(sed "$strip" "$f" | grep -nE "$pattern")
        [ -z "$hits" ] || { printf '%s: %s\n  ^ %s\n' "$f" "$hits" "$reason"; fail=1; }
    done
}
check '(^|[^A-Za-z0-9_>.])(sprintf|vsprintf|strcpy|strcat|strtok|gets|atoi|atol|atof|rand|srand|alloca|system|popen|tmpnam|mktemp)[ ]*\(' 'banned call' $files
below=$(printf '%s\n' $files | grep -vE '^(app/cli/|app/example/|kernels/bench/|app/desktop/main\.c$)')
check '(^|[^A-Za-z0-9_>.])(exit|_exit|abort|quick_exit)[ ]*\(' 'no process exit below main' $below
check '(^|[^A-Za-z0-9_>.])(printf|puts|putchar|perror)[ ]*\(' 'only the command line prints' $below
check '\b(TODO|FIXME|XXX|HACK)\b' 'unfinished mark' $files
check 'setlocale[ ]*\([ ]*LC_(ALL|NUMERIC)' 'LC_NUMERIC stays "C"' $files
check '(^|[^A-Za-z0-9_>.])(socket|connect|getaddrinfo|gethostbyname|curl_easy_init)[ ]*\(' 'no network code' $files
exit $fail
