"""Questions about drawings and shapes."""
import answers
from asking import RELATIONS
from nouns import Noun
from questions_checks import Checks
from wordings import DIRECT, RELATION, ZONES, ZONE_NAMES



class ThingQuestions(Checks):
    # -- existence

    def exist(self):
        rng = self.rng
        noun = self.noun(rng.random() < 0.5)
        return self.exist_of(noun) if noun else None

    def exist_of(self, noun):
        rng, v = self.rng, self.view
        alias = self.alias(noun)
        if not self.countable(noun):
            q = self.plural_form(self.say("exist_mass", n=v.head(noun, False, alias)), noun.name)
        elif rng.random() < 0.3 and not alias:
            q = self.say("exist_pl", pl=v.head(noun, True))
        else:
            q = self.say("exist", a=v.phrase(noun, False, alias), n=v.head(noun, False, alias))
        return self.ask("exist", "exists", (noun,), q)

    def lack(self):
        noun = self.noun(self.rng.random() < 0.5)
        if not noun or not self.countable(noun):
            return None
        v = self.view
        q = self.say("lack", a=v.phrase(noun), n=v.head(noun), pl=v.head(noun, True))
        return self.ask("negated", "lacks", (noun,), q)

    def exist_two(self):
        rng = self.rng
        both = rng.random() < 0.5
        want = rng.random() < 0.5
        parts = (want, want) if both == want else (True, False) if rng.random() < 0.7 or both == want else (not both, not both)
        if rng.random() < 0.5:
            parts = parts[::-1]
        a, b = self.noun(parts[0]), self.noun(parts[1])
        if not a or not b or a == b:
            return None
        q = self.say("both" if both else "either", a=self.view.phrase(a), b=self.view.phrase(b))
        return self.ask("exist_two", "exists_two", (a, b, both), q)

    def exist_related(self):
        rng, v = self.rng, self.view
        if len(v.things) < 2:
            return None
        want = "Yes." if rng.random() < 0.5 else "No."
        for _ in range(6):
            a, b = self.present(), self.present() if rng.random() < 0.85 else self.absent()
            if rng.random() < 0.15:
                a = self.absent()
            if not a or not b or a == b or not self.countable(a):
                continue
            rel = rng.choice(RELATIONS)
            if answers.exists_related(v, a, rel, b) == want:
                q = self.say("exist_rel", a=v.phrase(a), b=v.phrase(b), n=v.head(a), rel=rng.choice(RELATION[rel]))
                return self.ask("exist_related", "exists_related", (a, rel, b), q)
        return None

    # -- naming

    def name(self):
        if self.view.scene.words or (not self.view.things and self.rng.random() < 0.5):
            return None
        if len(self.view.things) > 1:           # asked what there is, one names everything
            return self.ask("list", "listing", (), self.say("name_all"))
        if self.view.things and self.rng.random() < 0.12:
            return self.ask("naming", "name_whole", (), self.say("list_one"))
        q = self.say("name") if self.view.things or self.scene.fuzzy else self.rng.choice(("What is in the image?", "What do you see?", "What's in the picture?"))
        return self.ask("naming", "name_whole", (), q)

    def name_zone(self):
        rng = self.rng
        zones = [z for z in map(self.view.zone, self.view.things) if z] if rng.random() < 0.9 else ZONE_NAMES
        if not zones:
            return None
        zone = rng.choice(zones)
        return self.ask("naming", "name_zone", (zone,), self.say("name_zone", z=rng.choice(ZONES[zone])))

    def extreme(self):
        which = self.rng.choice(("biggest", "smallest", "biggest", "smallest", "leftmost", "rightmost", "highest", "lowest"))
        return self.ask("superlative", "name_extreme", (which,), self.say(which))

    def kind(self):
        v, rng = self.view, self.rng
        found = sorted({c for t in v.things if not t.is_shape for c in self.vocabulary.by_name[t.name].sure if c not in ("ball", "piece of clothing")})
        if not found:
            return None
        c = rng.choice(found)
        return self.ask("kind", "kind", (c,), self.say("kind", n=c))

    # -- attributes

    def colour(self):
        rng, v = self.rng, self.view
        pool = [(t, n) for t, n in v.references() if t.colour and not n.colour]
        if v.things and len(v.things) == 1 and v.things[0].is_shape and rng.random() < 0.5:
            return self.ask("colour", "colour", (Noun(category="shape"),), self.say("only_colour"))
        shapes = [r for r in pool if r[0].is_shape]
        if not pool:
            return None
        _, noun = rng.choice(shapes if shapes and rng.random() < 0.8 else pool)
        return self.ask("colour", "colour", (noun,), self.say("colour", n=v.head(noun)))

    def shape(self):
        rng, v = self.rng, self.view
        shapes = [t for t in v.things if t.is_shape]
        if not shapes:
            return None
        if len(shapes) == 1 and (len(v.things) == 1 or rng.random() < 0.4) and rng.random() < 0.7:
            return self.ask("shape", "shape_of", (None,), self.say("shape"))
        c = rng.choice(shapes).colour
        return self.ask("shape", "shape_of", (c,), self.say("shape_colour", c=c))

    # -- counting

    def count(self):
        rng, v = self.rng, self.view
        if not v.things or rng.random() < 0.1:
            noun = self.absent()
        else:
            nouns = [self.present() for _ in range(4)]
            nouns = [n for n in nouns if n and self.countable(n)]
            noun = max(nouns, key=lambda n: v.count(n)) if nouns else None
        if not noun or not self.countable(noun) or (v.count(noun) == 1 and rng.random() < 0.6):
            return None
        return self.ask("count", "count", (noun,), self.say("count", pl=v.head(noun, True, self.alias(noun))))

    def total(self):
        rng = self.rng
        word = rng.choice(("objects", "things", "objects", "items")) if any(not t.is_shape for t in self.view.things) else rng.choice(("objects", "shapes", "things"))
        return self.ask("count_total", "total", (), self.say("count", pl=word))

    # -- place and relation

    def where(self):
        _, noun = self.reference()
        if not noun:
            return None
        return self.ask("where", "where", (noun,), self.say("where", n=self.view.head(noun, False, self.alias(noun))))

    def in_zone(self):
        t, noun = self.reference()
        z = self.view.zone(t) if t else None
        if not z:
            return None
        rng = self.rng
        if rng.random() < 0.5:
            z = rng.choice([x for x in ZONE_NAMES if x != z])
        return self.ask("where_yn", "in_zone", (noun, z), self.say("in_zone", n=self.view.head(noun), z=rng.choice(ZONES[z])))

    def relation(self):
        rng, v = self.rng, self.view
        two = self.two_references()
        if not two:
            return None
        a, na, b, nb = two
        want = rng.random() < 0.5
        rels = [r for r in RELATIONS if v.related(a, b, r) is want]
        if not rels:
            return None
        if not want and rng.random() < 0.8:      # mostly the plain opposite
            rels = [r for r in rels if v.related(b, a, r)] or rels
        rel = rng.choice(rels)
        x, y = self.the(na), self.the(nb)
        if rng.random() < 0.12:
            d = answers.direct_holds(v, na, rel, nb)
            if d:
                return self.ask("direct", "direct_holds", (na, rel, nb), self.say("rel_yn", x=x, y=y, X=x.capitalize(), rel=rng.choice(DIRECT[rel])))
        return self.ask("relation", "relation_holds", (na, rel, nb), self.say("rel_yn", x=x, y=y, X=x[0].upper() + x[1:], rel=rng.choice(RELATION[rel])))

    def relation_what(self):
        rng = self.rng
        for _ in range(5):
            b, noun = self.reference()
            if not b:
                return None
            rel = rng.choice(RELATIONS)
            r = self.ask("relation_what", "name_related", (rel, noun), self.say("rel_what", y=self.the(noun), rel=rng.choice(RELATION[rel])))
            if r and (r[0].answer != "Nothing." or rng.random() < 0.08):
                return r
        return None

    def direct_what(self):
        rng = self.rng
        for _ in range(5):
            b, noun = self.reference()
            if not b or len(self.view.things) < 2:
                return None
            rel = rng.choice(RELATIONS)
            r = self.ask("direct", "name_direct", (rel, noun), self.say("rel_what", y=self.the(noun), rel=rng.choice(DIRECT[rel])))
            if r and (r[0].answer != "Nothing." or rng.random() < 0.15):
                return r
        return None

    def near(self):
        if len(self.view.things) < 2:
            return None
        for _ in range(3):
            b, noun = self.reference()
            r = self.ask("next_to", "name_nearest", (noun,), self.say("near", y=self.the(noun))) if b else None
            if r:
                return r
        return None

    def between(self):
        for _ in range(5):
            two = self.two_references() if len(self.view.things) > 2 else None
            if not two:
                return None
            _, na, _, nb = two
            if answers.name_between(self.view, na, nb):
                return self.ask("between", "name_between", (na, nb), self.say("between", x=self.the(na), y=self.the(nb)))
        return None

    # -- comparison

    def compare(self):
        rng, v = self.rng, self.view
        want = rng.random() < 0.5
        op = rng.choice(("more", "fewer", "same", "which", "which"))
        for _ in range(6):
            a, b = self.group_noun(), self.group_noun() if rng.random() < 0.88 else self.absent()
            if rng.random() < 0.12:
                a = self.absent()
            if not a or not b or not self.countable(a) or not self.countable(b) or not self.apart(a, b):
                continue
            p, q = v.head(a, True), v.head(b, True)
            if op == "which":
                answer = answers.which_more(v, a, b)
                if answer and (answer[0] != "T" or answer != "They are equally many." or rng.random() < 0.3):
                    return self.ask("compare_count", "which_more", (a, b), self.say("which_more", p=p, q=q, P=p[0].upper() + p[1:]))
            elif answers.compare_counts(v, a, op, b) == ("Yes." if want else "No."):
                return self.ask("compare_count", "compare_counts", (a, op, b), self.say(op, p=p, q=q))
        return None

    def size(self):
        rng = self.rng
        for _ in range(4):
            two = self.two_references()
            if not two:
                return None
            _, na, _, nb = two
            what = rng.choice(("bigger", "bigger", "smaller"))
            x, y = self.the(na), self.the(nb)
            word = "smaller" if what == "smaller" else rng.choice(("bigger", "larger"))
            yn = rng.random() < 0.45
            q = self.say("size_yn" if yn else "size_wh", x=x, y=y, X=x[0].upper() + x[1:], cmp=word)
            r = self.ask("compare_size", "compare_sizes" if yn else "which_size", (na, what, nb), q)
            if r:
                return r
        return None

    def same_colour(self):
        rng, v = self.rng, self.view
        refs = [r for r in v.references() if r[0].is_shape and not r[1].colour]
        want = rng.random() < 0.5
        for _ in range(8):
            if len(refs) < 2:
                return None
            (a, na), (b, nb) = rng.sample(refs, 2)
            if (a.colour == b.colour) == want:
                return self.ask("same", "same_colour", (na, nb), self.say("same_colour", x=self.the(na), y=self.the(nb)))
        return None

    def all_same(self):
        rng, v = self.rng, self.view
        if len(v.things) < 2:
            return None
        feature = rng.choice(("colour", "shape", "kind")) if all(t.is_shape for t in v.things) else "kind"
        r = self.ask("same", "same_kind", (feature,), self.say("all_" + feature))
        rare = feature == "kind" and len({t.name for t in v.things}) > 1 and rng.random() < 0.75   # most scenes mix kinds
        return None if r and r[0].answer == "No." and rare else r

    def odd(self):
        return self.ask("odd", "odd_one", (), self.say("odd"))

    # -- two steps

    def hop(self):
        rng, v = self.rng, self.view
        if len(v.things) < 2:
            return None
        m = rng.random()
        for _ in range(6):
            b, noun = self.reference()
            if not b:
                return None
            rel = rng.choice(RELATIONS)
            y, word = self.the(noun), rng.choice(RELATION[rel])
            if m < 0.3:
                r = self.ask("multihop", "hop_count", (rel, noun), self.say("hop_count", y=y, rel=word))
                if r and r[0].answer == "Zero." and rng.random() < 0.6:
                    r = None
            elif m < 0.62:
                side = v.side(b, rel) or []
                s = rng.choice([t.name for t in side if t.is_shape] or [None]) if rng.random() < 0.5 else None
                r = self.ask("multihop", "hop_colour", (rel, noun, s), self.say("hop_colour", t=s or "shape", y=y, rel=word))
            elif m < 0.86:
                r = self.ask("multihop", "hop_shape", (rel, noun), self.say("hop_shape", y=y, rel=word))
            else:
                which = rng.choice(("biggest", "smallest", "leftmost", "rightmost"))
                r = self.ask("multihop", "hop_extreme_colour", (which,), self.say("hop_extreme", sup=which))
            if r:
                return r
        return None

    # -- whole pictures

    def listing(self):
        return self.ask("list", "listing", (), self.say("list"))

    def caption(self):
        return self.ask("caption", "caption", (), self.say("caption"))

    def background(self):
        if self.rng.random() < 0.7:
            return self.ask("background", "background_colour", (), self.say("bg_colour"))
        return self.ask("background", "background_pattern", (), self.say("bg_pattern"))

    def missing(self):
        """a question that takes for granted what is not there"""
        rng, v = self.rng, self.view
        noun = self.absent(0.35)
        if not noun or not noun.name or not self.countable(noun):
            return None
        n, y = v.head(noun), self.the(noun)
        over = v.scene.kind == "over"            # there nobody is asked what is next to what
        r = rng.random() * (0.65 if over else 1.0)
        if r < 0.4 or over and noun.colour:
            q = self.say("where", n=n)
        elif r < 0.65 and not noun.colour:
            q = self.say("colour", n=n)
        elif r < 0.82:
            q = self.say("near", y=y)
        else:
            q = self.say("rel_what", y=y, rel=rng.choice(RELATION[rng.choice(RELATIONS)]))
        return self.ask("absent", "absent", (noun,), q)

