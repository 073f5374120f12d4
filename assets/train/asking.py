"""What all families of questions share: the turn, the choice of nouns, absent things, references."""
from dataclasses import dataclass

import answers
import answers_more
from nouns import Noun, View
from wordings import HELD, TRAIN, agree, pick
from wordings_newest import widened
from world import COLOURS, NUMBERS, SHAPES

assert answers_more.read             # the import alone adds its answers
COUNTED = [n + "." for n in NUMBERS]
RELATIONS = ("left", "right", "above", "below")
CATEGORIES = ("animal", "fruit", "vegetable", "vehicle", "plant", "flower", "building", "musical instrument", "drink", "piece of clothing", "ball", "shape")


@dataclass(slots=True)
class Turn:
    """one question with its answer; op and args say what was asked, so that it can be asked of another scene"""
    family: str
    op: str
    args: tuple
    question: str
    answer: str
    style: str = ""            # "", "word", "sentence", "short", "letter", "unanswerable"
    follows: bool = False      # only understandable after the turn before
    about: str = ""            # the statement that is to be judged


class Asker:
    """questions about one scene at a time; the families are methods that return a list of turns or None"""

    def __init__(self, composer, split):
        self.composer, self.split = composer, split
        self.vocabulary = composer.p.vocabulary
        self.table = HELD if split == "wording" else widened() if composer.newest else TRAIN
        self.given = {}
        self.by_category = {}
        for n in composer.sprite_names:
            self.by_category.setdefault(self.vocabulary.by_name[n].category, []).append(n)

    def new_batch(self):
        """answers are kept in balance within a batch, so that a batch depends on its own seed alone"""
        self.given = {}

    def balanced(self, family, answer):
        """whether one more of this answer keeps yes and no even, and the numbers flat"""
        if answer in ("True.", "False.", "Yes.", "No."):
            other = {"Yes.": "No.", "No.": "Yes.", "True.": "False.", "False.": "True."}[answer]
            return self.given.get((family, answer), 0) <= self.given.get((family, other), 0) + 1
        if family in ("count", "count_total") and answer in COUNTED:
            known = sorted(self.given.get((family, a), 0) for a in COUNTED[1:1 + min(6, int(self.composer.most))])
            return self.given.get((family, answer), 0) <= 2 * known[min(1, len(known) - 1)] + 4
        if answer == "Nothing." or answer == "They are equally many.":
            return 12 * self.given.get((family, answer), 0) <= self.given.get((family, None), 0)
        return True

    def note(self, turn):
        for key in ((turn.family, turn.answer), (turn.family, None)):
            self.given[key] = self.given.get(key, 0) + 1

    def look_at(self, scene, rng):
        self.rng, self.scene = rng, scene
        self.view = View(scene, self.vocabulary)
        self.view.loose = self.composer.second

    # -- helpers

    def say(self, key, **values):
        return pick(self.table, self.rng, key, **values)

    def ask(self, family, op, args, question):
        answer = answers.OPS[op](self.view, *args)
        return [Turn(family, op, args, question, answer)] if answer is not None else None

    def alias(self, noun):
        """now and then another word for the same thing, if it can mean nothing else here"""
        if noun.name and not noun.shape and not noun.colour and self.rng.random() < 0.15:
            words = [a for a in self.view.entry(noun).aliases if not a.endswith("s") and len(self.vocabulary.alias_meanings(a)) == 1]
            if words:
                return self.rng.choice(words)
        return None

    def the(self, noun, alias=False):
        return "the " + self.view.head(noun, False, self.alias(noun) if alias else None)

    def plural_form(self, question, name):
        """"headphones" and such, without an article but plural"""
        e = self.vocabulary.by_name.get(name)
        return agree(question, name) if e and not e.article and e.plural == name and name != "asparagus" else question

    def reference(self, *avoid):
        refs = [r for r in self.view.references() if all(r[0] is not a for a in avoid)]
        return self.rng.choice(refs) if refs else (None, None)

    def two_references(self):
        a, na = self.reference()
        b, nb = self.reference(a) if a else (None, None)
        return (a, na, b, nb) if b else None

    def absent(self, hard=0.5):
        """a noun that picks out nothing, half of the time close to something that is there"""
        rng, view = self.rng, self.view
        shapes = [t for t in view.things if t.is_shape]
        for _ in range(24):
            if shapes and rng.random() < 0.5:
                t = rng.choice(shapes)
                r = rng.random()
                noun = Noun(t.name, rng.choice(COLOURS), None, True) if r < 0.4 else Noun(rng.choice(SHAPES), t.colour, None, True) if r < 0.7 else \
                    Noun(None, rng.choice(COLOURS), "shape") if r < 0.85 else Noun(rng.choice(SHAPES), None, None, True)
            elif view.things and rng.random() < hard:
                t = rng.choice(view.things)
                near = SHAPES if t.is_shape else self.by_category.get(self.vocabulary.by_name[t.name].category, self.composer.sprite_names)
                noun = Noun(rng.choice(near), None, None, t.is_shape)
            elif rng.random() < 0.12:
                noun = Noun(category=rng.choice(CATEGORIES))
            elif rng.random() < 0.2:
                noun = Noun(rng.choice(SHAPES), rng.choice(COLOURS) if rng.random() < 0.5 else None, None, True)
            else:
                noun = Noun(rng.choice(self.composer.sprite_names))
            if view.count(noun) == 0:
                return noun
        return None

    def present(self):
        """a noun that picks out something"""
        rng, view = self.rng, self.view
        if not view.things:
            return None
        t = rng.choice(view.things)
        r = rng.random()
        if t.is_shape:
            noun = Noun(t.name, t.colour, None, True) if r < 0.45 else Noun(t.name, None, None, True) if r < 0.75 else Noun(None, t.colour, "shape")
        else:
            e = self.vocabulary.by_name[t.name]
            noun = Noun(category=rng.choice(sorted(e.sure))) if e.sure and r < 0.15 else Noun(t.name)
        return noun if (view.count(noun) or 0) > 0 else None

    def noun(self, there):
        return self.present() if there else self.absent()

    def countable(self, noun):
        return noun.name is None or self.view.entry(noun).countable

    # -- comparing

    def group_noun(self):
        for _ in range(4):
            noun = self.present()
            if noun and self.countable(noun):
                return noun
        return None

    def apart(self, a, b):
        """two nouns that a person would compare: nothing is both, and one is not the other with an adjective"""
        if a == b or (a.category is None) != (b.category is None) or None in (self.view.find(a), self.view.find(b)):
            return False
        if a.category and b.category and not (a.colour and b.colour and a.category == b.category):
            return False
        if a.name == b.name and a.name and not (a.colour and b.colour):
            return False
        return not any(t is u for t in self.view.find(a) for u in self.view.find(b))
