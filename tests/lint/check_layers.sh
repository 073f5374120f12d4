#!/bin/sh
# The dependency arrow runs one way: kernels <- {vision, fusion, lm} <- app.  Siblings never include each other.
git rev-parse HEAD >/dev/null 2>&1 || exit 77 # the checks speak of the tracked files
fail=0
refuse() { # FOLDER PATTERN REASON
    hits=$(grep -rnE --include='*.c' --include='*.h' --include='*.cu' --include='*.cuh' "$2" $1 2>/dev/null)
    if [ -n "$hits" ]; then
        printf '%s\n  ^ %s\n' "$hits" "$3"
        fail=1
    fi
}
refuse kernels '#include "(vision|fusion|lm|app)/' 'kernels includes nothing from above'
refuse kernels/base '#include "kernels/(kernels|backend|mamba2|weights|ref|cpu|cuda)' 'kernels/base knows no device'
refuse kernels/ref '#include "kernels/(cpu|cuda)/' 'ref includes no other backend'
refuse kernels/cpu '#include "kernels/cuda/' 'cpu includes only ref'
refuse vision '#include "(fusion|lm|app)/' 'vision is a sibling of fusion and lm'
refuse fusion '#include "(vision|lm|app)/' 'fusion is a sibling of vision and lm'
refuse lm '#include "(vision|fusion|app)/' 'lm is a sibling of vision and fusion'
refuse app/cli '#include "app/engine/(engine_private|state_file)' 'the command line sees mlmamba.h and bench.h only'
refuse 'vision fusion lm app' '#include "kernels/(backend\.h|ref/|cpu/|cuda/)' 'models see kernels.h, not a backend'
# Third-party headers stay behind the one file that owns them.
hits=$(grep -rlE '#include <(cjson/|cJSON)' --include='*.[ch]' kernels vision fusion lm app | grep -v '^kernels/base/mlm_json')
[ -z "$hits" ] || { echo "cJSON outside kernels/base/mlm_json: $hits"; fail=1; }
hits=$(grep -rlE '#include <(stb|SDL2?|pango|cairo|cuda)' --include='*.[ch]' kernels vision fusion lm app |
    grep -vE '^(vision/|app/desktop/|kernels/cuda/)')
[ -z "$hits" ] || { echo "stb, SDL, Pango or CUDA header outside its folder: $hits"; fail=1; }
exit $fail
