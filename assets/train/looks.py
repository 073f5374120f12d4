"""In how many ways one drawing can look, in training: crisp or soft, slanted, with a rim, in pencil, as a silhouette, in other colours.

All of it is said with the numbers of a slot (which copy of the texture, an affine map, a colour matrix), so the kernels know nothing of it.
"""
import numpy as np

from slot_colours import flat, grey, hue, tint

# names that their outline alone tells
OUTLINES = {n.strip() for n in """
    airplane, anchor, apple, axe, banana, bat, bell, bicycle, bird, boot, bottle, butterfly, cactus, camel, carrot, cat, chair, cow, crab, crocodile, deer,
    dinosaur, dog, dolphin, dragonfly, duck, eagle, elephant, fish, flamingo, fork and knife, giraffe, glass of wine, guitar, hammer, helicopter,
    high-heeled shoe, horse, kangaroo, key, ladder, leaf, lizard, lobster, moose, motorcycle, mushroom, octopus, palm tree, penguin, pear, pair of scissors,
    pineapple, rabbit, rhinoceros, rocket, rooster, sailboat, saxophone, scorpion, seahorse, shark, shovel, snail, snake, spider, spoon, squirrel,
    starfish, swan, teapot, tent, trophy, turtle, umbrella, unicorn, violin, whale, wheelchair, wrench, zebra""".split(",")}
NEWEST = (("pencil", 0.035), ("silhouette", 0.035), ("wild", 0.07))
INKS = ((0.0, 0.0, 0.0), (0.1, 0.1, 0.2), (0.25, 0.2, 0.15), (0.1, 0.15, 0.5), (0.5, 0.1, 0.1), (0.1, 0.35, 0.15))
BUSY = ("stripes", "checker", "speckle", "rings", "dots", "blobs", "lines", "photo")


def newest_effect(rng):
    """one of the newest effects, or None"""
    r = rng.random()
    for name, part in NEWEST:
        r -= part
        if r < 0:
            return name
    return None


def allowed(effect, name, keeps_hue):
    """the effect, or what is shown instead where it would hide what the thing is"""
    if effect == "silhouette" and name not in OUTLINES:
        return "pencil"
    return "" if effect == "wild" and keeps_hue else effect


def vary(t, rng):
    """sharpness, slant and rim of a drawing"""
    r = rng.random()
    t.soft = -1 if r < 0.62 else 1 if r < 0.72 else 0
    if rng.random() < 0.2:
        t.slant = rng.gauss(0, 0.08)
    if t.effect in ("", "jitter", "wild", "tones", "hue") and rng.random() < 0.16:
        rgb = rng.choice(((1.0, 1.0, 1.0), (1.0, 1.0, 1.0), (0.0, 0.0, 0.0), (0.0, 0.0, 0.0), tuple(rng.random() for _ in range(3))))
        t.rim = rgb + (rng.uniform(0.008, 0.032),)
    if t.effect in ("pencil", "silhouette"):
        t.rgb, t.style = rng.choice(INKS), 1 if t.effect == "pencil" else 0


def wild(v):
    """another hue, more or less colour, darker or paler, from one number 0..1"""
    m = np.array(grey((v * 11.0 % 1.0) * 1.3 - 0.6)).reshape(4, 4) @ np.array(hue(v * 5.0 % 1.0)).reshape(4, 4)
    k = v * 17.0 % 1.0
    if k < 0.4:
        m[:3] *= 0.5 + k                              # darker
    elif k > 0.7:
        m[:3] *= 1.7 - k                              # paler: towards white
        m[:3, 3] += k - 0.7
    return tuple(m.reshape(-1))


def ink(t, background):
    """the colour of lines or of a silhouette: seen against what is behind it"""
    c = [(a + b) / 2 for a, b in zip(background.c1, background.c2)]
    light = 0.3 * c[0] + 0.59 * c[1] + 0.11 * c[2]
    return t.rgb if light > 0.42 else tuple(1.0 - 0.5 * x for x in t.rgb)


def matrix_of(t, background):
    """colour matrix of the newest effects"""
    if t.effect == "wild":
        return wild(t.effect_value)
    rgb = ink(t, background)
    if t.effect == "silhouette":
        return flat(rgb)
    if background.kind in BUSY:                       # bare lines would be lost
        return tint(t.rgb, (1.0, 1.0, 1.0))
    return (rgb[0], 0, 0, 0, rgb[1], 0, 0, 0, rgb[2], 0, 0, 0, 1, 0, 0, 0)
