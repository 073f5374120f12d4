"""Stand-in for the packed data in tests: a few dozen names, plain drawings, block letters; made here, nothing is read."""
import numpy as np

import packed
from world import SHAPES, Vocabulary, article_of, plural_of

NAMES = {"animal": "dog cat horse elephant lion penguin bee owl", "fruit": "banana strawberry pineapple pear", "vehicle": "bus train bicycle helicopter rocket",
         "vegetable": "carrot eggplant potato", "musical instrument": "violin drum trumpet", "building": "castle school", "clothing": "t-shirt scarf",
         "device": "camera television", "flower": "daisy tulip", "food": "pizza", "object": "bell key umbrella anchor"}
MASS = [("bread", "food"), ("cheese", "food"), ("corn", "vegetable")]


def names():
    out = [dict(name=n, plural=plural_of(n), article=article_of(n), category=c, aliases=["airship"] if n == "rocket" else []) for c, ns in NAMES.items() for n in ns.split()]
    return out + [dict(name=n, plural=None, article="", category=c, aliases=[]) for n, c in MASS]


def make():
    rng = np.random.default_rng(1)
    p = packed.Packed()
    p.vocabulary = Vocabulary(names())
    p.num_classes, p.num_colours = p.vocabulary.num_classes, 13
    words = "apple stone river light house cloud green table paper music train bread night dream water sugar happy tiger seven lemon go it we the and cat".split()
    p.words = dict(train=words[:20], test=words[20:])
    tex = packed.Texture()
    p.solid, p.round_solid = tex.put(np.full((8, 8, 4), 255, np.uint8), 1), tex.put(packed._rounded(), 2)
    p.shapes = [[tex.put(packed.shape_mask(s, style), 3) for style in packed.SHAPE_STYLES] for s in SHAPES]
    p.shape_aspect = [packed.SHAPE_ASPECT.get(s, (0.97, 0.97)) for s in SHAPES]
    p.sprites, p.sprite_name, p.sprite_aspect, p.sprite_colour, p.sprite_style = [], [], [], [], []
    for n in p.vocabulary.names:
        for style in ("noto", "clipart"):
            a = rng.integers(0, 255, (96, 96, 4), np.uint8)
            a[..., 3] = 255
            p.sprites.append([tex.put(v, 3) for v in (a, packed.line_drawing(a), packed.few_tones(a))])
            p.sprite_name.append(n)
            p.sprite_aspect.append((1.0, 0.8))
            p.sprite_colour.append("red" if style == "noto" else None)
            p.sprite_style.append(style)
    p.sprites_first = len(p.sprites)
    p.crisp = [[tex.put(np.repeat(np.repeat(np.full((96, 96, 4), 90 + k, np.uint8), 2, 0), 2, 1), 1) for k in range(2)] for _ in p.sprites]
    p.photos, p.photo_name, p.photo_test = [], [], []
    for i, n in enumerate(p.vocabulary.names):
        for test in (False, True):
            p.photos.append(tex.put(rng.integers(0, 255, (96, 128, 4), np.uint8) | np.array([0, 0, 0, 255], np.uint8), 4))
            p.photo_name.append(n)
            p.photo_test.append(test)
    p.fonts, p.font_advance, p.font_test, p.font_names = [], [], [False, True], ["a", "b"]
    for k in range(2):
        p.fonts.append([tex.put(np.full((packed.HEIGHT, 22 + k, 4), 40 + 3 * g, np.uint8), 3) for g in range(len(packed.GLYPHS))])
        p.font_advance.append([17.0 + k] * len(packed.GLYPHS))
    p.texture = tex.array()
    return p
