"""From the description of a scene to the numbers the renderer draws: textured slots in drawing order, labels and background.

Every slot is a textured rectangle: an affine map from picture to texture, and a 4x4 matrix from texture to premultiplied colour and alpha,
which covers tints, grey, other hues, line drawings and shadows alike.
"""
import math

import numpy as np

from packed import BASE, CAP, GLYPHS, HEIGHT, PAD, char_class
from world import COLOURS

K = 40
BACKGROUNDS = ("solid", "gradient", "clouds", "stripes", "checker", "speckle", "rings", "dots", "radial", "blobs", "lines", "photo")
IDENTITY = (1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1)


def tint(rgb, rgb2, alpha=1.0):
    """colour of the red channel, of the green channel; alpha as stored"""
    return (rgb[0], rgb2[0], 0, 0, rgb[1], rgb2[1], 0, 0, rgb[2], rgb2[2], 0, 0, 0, 0, 0, alpha)


def flat(rgb, alpha=1.0):
    """one colour wherever the texture is opaque"""
    return (0, 0, 0, rgb[0] * alpha, 0, 0, 0, rgb[1] * alpha, 0, 0, 0, rgb[2] * alpha, 0, 0, 0, alpha)


def grey(amount):
    k, w = amount, (0.3, 0.59, 0.11)
    rows = []
    for c in range(3):
        rows += [w[j] * k + (1 - k) * (c == j) for j in range(3)] + [0]
    return tuple(rows) + (0, 0, 0, 1)


def hue(part):
    """rotation about the grey axis"""
    a = part * 2 * math.pi
    c, s, r = math.cos(a), math.sin(a), math.sqrt(1 / 3)
    d, e, f = c + (1 - c) / 3, (1 - c) / 3 - r * s, (1 - c) / 3 + r * s
    return (d, e, f, 0, f, d, e, 0, e, f, d, 0, 0, 0, 0, 1)


def jitter(v):
    """a little more or less colour and another shade, from one number 0..1"""
    h, g = np.array(hue((v * 7.0 % 1.0 - 0.5) * 0.11)).reshape(4, 4), np.array(grey(v * 0.9 - 0.35)).reshape(4, 4)
    m = g @ h
    m[:3] *= 0.82 + 0.3 * (v * 3.0 % 1.0)
    return tuple(m.reshape(-1))


def photo_matrix(shade):
    return IDENTITY if not shade else grey(1.0) if shade > 1 else jitter(shade)


def smallest(scene):
    """size of the smallest thing, or what a letter is worth: how far a picture may be shrunk"""
    sizes = [t.size for t in scene.things] + [1.5 * w.cap for w in scene.words] + [0.4 * max(p.w, p.h) for p in scene.photos if p.labelled]
    return min(sizes) if sizes else 224.0


class Slots:
    """arrays for a batch"""

    def __init__(self, packed, batch):
        self.p = packed
        self.si = np.zeros((batch, K, 3), np.int32)
        self.sf = np.zeros((batch, K, 22), np.float32)
        self.sl = np.zeros((batch, K, 6), np.float32)
        self.bg = np.zeros((batch, 20), np.float32)

    def add(self, b, entry, want, x, y, w, h, turn, flip, matrix, label=None):
        """one rectangle; `want` is about how many texture pixels it needs across"""
        k = self.used
        if k >= K:
            return
        level = 0
        while level + 1 < len(entry) and entry[level + 1][1] >= 0.75 * want:
            level += 1
        off, tw, th = entry[level]
        c, s = math.cos(turn), math.sin(turn)
        f = -1.0 if flip else 1.0
        ax, ay, bx, by = f * c * tw / w, f * s * tw / w, -s * th / h, c * th / h
        self.si[b, k] = (off, tw, th)
        self.sf[b, k] = (ax, ay, tw / 2 - ax * x - ay * y, bx, by, th / 2 - bx * x - by * y) + tuple(matrix)
        if label:
            self.sl[b, k] = label
        self.used = k + 1

    def fill(self, b, scene):
        self.used = 0
        self.background(b, scene)
        for ph in scene.photos:
            entry = self.p.photos[ph.picture]
            if ph.level:
                entry = [entry[min(ph.level, len(entry) - 1)]]
            label = (ph.cls, 0, 2, ph.x, ph.y, 0.7 * max(ph.w, ph.h)) if ph.labelled else None
            self.add(b, entry, max(ph.w, ph.h), ph.x, ph.y, ph.w, ph.h, ph.turn, ph.flip, photo_matrix(ph.shade), label)
            for x, y, w, h, rgb in ph.covers:
                self.add(b, self.p.solid, 8, x, y, w, h, ph.turn, False, flat(rgb))
        for w in scene.words:
            if w.plate:
                self.add(b, self.p.round_solid if w.round_plate else self.p.solid, 64, w.x, w.y, w.w + 0.5 * w.cap, w.h + 0.2 * w.cap, w.turn, False, flat(w.plate))
        if scene.shadow:
            dx, dy, dark = scene.shadow
            for t in scene.things:
                self.thing(b, t, dx, dy, flat((0, 0, 0), dark))
        for t in scene.things:
            self.thing(b, t, 0, 0, None)
        for w in scene.words:
            self.letters(b, w)

    def thing(self, b, t, dx, dy, matrix):
        label = None if matrix else (t.cls, COLOURS.index(t.colour) + 1 if t.colour else 0, 1, t.x, t.y, t.size)
        if t.is_shape:
            entry = self.p.shapes[t.picture][t.style]
            self.add(b, entry, t.size, t.x + dx, t.y + dy, t.size, t.size, t.turn + t.quarter * math.pi / 2, False, matrix or tint(t.rgb, t.rgb2), label)
            return
        if matrix is None:
            matrix = grey(0.9 + 0.1 * t.effect_value) if t.effect == "gray" else hue(t.effect_value) if t.effect == "hue" else \
                tint(t.rgb, t.rgb2) if t.effect == "lines" else flat(t.rgb) if t.effect == "ink" else jitter(t.effect_value) if t.effect == "jitter" else IDENTITY
        entry = self.p.sprites[t.picture][t.style]
        self.add(b, entry, t.size, t.x + dx, t.y + dy, t.size * t.stretch, t.size / t.stretch, t.turn, t.flip, matrix, label)

    def letters(self, b, w):
        """one slot a character, along the line"""
        p, z = self.p, w.cap / CAP
        c, s = math.cos(w.turn), math.sin(w.turn)
        adv = p.font_advance[w.font]
        total = sum(adv[GLYPHS.index(ch)] if ch != " " else 12.0 for ch in w.text) * z
        pen = -total / 2
        down = (HEIGHT / 2 - (BASE - CAP / 2)) * z              # the middle of a capital is the middle of the line
        for ch in w.text:
            if ch == " ":
                pen += 12.0 * z
                continue
            g = GLYPHS.index(ch)
            entry = p.fonts[w.font][g]
            width = entry[0][1] * z
            along = pen - PAD * z + width / 2
            x, y = w.x + along * c - down * s, w.y + along * s + down * c
            mid = pen + adv[g] * z / 2
            label = (char_class(p.vocabulary, ch), 0, 3, w.x + mid * c, w.y + mid * s, w.cap)
            self.add(b, entry, max(width, HEIGHT * z) * entry[0][1] / HEIGHT, x, y, width, HEIGHT * z, w.turn, False, flat(w.rgb), label)
            pen += adv[g] * z

    def background(self, b, scene):
        g, c = scene.background, scene.canvas
        self.bg[b] = (BACKGROUNDS.index(g.kind), *g.c1, *g.c2, math.cos(g.angle), math.sin(g.angle), 6.2832 / g.period, g.phase, g.cx, g.cy,
                      c[0], c[1], c[0] + c[2], c[1] + c[3], smallest(scene), 0, 0)

