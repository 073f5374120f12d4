"""Noun phrases and what they pick out of a scene, in three-valued logic: yes, no, or nobody could tell."""
import math
from typing import NamedTuple

from scenes import zone_of
from world import ASKED, confusable


class Noun(NamedTuple):
    """a phrase such as "red circle", "dog", "animal", "blue shape", "thing" """
    name: str | None = None
    colour: str | None = None
    category: str | None = None
    shape: bool = False              # `name` is a plain shape


def maybe_and(*parts):
    if False in parts:
        return False
    return None if None in parts else True


class View:
    """one scene with what questions need to know about it"""

    def __init__(self, scene, vocabulary):
        self.scene, self.vocabulary = scene, vocabulary
        self.things = scene.things
        self.loose = False            # lists of more than five kinds, and where two are almost one below the other (to learn from, not to measure)
        self.cache = {}

    # -- language

    def entry(self, noun):
        return self.vocabulary.shapes[noun.name] if noun.shape else self.vocabulary.by_name[noun.name]

    def head(self, noun, many=False, alias=None):
        if noun.name is None:
            base = noun.category or "thing"
            text = (ASKED[base] if base in ASKED else base + "s") if many else base
        elif alias:
            text = alias + "s" if many else alias
        else:
            e = self.entry(noun)
            text = e.plural if many else e.name
        return noun.colour + " " + text if noun.colour else text

    def phrase(self, noun, many=False, alias=None):
        """with an article: "a red circle", "bread", "dogs" """
        text = self.head(noun, many, alias)
        if many:
            return text
        if noun.name and not noun.colour and not alias:
            return self.entry(noun).with_article
        return ("an " if text[0] in "aeiou" and not text.startswith("uni") else "a ") + text

    def noun_of(self, thing):
        """the full phrase of an answer"""
        return Noun(thing.name, thing.colour if thing.is_shape else None, None, thing.is_shape)

    # -- truth

    def matches(self, noun, thing):
        parts = []
        if noun.name is not None:
            if noun.shape != thing.is_shape:
                parts.append(None if noun.name == thing.name or thing.name in ("snowflake", "cross") else False)
            elif noun.name == thing.name:
                parts.append(True)
            else:
                parts.append(None if confusable(noun.name, thing.name) else False)
        if noun.category is not None:
            e = self.vocabulary.shapes[thing.name] if thing.is_shape else self.vocabulary.by_name[thing.name]
            parts.append(True if noun.category in e.sure else None if noun.category in e.unsure else False)
        if noun.colour is not None:
            parts.append(None if thing.colour is None else thing.colour == noun.colour)
        return maybe_and(*parts) if parts else True

    def find(self, noun):
        """list of things, or None where some thing may or may not belong"""
        if noun not in self.cache:
            out = []
            for t in self.things:
                m = self.matches(noun, t)
                if m is None:
                    out = None
                    break
                if m:
                    out.append(t)
            if out is not None and self.scene.kind == "over" and (noun.category or not noun.shape):
                if noun.category or (noun.name and any(p.name == noun.name or confusable(p.name, noun.name) for p in self.scene.photos)):
                    out = None if noun.category != "shape" else out
            self.cache[noun] = out
        return self.cache[noun]

    def count(self, noun):
        found = self.find(noun)
        return None if found is None else len(found)

    def the(self, noun):
        """the one thing a phrase with "the" means"""
        found = self.find(noun)
        return found[0] if found is not None and len(found) == 1 else None

    def references(self):
        """[(thing, noun)] of things that can be told from all others by a phrase"""
        if "refs" not in self.cache:
            refs = []
            for t in self.things:
                for noun in (Noun(t.name, None, None, t.is_shape), Noun(t.name, t.colour, None, t.is_shape) if t.is_shape else None):
                    if noun and self.the(noun) is t:
                        refs.append((t, noun))
            self.cache["refs"] = refs
        return self.cache["refs"]

    # -- geometry

    def zone(self, thing):
        return zone_of(self.scene, thing.x, thing.y)

    def offset(self, a, b, relation):
        """how far a lies in the direction `relation` from b"""
        return {"left": b.x - a.x, "right": a.x - b.x, "above": b.y - a.y, "below": a.y - b.y}[relation]

    def related(self, a, b, relation):
        d = self.offset(a, b, relation)
        if d >= max(20.0, 0.27 * (a.size + b.size)):
            return True
        return False if d <= 5.0 else None

    def side(self, b, relation):
        """everything for sure on that side of b, or None"""
        out = []
        for t in self.things:
            if t is not b:
                r = self.related(t, b, relation)
                if r is None:
                    return None
                if r:
                    out.append(t)
        return out

    def nearest(self, b):
        d = sorted((math.hypot(t.x - b.x, t.y - b.y), i) for i, t in enumerate(self.things) if t is not b)
        if not d or (len(d) > 1 and d[0][0] * 1.35 >= d[1][0]):
            return None
        return self.things[d[0][1]]

    def text_on_side(self, b, relation):
        """whether a line of text could be meant by "what is left of b": it stands more in that direction than in another"""
        for w in self.scene.words:
            along = self.offset(w, b, relation)
            across = abs(w.y - b.y) if relation in ("left", "right") else abs(w.x - b.x)
            if along > 0 and along > 0.6 * across:
                return True
        return False

    def text_as_near(self, b, t):
        """whether a line of text is about as near to b as t is, measured to its box"""
        d = math.hypot(t.x - b.x, t.y - b.y)
        return any(math.hypot(max(0.0, abs(w.x - b.x) - w.w / 2), max(0.0, abs(w.y - b.y) - w.h / 2)) < 1.2 * d for w in self.scene.words)

    def directly(self, b, relation):
        """(thing | 'nothing' | None): what stands in the lane of b on that side, nearest first"""
        across = relation in ("above", "below")
        lane = []
        for t in self.things:
            if t is b:
                continue
            off = abs(t.x - b.x) if across else abs(t.y - b.y)
            reach = ((t.w + b.w) if across else (t.h + b.h)) / 2
            along = self.offset(t, b, relation)
            if along < -5:
                continue
            if off < 0.45 * reach and self.related(t, b, relation):
                lane.append((along, id(t), t))
            elif off < 1.05 * reach:
                return None
        if not lane:
            return "nothing"
        lane.sort()
        if len(lane) > 1 and lane[1][0] < lane[0][0] + 12:
            return None
        return lane[0][2]

    def between(self, a, b):
        """the one thing on the line from a to b"""
        dx, dy = b.x - a.x, b.y - a.y
        length = math.hypot(dx, dy)
        if length < 70:
            return None
        inside = []
        for t in self.things:
            if t is a or t is b:
                continue
            along = ((t.x - a.x) * dx + (t.y - a.y) * dy) / length
            off = abs((t.x - a.x) * dy - (t.y - a.y) * dx) / length
            if 0.22 * length < along < 0.78 * length and off < 0.35 * t.size:
                inside.append(t)
            elif 0 < along < length and off < 0.9 * t.size:
                return None
        return inside[0] if len(inside) == 1 else None
