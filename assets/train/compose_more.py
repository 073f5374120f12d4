"""Scenes of the fifth run: one large thing, several kinds in several counts, pictures of unusual shape, framed photos. For training only.

Also how drawings look: crisp, soft, slanted, outlined, in pencil, as a silhouette, in other colours.
"""
from compose_wide import Special
from layout import finish, place_free, place_grid

MORE_SPECIAL = {"drawings": (("large", 0.12), ("counted", 0.11)), "shapes": (("large_shape", 0.07), ("counted", 0.09))}


class More(Special):
    def special(self, kind):
        if self.newest:
            r = self.rng.random()
            for name, part in MORE_SPECIAL.get(kind, ()):
                r -= part
                if r < 0:
                    return getattr(self, "special_" + name)
        return super().special(kind)

    def canvas(self):
        """wide and tall pictures, up to two to one and a bit: the grey beside them is no background"""
        rng = self.rng
        if not self.newest or rng.random() < 0.5:
            return super().canvas()
        if rng.random() > 0.36:
            return (0.0, 0.0, 224.0, 224.0)
        short = float(round(rng.uniform(96, 222)))
        gap = (224 - short) / 2
        return (0.0, gap, 224.0, short) if rng.random() < 0.6 else (gap, 0.0, short, 224.0)

    def quiet(self, scene):
        """white, black, pale, of a plain colour, shaded, chequered as if transparent, or anything"""
        rng = self.rng
        r = rng.random()
        if r < 0.42:
            self.plain_background(scene, ("white", "white", "white", "black", "gray"))
        elif r < 0.57:
            self.plain_background(scene)
        elif r < 0.92:
            b = self.background(0)
            for _ in range(20):
                if b.colour is None:
                    break
                b = self.background(0)
            scene.background = b
            if r < 0.72:
                return
            b.kind, b.colour = ("checker" if r > 0.87 else rng.choice(("gradient", "radial"))), None
            if b.kind == "checker":
                b.c1, b.c2, b.angle, b.period = (1.0, 1.0, 1.0), (rng.uniform(0.76, 0.86),) * 3, 0.0, rng.uniform(14, 40)
            else:
                self.second_colour(b)

    def special_large(self, scene):
        """one drawing that fills the picture, or is cut a little by its edge"""
        rng = self.rng
        self.quiet(scene)
        t = self.drawing()
        self.fill_with(scene, t, rng.uniform(0.58, 1.06), 0.05)
        t.soft = t.soft if rng.random() < 0.4 else -1

    def special_large_shape(self, scene):
        """one shape, whole"""
        self.quiet(scene)
        t = self.shape(scene.background)
        if t is None:
            return self.compose_shapes(scene)
        self.fill_with(scene, t, self.rng.uniform(0.55, 0.97), 0.0)

    def fill_with(self, scene, t, part, cut):
        rng = self.rng
        x0, y0, cw, ch = scene.canvas
        t.size = min(cw, ch) * part
        wide = max(0.0, (cw - t.size) / 2 + cut * t.size)
        high = max(0.0, (ch - t.size) / 2 + cut * t.size)
        t.x, t.y = x0 + cw / 2 + rng.uniform(-wide, wide) * rng.random(), y0 + ch / 2 + rng.uniform(-high, high) * rng.random()
        finish(scene, t, rng)
        if t.is_shape and t.name != "circle" and t.turn and part > 0.85:
            t.turn = 0.0
        scene.things, scene.arrangement = [t], "large"

    def special_counted(self, scene):
        """two to four kinds, some of them more than once, to be listed and described"""
        rng = self.rng
        if rng.random() < 0.6:
            self.quiet(scene)
        most = max(2, int(self.most))
        effect = self.random_effect() if rng.random() < 0.3 else None
        shapes = scene.kind == "shapes"
        for _ in range(rng.choice((2, 2, 3, 3, 4))):
            first = self.shape(scene.background) if shapes or rng.random() < 0.3 else self.drawing(None, effect)
            if first is None:
                continue
            for k in range(rng.choice((1, 1, 2, 2, 3, 4))):
                if len(scene.things) >= min(most, 8):
                    break
                t = first if k == 0 else self.shape(scene.background, first.name, first.colour) if first.is_shape else self.drawing(first.name, first.effect)
                if t is not None:
                    scene.things.append(t)
        rng.shuffle(scene.things)
        scene.arrangement = "counted"
        (place_grid if rng.random() < 0.3 else place_free)(scene, rng)

    # -- photographs

    def frame(self, scene, photo):
        """a border of one colour over the edge of the photo, as of a print or a screen"""
        rng = self.rng
        x0, y0, w, h = scene.canvas
        left, top = max(x0, photo.x - photo.w / 2), max(y0, photo.y - photo.h / 2)
        right, bottom = min(x0 + w, photo.x + photo.w / 2), min(y0 + h, photo.y + photo.h / 2)
        thick = rng.uniform(0.02, 0.09) * min(right - left, bottom - top)
        rgb = rng.choice(((1.0, 1.0, 1.0), (1.0, 1.0, 1.0), (0.0, 0.0, 0.0), tuple(rng.random() for _ in range(3))))
        low, wide, high = thick * rng.choice((1, 1, 1, 2.5)), right - left, bottom - top
        x, y = (left + right) / 2, (top + bottom) / 2
        photo.covers += ((x, top + thick / 2, wide, thick, rgb), (x, bottom - low / 2, wide, low, rgb),
                         (left + thick / 2, y, thick, high, rgb), (right - thick / 2, y, thick, high, rgb))

    def vary_photo(self, scene):
        """closer, or in a frame"""
        rng, photo = self.rng, scene.photos[0]
        if rng.random() < 0.30:
            x0, y0, w, h = scene.canvas
            k = rng.uniform(1.1, 1.5)
            photo.w, photo.h = photo.w * k, photo.h * k
            rx, ry = max(0.0, (photo.w - w) / 2), max(0.0, (photo.h - h) / 2)
            photo.x = min(max(photo.x, x0 + w / 2 - rx), x0 + w / 2 + rx)
            photo.y = min(max(photo.y, y0 + h / 2 - ry), y0 + h / 2 + ry)
        if rng.random() < 0.16 and abs(photo.turn) < 0.04:
            photo.turn = 0.0
            self.frame(scene, photo)
        elif rng.random() < 0.08:
            photo.turn = 0.0
            self.frame(scene, photo)
