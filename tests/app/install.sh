#!/bin/bash
# What is installed works from where it is installed: the program finds its model, the library builds other programs.
# install.sh BUILD_DIR SOURCE_DIR CC CXX
build=$1 source=$2 cc=$3 cxx=$4
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
unset MLMAMBA_MODEL
fail() { echo "FAILED: $1"; exit 1; }

cmake --install "$build" --prefix "$dir" >"$dir/log" 2>&1 || { cat "$dir/log"; fail 'cmake --install'; }
for f in bin/mlmamba include/mlmamba/mlmamba.h include/mlmamba/mlm_status.h share/man/man1/mlmamba.1 \
    share/bash-completion/completions/mlmamba share/mlmamba/models/mlmamba-tiny/model.safetensors \
    share/mlmamba/images/scene0.png; do
    [ -s "$dir/$f" ] || fail "$f is not installed"
done
if [ -x "$build/app/desktop/mlmamba-desktop" ]; then
    for f in bin/mlmamba-desktop share/applications/mlmamba.desktop share/man/man1/mlmamba-desktop.1 \
        share/icons/hicolor/scalable/apps/mlmamba.svg share/icons/hicolor/48x48/apps/mlmamba.png; do
        [ -s "$dir/$f" ] || fail "$f is not installed"
    done
    picture=$dir/share/mlmamba/images/scene0.png
    XDG_DATA_HOME=$dir/home XDG_CONFIG_HOME=$dir/home SDL_VIDEODRIVER=dummy SDL_RENDER_DRIVER=software timeout 60 \
        "$dir/bin/mlmamba-desktop" --ask 'What is in the top middle?' --quit-after answer --state-dump "$dir/state" "$picture" ||
        fail 'the installed window'
    grep -q 'An orange cross\.' "$dir/state" || fail 'the installed window does not answer'
fi
"$dir/bin/mlmamba" info | grep -q "^directory *$dir/" || fail 'the installed program does not use the installed model'
! readelf -d "$dir/bin/mlmamba" | grep -qE 'R(UN)?PATH' || fail 'the installed program has an RPATH'
bash -n "$dir/share/bash-completion/completions/mlmamba" || fail 'bash completion'
# shellcheck disable=SC1091
completed=$(cd "$dir" && touch 'two words.png' && . share/bash-completion/completions/mlmamba &&
    {
    COMP_WORDS=(mlmamba ask two) COMP_CWORD=2
    _mlmamba # compopt refuses outside of a completion
    printf '%s|' "${COMPREPLY[@]}"
})
[ "$completed" = 'two words.png|' ] || fail "bash completion of a name with a space: '$completed'"

pc=$(dirname "$(find "$dir" -name mlmamba.pc)")
lib=$(dirname "$(find "$dir" -name 'libmlmamba.so')")
[ -n "$lib" ] || fail 'libmlmamba.so is not installed'
# Not the prefix of the configuration: the paths are those of where the file lies.
flags=$(PKG_CONFIG_PATH=$pc pkg-config --cflags --libs mlmamba) || fail pkg-config
[ "$(cd "$(PKG_CONFIG_PATH=$pc pkg-config --variable=prefix mlmamba)" && pwd -P)" = "$(cd "$dir" && pwd -P)" ] || fail 'prefix in mlmamba.pc'
[ "$(cd "$(PKG_CONFIG_PATH=$pc pkg-config --variable=libdir mlmamba)" && pwd -P)" = "$(cd "$lib" && pwd -P)" ] || fail 'libdir in mlmamba.pc'
PKG_CONFIG_PATH=$pc pkg-config --modversion mlmamba | grep -qE '^[0-9]+\.[0-9]+\.[0-9]+$' || fail 'version in mlmamba.pc'
exported=$(nm -D --defined-only "$lib/libmlmamba.so" | awk '{print $3}' | grep -vE '^(mlmamba_|mlm_error_message$|mlm_status_name$|_init$|_fini$|__gcov)' | grep -v '^__')
[ -z "$exported" ] || [ -n "$MLM_SANITIZED" ] || fail "symbols that are not public: $exported"

build_and_run() { # COMPILER STANDARD LANGUAGE
    # shellcheck disable=SC2086
    "$1" -std="$2" -Wall -Wextra -Wpedantic -Werror -x "$3" "$source/app/example/ask.c" -x none $flags -o "$dir/ask" || fail "$2"
    answer=$(LD_LIBRARY_PATH=$lib MLMAMBA_MODEL=$dir/share/mlmamba/models/mlmamba-tiny "$dir/ask" \
        "$dir/share/mlmamba/images/scene0.png" 'What is in the top middle?' 'What color is it?') || fail "$2: run"
    [ "$answer" = "$(printf 'An orange cross.\nOrange.')" ] || fail "$2: '$answer'"
}
build_and_run "$cc" c11 c
[ -z "$cxx" ] || build_and_run "$cxx" c++17 c++
# A program anywhere finds the model of the library's own installation.
printf '%s\n' '#include <mlmamba.h>' '#include <stdio.h>' 'int main(void) { mlmamba_engine *e; mlmamba_engine_info i;' \
    'if (mlmamba_engine_open(&e, NULL) != MLM_OK) return puts(mlm_error_message()), 1;' \
    'mlmamba_engine_get_info(e, &i); puts(i.model_dir); mlmamba_engine_close(e); return 0; }' >"$dir/where.c"
mkdir "$dir/elsewhere"
# shellcheck disable=SC2086
"$cc" -std=c11 -Wall -Wextra -Werror "$dir/where.c" $flags -o "$dir/elsewhere/where" || fail 'where'
where=$(LD_LIBRARY_PATH=$lib "$dir/elsewhere/where") || fail "where: $where"
[ "$(cd "$where" && pwd -P)" = "$(cd "$dir/share/mlmamba/models/mlmamba-tiny" && pwd -P)" ] || fail "the library uses $where"
# ... and the plug-in for GPUs there: one that is none is refused by its name.
plugin=$lib/mlmamba/libmlmamba-cuda.so
mkdir -p "$lib/mlmamba" "$dir/elsewhere/far" && echo 'no library' >"$plugin"
sed 's/open(&e, NULL)/open(\&e, \&(mlmamba_engine_options){.device = "cuda"})/' "$dir/where.c" >"$dir/device.c"
# shellcheck disable=SC2086
"$cc" -std=c11 -Wall -Wextra -Werror "$dir/device.c" $flags -o "$dir/elsewhere/far/device" || fail 'device'
said=$(LD_LIBRARY_PATH=$lib "$dir/elsewhere/far/device") && fail 'device: a plug-in that is none'
[[ $said == *"$plugin"* ]] || fail "device: '$said' does not name $plugin"
# The program in the README, as a reader would copy it.
awk '/^```/ { inside = $0 == "```c"; next } inside' "$source/README.md" >"$dir/first.c"
# shellcheck disable=SC2086
"$cc" -std=c11 -Wall -Wextra -Wpedantic -Werror "$dir/first.c" $flags -o "$dir/first" || fail 'the program in README.md'
answer=$(cd "$dir/share/mlmamba/images" && LD_LIBRARY_PATH=$lib "$dir/first") || fail 'the program in README.md: run'
[ "$answer" = 'An orange cross.' ] || fail "the program in README.md: '$answer'"
echo 'installed program and library work'
