"""4x4 matrices from a texel (premultiplied colour and alpha) to what is drawn."""
import math

import numpy as np

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
