#!/bin/sh
# One real session under Xvfb: launch, open a picture by its path, ask, see the answer in the state dump and in the picture of the window;
# drop files, paste a picture.
#   desktop_x11.sh PROGRAM SOURCE_DIR [XDND_SOURCE]
# 77: Xvfb or xdotool is missing.
set -u
app=$1
root=$2
xdnd=${3:-}
for t in Xvfb xdotool; do
    command -v $t >/dev/null 2>&1 || { echo "$t is not installed"; exit 77; }
done
dir=$(mktemp -d)
xpid= apid=
finish() {
    [ -z "$apid" ] || kill "$apid" 2>/dev/null
    [ -z "$xpid" ] || kill "$xpid" 2>/dev/null
    wait 2>/dev/null
    rm -rf "$dir"
}
trap finish EXIT
fail() {
    echo "FAIL: $*"
    [ ! -f "$dir/state" ] || cat "$dir/state"
    [ ! -s "$dir/err" ] || cat "$dir/err"
    exit 1
}
# Without a display it says so and ends, and does not draw where nobody looks.
env -u DISPLAY -u WAYLAND_DISPLAY -u XDG_RUNTIME_DIR -u SDL_VIDEODRIVER XDG_DATA_HOME="$dir/data" XDG_CONFIG_HOME="$dir/config" timeout 20 "$app" 2>"$dir/err"
[ $? -eq 1 ] && grep -q 'no window can be opened' "$dir/err" || fail "no display is not said"
Xvfb -displayfd 3 -screen 0 1280x900x24 -nolisten tcp 3>"$dir/display" >/dev/null 2>&1 &
xpid=$!
for _ in $(seq 100); do [ -s "$dir/display" ] && break; sleep 0.1; done
[ -s "$dir/display" ] || { echo "Xvfb does not start here"; exit 77; }
DISPLAY=:$(cat "$dir/display")
export DISPLAY XDG_DATA_HOME="$dir/data" XDG_CONFIG_HOME="$dir/config" SDL_RENDER_DRIVER=software SDL_VIDEODRIVER=x11
unset WAYLAND_DISPLAY MLMAMBA_MODEL
cp "$root/assets/images/scene0.png" "$dir/a picture.png"
"$app" --no-portal --state-dump "$dir/state" --screenshot "$dir/shot.png" 2>"$dir/err" &
apid=$!
dump() { # ask for a dump and wait for it
    rm -f "$dir/state"
    kill -USR1 "$apid" 2>/dev/null || fail "the program is gone"
    for _ in $(seq 100); do [ -s "$dir/state" ] && return 0; sleep 0.1; done
    fail "no state dump"
}
until_state() { # PATTERN WHAT
    for _ in $(seq 60); do
        dump
        sleep 0.1 # the file is written in one go, but not atomically
        grep -q "$1" "$dir/state" && return 0
        sleep 0.4
    done
    fail "not seen: $2 ($1)"
}
window=
for _ in $(seq 100); do
    window=$(xdotool search --onlyvisible --name mlmamba 2>/dev/null | head -1)
    [ -n "$window" ] && break
    sleep 0.1
done
[ -n "$window" ] || fail "no window"
until_state '"engine":"ready"' "the model is loaded"
xdotool windowfocus "$window" 2>/dev/null
xdotool mousemove --window "$window" 600 680 click 1
xdotool type --delay 12 "$dir/a picture.png"
xdotool key Return
until_state '224 x 224 PNG' "the picture is open"
cp "$dir/shot.png" "$dir/before.png"
xdotool type --delay 12 "What is in the top middle?"
xdotool key Return
until_state 'An orange cross\.' "the answer"
cmp -s "$dir/before.png" "$dir/shot.png" && fail "the window looks as before the answer"
if [ -n "$xdnd" ]; then
    cp "$root/assets/images/scene1.png" "$dir/100 % é.png"
    "$xdnd" "$window" 500 300 "$dir/100 % é.png" "$root/assets/images/scene2.png" || fail "the drop is not taken"
    until_state '"n_pictures":3' "both dropped pictures"
    grep -q '100 % é.png' "$dir/state" || fail "the name of the dropped picture"
    "$xdnd" "$window" 500 300 "$dir/nothing.png" || fail "the second drop is not taken"
    until_state 'does not exist' "what cannot be dropped is told"
fi
if command -v xclip >/dev/null 2>&1; then
    xclip -selection clipboard -t image/png -i "$root/assets/images/scene3.png" || fail "xclip"
    xdotool key ctrl+v
    until_state '"name":"clipboard[^"]*"' "the pasted picture"
fi
xdotool key F1
until_state '"overlay":"help"' "the list of keys"
xdotool key Escape
until_state '"overlay":"none"' "the list of keys is gone"
xdotool key ctrl+q
for _ in $(seq 50); do kill -0 "$apid" 2>/dev/null || break; sleep 0.1; done
kill -0 "$apid" 2>/dev/null && fail "Ctrl+Q does not end it"
wait "$apid"
rc=$?
apid=
[ $rc -eq 0 ] || fail "exit status $rc"
echo ok
