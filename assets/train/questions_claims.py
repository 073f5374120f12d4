"""Statements to be judged true or false, half of them true."""
import answers
from asking import RELATIONS, Asker
from wordings import RELATION, ZONES, ZONE_NAMES
from world import COLOURS, NUMBERS, sentence


class Claims(Asker):
    def claim(self):
        """a statement to be judged, half of them true"""
        rng, v = self.rng, self.view
        true = rng.random() < 0.5
        made = rng.choice((self.claim_exists, self.claim_count, self.claim_colour, self.claim_where, self.claim_relation, self.claim_related, self.claim_more))(rng, v, true)
        if not made:
            return None
        text, op, args, value = made
        q = self.say("claim", s=sentence(text), l=text + ".")
        out = self.ask("statement", "claim", (op, args, value), q)
        if out:
            out[0].about = sentence(text)
        return out

    def claim_exists(self, rng, v, true):
        noun = self.noun(true)
        return ("there is " + v.phrase(noun) + " in the picture", "exists", (noun,), "Yes.") if noun else None

    def claim_count(self, rng, v, true):
        noun = self.group_noun()
        n = v.count(noun) if noun else None
        if not n or n > 9:
            return None
        said = n if true else rng.choice([k for k in range(1, 10) if k != n and abs(k - n) < 4])
        text = ("there is one " + v.head(noun)) if said == 1 else "there are " + NUMBERS[said].lower() + " " + v.head(noun, True)
        return text, "count", (noun,), NUMBERS[said] + "."

    def claim_colour(self, rng, v, true):
        refs = [r for r in v.references() if r[0].is_shape and not r[1].colour]
        if not refs:
            return None
        t, noun = rng.choice(refs)
        c = t.colour if true else rng.choice([x for x in COLOURS if x != t.colour])
        return self.the(noun) + " is " + c, "colour", (noun,), sentence(c)

    def claim_where(self, rng, v, true):
        t, noun = self.reference()
        z = v.zone(t) if t else None
        if not z:
            return None
        z = z if true else rng.choice([x for x in ZONE_NAMES if x != z])
        return self.the(noun) + " is in " + ZONES[z][0], "where", (noun,), answers.ZONE_ANSWER[z]

    def claim_relation(self, rng, v, true):
        two = self.two_references()
        if not two:
            return None
        a, na, b, nb = two
        rels = [r for r in RELATIONS if v.related(a, b, r) is true]
        if not rels:
            return None
        rel = rng.choice(rels)
        return self.the(na) + " is " + rng.choice(RELATION[rel]) + " " + self.the(nb), "relation_holds", (na, rel, nb), "Yes."

    def claim_related(self, rng, v, true):
        a, b, rel = self.present(), self.present() if rng.random() < 0.8 else self.absent(), rng.choice(RELATIONS)
        if not a or not b or a == b or answers.exists_related(v, a, rel, b) != answers.yes(true):
            return None
        return v.phrase(a) + " is " + rng.choice(RELATION[rel]) + " " + v.phrase(b), "exists_related", (a, rel, b), "Yes."

    def claim_more(self, rng, v, true):
        a, b, what = self.group_noun(), self.group_noun(), rng.choice(("more", "fewer"))
        if not a or not b or not self.apart(a, b) or answers.compare_counts(v, a, what, b) != answers.yes(true):
            return None
        return "there are %s %s than %s" % (what, v.head(a, True), v.head(b, True)), "compare_counts", (a, what, b), "Yes."
