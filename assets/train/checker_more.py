"""The second opinion on text, descriptions and photographs; see checker.py."""
from checker import COUNT_WORDS, PLACES, VOWELS, ThingChecker, Wrong
from world import CONFUSED


class Checker(ThingChecker):
    def ask_read(self):
        lines = sorted(self.scene.words, key=lambda w: w.y)
        return " ".join(w.text for w in lines).upper() if lines else "There is no text in the picture."

    def ask_read_line(self, place):
        key = (lambda w: w.y) if place == "top" else (lambda w: -w.y)
        return min(self.scene.words, key=key).text.upper()

    def ask_spelled(self, text):
        lines = [w.text.upper() for w in self.scene.words]
        return self.yes(text.upper() in lines or text.upper() == " ".join(lines))

    def ask_any_text(self):
        return self.yes(len(self.scene.words) > 0)

    def ask_text_colour(self, what):
        w, = self.scene.words
        return self.capital(w.colour if what == "text" else w.plate_colour)

    def everything(self):
        """phrases from left to right, things of a kind together"""
        groups, order = {}, []
        for t in sorted(self.things, key=lambda t: t["x"]):
            key = (t["name"], t["colour"] if t["shape"] else None, t["shape"])
            if key not in groups:
                order.append(key)
            groups.setdefault(key, []).append(t)
        out = []
        for name, colour, shape in order:
            g = groups[name, colour, shape]
            noun = (name, colour if shape else None, None, shape)
            out.append(self.say_thing(g[0]) if len(g) == 1 else COUNT_WORDS[len(g)].lower() + " " + self.head(noun, True))
        return out

    def ask_listing(self):
        return self.capital(self.in_a_row(self.everything()))

    def in_a_row(self, parts):
        return " and ".join([", ".join(parts[:-1])] * (len(parts) > 1) + parts[-1:])

    def ask_caption(self):
        s = self.scene
        if s.fuzzy:
            return "I am not sure what this is."
        if s.kind == "photo":
            e = self.vocabulary.by_name[s.photos[0].name]
            return "A photo of " + (e.article + " " + e.name).strip() + "."
        parts = self.everything() + ["the text " + w.text.upper() for w in s.words]
        b = s.background
        if b.colour:
            behind = " on %s %s background" % ("an" if b.colour[0] in VOWELS else "a", b.colour)
        else:
            behind = {"stripes": " on a striped background", "checker": " on a checkered background", "gradient": " on a gradient background",
                      "dots": " on a dotted background", "photo": " over a photo"}.get(b.kind, "")
        if not parts:
            return "An empty " + b.colour + " background."
        text = self.in_a_row(parts) + behind + "."
        return text[0].upper() + text[1:]

    def ask_photo_where(self):
        p, (x0, y0, w, h) = self.scene.photos[0], self.scene.canvas
        seen = []
        for c, half, start, length in ((p.x, p.w / 2, x0, w), (p.y, p.h / 2, y0, h)):
            seen.append((max(c - half, start) + min(c + half, start + length)) / 2)
        return PLACES[self.place({"x": seen[0], "y": seen[1]})]

    def ask_background_colour(self):
        return self.capital(self.scene.background.colour)

    def ask_background_pattern(self):
        b = self.scene.background
        return {"solid": "It is plain %s." % b.colour, "stripes": "It is striped.", "checker": "It is checkered.", "gradient": "It is a gradient.",
                "photo": "It is a photo.", "dots": "It is dotted."}[b.kind]

    def ask_absent(self, noun):
        if self.all_of(noun):
            raise Wrong("it is there")
        return "There is no " + self.head(noun) + " in the picture."

    # -- photographs

    def stands_for(self, word):
        """names a word may mean"""
        return {n.name for n in self.vocabulary.names if word == n.name or word in n.aliases}

    def shows(self, label, word):
        names = self.stands_for(word)
        if label in names:
            return True
        if any(n in CONFUSED.get(label, ()) or label in CONFUSED.get(n, ()) for n in names):
            raise Wrong("%s and %s are hard to tell apart" % (label, word))
        return False

    def ask_photo_shows(self, word, category):
        label = self.scene.photos[0].name
        if category:
            e = self.vocabulary.by_name[label]
            if word in e.unsure:
                raise Wrong("arguable")
            return self.yes(word in e.sure)
        return self.yes(self.shows(label, word))

    def ask_photo_absent(self, name):
        if self.shows(self.scene.photos[0].name, name):
            raise Wrong("it is there")
        return "There is no " + name + " in the picture."

    def ask_photo_choice(self, a, b):
        label = self.scene.photos[0].name
        if (label == a) + (label == b) != 1:
            raise Wrong("neither or both")
        e = self.vocabulary.by_name[label]
        return self.capital((e.article + " " + e.name).strip())

    def ask_photo_kind(self):
        e = self.vocabulary.by_name[self.scene.photos[0].name]
        special = {"clothing": "Clothing.", "packaged food": "Packaged food.", "device": "An electronic device."}
        if e.category in special:
            return special[e.category]
        c = "flower" if e.name in ("rose", "sunflower", "tulip", "lotus", "water lily") else e.category
        return self.capital(("an " if c[0] in VOWELS else "a ") + c)

    def ask_medium(self, asked):
        photo = self.scene.kind in ("photo", "collage")
        if asked == "which":
            return "It is a photo." if photo else "It is a drawing."
        return self.yes(photo if asked == "photo" else not photo)

    def ask_collage_has(self, word):
        if any(p.name in self.stands_for(word) for p in self.scene.photos):
            return "Yes."
        return self.yes(any([self.shows(p.name, word) for p in self.scene.photos]))

    def ask_collage_count(self):
        return COUNT_WORDS[len(self.scene.photos)] + "."

    def ask_collage_where(self, name):
        p, = [p for p in self.scene.photos if p.name == name]
        return PLACES[tuple(0 if abs(c - 112) < 12 else -1 if c < 112 else 1 for c in (p.x, p.y))]
