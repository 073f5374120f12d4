"""Answers are true of their scenes: an independent checker agrees, held-out things stay out, answers are in balance.

    cd assets/train && python3 -m unittest
"""
import random
import unittest
from collections import Counter

import fake_packed
import tokenizer
import wordings
from asking import answers
from checker_more import Checker, Wrong
from data import Maker, eval_rows
from nouns import Noun, View
from scenes import Background, Scene, Thing, Word, zone_of
from wordings_refusals import OTHER_LANGUAGES, OUTSIDE, UNKNOWABLE, chosen, expansions
from world import pair_held_out

PACKED, TOK = fake_packed.make(), tokenizer.load()


def thing(name, x, y, size=40, colour=None, shape=False):
    return Thing(name, 1, shape, colour, x=x, y=y, size=size, w=size, h=size)


def answer(scene, op, *args):
    return answers.OPS[op](View(scene, PACKED.vocabulary), *args)


class Truth(unittest.TestCase):
    def check_split(self, split, n, second=False):
        maker, check, seen = Maker(PACKED, TOK, split, second=second), Checker(PACKED.vocabulary), Counter()
        for scene, turns in maker.scenes(random.Random(3), n):
            for t in turns:
                seen[t.family] += 1
                try:
                    check.check(scene, t)
                except Wrong as e:
                    self.fail("%s: %s -> %s: %s" % (t.family, t.question, t.answer, e))
        return seen

    def test_checker_agrees_with_every_answer(self):
        seen = self.check_split("train", 2500)
        for family in ("exist", "negated", "exist_two", "exist_related", "naming", "count", "count_total", "where", "relation", "relation_what", "direct", "next_to",
                       "between", "compare_count", "compare_size", "same", "odd", "multihop", "statement", "list", "caption", "read", "spelled", "absent", "unknowable",
                       "outside", "small_talk", "photo_name", "photo_yn", "photo_choice", "photo_kind", "collage", "collage_yn", "followup", "superlative", "kind"):
            self.assertGreater(seen[family], 3, family)

    def test_checker_agrees_in_the_second_stage(self):
        seen = self.check_split("train", 2500, second=True)
        for family in ("count_yn", "language", "outside", "small_talk", "list", "caption", "between", "odd"):
            self.assertGreater(seen[family], 20, family)

    def test_checker_agrees_on_held_out_splits(self):
        for split in ("wording", "pairs", "fonts", "test"):
            self.check_split(split, 300)

    def test_checker_notices_a_wrong_answer(self):
        maker, check, caught, n = Maker(PACKED, TOK, "train"), Checker(PACKED.vocabulary), 0, 0
        for scene, turns in maker.scenes(random.Random(4), 200):
            for t in turns:
                if t.answer in ("Yes.", "No.", "True.", "False.", "One.", "Two."):
                    t.answer = {"Yes.": "No.", "No.": "Yes.", "True.": "False.", "False.": "True.", "One.": "Two.", "Two.": "Three."}[t.answer]
                    n += 1
                    try:
                        check.check(scene, t)
                    except Wrong:
                        caught += 1
        self.assertGreater(n, 300)
        self.assertEqual(caught, n)


class KnownScenes(unittest.TestCase):
    def setUp(self):
        self.scene = Scene("drawings", background=Background(colour="white"))
        self.scene.things = [thing("dog", 40, 40), thing("dog", 180, 40), thing("circle", 40, 180, 80, "red", True), thing("square", 180, 182, 40, "blue", True)]
        self.dog, self.circle, self.square = Noun("dog"), Noun("circle", None, None, True), Noun("square", "blue", None, True)

    def test_existence_and_negation(self):
        self.assertEqual(answer(self.scene, "exists", self.dog), "Yes.")
        self.assertEqual(answer(self.scene, "lacks", self.dog), "No.")
        self.assertEqual(answer(self.scene, "lacks", Noun("cat")), "Yes.")
        self.assertEqual(answer(self.scene, "exists", Noun(None, "red", "shape")), "Yes.")
        self.assertIsNone(answer(self.scene, "exists", Noun("wolf")) if "wolf" in PACKED.vocabulary.by_name else None)
        self.assertEqual(answer(self.scene, "exists_two", self.dog, Noun("cat"), True), "No.")
        self.assertEqual(answer(self.scene, "exists_two", self.dog, Noun("cat"), False), "Yes.")

    def test_counts_and_comparison(self):
        self.assertEqual(answer(self.scene, "count", self.dog), "Two.")
        self.assertEqual(answer(self.scene, "count", Noun("cat")), "Zero.")
        self.assertEqual(answer(self.scene, "total"), "Four.")
        self.assertEqual(answer(self.scene, "compare_counts", self.dog, "more", self.circle), "Yes.")
        self.assertEqual(answer(self.scene, "which_size", self.circle, "bigger", self.square), "The circle.")

    def test_place_and_relation(self):
        self.assertEqual(answer(self.scene, "where", self.circle), "In the bottom left.")
        self.assertIsNone(answer(self.scene, "where", self.dog))          # two of them
        self.assertEqual(answer(self.scene, "relation_holds", self.circle, "left", self.square), "Yes.")
        self.assertEqual(answer(self.scene, "relation_holds", self.circle, "right", self.square), "No.")
        self.assertEqual(answer(self.scene, "exists_related", self.dog, "above", self.square), "Yes.")
        self.assertEqual(answer(self.scene, "name_direct", "above", self.circle), "A dog.")

    def test_refusals_and_descriptions(self):
        self.assertEqual(answer(self.scene, "absent", Noun("cat")), "There is no cat in the picture.")
        self.assertIsNone(answer(self.scene, "absent", self.dog))
        self.scene.things = self.scene.things[1:]
        self.assertEqual(answer(self.scene, "listing"), None)               # dog and square are about one below the other
        self.scene.things[0].x = 110
        self.assertEqual(answer(self.scene, "caption"), "A red circle, a dog and a blue square on a white background.")

    def test_reading(self):
        s = Scene("sign", words=[Word("Stop", 0, 110, 150, 80, 30, (0, 0, 0), "black"), Word("12", 0, 110, 40, 40, 30, (0, 0, 0), "black")])
        self.assertEqual(answer(s, "read"), "12 STOP")
        self.assertEqual(answer(s, "read_line", "bottom"), "STOP")
        self.assertEqual(answer(s, "spelled", "STOP"), "Yes.")
        self.assertEqual(answer(s, "spelled", "STEP"), "No.")

    def test_zones_leave_out_borders(self):
        self.assertEqual(zone_of(self.scene, 112, 112), "center")
        self.assertIsNone(zone_of(self.scene, 84, 112))
        self.scene.canvas = (0, 60, 224, 104)
        self.assertEqual(zone_of(self.scene, 20, 70), "top left")


class HeldOut(unittest.TestCase):
    def test_wordings(self):
        total = sum(map(len, wordings.KNOWN.values()))
        held = sum(wordings.held(t) for v in wordings.KNOWN.values() for t in v)
        self.assertTrue(0.12 < held / total < 0.28, held / total)
        for key in wordings.KNOWN:
            self.assertTrue(wordings.TRAIN[key] and wordings.HELD[key], key)

    def test_no_new_wording_says_what_a_held_out_one_says(self):
        self.assertEqual(wordings.bare("What's the COLOUR of this {n}, please?"), wordings.bare("what is the color of the {n}"))
        hidden = {wordings.bare(t) for v in wordings.KNOWN.values() for t in v if wordings.held(t)}
        for key, texts in wordings.TRAIN.items():
            for t in texts:
                self.assertFalse(wordings.held(t) and len(texts) > 1, (key, t))
                self.assertTrue(t in wordings.FIRST[key] or wordings.bare(t) not in hidden, (key, t))

    def test_pairs(self):
        for split, second in (("train", False), ("train", True), ("test", False), ("pairs", False)):
            maker = Maker(PACKED, TOK, split, second=second)
            held = [pair_held_out(t.colour, t.name) for s, _ in maker.scenes(random.Random(1), 300) for t in s.things if t.is_shape]
            self.assertEqual(any(held), split == "pairs")
            if split == "pairs":
                self.assertGreater(sum(held) / len(held), 0.5)

    def test_photos_and_fonts(self):
        for split, second in (("train", False), ("train", True), ("test", False), ("fonts", False)):
            maker = Maker(PACKED, TOK, split, second=second)
            for s, _ in maker.scenes(random.Random(2), 200):
                self.assertTrue(all(PACKED.photo_test[p.picture] == (split != "train") for p in s.photos))
                self.assertTrue(all(PACKED.font_test[w.font] == (split == "fonts") for w in s.words))

    def test_the_second_stage_is_for_training_only(self):
        for split in ("test", "wording", "pairs", "fonts"):
            a, b = (Maker(PACKED, TOK, split, second=second) for second in (False, True))
            self.assertEqual(*[[(s, [(t.question, t.answer) for t in ts]) for s, ts in m.scenes(random.Random(6), 40)] for m in (a, b)])

    def test_texts_of_training_are_not_held_out(self):
        """what is said without blanks: small talk, other languages"""
        maker = Maker(PACKED, TOK, "train", second=True)
        maker.dialogue.look_at(maker.scene(random.Random(1), "empty"), random.Random(2))
        for family in ("small_talk", "language"):
            for _ in range(300):
                turn, = getattr(maker.dialogue, family)()
                self.assertFalse(wordings.held(turn.question), turn.question)

    def test_control_styles(self):
        maker = Maker(PACKED, TOK, "train", holdout_styles=True)
        drawn = {PACKED.sprite_style[t.picture] for s, _ in maker.scenes(random.Random(2), 100) for t in s.things if not t.is_shape}
        self.assertEqual(drawn, {"noto"})


class Wordings(unittest.TestCase):
    WORDS = {"more": "more|greater|outnumber", "fewer": "fewer|less|smaller", "same": "as many|same number|equal|same as",
             "biggest": "biggest|largest", "smallest": "smallest",
             "lack": "no |not |without|missing|absent|lack ", "both": " and |as well as", "either": " or ", "between": "between", "odd": "odd|differ|not |stands out|out of place|unlike", "near": "next to|near|closest|beside|neighbor"}

    def test_each_wording_says_what_is_asked(self):
        for key, words in self.WORDS.items():
            for t in wordings.KNOWN[key]:
                self.assertTrue(any(w in t.lower() for w in words.split("|")), (key, t))

    def test_positive_families_have_no_negation(self):
        for key in ("exist", "exist_pl", "both", "either", "rel_yn", "count", "where"):
            for t in wordings.KNOWN[key]:
                self.assertNotRegex(t.lower().replace("yes or no", ""), r"\b(not|no|never)\b|n't", key)

    def test_refusals_have_many_patterns(self):
        rng = random.Random(1)
        for patterns in (UNKNOWABLE, OUTSIDE):
            self.assertGreaterEqual(len(patterns), 45)
            self.assertTrue(0.08 < sum(map(wordings.held, patterns)) / len(patterns) < 0.35)
            for p in patterns:
                text = chosen(p, rng)
                self.assertNotRegex(text, r"[\[\]|]")
                text.format(img="image", n="dog")

    def test_held_out_refusals_are_not_said_by_other_patterns(self):
        for patterns in (UNKNOWABLE, OUTSIDE):
            held, train = ({s.lower().rstrip("?.") for p in patterns if wordings.held(p) == h for s in expansions(p)} for h in (True, False))
            self.assertFalse(held & train, sorted(held & train))
        for texts in [OTHER_LANGUAGES] + [t.split("|") for t, _ in wordings.SMALL_TALK]:
            self.assertEqual(len(set(texts)), len(texts))

    def test_typing_keeps_the_meaning(self):
        rng = random.Random(5)
        for _ in range(2000):
            q = wordings.typed("Is the red circle above the blue square?", rng).lower()
            self.assertIn("red", q)
            self.assertIn("blue", q)

    def test_typing_leaves_a_question(self):
        for q in ("?", ".", "a", "A", " ", "!", "??", "a?", "No"):
            for seed in range(2000):
                self.assertTrue(wordings.typed(q, random.Random(seed)), (q, seed))


class Balance(unittest.TestCase):
    def test_yes_and_no_are_even(self):
        maker, tally = Maker(PACKED, TOK, "train"), Counter()
        for _, turns in maker.scenes(random.Random(9), 1500):
            for t in turns:
                tally[t.family, t.answer] += 1
        for family in ("exist", "negated", "exist_related", "photo_yn", "relation", "same", "spelled", "compare_count"):
            y, n = tally[family, "Yes."], tally[family, "No."]
            self.assertTrue(0.4 < y / (y + n) < 0.6, (family, y, n))

    def test_evaluation_rows_are_of_the_asked_kind(self):
        rows = eval_rows(PACKED, TOK, "test", 140, 5)
        self.assertEqual(len(rows), 140)
        self.assertEqual([t.answer for _, ts in rows for t in ts], [t.answer for _, ts in eval_rows(PACKED, TOK, "test", 140, 5) for t in ts])


if __name__ == "__main__":
    unittest.main()
