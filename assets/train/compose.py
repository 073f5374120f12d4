"""Compose scenes: which parts, how many, where."""
import math

from layout import place_free, place_grid, place_groups, place_row
from compose_more import More
from parts import HUE_KEEPS
from scenes import Photo, Scene
from world import COLOURS, SHAPES

KINDS = (("drawings", 29), ("shapes", 17), ("sign", 24), ("photo", 19), ("collage", 5), ("over", 4), ("empty", 1), ("unclear", 1))
SECOND_KINDS = (("drawings", 31), ("shapes", 15), ("sign", 24), ("photo", 21), ("collage", 7), ("over", 3), ("empty", 1), ("unclear", 1))


class Composer(More):
    """scenes of one split"""

    def compose(self, kind=None):
        rng = self.rng
        if kind is None:
            kinds = SECOND_KINDS if self.second else KINDS
            kind = rng.choices([k for k, _ in kinds], [w for _, w in kinds])[0]
            if self.wide and rng.random() < 0.02:
                kind = "empty"
        if kind in ("photo", "collage", "over") and not self.any_photo:
            kind = "drawings"
        if kind == "unclear" and not self.any_photo:
            kind = "empty"
        scene = Scene(kind, canvas=self.canvas())
        scene.background = self.background(0.5 if kind in ("drawings", "sign") else 0.38)
        (self.special(kind) or getattr(self, "compose_" + kind))(scene)
        if scene.background.kind == "photo" and scene.kind not in ("photo", "collage", "over", "unclear"):
            scene.photos.append(self.backdrop(scene, level=rng.choice((2, 3))))
        if scene.things and rng.random() < 0.15 and not scene.words:
            scene.shadow = (rng.uniform(-5, 5), rng.uniform(2, 6), rng.uniform(0.2, 0.45))
        return scene

    def backdrop(self, scene, level=0):
        """a photo that fills the canvas"""
        i = self.rng.choice(self.any_photo)
        _, w, h = self.p.photos[i][0]
        x, y, cw, ch = scene.canvas
        z = max(cw / w, ch / h) * self.rng.uniform(1.02, 1.4)
        return Photo(i, self.p.photo_name[i].name, 0, x + cw / 2, y + ch / 2, w * z, h * z, self.rng.random() < 0.5, 0.0, level, False)

    def members(self, n, background):
        """n things of some kinds, so that repeats are common"""
        rng = self.rng
        shapes_only = rng.random() < 0.12
        effect = self.random_effect() if rng.random() < 0.35 else None
        pool, out = [], []
        same_kind = rng.choice(list(self.categories.values())) if rng.random() < (0.4 if self.second else 0.25) else None
        repeat = rng.choice((0.0, 0.15, 0.35))
        while len(out) < n:
            if pool and rng.random() < repeat:
                proto = rng.choice(pool)
                if proto.is_shape:
                    t = self.shape(background, proto.name, proto.colour if rng.random() < 0.5 else None)
                else:
                    t = self.drawing(proto.name, effect)
            elif shapes_only or rng.random() < 0.2:
                t = self.shape(background)
            else:
                t = self.drawing(rng.choice(same_kind) if same_kind and rng.random() < 0.7 else None, effect)
            if t is None:
                continue
            out.append(t)
            pool.append(t)
        return out

    def compose_drawings(self, scene):
        rng = self.rng
        most = max(1, int(self.most))
        arrangement = rng.choices(("free", "grid", "row", "groups", "single"), (42, 14, 12, 22, 10))[0]
        if arrangement == "single":
            scene.things = self.members(1, scene.background)
            place_free(scene, rng)
            return
        scene.arrangement = arrangement
        if arrangement == "groups":
            n = rng.randint(2, most) if most > 1 else 1
            kinds = self.members(min(n, rng.choice((1, 1, 2, 2, 3))), scene.background)
            weights = [rng.random() + 0.2 for _ in kinds]
            if len(kinds) == 2 and rng.random() < 0.5:
                weights = [1.0, 0.0]                # all but one alike
            chosen = list(range(len(kinds))) + rng.choices(range(len(kinds)), weights, k=n - len(kinds))
            for k in chosen:
                proto = kinds[k]
                if proto.is_shape:
                    t = self.shape(scene.background, proto.name, proto.colour if rng.random() < 0.85 else None)
                else:
                    t = self.drawing(proto.name, proto.effect)
                    if rng.random() < 0.7:
                        self.alike(t, proto)
                scene.things.append(t or self.drawing())
            (place_groups if rng.random() < 0.4 else place_free)(scene, rng)
            return
        n = min(most, rng.choice((2, 2, 3, 3, 3, 4, 4, 5, 5, 6, 7, 8, 9)))
        if arrangement == "row":
            n = min(n, 6)
        scene.things = self.members(n, scene.background)
        {"free": place_free, "grid": place_grid, "row": place_row}[arrangement](scene, rng)

    def compose_shapes(self, scene):
        rng = self.rng
        most = max(1, int(self.most))
        r = rng.random()
        n = 1 if r < 0.18 else min(most, rng.choice((2, 2, 2, 3, 3, 4, 5, 6, 7, 8, 9)))
        shapes, colours = rng.sample(SHAPES, rng.choice((1, 2, 3, 4, 6))), rng.sample(COLOURS, rng.choice((1, 2, 3, 3, 5, 8)))
        style = rng.choice((0, 0, 1, 4)) if rng.random() < 0.4 and scene.background.kind in ("solid", "gradient", "clouds") else None
        for _ in range(n):
            t = self.shape(scene.background, rng.choice(shapes), rng.choice(colours))
            if t is not None:
                if style is not None and t.style != 2:
                    t.style = style
                scene.things.append(t)
        scene.arrangement = rng.choices(("free", "grid", "row"), (60, 28, 12))[0] if 2 <= len(scene.things) else "free"
        if scene.arrangement == "row" and len(scene.things) > 6:
            scene.arrangement = "grid"
        {"free": place_free, "grid": place_grid, "row": place_row}[scene.arrangement](scene, rng)

    def compose_sign(self, scene):
        rng = self.rng
        x0, y0, w, h = scene.canvas
        early = self.longest < 5
        lines = 1 if early and rng.random() < 0.7 or not early and rng.random() < 0.5 else rng.choice((2, 2, 3))
        with_things = not early and rng.random() < 0.38
        low, high = (26, 92) if early else (13, 66)
        for _ in range(lines):
            cap = low * math.exp(rng.random() ** (1.5 if self.second else 1.0) * math.log(high / low))      # small text is the hard one
            if lines > 1 or with_things:
                cap = min(cap, h / (lines * 2.2 + (2.2 if with_things else 0)))
            text = self.text()
            if lines == 1 and not with_things and len(text) <= 5 and self.longest > 6 and rng.random() < 0.12:
                text = text + " " + rng.choice([s for s in (self.text(), self.text(), "ONE") if len(s) <= 5] or ["ONE"])
            word = self.word(text, max(12.0, cap), 0, 0, scene.background)
            if word.cap < 11.0:
                continue
            for _ in range(30):
                word.x = rng.uniform(x0 + word.w / 2 + 3, x0 + w - word.w / 2 - 3) if word.w < w - 8 else x0 + w / 2
                word.y = rng.uniform(y0 + word.h / 2 + 2, y0 + h - word.h / 2 - 2) if word.h < h - 6 else y0 + h / 2
                if word.w <= w and all(abs(word.y - o.y) > (word.h + o.h) / 2 + 3 for o in scene.words):
                    scene.words.append(word)
                    break
        if with_things:
            scene.things = self.members(min(int(self.most), rng.choice((1, 1, 2, 2, 3))), scene.background)
            place_free(scene, rng)

    def compose_photo(self, scene):
        """class-balanced; letterboxed, cropped to fill, or small on a page"""
        rng, train = self.rng, self.split == "train"
        label = rng.choice(self.photo_labels)
        i = rng.choice(self.photos[label])
        _, w, h = self.p.photos[i][0]
        r = rng.random()
        hard = self.second                        # wider crops, turns and changes of shape: there are few photos
        turn = rng.gauss(0, 0.14 if hard else 0.06) if train and rng.random() < (0.7 if hard else 0.5) else 0.0
        if not train or r < 0.5:
            cw, ch = (224.0, 224.0 * h / w) if w >= h else (224.0 * w / h, 224.0)
            scene.canvas = ((224 - cw) / 2, (224 - ch) / 2, cw, ch)
            z = 1.0 + 0.75 * rng.random() ** 1.7 if hard else rng.uniform(1.0, 1.35) if train else 1.0
        elif r < 0.85:
            cw, ch = scene.canvas[2:]
            z = 1.0
        else:
            cw = ch = rng.uniform(90 if hard else 120, 190)
            z = 1.0
        x0, y0, fw, fh = scene.canvas
        if not train or r < 0.5:
            bend = 0.18 if hard else 0.08
            pw, ph = cw * z * (rng.uniform(1 - bend, 1 + bend) if train else 1), ch * z * (rng.uniform(1 - bend, 1 + bend) if train else 1)
            ox, oy = max(0.0, (pw - cw) / 2), max(0.0, (ph - ch) / 2)
        elif r < 0.85:
            k = max(cw / w, ch / h) * rng.uniform(1.0, 1.8 if hard else 1.5)
            pw, ph = w * k, h * k
            ox, oy = max(0.0, (pw - cw) / 2), max(0.0, (ph - ch) / 2)
        else:
            k = cw / max(w, h)
            pw, ph = w * k, h * k
            ox, oy = max(0.0, (fw - pw) / 2), max(0.0, (fh - ph) / 2)
            scene.background = self.background(0.2)
            if scene.background.kind == "photo":
                scene.background.kind = "solid"
        part = 0.8 if hard else 0.6
        x, y = x0 + fw / 2 + rng.uniform(-ox, ox) * part, y0 + fh / 2 + rng.uniform(-oy, oy) * part
        if not train:
            x, y, turn = 112.0, 112.0, 0.0
        name = self.p.photo_name[i]
        scene.photos = [Photo(i, name.name, name.cls, x, y, pw, ph, train and rng.random() < 0.5, turn,
                              shade=rng.uniform(0.02, 1.0) if train and rng.random() < (0.75 if hard else 0.5) else 0.0)]
        if hard:
            self.alter(scene.photos[0], name.category)
        if self.newest:
            self.vary_photo(scene)

    def alter(self, photo, category):
        """grey, and up to two places covered: a photo is not to be known by one patch of it"""
        rng = self.rng
        if category not in HUE_KEEPS and rng.random() < 0.12:
            photo.shade = 2.0
        if rng.random() < 0.35:
            for _ in range(rng.choice((1, 1, 2))):
                w, h = photo.w * rng.uniform(0.12, 0.42), photo.h * rng.uniform(0.12, 0.42)
                photo.covers += ((photo.x + rng.uniform(-0.5, 0.5) * photo.w, photo.y + rng.uniform(-0.5, 0.5) * photo.h, w, h,
                                  tuple(rng.random() for _ in range(3))),)

    def compose_collage(self, scene):
        """photos of different things side by side, or two by two"""
        rng = self.rng
        scene.canvas = (0.0, 0.0, 224.0, 224.0)
        scene.background.kind, scene.background.colour = "solid", None
        rows, cols = rng.choice(((1, 2), (2, 1), (2, 2), (2, 2)))
        labels = rng.sample(self.photo_labels, min(rows * cols, len(self.photo_labels)))
        gap = rng.choice((2, 4, 8))
        cw, ch = 224 / cols - gap, 224 / rows - gap
        for k, label in enumerate(labels):
            i = rng.choice(self.photos[label])
            _, w, h = self.p.photos[i][0]
            z = min(cw / w, ch / h)
            name = self.p.photo_name[i]
            x, y = 224 / cols * (k % cols + 0.5), 224 / rows * (k // cols + 0.5)
            photo = Photo(i, name.name, name.cls, x, y, w * z, h * z, rng.random() < 0.5,
                          shade=rng.uniform(0.02, 1.0) if self.second and rng.random() < 0.6 else 0.0)
            if self.second:
                self.alter_within(photo, name.category, cw, ch)
            scene.photos.append(photo)

    def alter_within(self, photo, category, cw, ch):
        """another size, shape and turn, within its place of a collage"""
        rng = self.rng
        if category not in HUE_KEEPS and rng.random() < 0.1:
            photo.shade = 2.0
        if rng.random() < 0.6:
            k = rng.uniform(0.75, 1.0)
            photo.w, photo.h = photo.w * k * rng.uniform(0.85, 1.0), photo.h * k * rng.uniform(0.85, 1.0)
            photo.turn = rng.gauss(0, 0.08) if k < 0.9 else 0.0
            photo.x += rng.uniform(-1, 1) * min(8.0, 0.3 * max(0.0, cw - photo.w))       # not so far that its place has another name
            photo.y += rng.uniform(-1, 1) * min(8.0, 0.3 * max(0.0, ch - photo.h))

    def compose_over(self, scene):
        """drawings on a photo"""
        rng = self.rng
        scene.background.kind, scene.background.colour = "photo", None
        scene.photos = [self.backdrop(scene)]
        scene.things = self.members(rng.choice((1, 1, 2, 2, 3)), scene.background)
        for t in scene.things:
            if t.is_shape and t.style not in (0, 2):
                t.style, t.rgb2 = 0, (0.0, 0.0, 0.0)
        place_free(scene, rng, largest=0.8)

    def compose_empty(self, scene):
        scene.background = self.background(0.3)
        if scene.background.kind == "photo":
            scene.background.kind = "clouds"

    def compose_unclear(self, scene):
        """so blurred that nobody can tell, or nothing but noise"""
        scene.fuzzy = True
        if self.rng.random() < 0.5:
            scene.photos = [self.backdrop(scene, level=3)]
            scene.background.kind, scene.background.colour = "photo", None
        else:
            scene.background.kind, scene.background.colour = "speckle", None
            scene.background.c1, scene.background.c2 = (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)
