"""Where things stand: free, in a grid, in a row, in groups. Things that find no room are left out."""
import math

ASPECT = {}          # set by set_aspects: (is_shape, picture) -> (width, height) as part of the longer side


def set_aspects(packed):
    for k, a in enumerate(packed.shape_aspect):
        ASPECT[True, k] = a
    for i, a in enumerate(packed.sprite_aspect):
        ASPECT[False, i] = a


def finish(scene, thing, rng):
    """width, height and small turns once the size is known"""
    a, b = ASPECT[thing.is_shape, thing.picture]
    thing.stretch = rng.uniform(0.9, 1.1) if not thing.is_shape else 1.0
    if thing.quarter % 2:
        a, b = b, a
    thing.w, thing.h = thing.size * a * thing.stretch, thing.size * b / thing.stretch
    if thing.is_shape:
        if thing.name == "circle":
            thing.turn = rng.uniform(0, 6.28)
        elif rng.random() < 0.25 and thing.name not in ("square", "diamond"):
            thing.turn = rng.gauss(0, 0.16) if rng.random() < 0.8 or thing.name == "arrow" else rng.uniform(-0.6, 0.6)
    elif rng.random() < 0.5:
        thing.turn = rng.gauss(0, 0.16)


def sizes_for(n, room):
    low, high = (58, 205) if n == 1 else (44, 120) if n == 2 else (38, 96) if n <= 4 else (31, 70)
    k = min(1.0, room / 224)
    return max(30.0, low * k), max(34.0, high * k)


def clear(scene, placed, x, y, size):
    for t in placed:
        dx, dy = abs(t.x - x), abs(t.y - y)
        if max(dx, dy) < 0.5 * (size + t.size) and math.hypot(dx, dy) < 0.53 * (size + t.size):
            return False
    for w in scene.words:
        if abs(w.x - x) < (w.w + size) / 2 + 2 and abs(w.y - y) < (w.h + size) / 2 + 2:
            return False
    return True


def place_free(scene, rng, largest=1.0):
    x0, y0, cw, ch = scene.canvas
    things = scene.things
    low, high = sizes_for(len(things), min(cw, ch))
    high *= largest
    even, base = rng.random() < 0.3, rng.uniform(low, max(low, high * 0.85))
    placed = []
    for t in things:
        size = base * rng.uniform(0.92, 1.08) if even else low * math.exp(rng.random() * math.log(max(1.01, high / low)))
        for k in range(48):
            if k and k % 8 == 0:
                size = max(30.0, size * 0.86)
            x, y = rng.uniform(x0 + size / 2 + 1, x0 + cw - size / 2 - 1), rng.uniform(y0 + size / 2 + 1, y0 + ch - size / 2 - 1)
            if size < min(cw, ch) - 2 and clear(scene, placed, x, y, size):
                t.x, t.y, t.size = x, y, size
                finish(scene, t, rng)
                placed.append(t)
                break
    scene.things = placed


def place_grid(scene, rng):
    """rows and columns of equal cells, filled in order or at random"""
    x0, y0, cw, ch = scene.canvas
    n = len(scene.things)
    choices = [(r, c) for r in (1, 2, 3) for c in (2, 3, 4) if r * c >= n and (r * c <= n + 3 or r * c == 9)]
    rows, cols = rng.choice(choices) if choices else (3, 3)
    cell = min(cw / cols, ch / rows)
    cells = [(r, c) for r in range(rows) for c in range(cols)]
    if rng.random() < 0.5:
        rng.shuffle(cells)
    size = max(28.0, cell * rng.uniform(0.6, 0.86))
    jitter = max(0.0, (cell - size) / 2 - 2) * rng.choice((0, 0.5))
    scene.things = scene.things[:len(cells)]
    if cell < 34:
        return place_free(scene, rng)
    for t, (r, c) in zip(scene.things, cells):
        t.size = min(size * rng.choice((1.0, 1.0, 0.75)), cell - 2) if size > 46 else size
        t.x = x0 + cw / cols * (c + 0.5) + rng.uniform(-jitter, jitter)
        t.y = y0 + ch / rows * (r + 0.5) + rng.uniform(-jitter, jitter)
        finish(scene, t, rng)


def place_row(scene, rng):
    """one row or one column"""
    x0, y0, cw, ch = scene.canvas
    n, across = len(scene.things), rng.random() < 0.65
    length, width = (cw, ch) if across else (ch, cw)
    step = length / n
    if step < 33:
        return place_free(scene, rng)
    size = max(29.0, min(step * rng.uniform(0.7, 0.92), width * 0.8))
    where = rng.uniform(size / 2 + 2, width - size / 2 - 2) if rng.random() < 0.5 else width / 2
    for k, t in enumerate(scene.things):
        t.size = max(29.0, size * rng.choice((1.0, 1.0, 0.9, 0.7)))
        along, off = step * (k + 0.5), where + rng.uniform(-3, 3)
        t.x, t.y = (x0 + along, y0 + off) if across else (x0 + off, y0 + along)
        finish(scene, t, rng)


def place_groups(scene, rng):
    """things of a kind stand together, in their part of the picture"""
    x0, y0, cw, ch = scene.canvas
    kinds = {}
    for t in scene.things:
        kinds.setdefault((t.name, t.colour), []).append(t)
    if len(kinds) < 2 or len(kinds) > 3:
        return place_free(scene, rng)
    across = cw >= ch
    parts = list(kinds.values())
    rng.shuffle(parts)
    span = (cw if across else ch) / len(parts)
    size = max(30.0, min(64.0, span * 0.45))
    placed = []
    for k, part in enumerate(parts):
        for t in part:
            s = size * rng.uniform(0.9, 1.1)
            for attempt in range(40):
                if attempt and attempt % 10 == 0:
                    s = max(29.0, s * 0.88)
                lo, hi = span * k + s / 2 + 1, span * (k + 1) - s / 2 - 1
                if lo > hi:
                    continue
                along, off = rng.uniform(lo, hi), rng.uniform(s / 2 + 1, (ch if across else cw) - s / 2 - 1)
                x, y = (x0 + along, y0 + off) if across else (x0 + off, y0 + along)
                if clear(scene, placed, x, y, s):
                    t.x, t.y, t.size = x, y, s
                    finish(scene, t, rng)
                    placed.append(t)
                    break
    scene.things = placed
