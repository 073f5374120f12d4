"""Load what pack.py wrote: decode pictures, draw the shape masks, put everything into one flat RGBA texture with smaller copies of each entry.

A texture entry is a list of levels (offset, width, height), each half the size of the one before; colours are premultiplied by alpha. A
drawing has three entries: as it is, as a line drawing (red channel: lines, green channel: the area inside), and with few flat tones.
"""
import io
import json
import multiprocessing
import os

import numpy as np

from world import SHAPES, CHARS, Vocabulary, share

SPRITE = 96                      # side of a drawing
SHAPE_SIDE, SHAPE_STYLES = 128, ("fill", "outline", "border", "stripes", "thin")
CAP, BASE, HEIGHT, PAD = 32, 40, 54, 3
GLYPHS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
SHAPE_ASPECT = {"circle": (1, 1), "square": (0.9, 0.9), "triangle": (1, 0.9), "rectangle": (1, 0.52), "oval": (1, 0.6), "diamond": (0.7, 1),
                "heart": (0.95, 0.9)}
CONTROL_STYLES = ("fxemoji", "clipart")     # the two art styles a control run leaves out
ONE_COLOUR = ("pictogram", "linedrawing")   # stored as masks, drawn in any colour (gather.py)


def decode_rgba(data):
    from PIL import Image
    a = np.asarray(Image.open(io.BytesIO(data)).convert("RGBA")).astype(np.float32)
    a[..., :3] *= a[..., 3:] / 255
    return (a + 0.5).astype(np.uint8)


def decode_photo(data):
    from PIL import Image
    a = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
    out = np.full(a.shape[:2] + (4,), 255, np.uint8)
    out[..., :3] = a
    return out


def line_drawing(rgba):
    """R: dark where brightness or alpha changes, G: the rest of the inside; A: both (premultiplied mask)"""
    a = rgba.astype(np.float32) / 255
    alpha = a[..., 3]
    chans = [a[..., 0], a[..., 1], a[..., 2], 0.8 * alpha]
    edge = np.zeros_like(alpha)
    for c in chans:
        p = np.pad(c, 1)
        gx = p[1:-1, 2:] - p[1:-1, :-2]
        gy = p[2:, 1:-1] - p[:-2, 1:-1]
        edge = np.maximum(edge, np.hypot(gx, gy))
    line = np.clip((edge - 0.12) * 3.0, 0, 1) * np.clip(alpha * 4, 0, 1)
    out = np.zeros(rgba.shape, np.float32)
    out[..., 0], out[..., 1] = line, np.clip(alpha - line, 0, 1)
    out[..., 3] = out[..., 0] + out[..., 1]
    return (out * 255 + 0.5).astype(np.uint8)


def few_tones(rgba):
    """flat art: three tones a channel"""
    a = rgba.astype(np.float32)
    alpha = np.maximum(a[..., 3:], 1)
    colour = np.round(np.clip(a[..., :3] / alpha, 0, 1) * 3) / 3
    a[..., :3] = colour * a[..., 3:]
    return (a + 0.5).astype(np.uint8)


def drawing_variants(data):
    a = decode_rgba(data)
    return [a, line_drawing(a), few_tones(a)]


def mask_variants(data):
    """of a drawing of one colour: its ink; red: ink, green: what it encloses; the ink again"""
    a = decode_rgba(data)
    ink = np.zeros_like(a)
    ink[..., 3] = a[..., 0]
    return [ink, a]


def _regular(n, start=-np.pi / 2, inner=1.0):
    k = np.arange(n) * 2 * np.pi / n + start
    return np.stack((np.cos(k), np.sin(k)), 1) * inner


def _polygon(shape):
    if shape == "square":
        return np.array([(-.9, -.9), (.9, -.9), (.9, .9), (-.9, .9)])
    if shape == "rectangle":
        return np.array([(-1, -.52), (1, -.52), (1, .52), (-1, .52)])
    if shape == "triangle":
        return np.array([(0, -.9), (1, .84), (-1, .84)])
    if shape == "diamond":
        return np.array([(0, -1), (.7, 0), (0, 1), (-.7, 0)])
    if shape in ("pentagon", "hexagon"):
        return _regular(5) if shape == "pentagon" else _regular(6, 0.0)
    if shape == "star":
        return np.stack((_regular(5), _regular(5, -np.pi / 2 + np.pi / 5, 0.42)), 1).reshape(10, 2)
    if shape == "cross":
        b = .36
        return np.array([(-b, -1), (b, -1), (b, -b), (1, -b), (1, b), (b, b), (b, 1), (-b, 1), (-b, b), (-1, b), (-1, -b), (-b, -b)])
    if shape == "arrow":
        return np.array([(-1, -.26), (.1, -.26), (.1, -.72), (1, 0), (.1, .72), (.1, .26), (-1, .26)])
    t = np.linspace(0, 2 * np.pi, 160)
    if shape == "heart":
        x = 16 * np.sin(t) ** 3
        y = -(13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t))
        return np.stack((x / 17, (y + 2.5) / 17), 1)
    return np.stack((np.cos(t), np.sin(t) * (1 if shape == "circle" else .6)), 1)


def shape_mask(shape, style):
    """R: the colour of the shape, G: a second colour; both are its area"""
    from PIL import Image, ImageDraw
    big = SHAPE_SIDE * 4
    im = Image.new("L", (big, big), 0)
    pts = _polygon(shape) * 0.97 * big / 2 + big / 2
    ImageDraw.Draw(im).polygon([tuple(p) for p in pts], fill=255)
    full = np.asarray(im, np.float32) / 255
    second = np.zeros_like(full)
    if style in ("outline", "border", "thin"):
        from PIL import ImageFilter
        width = {"outline": 13, "border": 11, "thin": 7}[style]
        inner = im.resize((big // 4, big // 4), Image.BOX)
        for _ in range(width // 2):
            inner = inner.filter(ImageFilter.MinFilter(3))
        inner = np.asarray(inner.resize((big, big), Image.BILINEAR), np.float32) / 255
        edge = np.clip(full - inner, 0, 1)
        full, second = (inner, edge) if style == "border" else (edge, second)
    elif style == "stripes":
        y, x = np.mgrid[0:big, 0:big]
        band = (((x + y) // (big // 14)) % 2).astype(np.float32)
        full, second = full * band, full * (1 - band)
    out = np.zeros((SHAPE_SIDE, SHAPE_SIDE, 4), np.float32)
    for c, m in ((0, full), (1, second)):
        out[..., c] = m.reshape(SHAPE_SIDE, 4, SHAPE_SIDE, 4).mean((1, 3))
    out[..., 3] = np.clip(out[..., 0] + out[..., 1], 0, 1)
    return (out * 255 + 0.5).astype(np.uint8)


def crisp_copies(data):
    """a drawing of twice the size whose edges are as steep as in the small one, and its lines; large drawings of others are sharp"""
    from PIL import Image
    small = decode_rgba(data)
    if max(small.shape[:2]) > 1.4 * SPRITE:
        return None
    bands = [Image.fromarray(small[..., c]).resize((2 * small.shape[1], 2 * small.shape[0]), Image.BICUBIC) for c in range(4)]
    a = np.stack([np.asarray(b) for b in bands], -1).astype(np.float32)
    for _ in range(3):
        p = np.pad(a, ((1, 1), (1, 1), (0, 0)), mode="edge")
        rows = [p[k:k + a.shape[0]] for k in range(3)]
        low, high, mean = np.minimum(np.minimum(*rows[:2]), rows[2]), np.maximum(np.maximum(*rows[:2]), rows[2]), (rows[0] + 2 * rows[1] + rows[2]) / 4
        low, high, mean = ([t[:, k:k + a.shape[1]] for k in range(3)] for t in (low, high, mean))
        low, high, mean = np.minimum(np.minimum(*low[:2]), low[2]), np.maximum(np.maximum(*high[:2]), high[2]), (mean[0] + 2 * mean[1] + mean[2]) / 4
        a = np.clip(a + 1.6 * (a - mean), low, high)             # never beyond what is next to it: no halo
    a[..., :3] = np.minimum(a[..., :3], a[..., 3:])
    out = (a + 0.5).astype(np.uint8)
    return out, line_drawing(out)


def half(a):
    h, w = a.shape[0] // 2 * 2, a.shape[1] // 2 * 2
    b = a[:h, :w].astype(np.float32).reshape(h // 2, 2, w // 2, 2, 4).mean((1, 3))
    return (b + 0.5).astype(np.uint8)


class Texture:
    """all pictures in one array"""

    def __init__(self):
        self.chunks, self.size = [], 0

    def put(self, picture, levels):
        entry = []
        for k in range(levels):
            h, w = picture.shape[:2]
            entry.append((self.size, w, h))
            self.chunks.append(np.ascontiguousarray(picture).reshape(-1, 4))
            self.size += w * h
            if k + 1 < levels:
                picture = half(picture)
        return entry

    def array(self):
        return np.ascontiguousarray(np.concatenate(self.chunks)).view(np.int32).reshape(-1)


def parallel_map(function, items, procs):
    if procs <= 1:
        return [function(x) for x in items]
    with multiprocessing.get_context("fork").Pool(procs) as pool:
        return pool.map(function, items, chunksize=64)


class Packed:
    pass


def load(folder, photo_limit=None, procs=1, sprite_limit=None, texture=True):
    """texture=False: only the tables (worker processes and text statistics need no pixels)"""
    p = Packed()
    p.folder = folder
    p.vocabulary = Vocabulary(json.load(open(os.path.join(folder, "names.json"), encoding="utf-8")))
    p.num_classes, p.num_colours = p.vocabulary.num_classes, 13
    words = open(os.path.join(folder, "words.txt")).read().split()
    p.words = {"train": [w for w in words if share(w, "word:") >= 0.10], "test": [w for w in words if share(w, "word:") < 0.10]}
    tex = Texture()
    p.solid = tex.put(np.full((8, 8, 4), 255, np.uint8), 1)
    p.round_solid = tex.put(_rounded(), 2)
    p.shapes = [[tex.put(shape_mask(s, style), 3) for style in SHAPE_STYLES] for s in SHAPES]
    p.shape_aspect = [SHAPE_ASPECT.get(s, (0.97, 0.97)) for s in SHAPES]
    _load_sprites(p, tex, procs, sprite_limit)
    _load_photos(p, tex, procs, photo_limit)
    _load_fonts(p, tex)
    _load_crisp(p, tex, procs)
    p.texture = tex.array()
    return p


def _rounded():
    y, x = np.mgrid[0:64, 0:64] + 0.5
    d = np.hypot(np.maximum(np.abs(x - 32) - 22, 0), np.maximum(np.abs(y - 32) - 22, 0))
    a = (np.clip(10.5 - d, 0, 1) * 255).astype(np.uint8)
    return np.repeat(a[..., None], 4, 2)


def _load_sprites(p, tex, procs, limit):
    """sprites.npz, then sprites_more.npz where there is one: numbers from p.sprites_first on are drawings for training only"""
    p.sprites, p.sprite_name, p.sprite_aspect, p.sprite_colour, p.sprite_style = [], [], [], [], []
    for file in ("sprites.npz", "sprites_more.npz"):
        if file == "sprites_more.npz":
            p.sprites_first = len(p.sprites)
            if limit is not None or not os.path.exists(os.path.join(p.folder, file)):
                break
        z = np.load(os.path.join(p.folder, file))
        data, off, styles = z["data"], z["off"], [str(s) for s in z["style"]]
        n = len(off) - 1 if limit is None else min(limit, len(off) - 1)
        put = [0] * n
        for function, masks in ((drawing_variants, False), (mask_variants, True)):
            chosen = [i for i in range(n) if (styles[i] in ONE_COLOUR) == masks]
            for i, variants in zip(chosen, parallel_map(function, [data[off[i]:off[i + 1]].tobytes() for i in chosen], procs)):
                entries = [tex.put(v, 3 if v.shape[0] <= SPRITE else 4) for v in variants]
                put[i] = entries + entries[:3 - len(entries)]
        p.sprites += put
        p.sprite_name += [p.vocabulary.names[i] for i in z["name"][:n]]
        p.sprite_aspect += [tuple(map(float, a)) for a in z["asp"][:n]]
        p.sprite_colour += [str(c) or None for c in z["col"][:n]]
        p.sprite_style += styles[:n]


def _load_crisp(p, tex, procs):
    """for each drawing one more level, above the others, of its plain and its line copy; none for those that are large already, or of the second file"""
    z = np.load(os.path.join(p.folder, "sprites.npz"))
    data, off = z["data"], z["off"]
    n = min(len(p.sprites), len(off) - 1)
    copies = parallel_map(crisp_copies, [data[off[i]:off[i + 1]].tobytes() for i in range(n)], procs)
    p.crisp = [[tex.put(a, 1) for a in c] if c else [[], []] for c in copies] + [[[], []]] * (len(p.sprites) - n)


def _load_photos(p, tex, procs, limit):
    p.photos, p.photo_name, p.photo_test = [], [], []
    k = 0
    while os.path.exists(os.path.join(p.folder, "photos_%d.npz" % k)) and (limit is None or len(p.photos) < limit):
        z = np.load(os.path.join(p.folder, "photos_%d.npz" % k))
        data, off = z["data"], z["off"]
        n = len(off) - 1 if limit is None else min(limit - len(p.photos), len(off) - 1)
        for a in parallel_map(decode_photo, [data[off[i]:off[i + 1]].tobytes() for i in range(n)], procs):
            p.photos.append(tex.put(a, 4))
        p.photo_name += [p.vocabulary.names[i] for i in z["name"][:n]]
        p.photo_test += [bool(t) for t in z["test"][:n]]
        k += 1


def _load_fonts(p, tex):
    z = np.load(os.path.join(p.folder, "fonts.npz"))
    pos, pixels = 0, z["pixels"]
    p.fonts, p.font_advance, p.font_test, p.font_names = [], [], [bool(t) for t in z["test"]], [str(s) for s in z["names"]]
    for widths, advances in zip(z["widths"].tolist(), z["advances"].tolist()):
        glyphs = []
        for w in widths:
            mask = pixels[pos:pos + w * HEIGHT].reshape(HEIGHT, w)
            pos += w * HEIGHT
            glyphs.append(tex.put(np.repeat(mask[..., None], 4, 2), 3))
        p.fonts.append(glyphs)
        p.font_advance.append(advances)


def char_class(vocabulary, ch):
    i = CHARS.find(ch.upper())
    return vocabulary.char_cls + i if i >= 0 else 0
