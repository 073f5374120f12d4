"""Answers are true of their scenes: an independent checker agrees, held-out things stay out, answers are in balance.

    cd assets/train && python3 -m unittest
"""
import random
import unittest
from collections import Counter

import fake_packed
import tokenizer
import wordings
from absent_more import more_absent_words
from absent_words import absent_words, held_noun
from asking import answers
from checker_wide import Checker, Wrong
from data import Maker, eval_rows
from nouns import Noun, View
from scenes import Background, Scene, Thing, Word, zone_of
from slots import K
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

    def test_the_newest_families_are_asked_in_training(self):
        seen = self.check_split("train", 5000)
        for family in ("it_yn", "short", "short_yn", "followup_yn", "all_are", "all_colour", "them_colour", "them_shape", "same_size", "empty", "anything", "plain_yn",
                       "background_yn", "page", "lines", "name_coloured", "inside", "inside_yn", "colour_pl"):
            self.assertGreater(seen[family], 2, family)

    def test_thousands_of_absent_names(self):
        train, held = ({w for ws in more_absent_words(PACKED.vocabulary, h).values() for w in ws} for h in (False, True))
        self.assertGreater(len(train), 2000)
        self.assertTrue(150 < len(held) < 400)
        self.assertFalse(train & held)
        check = Checker(PACKED.vocabulary)
        for scene, (turn,) in eval_rows(PACKED, TOK, "test", 60, 3, wide="absent"):
            check.check(scene, turn)
            word = turn.args[0]
            self.assertTrue(any(held_noun(" ".join(word.split(" ")[k:])) for k in (0, 1)) or turn.op == "absent_word_no", word)
            self.assertTrue(turn.answer in ("No.", "There is no " + word + " in the picture."))

    def test_the_fifth_run_is_for_training_only(self):
        seen = Counter()
        for split in ("train", "test"):
            for scene, _ in Maker(PACKED, TOK, split, second=True).scenes(random.Random(4), 600):
                seen[split, scene.arrangement] += 1
                seen[split, "looks"] += sum(t.soft != 0 or t.slant != 0 or t.rim is not None or t.effect in ("pencil", "silhouette", "wild")
                                            for t in scene.things)
        for what in ("large", "counted", "looks"):
            self.assertGreater(seen["train", what], 10)
            self.assertEqual(seen["test", what], 0)

    def test_the_newest_families_measured_alone(self):
        for split in ("test", "wording", "pairs", "fonts"):
            check = Checker(PACKED.vocabulary)
            for scene, turns in eval_rows(PACKED, TOK, split, 80, 3, wide=True):
                for t in turns:
                    check.check(scene, t)

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


class OneThing(unittest.TestCase):
    """what "it", "they" and "everything" mean"""

    def setUp(self):
        self.scene = Scene("shapes", background=Background(colour="white"))
        self.scene.things = [thing("circle", 60, 110, 60, "blue", True)]
        self.circle, self.square = Noun("circle", None, None, True), Noun("square", None, None, True)

    def test_it(self):
        for said, want in (("blue", "Yes."), ("red", "No.")):
            self.assertEqual(answer(self.scene, "colour_is", self.circle, said), want)
        self.assertEqual(answer(self.scene, "is_like", self.circle, "round"), "Yes.")
        self.assertEqual(answer(self.scene, "is_a", self.circle, self.square), "No.")
        self.assertEqual(answer(self.scene, "is_a", self.circle, Noun(category="shape")), "Yes.")
        self.scene.things[0] = thing("oval", 60, 110, 60, "blue", True)
        self.assertIsNone(answer(self.scene, "is_like", Noun("oval", None, None, True), "round"))

    def test_everything(self):
        self.scene.things.append(thing("circle", 160, 110, 62, "red", True))
        self.assertEqual(answer(self.scene, "all_are", self.circle), "Yes.")
        self.assertEqual(answer(self.scene, "all_are", Noun(colour="blue")), "No.")
        self.assertEqual(answer(self.scene, "same_size"), "Yes.")
        self.assertIsNone(answer(self.scene, "colour_all", self.circle))
        self.assertEqual(answer(self.scene, "name_coloured", "red"), "A red circle.")
        self.scene.things[1] = thing("dog", 160, 110, 62)
        self.assertEqual(answer(self.scene, "all_are", self.circle), "No.")
        self.assertIsNone(answer(self.scene, "name_coloured", "red"))          # who knows what is red of the dog

    def test_the_next_question(self):
        self.scene.things.append(thing("square", 160, 110, 62, "red", True))
        self.assertEqual(answer(self.scene, "colour_missing", self.square), "Red.")
        self.assertEqual(answer(self.scene, "where_missing", self.circle), "On the left.")
        for op in ("colour_missing", "where_missing"):
            self.assertEqual(answer(self.scene, op, Noun("dog")), "There is no dog in the picture.")

    def test_inside(self):
        self.scene.things = [thing("square", 112, 112, 150, "blue", True), thing("circle", 108, 116, 60, "red", True)]
        self.assertEqual(answer(self.scene, "name_inside", self.square), "A red circle.")
        self.assertEqual(answer(self.scene, "is_inside", self.circle, self.square), "Yes.")

    def test_empty_and_pages(self):
        self.assertEqual(answer(self.scene, "empty"), "No.")
        s = Scene("empty", background=Background(colour="teal"))
        self.assertEqual((answer(s, "empty"), answer(s, "anything"), answer(s, "background_is", "teal"), answer(s, "caption")),
                         ("Yes.", "No.", "Yes.", "An empty teal background."))
        s.background.kind = "gradient"
        self.assertIsNone(answer(s, "empty"))
        s = Scene("sign", words=[Word("so", 0, 110, 30 * k, 80, 12, (0, 0, 0), "black") for k in range(1, 7)])
        self.assertEqual((answer(s, "page_name"), answer(s, "lines"), answer(s, "any_text")), ("A page of text.", "Six.", "Yes."))

    def test_a_thing_that_is_never_drawn(self):
        self.assertEqual(answer(self.scene, "absent_word", "roof", "part"), "There is no roof in the picture.")
        self.scene.things.append(thing("castle", 160, 110))
        self.assertIsNone(answer(self.scene, "absent_word", "roof", "part"))
        self.assertIsNone(answer(self.scene, "absent_word", "cottage", "ware"))
        self.assertEqual(answer(self.scene, "absent_word", "raven", "beast"), "There is no raven in the picture.")
        taught, held = absent_words(PACKED.vocabulary, False), absent_words(PACKED.vocabulary, True)
        for group in taught:
            self.assertTrue(taught[group] and held[group] and not set(taught[group]) & set(held[group]))


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

    def test_the_newest_families_are_for_training_only(self):
        for split in ("test", "wording", "pairs", "fonts"):
            maker = Maker(PACKED, TOK, split)
            scenes = maker.scenes(random.Random(8), 200)
            self.assertFalse({t.family for _, ts in scenes for t in ts} & {"it_yn", "short", "empty", "page", "all_are"})
            self.assertFalse({s.arrangement for s, _ in scenes} & {"inside", "page"})

    def test_letters_of_a_page_find_room(self):
        maker = Maker(PACKED, TOK, "train")
        for s, _ in maker.scenes(random.Random(5), 2000):
            if s.arrangement == "page":
                self.assertLessEqual(sum(len(w.text.replace(" ", "")) for w in s.words), K)
                self.assertTrue(all(w.cap > 10 and w.x + w.w / 2 <= 224 for w in s.words))

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

    def test_careless_typing_keeps_what_is_asked(self):
        rng, changed = random.Random(6), 0
        for _ in range(4000):
            q = wordings.careless("Does the sign say STUMP?", rng)
            changed += q != "Does the sign say STUMP?"
            self.assertIn("stump", q.lower())
        self.assertTrue(120 < changed < 320)

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

    def test_the_newest_yes_and_no_are_nearly_even(self):
        maker, tally = Maker(PACKED, TOK, "train"), Counter()
        for k in range(16):
            for _, turns in maker.scenes(random.Random(k), 256):
                for t in turns:
                    tally[t.family, t.answer] += 1
        for family in ("it_yn", "followup_yn", "short_yn", "all_are", "all_colour", "them_colour", "them_shape", "empty", "anything", "plain_yn", "background_yn"):
            y, n = tally[family, "Yes."], tally[family, "No."]
            self.assertTrue(0.3 < y / (y + n) < 0.7, (family, y, n))

    def test_evaluation_rows_are_of_the_asked_kind(self):
        rows = eval_rows(PACKED, TOK, "test", 140, 5)
        self.assertEqual(len(rows), 140)
        self.assertEqual([t.answer for _, ts in rows for t in ts], [t.answer for _, ts in eval_rows(PACKED, TOK, "test", 140, 5) for t in ts])


if __name__ == "__main__":
    unittest.main()
