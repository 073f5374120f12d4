"""Scenes of the newest kinds: plain empty ones, all alike, round and reddish, one shape inside another, pages of text, white on black."""
from layout import finish, place_free, place_grid
from parts import Parts
from slots import K
from world import COLOURS, SHAPES, pair_held_out

REDDISH = [(c, s) for c in ("red", "red", "orange", "pink", "brown", "purple")
           for s in ("circle", "oval", "hexagon", "pentagon") if not pair_held_out(c, s)]
OUTER = ("square", "square", "circle", "rectangle", "hexagon")
SPECIAL = {"shapes": (("uniform", 0.10), ("reddish", 0.07), ("inside", 0.08)),
           "drawings": (("alike", 0.03), ("stop", 0.008)), "sign": (("page", 0.07), ("contrast", 0.08)),
           "empty": (("plain", 0.7),)}


class Special(Parts):
    def special(self, kind):
        """now and then another way to compose a scene of this kind, in training"""
        if not self.wide:
            return None
        r = self.rng.random()
        for name, part in SPECIAL.get(kind, ()):
            r -= part
            if r < 0:
                return getattr(self, "special_" + name)
        return None

    def plain_background(self, scene, colours=COLOURS):
        b = self.background(0)
        while b.colour not in colours:
            b = self.background(0)
        scene.background = b

    def special_plain(self, scene):
        self.plain_background(scene, (self.rng.choice(COLOURS if self.rng.random() < 0.7 else ("white", "black", "white")),))

    def special_uniform(self, scene):
        """all of one colour, or all of one shape, or both"""
        rng = self.rng
        n = min(max(2, int(self.most)), rng.choice((2, 2, 2, 3, 3, 4, 5, 6)))
        c, s, what = rng.choice(COLOURS), rng.choice(SHAPES), rng.choice(("colour", "shape", "both"))
        for _ in range(n):
            t = self.shape(scene.background, None if what == "colour" else s, None if what == "shape" else c)
            if t:
                scene.things.append(t)
        scene.arrangement = "grid" if len(scene.things) > 1 and rng.random() < 0.5 else "free"
        (place_grid if scene.arrangement == "grid" else place_free)(scene, rng)

    def special_alike(self, scene):
        """drawings of one name"""
        rng = self.rng
        first = self.drawing()
        scene.things = [first] + [self.drawing(first.name, first.effect) for _ in range(min(int(self.most), rng.choice((2, 3, 4, 5))) - 1)]
        scene.arrangement = "grid" if len(scene.things) > 1 and rng.random() < 0.5 else "free"
        (place_grid if scene.arrangement == "grid" else place_free)(scene, rng)

    def special_stop(self, scene):
        """a stop sign as it is drawn, alone or beside something round and reddish"""
        scene.things = [self.drawing("stop sign" if "stop sign" in self.sprites else None, "")]
        if self.rng.random() < 0.5:
            c, s = self.rng.choice(REDDISH)
            other = self.shape(scene.background, s, c)
            scene.things += [other] if other else []
        place_free(scene, self.rng)

    def special_reddish(self, scene):
        """round and red, and no stop sign"""
        rng = self.rng
        for k in range(rng.choice((1, 1, 1, 2))):
            c, s = rng.choice(REDDISH)
            t = self.shape(scene.background, s, c) if k == 0 else self.shape(scene.background)
            if t:
                scene.things.append(t)
        place_free(scene, rng)

    def special_inside(self, scene):
        """a shape within another, often with a third one beside them"""
        rng = self.rng
        if scene.background.kind not in ("solid", "gradient", "radial"):
            self.plain_background(scene)
        outer = self.shape(scene.background, rng.choice(OUTER))
        if outer is None or outer.name not in OUTER:          # another one, where the pair is held out
            return self.compose_shapes(scene)
        outer.style, outer.rgb2 = rng.choice((0, 0, 1)), (0.0, 0.0, 0.0)
        alone = rng.random() < 0.5
        scene.things = [outer]
        place_free(scene, rng)
        if not scene.things:
            return
        x0, y0, cw, ch = scene.canvas
        outer.size = min(cw, ch) * rng.uniform(0.6, 0.9) * (1.0 if alone else 0.7)
        outer.x, outer.y = x0 + cw * rng.uniform(0.4 if alone else 0.25, 0.6 if alone else 0.4), y0 + ch / 2
        outer.x = min(max(outer.x, x0 + outer.size / 2 + 1), x0 + cw - outer.size / 2 - 1)
        finish(scene, outer, rng)
        outer.turn = 0.0
        for _ in range(12):
            inner = self.shape(scene.background)
            if inner and inner.name != outer.name and inner.colour != outer.colour and inner.style in (0, 2):
                inner.size = min(outer.w, outer.h) * rng.uniform(0.4, 0.6)
                room = 0.34 * min(outer.w, outer.h) - inner.size / 2
                inner.x, inner.y = outer.x + rng.uniform(-room, room), outer.y + rng.uniform(-room, room)
                if inner.size >= 26 and sum(abs(p - q) for p, q in zip(inner.rgb, outer.rgb)) > 0.6:
                    finish(scene, inner, rng)
                    scene.things, scene.arrangement = [outer, inner], "inside"
                    break
        other = None if alone else self.shape(scene.background)
        left = outer.x - outer.size / 2 - x0
        right = x0 + cw - outer.x - outer.size / 2
        if other and max(left, right) > 40:
            other.size = min(max(left, right) - 8, 70.0)
            other.x = x0 + left / 2 if left > right else x0 + cw - right / 2
            other.y = y0 + rng.uniform(other.size / 2 + 1, ch - other.size / 2 - 1)
            finish(scene, other, rng)
            scene.things.append(other)

    def special_page(self, scene):
        """short lines one below the other, in one font and one colour"""
        rng = self.rng
        if self.longest < 5 or scene.canvas[3] < 120:
            return self.compose_sign(scene)
        self.plain_background(scene, ("white", "white", "white", "yellow", "gray", "black", "blue", "pink"))
        x0, y0, w, h = scene.canvas
        n = rng.randint(5, min(9, int(h / 19)))
        cap, fonts = min(15.0, h / (n * 1.65)) * rng.uniform(0.9, 1.0), self.fonts
        self.fonts = [rng.choice(fonts)]
        first, left = None, K - 2
        for k in range(n):
            text = self.line(left // (n - k))
            word = self.word(text, cap, 0, y0 + h * (k + 0.5) / n, scene.background)
            first = first or word
            word.plate, word.plate_colour, word.turn, word.rgb, word.colour = None, None, 0.0, first.rgb, first.colour
            word.x = x0 + 12 + word.w / 2
            left -= len(text.replace(" ", ""))
            if word.w < w - 16:
                scene.words.append(word)
        self.fonts, scene.arrangement = fonts, "page"
        self.readable(scene)

    def line(self, letters):
        """one or two words, or a number, of so many letters at most"""
        rng = self.rng
        if rng.random() < 0.12:
            return str(rng.randrange(10, 10 ** min(4, letters)))
        words = [w for w in rng.sample(self.words, min(24, len(self.words))) if 2 <= len(w) <= letters] or ["so"]
        a = words[0]
        b = next((w for w in words[1:] if len(a) + len(w) <= letters), None)
        text = a + " " + b if b and rng.random() < 0.5 else a
        return text.upper() if text[0] in "iIlL" or rng.random() < 0.3 else text.capitalize() if rng.random() < 0.4 else text

    def readable(self, scene):
        """text on a plain background: dark on light, or light on dark"""
        c = scene.background.c1
        light = 0.3 * c[0] + 0.59 * c[1] + 0.11 * c[2] > 0.5
        for w in scene.words:
            if w.plate is None:
                w.rgb, w.colour = ((0.0, 0.0, 0.0), "black") if light else ((1.0, 1.0, 1.0), "white")

    def special_contrast(self, scene):
        """white on black, black on white"""
        self.plain_background(scene, ("black", "black", "white"))
        self.compose_sign(scene)
        for w in scene.words:
            w.plate = w.plate_colour = None
        self.readable(scene)
