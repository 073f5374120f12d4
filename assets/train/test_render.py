"""The stream is what its seed says, tokens follow the engine's layout, pictures show what the description says."""
import random
import unittest

import torch

import data
import fake_packed
import render
import tokenizer
from layout import finish, set_aspects
from scenes import Background, Scene, Thing, Word
from slots import K, Slots

PACKED, TOK = fake_packed.make(), tokenizer.load()


def draw(scene):
    set_aspects(PACKED)
    slots = Slots(PACKED, 1)
    slots.fill(0, scene)
    batch = {k: torch.from_numpy(getattr(slots, k)) for k in ("si", "sf", "sl", "bg")}
    x, labels = render.Renderer(PACKED)(batch, augment=False, seed=1)
    return x[0] * 0.5 + 0.5, {k: v[0].reshape(16, 16, *v.shape[2:]) for k, v in labels.items()}


class Stream(unittest.TestCase):
    def test_resumes_at_a_step(self):
        a = iter(data.Stream(PACKED, TOK, 5, "train", 8))
        next(a)
        second, again = next(a), next(iter(data.Stream(PACKED, TOK, 5, "train", 8, step0=1)))
        for k in second:
            self.assertTrue(torch.equal(second[k], again[k]), k)

    def test_workers_change_nothing(self):
        one, two = iter(data.Stream(PACKED, TOK, 5, "train", 4)), iter(data.Stream(PACKED, TOK, 5, "train", 4, workers=2))
        for _ in range(3):
            a, b = next(one), next(two)
            self.assertTrue(all(torch.equal(a[k], b[k]) for k in a))

    def test_shapes_and_layout_of_tokens(self):
        b = next(iter(data.Stream(PACKED, TOK, 6, "train", 16)))
        self.assertEqual([tuple(b[k].shape) for k in ("si", "sf", "sl", "bg", "tokens", "mask")],
                         [(16, K, 3), (16, K, 22), (16, K, 6), (16, 20), (16, 192), (16, 192)])
        for tokens, mask in zip(b["tokens"].tolist(), b["mask"].tolist()):
            self.assertEqual(tokens[:2], [TOK.user, TOK.newline])
            at = tokens.index(TOK.assistant)
            self.assertEqual((mask[at + 1], mask[at + 2]), (0, 1))       # newline, then the answer is learnt
            for t, m in zip(tokens, mask):
                self.assertFalse(m and t in (TOK.user, TOK.assistant))

    def test_turn_is_what_the_engine_feeds(self):
        ids, mask = TOK.turn("What is it?", "A dog.")
        text = "".join(TOK.text_of[i] for i in ids).replace("\u0120", " ").replace("\u010a", "\n")
        self.assertEqual(text, "<|user|>\nWhat is it?<|endoftext|>\n<|assistant|>\nA dog.<|endoftext|>\n")
        self.assertEqual(TOK.decode([i for i, m in zip(ids, mask) if m]), "A dog.")


class Pictures(unittest.TestCase):
    def test_a_red_circle_top_left(self):
        t = Thing("circle", 77, True, "red", rgb=(1.0, 0.0, 0.0), picture=0, x=56, y=56, size=60)
        s = Scene("shapes", background=Background(colour="white"), things=[t])
        set_aspects(PACKED)
        finish(s, t, random.Random(1))
        x, labels = draw(s)
        self.assertLess((x[:, 56, 56] - torch.tensor([1.0, 0, 0])).abs().max(), 0.02)
        self.assertGreater(float(x[:, 150, 150].min()), 0.98)
        self.assertEqual(int(labels["cls"][4, 4]), 77)
        self.assertEqual(int(labels["cls"][12, 12]), 0)
        self.assertEqual(int(labels["col"][4, 4]), 1)
        self.assertLess(float(labels["off"][4, 4, :2].abs().max()), 0.3)

    def test_letterbox_is_exactly_grey(self):
        s = Scene("empty", canvas=(0.0, 40.0, 224.0, 144.0), background=Background(colour="black", c1=(0, 0, 0), c2=(0, 0, 0)))
        x, _ = draw(s)
        self.assertTrue(bool((x[:, :39] == 0.5).all()) and bool((x[:, 190:] == 0.5).all()))
        self.assertEqual(float(x[:, 45:180].max()), 0.0)

    def test_looks_of_a_drawing(self):
        def at(**look):
            t = Thing("dog", 5, False, None, picture=0, x=112, y=112, size=150, rgb=(0.0, 0.0, 0.0), **look)
            t.w = t.h = 150
            x, labels = draw(Scene("drawings", background=Background(colour="white"), things=[t]))
            return x, int(labels["cls"][8, 8])
        plain = at()[0]
        for look in (dict(soft=-1), dict(soft=1), dict(slant=0.2), dict(rim=(1.0, 0.0, 0.0, 0.03)), dict(effect="silhouette"), dict(effect="pencil", style=1),
                     dict(effect="wild", effect_value=0.3)):
            x, cls = at(**look)
            self.assertGreater(float((x - plain).abs().max()), 0.1, look)
            self.assertEqual(cls, 5, look)
        self.assertEqual(float(at(effect="silhouette")[0][:, 112, 112].max()), 0.0)
        x = at(rim=(1.0, 0.0, 0.0, 0.03))[0]
        self.assertLess(float((x[:, 112, 35] - torch.tensor([1.0, 0.0, 0.0])).abs().max()), 0.02)
        self.assertEqual(float((x - plain)[:, 100:124, 100:124].abs().max()), 0.0)

    def test_letters_are_labelled_in_order(self):
        s = Scene("sign", words=[Word("AB", 0, 112, 112, 110, 60, (0, 0, 0), "black")], background=Background(colour="white"))
        _, labels = draw(s)
        row = [c for c in labels["cls"][8].tolist() if c]
        first = PACKED.vocabulary.char_cls
        self.assertEqual(row, sorted(row))
        self.assertEqual(set(row), {first, first + 1})

    def test_augmentation_keeps_range_and_shape(self):
        b = next(iter(data.Stream(PACKED, TOK, 6, "train", 24)))
        x, _ = render.Renderer(PACKED)(b, augment=True, seed=3)
        self.assertEqual(tuple(x.shape), (24, 3, 224, 224))
        self.assertTrue(bool((x >= -1).all()) and bool((x <= 1).all()) and bool(torch.isfinite(x).all()))


if __name__ == "__main__":
    unittest.main()
