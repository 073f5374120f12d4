"""What the sixth run's generator adds: instructions and short answers, wordings, questions left out, silhouettes that can be seen.

    cd assets/train && python3 -m unittest test_newest
"""
import random
import unittest
from collections import Counter

import fake_packed
import instructions
import looks
import tokenizer
import wordings
import wordings_newest
from asking import Turn
from checker_wide import Checker, Wrong
from data import Maker, eval_rows
from dialogue import Dialogue
from scenes import Background, Scene, Thing
from slot_colours import IDENTITY

PACKED, TOK = fake_packed.make(), tokenizer.load()
STYLES = ("short", "letter", "unanswerable")


class Instructed(unittest.TestCase):
    def test_short_forms(self):
        for op, answer, want in (("exists", "Yes.", "Yes"), ("count", "Three.", "3"), ("colour", "Red.", "Red"), ("name_whole", "A red circle.", "Red circle"),
                                 ("name_whole", "An apple.", "Apple"), ("name_whole", "A bow and arrow.", "Bow and arrow"), ("which_size", "The dog.", "Dog"),
                                 ("which_more", "Yellow triangles.", "Yellow triangles"), ("where", "In the top left.", "Top left"), ("where", "On the left.", "Left"),
                                 ("read", "STOP", "STOP"), ("read", "There is no text in the picture.", None), ("medium", "It is a photo.", "Photo"),
                                 ("which_more", "They are equally many.", None), ("where_missing", "There is no dog in the picture.", None), ("claim", "True.", "True")):
            self.assertEqual(instructions.short_form(op, answer), want, (op, answer))

    def test_shares_and_answers(self):
        maker, check, seen, asked, n = Maker(PACKED, TOK, "train", second=True), Checker(PACKED.vocabulary), Counter(), set(), 0
        for seed in range(6):
            for scene, turns in maker.scenes(random.Random(seed), 600):
                for t in turns:
                    n += 1
                    if t.style in STYLES:
                        seen[t.style] += 1
                        asked.add(t.family)
                        check.check(scene, t)
                        self.assertFalse(t.answer.endswith("."), (t.question, t.answer))
                    elif instructions.VQA in t.question:
                        seen["refusal"] += 1
                        self.assertTrue(t.answer.endswith("."))
        self.assertTrue(0.025 * n < sum(seen.values()) < 0.06 * n, (n, seen))
        self.assertTrue(all(seen[s] > 10 for s in STYLES + ("refusal",)), seen)
        self.assertTrue({"exist", "count", "colour", "naming", "read", "photo_name", "photo_yn", "where", "statement", "relation"} <= asked)

    def test_the_checker_notices_wrong_forms(self):
        scene = Scene("drawings", background=Background(colour="white"))
        scene.things = [Thing("dog", 1, False, None, x=60, y=60, size=50, w=50, h=50)]
        check = Checker(PACKED.vocabulary)
        options = "What is it?\nA. cat\nB. dog\nAnswer with the letter."
        check.check(scene, Turn("naming", "name_whole", (), options, "B", "letter"))
        check.check(scene, Turn("naming", "name_whole", (), "What is it?" + instructions.VQA, "Dog", "short"))
        for answer, style in (("A", "letter"), ("Cat", "short"), ("A dog.", "short"), ("Unanswerable", "unanswerable")):
            with self.assertRaises(Wrong):
                check.check(scene, Turn("naming", "name_whole", (), options, answer, style))

    def test_what_the_program_appends_is_taught_word_for_word(self):
        questions = [t.question for seed in range(4) for _, ts in Maker(PACKED, TOK, "train", second=True).scenes(random.Random(seed), 500) for t in ts]
        for text in (instructions.VQA, instructions.VIZWIZ, instructions.LETTER, '\nRespond with "True" or "False" directly.'):
            self.assertTrue(any(q.endswith(text) for q in questions), text)
        self.assertIn(instructions.CAPTION, questions)
        self.assertTrue(any(q.startswith("Reference OCR token: ") for q in questions))

    def test_never_in_the_sets_for_evaluation(self):
        for split in ("test", "wording"):
            for wide in (False, True, "absent"):
                for _, turns in eval_rows(PACKED, TOK, split, 60, 5, wide=wide):
                    self.assertFalse(any(t.style for t in turns) or any("\n" in t.question for t in turns))
            for _, turns in Maker(PACKED, TOK, split).scenes(random.Random(2), 200):
                self.assertFalse(any(t.style in STYLES or "\n" in t.question for t in turns))


class Wordings(unittest.TestCase):
    def test_new_ones_are_neither_held_out_nor_what_a_held_out_one_says(self):
        hidden = {wordings.bare(t) for v in wordings.HELD.values() for t in v}
        self.assertGreater(sum(map(len, wordings_newest.ADDED.values())), 350)
        for key, texts in wordings_newest.ADDED.items():
            for t in texts:
                self.assertFalse(wordings.held(t) or wordings.bare(t) in hidden or t in wordings.KNOWN[key], t)
        for text in instructions.SHORT + instructions.ONE + instructions.YES_NO + instructions.LETTERS:
            self.assertFalse(wordings.held(text), text)

    def test_used_in_training_only(self):
        for split in ("train", "test", "wording", "fonts"):
            table = Dialogue(Maker(PACKED, TOK, split).composer, split).table
            new = set(wordings_newest.ADDED["name"]) & set(table["name"])
            self.assertEqual(bool(new), split == "train")
            if split == "train":
                share = sum(t in new for t in table["name"]) / len(table["name"])
                self.assertTrue(0.1 < share < 0.4, share)


class Drawn(unittest.TestCase):
    def test_no_circle_is_denied_beside_what_is_round(self):
        maker, n = Maker(PACKED, TOK, "train", second=True), 0
        for scene, turns in maker.scenes(random.Random(9), 4000):
            drawn = {t.name for t in scene.things if not t.is_shape}
            if drawn & {"clock", "coin", "sun", "orange", "wheel", "soccer ball"} and not any(t.is_shape and t.name == "circle" for t in scene.things):
                n += 1
                for t in turns:
                    if t.op in ("exists", "is_a", "count", "absent"):
                        self.assertFalse(any(k.name == "circle" and k.shape for k in t.args), (t.question, t.answer))
        self.assertTrue(n > 3 or not set(PACKED.vocabulary.by_name) & {"clock", "coin", "sun", "orange", "wheel", "soccer ball"}, n)

    def test_a_silhouette_is_seen_or_drawn_in_its_colours(self):
        rng = random.Random(1)
        for _ in range(300):
            c1, c2 = (tuple(rng.random() for _ in range(3)) for _ in range(2))
            kind = rng.choice(("solid", "gradient", "stripes", "photo"))
            ground = Background(kind, None, c1, c1 if kind == "solid" else c2)
            t = Thing("cat", 1, False, None, rgb=rng.choice(looks.INKS), effect="silhouette")
            m = looks.matrix_of(t, ground)
            if kind == "photo":
                self.assertEqual(tuple(m), tuple(IDENTITY))
            elif tuple(m) != tuple(IDENTITY):
                rgb = [m[3], m[7], m[11]]
                for c in (ground.c1, ground.c2):
                    self.assertGreater(abs(looks.light(rgb) - looks.light(c)), looks.SEEN - 1e-6)


if __name__ == "__main__":
    unittest.main()
