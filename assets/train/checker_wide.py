"""The second opinion on what questions_wide.py asks; see checker.py."""
import re

from absent_more import BEFORE, expand
from absent_words import WORDS
from checker import COUNT_WORDS, Wrong
from checker_more import Checker as Before
from world import CONFUSED

MORE = expand()
NOT_ROUND = {"square", "triangle", "rectangle", "diamond", "star", "cross", "arrow"}
NEVER_BESIDE = {"beast": {"animal", "person", "character", "cartoon character", "imaginary creature"},
                "food": {"fruit", "vegetable", "food", "sweet food", "packaged food", "plant", "flower", "drink"},
                "ware": {"vehicle", "building", "place", "furniture", "household item", "tool", "musical instrument", "clothing", "jewelry", "device",
                         "object"}}


class Checker(Before):
    # -- what an instruction behind the question makes of an answer

    def check(self, scene, turn):
        if turn.style not in ("short", "letter", "unanswerable"):
            super().check(scene, turn)
            return
        want = self.expected(scene, turn)
        if turn.style == "unanswerable":
            right = turn.answer == "Unanswerable" and (want.startswith("There is no ") or want.startswith("I ")) and "'Unanswerable'" in turn.question
        elif turn.style == "short":
            right = turn.answer == self.shortened(want)
        else:
            rows = re.findall(r"^\(?([A-P])[.)] (.+)$", turn.question, re.M)
            said = {letter: text.lower() for letter, text in rows}
            wanted = self.shortened(want).lower()
            right = said.get(turn.answer) == wanted and len(set(said.values())) == len(rows) > 1 and \
                not any(wanted in CONFUSED.get(text, ()) or text in CONFUSED.get(wanted, ()) for text in said.values())
        if not right:
            raise Wrong("%r asks for another form of %r than %r" % (turn.question, want, turn.answer))

    def shortened(self, text):
        """no article, no stop, digits, a place without its preposition; text that was read as it is"""
        if not text.endswith("."):
            return text
        words = text[:-1].split(" ")
        if text[:-1] in COUNT_WORDS:
            return str(COUNT_WORDS.index(text[:-1]))
        if words[0] == "It":
            words = words[3:]
        elif words[0] in ("In", "On", "At"):
            words = words[2:]
        elif words[0] in ("A", "An", "The"):
            words = words[1:]
        return " ".join(words)[0].upper() + " ".join(words)[1:]

    def ask_is_a(self, noun, said):
        v = self.fits(said, self.only(noun))
        if v is None:
            raise Wrong("it can be argued whether it is one")
        return self.yes(v)

    def ask_is_like(self, noun, word):
        name = self.only(noun)["name"]
        if word != "round" or name != "circle" and name not in NOT_ROUND:
            raise Wrong("arguable")
        return self.yes(name == "circle")

    def ask_colour_all(self, noun):
        colours = {t["colour"] for t in self.all_of(noun)}
        if len(colours) != 1 or None in colours or len(self.all_of(noun)) < 2:
            raise Wrong("not one colour of several things")
        return self.capital(min(colours))

    def missing(self, word):
        return "There is no " + word + " in the picture."

    def ask_colour_missing(self, noun):
        return self.capital(self.only(noun)["colour"]) if self.all_of(noun) else self.missing(self.head(noun))

    def ask_where_missing(self, noun):
        return self.ask_where(noun) if self.all_of(noun) else self.missing(self.head(noun))

    def ask_absent_word(self, word, group):
        drawn = {self.vocabulary.by_name[t["name"]].category for t in self.things if not t["shape"]}
        bare = word.split(" ", 1)[1] if word.split(" ")[0] in BEFORE and word not in MORE[group] else word
        listed = bare in WORDS[group].split() or bare in MORE[group]
        if self.vocabulary.alias_meanings(word) or self.vocabulary.alias_meanings(bare) or not listed and (group != "part" or " " in bare):
            raise Wrong("%s can be drawn" % word)
        if self.scene.photos or group == "part" and drawn or drawn & NEVER_BESIDE.get(group, set()):
            raise Wrong("somebody might see a %s" % word)
        return self.missing(word)

    def ask_absent_word_no(self, word, group):
        self.ask_absent_word(word, group)
        return "No."

    def alone(self):
        if self.scene.words or self.scene.photos or self.scene.fuzzy:
            raise Wrong("there is more than drawings")

    def ask_all_are(self, noun):
        self.alone()
        verdicts = {self.fits(noun, t) for t in self.things}
        if False not in verdicts and None in verdicts or len(self.things) < 2:
            raise Wrong("arguable")
        return self.yes(verdicts == {True})

    def ask_same_size(self):
        self.alone()
        a, b = self.things
        ratio = a["size"] / b["size"]
        if 0.95 < ratio < 1.0527 and a["name"] == b["name"]:
            return "Yes."
        if 0.76 < ratio < 1.3:
            raise Wrong("about the same size")
        return "No."

    def ask_name_coloured(self, colour):
        self.alone()
        if None in {t["colour"] for t in self.things}:
            raise Wrong("a drawing of several colours")
        return self.one_name([t for t in self.things if t["colour"] == colour])

    def ask_empty(self):
        s = self.scene
        if s.fuzzy or not s.things and not s.words and not s.photos and s.background.kind != "solid":
            raise Wrong("arguable")
        return self.yes(not (s.things or s.words or s.photos))

    def ask_anything(self):
        return "No." if self.ask_empty() == "Yes." else "Yes."

    def ask_background_is(self, colour):
        b = self.scene.background
        if b.kind != "solid" or not b.colour or self.scene.kind in ("photo", "collage", "over", "unclear"):
            raise Wrong("no background of one colour")
        return self.yes(b.colour == colour)

    def ask_page_name(self):
        rows = [w.text.upper() for w in self.scene.words]
        if self.things or not rows or 1 < len(rows) < 5:
            raise Wrong("not text alone, or neither a line nor a page")
        return "A page of text." if len(rows) > 4 else "The text " + rows[0] + "."

    def ask_lines(self):
        if self.scene.background.kind in ("stripes", "lines"):
            raise Wrong("there are other lines as well")
        return COUNT_WORDS[len(self.scene.words)] + "."

    def holds(self, outer, inner):
        """inside where the corners of its box are in the middle of the other's box, outside where the boxes are apart"""
        dx, dy = abs(outer["x"] - inner["x"]), abs(outer["y"] - inner["y"])
        reach = inner["size"] / 2
        if dx + reach < 0.37 * outer["w"] and dy + reach < 0.37 * outer["h"]:
            return True
        if dx > (outer["size"] + inner["size"]) / 2 or dy > (outer["size"] + inner["size"]) / 2:
            return False
        raise Wrong("half inside")

    def ask_name_inside(self, noun):
        self.alone()
        outer = self.only(noun)
        found = [t for t in self.things if t is not outer and self.holds(outer, t)]
        if not found:
            raise Wrong("nothing is inside")
        return self.one_name(found)

    def ask_is_inside(self, a, b):
        self.alone()
        return self.yes(self.holds(self.only(b), self.only(a)))
