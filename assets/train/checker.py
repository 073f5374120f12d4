"""A second opinion: recomputes every answer from the description of the scene, without the code that wrote it.

Nothing of answers.py, nouns.py or asking.py is used. A noun phrase arrives as four plain values (name, colour, category, is a plain shape); the
scene is turned into simple records first. Where the generator is strict about what may be asked, this file only asks: is the answer true,
and could a reader of the picture say otherwise?
"""
from collections import Counter

from world import CONFUSED

COUNT_WORDS = "Zero One Two Three Four Five Six Seven Eight Nine".split()
PLACES = {(-1, -1): "In the top left.", (0, -1): "At the top.", (1, -1): "In the top right.", (-1, 0): "On the left.", (0, 0): "In the center.",
          (1, 0): "On the right.", (-1, 1): "In the bottom left.", (0, 1): "At the bottom.", (1, 1): "In the bottom right."}
ZONES = {"top left": (-1, -1), "top": (0, -1), "top right": (1, -1), "left": (-1, 0), "center": (0, 0), "right": (1, 0), "bottom left": (-1, 1),
         "bottom": (0, 1), "bottom right": (1, 1)}
DIRECTION = {"left": (-1, 0), "right": (1, 0), "above": (0, -1), "below": (0, 1)}
VOWELS = "aeiou"


class Wrong(Exception):
    """an answer that is not what the scene says"""


class ThingChecker:
    def __init__(self, vocabulary):
        self.vocabulary = vocabulary

    # -- words

    def say_thing(self, t):
        """with article, as an answer names it"""
        if t["shape"]:
            text = t["colour"] + " " + t["name"]
            return ("an " if text[0] in VOWELS else "a ") + text
        e = self.vocabulary.by_name[t["name"]]
        return (e.article + " " if e.article else "") + e.name

    def capital(self, text):
        return text[:1].upper() + text[1:] + "."

    def head(self, noun, plural=False):
        name, colour, category, shape = noun
        if name:
            e = self.vocabulary.shapes[name] if shape else self.vocabulary.by_name[name]
            word = e.plural if plural else e.name
        else:
            word = category or "thing"
            if plural:
                word = "pieces of clothing" if word == "piece of clothing" else word + "s"
        return (colour + " " if colour else "") + word

    # -- reading the scene

    def records(self, scene):
        return [dict(name=t.name, colour=t.colour, shape=t.is_shape, x=t.x, y=t.y, size=t.size, w=t.w, h=t.h) for t in scene.things]

    def fits(self, noun, t):
        """True, False or None (arguable)"""
        name, colour, category, shape = noun
        verdict = True
        if name is not None:
            if shape and not t["shape"] or t["shape"] and not shape:
                verdict = None if name == t["name"] or t["name"] in ("snowflake", "cross") else False
            elif name != t["name"]:
                verdict = None if t["name"] in CONFUSED.get(name, ()) else False
        if category is not None and verdict is not False:
            e = (self.vocabulary.shapes if t["shape"] else self.vocabulary.by_name)[t["name"]]
            c = True if category in e.sure else None if category in e.unsure else False
            verdict = False if c is False else None if c is None or verdict is None else True
        if colour is not None and verdict is not False:
            if t["colour"] is None:
                verdict = None
            elif t["colour"] != colour:
                verdict = False
        return verdict

    def all_of(self, noun):
        verdicts = [self.fits(noun, t) for t in self.things]
        if None in verdicts:
            raise Wrong("it can be argued what a %s is here" % self.head(noun))
        return [t for t, v in zip(self.things, verdicts) if v]

    def only(self, noun):
        found = self.all_of(noun)
        if len(found) != 1:
            raise Wrong("there are %d of %s, not one" % (len(found), self.head(noun)))
        return found[0]

    def place(self, t):
        x0, y0, w, h = self.scene.canvas
        out = []
        for part in ((t["x"] - x0) / w, (t["y"] - y0) / h):
            if part < 0.37:
                out.append(-1)
            elif part > 0.63:
                out.append(1)
            elif 0.41 < part < 0.59:
                out.append(0)
            else:
                raise Wrong("between two places")
        return tuple(out)

    def ahead(self, a, b, direction):
        """is a on that side of b: clearly, clearly not, or close"""
        dx, dy = DIRECTION[direction]
        gap = (a["x"] - b["x"]) * dx + (a["y"] - b["y"]) * dy
        return True if gap >= 19.9 and gap >= 0.26 * (a["size"] + b["size"]) else False if gap <= 5.1 else None

    def beyond(self, b, direction):
        out = []
        for t in self.things:
            if t is not b:
                v = self.ahead(t, b, direction)
                if v is None:
                    raise Wrong("close to the line of %s" % b["name"])
                if v:
                    out.append(t)
        return out

    def one_name(self, found):
        if not found:
            return "Nothing."
        if len(found) > 1:
            raise Wrong("%d things would answer" % len(found))
        return self.capital(self.say_thing(found[0]))

    # -- the questions

    def expected(self, scene, turn):
        self.scene, self.things = scene, self.records(scene)
        return getattr(self, "ask_" + turn.op)(*turn.args)

    def check(self, scene, turn):
        """raises Wrong unless the answer is the one the scene gives"""
        want = self.expected(scene, turn)
        got = turn.answer
        if turn.style:
            got, want = self.plain(got), self.plain(want)
            if want not in got:
                raise Wrong("%r should hold %r" % (got, want))
        elif turn.op != "fixed" and got != want:
            raise Wrong("%s %r: answer %r, scene says %r" % (turn.op, turn.args, got, want))

    def plain(self, text):
        words = text.lower().strip(".").replace(",", "").split()
        words = ["zero" if w == "no" and "there" in words and "are" in words else w for w in words]
        return " ".join(w for w in words if w not in ("a", "an"))

    def yes(self, value):
        return "Yes." if value else "No."

    def ask_fixed(self, answer):
        return answer

    def ask_exists(self, noun):
        return self.yes(len(self.all_of(noun)) > 0)

    def ask_lacks(self, noun):
        return self.yes(len(self.all_of(noun)) == 0)

    def ask_exists_two(self, a, b, both):
        n, m = len(self.all_of(a)), len(self.all_of(b))
        return self.yes(min(n, m) > 0 if both else n + m > 0)

    def ask_exists_related(self, a, direction, b):
        seen = [self.ahead(t, u, direction) for t in self.all_of(a) for u in self.all_of(b) if t is not u]
        if True in seen:
            return "Yes."
        if None in seen:
            raise Wrong("close to a line")
        return "No."

    def ask_name_whole(self):
        s = self.scene
        if s.fuzzy:
            return "I am not sure what this is."
        if s.kind == "photo":
            e = self.vocabulary.by_name[s.photos[0].name]
            return self.capital((e.article + " " + e.name).strip())
        if s.words:
            raise Wrong("there is text as well")
        return self.one_name(self.things)

    def ask_name_zone(self, zone):
        want = ZONES[zone]
        if self.scene.kind == "collage":
            found = []
            for p in self.scene.photos:
                h, v = [0 if abs(c - 112) < 12 else -1 if c < 112 else 1 for c in (p.x, p.y)]
                if (h, v) == want:
                    found.append(self.vocabulary.by_name[p.name])
            if len(found) != 1:
                raise Wrong("%d photos there" % len(found))
            return self.capital((found[0].article + " " + found[0].name).strip())
        found, x0, y0, w, h = [], *self.scene.canvas
        for t in self.things:
            u, v = (t["x"] - x0) / w, (t["y"] - y0) / h
            inside = [{-1: c < 0.37, 0: 0.41 < c < 0.59, 1: c > 0.63}[k] for c, k in ((u, want[0]), (v, want[1]))]
            if all(inside):
                found.append(t)
        return self.one_name(found)

    def superlative(self, which):
        key = {"biggest": lambda t: -t["size"], "smallest": lambda t: t["size"], "leftmost": lambda t: t["x"], "rightmost": lambda t: -t["x"],
               "highest": lambda t: t["y"], "lowest": lambda t: -t["y"]}[which]
        a, b = sorted(self.things, key=key)[:2]
        if which in ("biggest", "smallest") and max(a["size"], b["size"]) < 1.3 * min(a["size"], b["size"]) or abs(key(a) - key(b)) < 7:
            raise Wrong("two are nearly the same")
        return a

    def ask_name_extreme(self, which):
        return self.one_name([self.superlative(which)])

    def ask_kind(self, category):
        return self.one_name([self.only((None, None, category, False))])

    def ask_colour(self, noun):
        return self.capital(self.only(noun)["colour"])

    def ask_colour_is(self, noun, said):
        return self.yes(self.only(noun)["colour"] == said)

    def ask_shape_is(self, noun, said):
        return self.yes(self.only(noun)["name"] == said)

    def ask_count_is(self, noun, said):
        n = len(self.all_of(noun))
        if n > said:
            raise Wrong("there are that many, and more")
        return self.yes(n == said)

    def ask_count_exact(self, noun, said):
        return self.yes(len(self.all_of(noun)) == said)

    def ask_name_choice(self, a, b):
        t, = self.things
        found = [n for n in (a, b) if self.fits(n, t)]
        if len(found) != 1 or any(self.fits(n, t) is None for n in (a, b)):
            raise Wrong("both or neither")
        name, _, _, shape = found[0]
        e = (self.vocabulary.shapes if shape else self.vocabulary.by_name)[name]
        return self.capital((e.article + " " + e.name).strip())

    def ask_shape_of(self, colour):
        name = self.only((None, colour, "shape", False))["name"]
        return self.capital(("an " if name[0] in VOWELS else "a ") + name)

    def ask_count(self, noun):
        return COUNT_WORDS[len(self.all_of(noun))] + "."

    def ask_total(self):
        return COUNT_WORDS[len(self.things)] + "."

    def ask_where(self, noun):
        return PLACES[self.place(self.only(noun))]

    def ask_in_zone(self, noun, zone):
        return self.yes(self.place(self.only(noun)) == ZONES[zone])

    def ask_relation_holds(self, a, direction, b):
        v = self.ahead(self.only(a), self.only(b), direction)
        if v is None:
            raise Wrong("too close to say")
        return self.yes(v)

    def ask_name_related(self, direction, b):
        return self.one_name(self.beyond(self.only(b), direction))

    def lane(self, b, direction):
        """the nearest thing straight in that direction"""
        dx, dy = DIRECTION[direction]
        found = []
        for t in self.things:
            if t is b:
                continue
            along = (t["x"] - b["x"]) * dx + (t["y"] - b["y"]) * dy
            side = abs(t["y"] - b["y"]) if dx else abs(t["x"] - b["x"])
            room = (t["h"] + b["h"]) / 2 if dx else (t["w"] + b["w"]) / 2
            if along > 5 and side < room:
                if side > 0.46 * room:
                    raise Wrong("%s is half in the way" % t["name"])
                found.append((along, t))
        return min(found, key=lambda f: f[0])[1] if found else None

    def ask_name_direct(self, direction, b):
        t = self.lane(self.only(b), direction)
        return self.one_name([t] if t else [])

    def ask_direct_holds(self, a, direction, b):
        return self.yes(self.lane(self.only(b), direction) is self.only(a))

    def ask_name_nearest(self, b):
        y = self.only(b)
        if self.scene.arrangement == "inside":
            raise Wrong("what is inside is not next to it")
        d = sorted(((t["x"] - y["x"]) ** 2 + (t["y"] - y["y"]) ** 2, i) for i, t in enumerate(self.things) if t is not y)
        if len(d) > 1 and d[1][0] < 1.7 * d[0][0]:
            raise Wrong("two are about as near")
        return self.one_name([self.things[d[0][1]]])

    def ask_name_between(self, a, b):
        x, y = self.only(a), self.only(b)
        found = []
        for t in self.things:
            if t is x or t is y:
                continue
            # the part of the way at which t stands, and how far off the line
            vx, vy, wx, wy = y["x"] - x["x"], y["y"] - x["y"], t["x"] - x["x"], t["y"] - x["y"]
            part = (vx * wx + vy * wy) / (vx * vx + vy * vy)
            off = ((wx - part * vx) ** 2 + (wy - part * vy) ** 2) ** 0.5
            if 0.05 < part < 0.95 and off < 0.8 * t["size"]:
                found.append(t)
        return self.one_name(found)

    def ask_compare_counts(self, a, what, b):
        n, m = len(self.all_of(a)), len(self.all_of(b))
        return self.yes(dict(more=n > m, fewer=n < m, same=n == m)[what])

    def ask_which_more(self, a, b):
        n, m = len(self.all_of(a)), len(self.all_of(b))
        return "They are equally many." if n == m else self.capital(self.head(a if n > m else b, True))

    def sizes(self, a, b):
        x, y = self.only(a)["size"], self.only(b)["size"]
        if max(x, y) < 1.3 * min(x, y):
            raise Wrong("about the same size")
        return x > y

    def ask_compare_sizes(self, a, what, b):
        return self.yes(self.sizes(a, b) == (what == "bigger"))

    def ask_which_size(self, a, what, b):
        first = self.sizes(a, b) == (what == "bigger")
        return self.capital("the " + self.head(a if first else b))

    def ask_same_colour(self, a, b):
        return self.yes(self.only(a)["colour"] == self.only(b)["colour"])

    def ask_same_kind(self, feature):
        if feature == "colour":
            return self.yes(len({t["colour"] for t in self.things}) == 1)
        return self.yes(len({(t["name"], t["shape"]) for t in self.things}) == 1)

    def ask_odd_one(self):
        tally = Counter(self.say_thing(t) for t in self.things)
        if len(tally) != 2 or min(tally.values()) != 1 or len(self.things) < 3:
            raise Wrong("no odd one")
        return self.capital(min(tally, key=tally.get))

    def ask_hop_colour(self, direction, b, shape):
        found = [t for t in self.beyond(self.only(b), direction) if t["shape"] and shape in (None, t["name"])]
        if len(found) != 1:
            raise Wrong("%d shapes there" % len(found))
        return self.capital(found[0]["colour"])

    def ask_hop_shape(self, direction, b):
        found = [t for t in self.beyond(self.only(b), direction) if t["shape"]]
        if len(found) != 1:
            raise Wrong("%d shapes there" % len(found))
        return self.capital(("an " if found[0]["name"][0] in VOWELS else "a ") + found[0]["name"])

    def ask_hop_count(self, direction, b):
        return COUNT_WORDS[len(self.beyond(self.only(b), direction))] + "."

    def ask_hop_extreme_colour(self, which):
        return self.capital(self.superlative(which)["colour"])

    def ask_claim(self, inner, args, value):
        return "True." if getattr(self, "ask_" + inner)(*args) == value else "False."
