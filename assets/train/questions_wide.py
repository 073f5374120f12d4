"""What newcomers asked and training did not: "is it red?", "and the square?", "is it empty?", "are they all circles?", pages of text.

Asked in training (composer.wide); the sets for evaluation are made without, or, to measure these alone, of nothing else (data.EVAL_WIDE).
"""
import answers
import answers_wide
from absent_words import absent_words
from asking import CATEGORIES, RELATIONS
from nouns import Noun
from questions_more import Questions
from wordings import RELATION
from world import COLOURS, SHAPES, with_article

assert answers_wide.empty            # the import alone adds its answers
ROUNDISH = ("circle", "oval", "pentagon", "hexagon")


class WideQuestions(Questions):
    def noun_for(self, t):
        return Noun(t.name, None, None, t.is_shape)

    def other_colour(self, colour):
        """one that is not true, half of the time one that can be seen"""
        v, rng = self.view, self.rng
        seen = sorted({x.colour for x in v.things if x.colour and x.colour != colour})
        return rng.choice(seen) if seen and rng.random() < 0.5 else rng.choice([c for c in COLOURS if c != colour])

    def rarely(self, answer, turns, part):
        """the answer that scenes give too often is kept in so many cases only"""
        return None if turns and turns[0].answer == answer and self.rng.random() > part else turns

    # -- the one thing that is there

    def it_colour_is(self, noun=None, family="it_yn"):
        rng, v = self.rng, self.view
        if noun is None:
            if len(v.things) != 1 or v.scene.words or v.scene.photos:
                return None
            noun = self.noun_for(v.things[0])
        t = v.the(noun)
        if not t or not t.colour:
            return None
        c = t.colour if rng.random() < 0.5 else self.other_colour(t.colour)
        if c != t.colour and c == v.scene.background.colour and family == "it_yn":
            return None                          # "is it white?" of a red circle on white: what is meant by it?
        return self.ask(family, "colour_is", (noun, c), self.say("it_is_colour", c=c, ac=with_article(c + " one")))

    def it_like(self, noun=None, family="it_yn"):
        v = self.view
        if noun is None and (len(v.things) != 1 or v.scene.words):
            return None
        return self.ask(family, "is_like", (noun or self.noun_for(v.things[0]), "round"), self.say("it_is_like", w="round"))

    def it_is_a(self, noun=None, family="it_yn"):
        """the thing itself, what it belongs to, or something else"""
        rng, v = self.rng, self.view
        if noun is None and (len(v.things) != 1 or v.scene.words):
            return None
        noun = noun or self.noun_for(v.things[0])
        t = v.the(noun)
        if not t:
            return None
        r = rng.random()
        if r < 0.5:
            e = v.entry(self.noun_for(t))
            said = Noun(category=rng.choice(sorted(e.sure))) if e.sure and rng.random() < 0.3 else self.noun_for(t)
        elif r < 0.6:
            said = Noun(category=rng.choice(CATEGORIES))
        elif t.is_shape:
            said = Noun("stop sign") if t.name in ROUNDISH and rng.random() < 0.3 and "stop sign" in self.composer.sprites else Noun(rng.choice(SHAPES), None, None, True)
        else:
            said = self.noun(rng.random() < 0.3)
        if not said or said.name and v.entry(said).with_article == v.entry(said).name and said.name.endswith("s"):
            return None
        return self.ask(family, "is_a", (noun, said), self.say("it_is_a", a=v.phrase(said)))

    def it_yn(self):
        r = self.rng.random()
        return self.it_colour_is() if r < 0.5 else self.it_like() if r < 0.65 else self.it_is_a()

    # -- short follow-ups: the question before says what is asked

    def short(self, op, args, question, family="short"):
        new = self.ask(family, op, args, question)
        if new:
            new[0].follows = True
        return new

    def second_noun(self, noun, coloured=False):
        """another thing with a name of its own, now and then one that is not there"""
        v, rng = self.view, self.rng
        if rng.random() < 0.12:
            other = self.absent(0.4)
            return other if other and other.name and not other.colour and self.countable(other) else None
        refs = [n for t, n in v.references() if n != noun and t is not v.the(noun) and (not coloured or t.colour and not n.colour)]
        return rng.choice(refs) if refs else None

    def after_colour(self):
        """what color is the circle? and the square? and the star?"""
        v, rng = self.view, self.rng
        refs = [n for t, n in v.references() if t.colour and not n.colour]
        if not refs:
            return None
        noun = rng.choice(refs)
        if rng.random() < 0.3:
            first = self.exist_of(noun)
            middle = self.short("colour", (noun,), self.say("it_colour"), "followup")
            out = first + middle if first and middle else None
        else:
            out = self.ask("colour", "colour", (noun,), self.say("colour", n=v.head(noun)))
        r = rng.random()
        if r < 0.15:
            more = self.short("where", (noun,), self.say("it_where"), "followup")
        elif r < 0.3:
            more = self.short("name_nearest", (noun,), self.say("it_near"), "followup")
        elif r < 0.42 and len(v.things) == 2:
            other = self.noun_for(next(t for t in v.things if t is not v.the(noun)))
            more = self.short("colour", (other,), self.say("the_other")) if other != noun else None
        else:
            more = self.and_more(noun, "colour_missing", ("and_the", "and_the", "and_the_colour"), True)
        return out + more if out and more else None

    def and_more(self, noun, op, keys, coloured=False):
        out, seen = [], {noun}
        for _ in range(self.rng.choice((1, 1, 1, 2))):
            other = self.second_noun(noun, coloured)
            if not other or other in seen:
                break
            seen.add(other)
            new = self.short(op, (other,), self.say(self.rng.choice(keys), n=self.view.head(other)))
            if not new:
                break
            out += new
        return out or None

    def after_where(self):
        _, noun = self.reference()
        out = self.ask("where", "where", (noun,), self.say("where", n=self.view.head(noun))) if noun else None
        if not out:
            return None
        if self.rng.random() < 0.25:
            more = self.short("colour", (noun,), self.say("it_colour"), "followup") if not noun.colour else None
        elif len(self.view.things) == 2 and self.rng.random() < 0.2:
            other = self.noun_for(next(t for t in self.view.things if t is not self.view.the(noun)))
            more = self.short("where", (other,), self.say("the_other")) if other != noun else None
        else:
            more = self.and_more(noun, "where_missing", ("and_the", "and_the", "and_the_place"))
        return out + more if more else None

    def after_count(self):
        """how many dogs? and cats? what color are they? how many in total?"""
        rng, v = self.rng, self.view
        noun = self.group_noun() if rng.random() < 0.9 else self.absent()
        if not noun or not self.countable(noun):
            return None
        out = self.ask("count", "count", (noun,), self.say("count", pl=v.head(noun, True)))
        if not out:
            return None
        r = rng.random()
        if r < 0.2 and not noun.colour:
            more = self.short("colour_all", (noun,), self.say("their_colour"))
            if more:
                return out + more
        if r < 0.2 and v.scene.kind != "over":
            more = self.short("total", (), self.say("in_total"))
            return out + more if more else None
        more, seen = [], {noun}
        for _ in range(rng.choice((1, 1, 2))):
            other = self.group_noun() if rng.random() < 0.75 else self.absent()
            if not other or other in seen or not self.countable(other):
                break
            seen.add(other)
            new = self.short("count", (other,), self.say("and_pl", pl=v.head(other, True)))
            if not new:
                break
            more += new
        if more and rng.random() < 0.2:
            more += self.short("total", (), self.say("in_total")) or []
        return out + more if more else None

    def after_shape(self):
        """what shape is the red one? and the blue one?"""
        v, rng = self.view, self.rng
        colours = [c for c in sorted({t.colour for t in v.things if t.is_shape}) if answers.shape_of(v, c)]
        if len(colours) < 2:
            return None
        a, b = rng.sample(colours, 2)
        return self.ask("shape", "shape_of", (a,), self.say("shape_colour", c=a)) + self.short("shape_of", (b,), self.say("and_colour_one", c=b))

    def after_exist(self):
        """is there a circle? and squares? is it red? is it a ...?"""
        rng, v = self.rng, self.view
        r = rng.random()
        if r < 0.25:
            a, b = self.noun(rng.random() < 0.5), self.noun(rng.random() < 0.5)
            if not a or not b or a == b or not self.countable(b):
                return None
            first = self.exist_of(a)
            q = self.say("and_the", n=v.head(b)) if rng.random() < 0.35 else self.say("and_pl", pl=v.head(b, True))
            more = self.short("exists", (b,), q, "short_yn")
            return first + more if first and more else None
        t, noun = self.reference()
        if not t:
            return None
        if rng.random() < 0.4 and v.zone(t):
            first = self.name_zone_of(v.zone(t))
            first = first if first and first[0].answer == answers.name_answer(v, t) else None
        elif rng.random() < 0.5:
            first = self.ask("where", "where", (noun,), self.say("where", n=v.head(noun)))
        else:
            first = self.exist_of(noun)
        if not first:
            return None
        plain = self.noun_for(t)
        if r < 0.75 and t.colour and not noun.colour and first[0].op != "name_zone" and v.the(plain) is t:
            more = self.it_colour_is(plain, "followup_yn")
        elif r < 0.82 and t.is_shape:
            more = self.it_like(noun, "followup_yn")
        else:
            more = self.it_is_a(noun, "followup_yn") if first[0].op != "exists" else None
        if not more:
            return None
        more[0].follows = True
        return first + more

    def after_relation(self):
        """what is left of the dog? and above it?"""
        rng, v = self.rng, self.view
        b, noun = self.reference()
        if not b or len(v.things) < 2:
            return None
        one, two = rng.sample(RELATIONS, 2)
        first = self.ask("relation_what", "name_related", (one, noun), self.say("rel_what", y=self.the(noun), rel=rng.choice(RELATION[one])))
        more = self.short("name_related", (two, noun), self.say("it_rel", rel=rng.choice(RELATION[two])), "followup")
        if not first or not more or first[0].answer == more[0].answer == "Nothing.":
            return None
        return first + more

    def short_follow_up(self):
        return self.rng.choices((self.after_colour, self.after_where, self.after_count, self.after_shape, self.after_exist, self.after_relation), (6, 4, 5, 1.5, 8, 1))[0]()

    # -- all things at once

    def all_are(self):
        """true where everything has a colour, a name or a kind in common; else one that some or none has"""
        rng, v = self.rng, self.view
        if len(v.things) < 2:
            return None
        t = rng.choice(v.things)
        if t.is_shape and rng.random() < 0.5:
            c = t.colour if rng.random() < 0.75 else rng.choice(COLOURS)
            kept = 0.1 if self.composer.newest else 0.2
            return self.rarely("No.", self.ask("all_colour", "all_are", (Noun(colour=c),), self.say("all_are_colour", c=c)), kept)
        noun = self.noun_for(t)
        if not t.is_shape and rng.random() < 0.5:
            noun = Noun(category=rng.choice(sorted(v.entry(noun).sure) or CATEGORIES))
        if rng.random() < 0.25:
            noun = Noun(rng.choice(SHAPES), None, None, True) if t.is_shape else self.absent(0.7)
        if not noun or noun.colour or not self.countable(noun):
            return None
        return self.rarely("No.", self.ask("all_are", "all_are", (noun,), self.say("all_are", a=v.phrase(noun), pl=v.head(noun, True))), 0.4)

    def them_same(self):
        rng = self.rng
        if len(self.view.things) < 2 or any(not t.is_shape for t in self.view.things):
            return None
        feature = rng.choice(("colour", "shape"))
        return self.rarely("No.", self.ask("them_" + feature, "same_kind", (feature,), self.say("them_" + feature)), 0.25 if feature == "colour" else 0.5)

    def same_size(self):
        return self.rarely("No.", self.ask("same_size", "same_size", (), self.say("same_size")), 0.15)

    def colour_pl(self):
        noun = self.group_noun()
        if not noun or noun.colour or not self.countable(noun):
            return None
        return self.ask("colour_pl", "colour_all", (noun,), self.say("colour_pl", pl=self.view.head(noun, True)))

    def what_is_colour(self):
        rng, v = self.rng, self.view
        colours = sorted({t.colour for t in v.things if t.colour})
        if not colours:
            return None
        c = rng.choice(colours) if rng.random() < 0.96 else rng.choice(COLOURS)
        return self.ask("name_coloured", "name_coloured", (c,), self.say("what_is_colour", c=c))

    def inside(self):
        rng, v = self.rng, self.view
        two = self.two_references()
        if not two:
            return None
        a, na, b, nb = two
        if v.scene.arrangement != "inside":      # nothing is inside of anything
            return self.ask("inside_yn", "is_inside", (na, nb), self.say("inside_yn", x=self.the(na), y=self.the(nb))) if rng.random() < 0.03 else None
        if rng.random() < 0.8 and b is not v.things[0] and a is v.things[0]:
            na, nb = nb, na
        if rng.random() < 0.5:
            return self.ask("inside", "name_inside", (nb,), self.say("inside", x=self.the(nb)))
        return self.ask("inside_yn", "is_inside", (na, nb), self.say("inside_yn", x=self.the(na), y=self.the(nb)))

    # -- empty pictures, backgrounds, pages, what is never drawn

    def is_empty(self):
        if self.rng.random() < 0.5:
            return self.rarely("No.", self.ask("empty", "empty", (), self.say("empty")), 0.35)
        return self.rarely("Yes.", self.ask("anything", "anything", (), self.say("anything")), 0.4)

    def plain(self):
        """what is asked of a picture of one colour"""
        rng, b = self.rng, self.scene.background
        if not b.colour or b.kind != "solid":
            return None
        r = rng.random()
        if r < 0.4:
            c = b.colour if rng.random() < 0.5 else rng.choice([x for x in COLOURS if x != b.colour])
            return self.ask("plain_yn", "background_is", (c,), self.say("plain_is", c=c))
        if r < 0.65:
            return self.ask("background", "background_colour", (), self.say("plain_colour"))
        if r < 0.85:
            return self.ask("caption", "caption", (), self.say("plain_name"))
        return self.ask("naming", "name_whole", (), self.say("name_all"))

    def background_is(self):
        rng, b = self.rng, self.scene.background
        c = b.colour if rng.random() < 0.5 else self.other_colour(b.colour)
        return self.ask("background_yn", "background_is", (c,), self.say("bg_is", c=c, ab=with_article(c))) if b.colour else None

    def page(self):
        r = self.rng.random()
        if r < 0.3 and len(self.scene.words) >= answers_wide.PAGE:
            return self.ask("any_text", "any_text", (), self.say("any_text"))
        if r < 0.5 and len(self.scene.words) > 1:
            return self.ask("lines", "lines", (), self.say("lines"))
        return self.ask("page", "page_name", (), self.say("page_name"))

    def missing_word(self):
        """the answer says the word that was asked for, which no drawing has"""
        rng = self.rng
        if not hasattr(self, "absent_table"):
            self.absent_table = absent_words(self.vocabulary, self.split != "train")
        words = self.absent_table[rng.choices(("part", "beast", "food", "ware"), (5, 2, 2, 4))[0]]
        group = next(g for g, w in self.absent_table.items() if w is words)
        word = rng.choice(words)
        r = rng.random()
        if r < 0.5:
            q = self.say("colour", n=word)
        elif r < 0.8:
            q = self.say("where", n=word)
        elif r < 0.9:
            q = self.say("near", y="the " + word)
        else:
            q = self.say("rel_what", y="the " + word, rel=rng.choice(RELATION[rng.choice(RELATIONS)]))
        return self.ask("absent", "absent_word", (word, group), q)

    def stop_sign(self):
        """whatever is red and round is not one"""
        v = self.view
        if "stop sign" not in self.composer.sprites or not any(t.name in ROUNDISH + ("stop sign",) for t in v.things):
            return None
        return self.rarely("No.", self.exist_of(Noun("stop sign")), 0.3)


MORE_THINGS = (("it_yn", 12), ("all_are", 8), ("them_same", 8), ("same_size", 12), ("colour_pl", 5), ("what_is_colour", 4), ("inside", 4), ("is_empty", 1.4),
               ("background_is", 1.2), ("missing_word", 3), ("stop_sign", 1.5))
WIDE = {"drawings": MORE_THINGS, "shapes": MORE_THINGS, "sign": (("page", 4), ("is_empty", 0.7), ("background_is", 1), ("missing_word", 2)), "over": (("is_empty", 1),),
        "photo": (("is_empty", 0.6),), "empty": (("is_empty", 18), ("plain", 30), ("background_is", 5), ("missing_word", 5))}
AT_MOST_WIDE = {"page": 1, "lines": 1, "empty": 1, "anything": 1, "background_yn": 1, "same_size": 1, "all_colour": 2, "all_are": 2, "them_colour": 1, "them_shape": 1, "it_yn": 3,
                "plain_yn": 2, "inside": 1}
OFTEN = {"inside": {"inside": 10}, "page": {"page": 6}}         # where a scene was made for a question
