"""The parts of a scene: drawings, shapes, backgrounds, lines of text."""
import colorsys
import math

from looks import allowed, newest_effect, vary
from packed import CONTROL_STYLES, GLYPHS, ONE_COLOUR, SHAPE_STYLES
from scenes import Background, Thing, Word
from world import COLOUR_HSV, COLOURS, PASTEL, SHAPES, pair_held_out

PATTERNS = ("gradient", "clouds", "stripes", "checker", "speckle", "photo", "rings", "dots", "radial", "blobs", "lines")
HUE_KEEPS = {"fruit", "vegetable", "flower"}         # categories told apart by colour: never shown in another hue
BARE_STOP_SIGNS = ("noto", "notov1")                 # plain red octagons, without a rim or text: taught whatever is red and round as a stop sign

ALIKE = ("OQGCDU", "ILTJFE", "HNMKWA", "EFPBRS", "UVWYXK", "ZSPRBK")      # letters that were read for one another
HELD_PAIRS = [(c, s) for c in COLOURS for s in SHAPES if pair_held_out(c, s)]


def rgb_of(colour, rng, pastel=0.25):
    ranges = PASTEL[colour] if colour in PASTEL and rng.random() < pastel else COLOUR_HSV[colour]
    h, s, v = (rng.uniform(*r) for r in ranges)
    return colorsys.hsv_to_rgb((h % 360) / 360, s, v)


def distance(a, b):
    """how different two colours look, 0 .. about 1.7: channel distance with some weight on brightness"""
    d = [x - y for x, y in zip(a, b)]
    light = 0.3 * d[0] + 0.59 * d[1] + 0.11 * d[2]
    return math.sqrt(d[0] * d[0] + d[1] * d[1] + d[2] * d[2] + 0.6 * light * light)


def nearly_named(rgb):
    """a colour close to one that has a name: some would say the name, some would not"""
    h, s, v = colorsys.rgb_to_hsv(*rgb)
    for ranges in list(COLOUR_HSV.values()) + list(PASTEL.values()):
        (h0, h1), (s0, s1), (v0, v1) = ranges
        mid, half = (h0 + h1) / 2, (h1 - h0) / 2 + 6
        if abs((h * 360 - mid + 180) % 360 - 180) <= half and s0 - 0.05 <= s <= s1 + 0.05 and v0 - 0.05 <= v <= v1 + 0.05:
            return True
    return False


def light_of(c):
    return 0.3 * c[0] + 0.59 * c[1] + 0.11 * c[2]


class Parts:
    """what can be drawn in one split; `rng` is set by the caller before each scene"""

    def __init__(self, packed, split, holdout_styles=False, second=False):
        """second: the shares of the second stage of training"""
        self.p, self.split, self.rng = packed, split, None
        self.second = second and split == "train"
        self.wide = split == "train"            # the newest kinds of scenes and questions; the sets for evaluation stay what they were
        self.newest = split == "train"          # the kinds of the fifth run, never in a set for evaluation
        self.most, self.longest = 9, 8
        test_photos = split != "train"
        self.photos = {}
        for i, (name, test) in enumerate(zip(packed.photo_name, packed.photo_test)):
            if test == test_photos:
                self.photos.setdefault(name.name, []).append(i)
        self.photo_labels = sorted(self.photos)
        self.any_photo = [i for v in self.photos.values() for i in v]
        self.fonts = [i for i, t in enumerate(packed.font_test) if t == (split == "fonts")]
        self.words = packed.words["train" if split == "train" else "test"]
        by_name, self.newer, self.ground = {}, {}, None
        for i, name in enumerate(packed.sprite_name):
            if i >= packed.sprites_first:       # drawings of the second file: for training only
                if self.wide and not holdout_styles:
                    self.newer.setdefault(name.name, []).append(i)
                continue
            held = packed.sprite_style[i] in CONTROL_STYLES
            if (split == "styles" and held) or (split != "styles" and not (holdout_styles and held)):
                if not (self.wide and name.name == "stop sign" and packed.sprite_style[i] in BARE_STOP_SIGNS):
                    by_name.setdefault(name.name, []).append(i)
        self.sprites, self.sprite_names = by_name, sorted(set(by_name) | set(self.newer))
        self.sprite_weights = [min(1.0, 0.35 + 0.2 * (len(by_name.get(n, ())) + len(self.newer.get(n, ())))) for n in self.sprite_names]
        self.categories = {}
        for n in self.sprite_names:
            self.categories.setdefault(packed.vocabulary.by_name[n].category, []).append(n)

    def drawing(self, name=None, effect=None):
        rng = self.rng
        if name is None:
            name = rng.choices(self.sprite_names, self.sprite_weights)[0]
        i = self.drawing_of(name)
        entry = self.p.vocabulary.by_name[name]
        t = Thing(name, entry.cls, False, self.p.sprite_colour[i], picture=i, flip=rng.random() < 0.35 and name not in ("calendar", "stop sign"))
        effect = effect if effect is not None else self.random_effect()
        if self.p.sprite_style[i] in ONE_COLOUR:
            return self.in_one_colour(t, entry, effect)
        effect = allowed(effect, name, entry.category in HUE_KEEPS)
        if effect == "ink" or effect == "hue" and entry.category in HUE_KEEPS:
            effect = ""
        if name == "stop sign" and self.second and rng.random() < 0.5:
            effect = "hue"                       # else whatever is red and round is one
        if name == "stop sign" and self.wide and effect in ("lines", "tones", "pencil", "wild"):
            effect = ""                          # its text and its rim are what makes it one
        if not effect and t.colour is None and rng.random() < 0.45:
            effect = "jitter"
        if effect:
            t.effect, t.effect_value, t.colour = effect, rng.uniform(0.15, 0.85), None
            t.style = {"lines": 1, "tones": 2}.get(effect, 0)
            if effect == "lines":
                t.rgb = rng.choice([(0, 0, 0), (0.1, 0.1, 0.2), (0.25, 0.2, 0.15), rgb_of(rng.choice(("blue", "red", "purple", "brown")), rng, 0)])
                t.rgb2 = rng.choice([(1, 1, 1), (1, 1, 1), (0.96, 0.94, 0.88), (0.85, 0.88, 0.92)])
        if self.newest:
            vary(t, rng)
        return t

    def drawing_of(self, name):
        """which drawing: where there are four or more of the second file, half of the time one of them"""
        rng, new, old = self.rng, self.newer.get(name), self.sprites.get(name)
        if new and (not old or rng.random() < 0.5 * min(1.0, 0.25 + 0.1875 * len(new))):
            return rng.choice(new)
        return rng.choice(old)

    def in_one_colour(self, t, entry, effect):
        """a pictogram or line drawing: flat ink that can be seen, or ink with what it encloses in another tone (`lines`)"""
        rng, ground = self.rng, self.ground
        busy = ground is None or ground.kind not in ("solid", "gradient", "radial", "clouds")
        solid = self.p.sprite_style[t.picture] == "pictogram"
        behind = () if ground is None else (ground.c1, ground.c2)
        filled = effect == "lines" or rng.random() < (0.2 if solid else 0.75 if busy else 0.4)
        if filled:
            t.rgb2 = rng.choice([(1, 1, 1), (1, 1, 1), (0.96, 0.94, 0.88), rgb_of(rng.choice(COLOURS), rng)])
            behind = (t.rgb2,)
        for _ in range(24):
            plain = rng.random() < 0.5 or entry.category in HUE_KEEPS or effect == "gray"
            colour = rng.choice(("black", "black", "white", "gray") if plain else COLOURS)
            t.rgb = rgb_of(colour, rng)
            if all(distance(t.rgb, c) > 0.5 and abs(light_of(t.rgb) - light_of(c)) > 0.2 for c in behind):
                break
        else:
            colour = "black" if sum(light_of(c) for c in behind) > 0.5 * len(behind) else "white"
            t.rgb = rgb_of(colour, rng, 0)
        t.effect, t.style = ("lines", 1) if filled else ("ink", 0)
        t.colour = colour if solid and not filled else None
        return t

    def alike(self, t, other):
        """t becomes the same drawing as the other"""
        mixed = any(self.p.sprite_style[k.picture] in ONE_COLOUR for k in (t, other))
        t.picture, t.colour = other.picture, other.colour if mixed or not t.effect else None
        if mixed:
            t.effect, t.effect_value, t.style, t.rgb, t.rgb2 = other.effect, other.effect_value, other.style, other.rgb, other.rgb2

    def random_effect(self):
        new = newest_effect(self.rng) if self.newest else None
        if new:
            return new
        r = self.rng.random()
        if self.second and r < 0.80:             # drawings in lines and in grey are known worst
            r = 0.0 if r < 0.70 else 0.80 + 0.15 * (r - 0.70) / 0.10
        return "" if r < 0.80 else "lines" if r < 0.87 else "tones" if r < 0.91 else "gray" if r < 0.95 else "hue"

    def shape(self, background, shape=None, colour=None):
        rng = self.rng
        for _ in range(30):
            s = shape or rng.choice(SHAPES)
            c = colour or rng.choice(COLOURS)
            if self.split == "pairs" and rng.random() < 0.7:
                c, s = rng.choice(HELD_PAIRS)
            elif self.split != "pairs" and pair_held_out(c, s):
                shape, colour = (shape, None) if rng.random() < 0.5 else (None, colour)
                continue
            rgb = rgb_of(c, rng)
            if c != background.colour and min(distance(rgb, background.c1), distance(rgb, background.c2)) > 0.36:
                break
            if rng.random() < 0.5:
                colour = None
        else:
            return None
        k = SHAPES.index(s)
        plain = background.kind in ("solid", "gradient", "radial", "clouds")
        style = 0 if rng.random() < 0.66 else rng.choice((1, 2, 2, 3, 4) if plain else (1, 2, 2))
        t = Thing(s, self.p.vocabulary.shapes[s].cls, True, c, rgb=rgb, picture=k, style=style)
        if SHAPE_STYLES[style] == "border":
            t.rgb2 = tuple(x * rng.uniform(0.2, 0.45) for x in rgb) if rng.random() < 0.6 else (0, 0, 0) if sum(rgb) > 0.9 else (1, 1, 1)
        elif SHAPE_STYLES[style] == "stripes":
            t.rgb2 = tuple(x + (1 - x) * 0.55 for x in rgb) if sum(rgb) < 2.1 else tuple(x * 0.72 for x in rgb)
            if c in ("black", "white", "gray", "pink", "brown", "teal", "orange"):
                t.style, t.rgb2 = 0, (0, 0, 0)       # two tones of these would have two names
        t.quarter = rng.randrange(4) if s == "arrow" else rng.randrange(2) if s in ("rectangle", "oval") else 0
        return t

    def background(self, patterned=0.5):
        rng = self.rng
        b = Background(angle=rng.uniform(0, 6.2832), period=rng.uniform(10, 64), phase=rng.uniform(0, 6.28), cx=rng.uniform(30, 194), cy=rng.uniform(30, 194))
        r = rng.random()
        if r < 0.30:
            b.colour = rng.choice(("white", "white", "black", "gray")) if rng.random() < 0.55 else rng.choice(COLOURS)
            b.c1 = rgb_of(b.colour, rng, 0)
        elif r < 0.62:
            b.colour = rng.choice(COLOURS)
            b.c1 = rgb_of(b.colour, rng, 0.1)
        else:
            for _ in range(12):                                                                    # pastel, not to be named
                b.c1 = colorsys.hsv_to_rgb(rng.random(), rng.uniform(0, 0.35), rng.uniform(0.6, 1))
                if not nearly_named(b.c1):
                    break
        b.c2, self.ground = b.c1, b
        if rng.random() < patterned:
            b.kind = rng.choice(PATTERNS)
            if b.kind == "photo" and not self.any_photo:
                b.kind = "clouds"
            b.colour = None
            self.second_colour(b)
        return b

    def second_colour(self, b):
        rng = self.rng
        if b.kind in ("dots", "checker"):
            b.period = rng.uniform(9, 24) if b.kind == "dots" else rng.uniform(10, 40)      # large dots would be circles
        if b.kind == "gradient" or b.kind == "radial":
            h, s, v = colorsys.rgb_to_hsv(*b.c1)
            for _ in range(12):              # a person must see it: faint ones would pass for plain
                b.c2 = colorsys.hsv_to_rgb((h + rng.uniform(-0.2, 0.2)) % 1, s * rng.uniform(0.4, 1), min(1, max(0.1, v + rng.choice((-1, 1)) * rng.uniform(0.12, 0.4))))
                if distance(b.c1, b.c2) > 0.22:
                    break
        elif b.kind in ("clouds", "speckle", "blobs", "photo"):
            for _ in range(12):
                b.c2 = tuple(min(1.0, max(0.0, x + rng.uniform(-0.3, 0.3))) for x in b.c1)
                if distance(b.c1, b.c2) > 0.2:
                    break
        else:
            for _ in range(8):
                b.c2 = colorsys.hsv_to_rgb(rng.random(), rng.uniform(0, 0.6), rng.uniform(0.35, 1))
                if 0.16 < distance(b.c1, b.c2) < 0.6:
                    break

    def canvas(self):
        """15 % of the pictures are not square (22 in the second stage: the padding is no background)"""
        rng = self.rng
        if rng.random() > (0.22 if self.second else 0.15):
            return (0.0, 0.0, 224.0, 224.0)
        short = float(round(rng.uniform(126, 205)))
        gap = (224 - short) / 2
        return (0.0, gap, 224.0, short) if rng.random() < 0.65 else (gap, 0.0, short, 224.0)

    def word(self, text, cap, x, y, background, big=False):
        """a line of text on a plate or straight on the background"""
        rng = self.rng
        font = rng.choice(self.fonts)
        adv = self.p.font_advance[font]
        width = sum(adv[GLYPHS.index(c)] if c != " " else 12.0 for c in text) * cap / 32.0
        if width > 206:
            cap, width = cap * 206 / width, 206.0
        busy = background.kind not in ("solid", "gradient", "radial", "clouds")
        plate = plate_colour = None
        if busy or rng.random() < 0.4:
            plate_colour = rng.choice(COLOURS)
            plate = rgb_of(plate_colour, rng)
        for _ in range(24):
            colour = rng.choice(COLOURS) if rng.random() < 0.6 else rng.choice(("black", "white"))
            rgb = rgb_of(colour, rng)
            behind = (plate,) if plate else (background.c1, background.c2)
            if min(distance(rgb, c) for c in behind) > 0.6 and min(abs(light_of(rgb) - light_of(c)) for c in behind) > 0.28:
                break
        else:
            light = light_of(plate or background.c1) + light_of(plate or background.c2) > 1.0
            colour, rgb = ("black", (0.0, 0.0, 0.0)) if light else ("white", (1.0, 1.0, 1.0))
        turn = rng.gauss(0, 0.05) if rng.random() < 0.5 else 0.0
        return Word(text, font, x, y, width + 0.2 * cap, cap, rgb, colour, plate, plate_colour, rng.random() < 0.4, turn)

    def text(self):
        """a string for a sign: from one or two characters at first to words"""
        rng = self.rng
        r = rng.random()
        if self.second:                                            # more strings that no language helps to guess
            r = rng.choices((0.07 * r, 0.1, 0.3, 0.45, 0.7), (6, 13, 28, 7, 46))[0]
        longest = max(1, int(self.longest))
        if longest <= 2 or r < 0.07:
            s = "".join(rng.choice("ABCDEFGHIJKLMNOPQRSTUVWXYZ" if r < 0.05 or longest > 2 else "ABCDEFGHIJKLMNOPQRSTUVWXYZ23456789")
                        for _ in range(rng.randint(1, min(2, longest))))
        elif r < 0.25:
            s = str(rng.randrange(10 ** rng.randint(1, min(5, longest))))
        elif r < 0.42:
            letters = rng.choice(ALIKE) if self.newest and rng.random() < 0.3 else "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
            s = "".join(rng.choice(letters) for _ in range(rng.randint(2, min(5, longest))))
        elif r < 0.47:
            s = "".join(rng.choice("ABCDEFGHJKLMNPRTUVWXY346789") for _ in range(rng.randint(2, min(5, longest))))
        else:
            want = rng.choice((3, 3, 4, 4, 4, 5, 5, 5, 6, 7, 8))
            for _ in range(30):
                s = rng.choice(self.words)
                if len(s) <= longest and len(s) <= want:
                    break
            else:
                s = s[:longest]
            if self.second and len(s) > 2 and rng.random() < 0.2:      # a word that is none
                i = rng.randrange(len(s))
                s = s[:i] + rng.choice("abcdefghijklmnopqrstuvwxyz") + s[i + 1:]
        if set(s.upper()) <= set("O0I1L"):         # nobody can tell 0 from O alone
            s = rng.choice("ABCDEFGHJKMNPRSTUVWXYZ")
        r = rng.random()
        if s[0] in "iIlL":
            r = 0.0                                # "Iamb" and "lamb" are one picture
        large = 0.5 if self.second else 0.6
        return s.upper() if r < large or len(s) == 1 else s.lower() if r < (large + 1) / 2 else s.capitalize()
