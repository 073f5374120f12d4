"""From the description of a scene to the numbers the renderer draws: textured slots in drawing order, labels and background.

Every slot is a textured rectangle: an affine map from picture to texture, and a 4x4 matrix from texture to premultiplied colour and alpha,
which covers tints, grey, other hues, line drawings and shadows alike.
"""
import math

import numpy as np

from looks import matrix_of
from packed import BASE, CAP, GLYPHS, HEIGHT, PAD, char_class
from slot_colours import IDENTITY, flat, grey, hue, jitter, tint
from world import COLOURS

K = 40
BACKGROUNDS = ("solid", "gradient", "clouds", "stripes", "checker", "speckle", "rings", "dots", "radial", "blobs", "lines", "photo")


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

    def add(self, b, entry, want, x, y, w, h, turn, flip, matrix, label=None, slant=0.0):
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
        if slant:                                      # the upper part moves to the side
            ax, ay = ax - slant * s * tw / w, ay + slant * c * tw / w
        self.si[b, k] = (off, tw, th)
        self.sf[b, k] = (ax, ay, tw / 2 - ax * x - ay * y, bx, by, th / 2 - bx * x - by * y) + tuple(matrix)
        if label:
            self.sl[b, k] = label
        self.used = k + 1

    def fill(self, b, scene):
        self.used, self.behind = 0, scene.background
        self.rims = len(scene.things) <= 3 and not scene.words          # six slots each
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
                plate = self.p.round_solid if w.round_plate else self.p.solid
                self.add(b, plate, 64, w.x, w.y, w.w + 0.5 * w.cap, w.h + 0.2 * w.cap, w.turn, False, flat(w.plate))
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
            matrix = self.matrix_of_drawing(t)
        entry = self.p.sprites[t.picture][t.style]
        if t.soft < 0 and t.style < 2:
            entry = self.p.crisp[t.picture][t.style] + entry
        elif t.soft > 0:
            entry = entry[1:2]
        w, h = t.size * t.stretch, t.size / t.stretch
        if t.rim and label and self.rims:
            thick = max(1.0, t.rim[3] * t.size)
            for k in range(6):
                x, y = t.x + thick * math.cos(k * 1.0472), t.y + thick * math.sin(k * 1.0472)
                self.add(b, entry, t.size, x, y, w, h, t.turn, t.flip, flat(t.rim[:3]), None, t.slant)
        self.add(b, entry, t.size, t.x + dx, t.y + dy, w, h, t.turn, t.flip, matrix, label, t.slant)

    def matrix_of_drawing(self, t):
        v = t.effect_value
        if t.effect in ("pencil", "silhouette", "wild"):
            return matrix_of(t, self.behind)
        if t.effect == "gray":
            return grey(0.9 + 0.1 * v)
        if t.effect == "hue":
            return hue(v)
        if t.effect == "lines":
            return tint(t.rgb, t.rgb2)
        if t.effect == "ink":
            return flat(t.rgb)
        return jitter(v) if t.effect == "jitter" else IDENTITY

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

