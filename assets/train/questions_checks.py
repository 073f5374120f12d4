"""Questions that offer an answer: is it red, is it red or blue, are there three, is this a dog or a cat."""
from nouns import Noun
from questions_claims import Claims
from world import COLOURS, NUMBERS, SHAPES, with_article


class Checks(Claims):
    def coloured(self):
        """a shape that is called by its name alone"""
        refs = [r for r in self.view.references() if r[0].is_shape and not r[1].colour]
        return self.rng.choice(refs) if refs else (None, None)

    def colour_is(self):
        rng = self.rng
        t, noun = self.coloured()
        if not t:
            return None
        others = sorted({x.colour for x in self.view.things if x.colour and x.colour != t.colour}) if rng.random() < 0.5 else []
        c = t.colour if rng.random() < 0.5 else rng.choice(others or [x for x in COLOURS if x != t.colour])
        return self.ask("colour_yn", "colour_is", (noun, c), self.say("colour_is", n=self.view.head(noun), c=c))

    def colour_choice(self):
        rng = self.rng
        t, noun = self.coloured()
        if not t:
            return None
        pair = [t.colour, rng.choice([x for x in COLOURS if x != t.colour])]
        rng.shuffle(pair)
        return self.ask("colour", "colour", (noun,), self.say("colour_choice", n=self.view.head(noun), c=pair[0], d=pair[1]))

    def shape_is(self):
        rng = self.rng
        shapes = [t for t in self.view.things if t.is_shape]
        if not shapes:
            return None
        t = rng.choice(shapes)
        noun = Noun(None, t.colour, "shape")
        s = t.name if rng.random() < 0.5 else rng.choice([x for x in SHAPES if x != t.name])
        return self.ask("shape_yn", "shape_is", (noun, s), self.say("shape_is", c=t.colour, a=with_article(s)))

    def count_is(self):
        """a number that is right, or too large; also too small where the question says exactly; of things that are there, or not"""
        rng, v = self.rng, self.view
        noun = self.group_noun() if rng.random() < 0.85 else self.absent()
        n = v.count(noun) if noun and self.countable(noun) else None
        if n is None or n > 8:
            return None
        if n and rng.random() < 0.4:
            said = n if rng.random() < 0.5 else rng.choice([k for k in range(2, 10) if k != n and abs(k - n) < 4])
            if said == 1:
                return None
            return self.ask("count_yn", "count_exact", (noun, said), self.say("count_exact", k=NUMBERS[said].lower(), pl=v.head(noun, True)))
        if not n:
            said = rng.randint(2, 4)
            return self.ask("count_yn", "count_is", (noun, said), self.say("count_is", k=NUMBERS[said].lower(), pl=v.head(noun, True)))
        said = n if rng.random() < 0.5 else rng.randint(n + 1, min(9, n + 3))
        if said == 1:
            return None
        return self.ask("count_yn", "count_is", (noun, said), self.say("count_is", k=NUMBERS[said].lower(), pl=v.head(noun, True)))

    def is_this(self):
        """of a picture of one thing"""
        v = self.view
        if len(v.things) != 1 or v.scene.words:
            return None
        noun = self.noun(self.rng.random() < 0.5)
        return self.ask("exist", "exists", (noun,), self.say("is_this", a=v.phrase(noun))) if noun else None

    def name_choice(self):
        rng, v = self.rng, self.view
        if len(v.things) != 1 or v.scene.words:
            return None
        t, other = v.things[0], self.absent(0.8)
        if not other or not other.name or other.colour:
            return None
        pair = [Noun(t.name, None, None, t.is_shape), other]
        rng.shuffle(pair)
        return self.ask("choice", "name_choice", tuple(pair), self.say("choice", a=v.phrase(pair[0]), b=v.phrase(pair[1])))
