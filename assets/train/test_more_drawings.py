"""The drawings of the second file: known names, drawn in training only, and nothing else changes."""
import collections
import csv
import os
import random
import unittest

import numpy as np
import torch

import data
import fake_packed
import packed
import render
import tokenizer
from gather import as_mask
from layout import set_aspects
from scenes import Background, Scene
from slots import Slots
from world import COLOURS, RENAMED

TOK = tokenizer.load()
HERE = os.path.dirname(os.path.abspath(__file__))


def with_more():
    """the stand-in with a pictogram of every name, and four drawings of a name that has none else"""
    p = fake_packed.make()
    tex = packed.Texture()
    tex.chunks, tex.size = [p.texture.view(np.uint8).reshape(-1, 4)], len(p.texture)
    y, x = np.mgrid[0:160, 0:160] - 79.5
    ring = np.zeros((160, 160, 4), np.uint8)
    ring[..., 3] = np.where((np.hypot(x, y) < 78) & (np.hypot(x, y) > 40), 255, 0)
    mask, solid = as_mask(ring)
    assert solid
    ink = np.zeros_like(mask)
    ink[..., 3] = mask[..., 0]
    names = [n for n in p.vocabulary.names if n.name != "camera"]
    for name in names + [p.vocabulary.by_name["camera"]] * 4:
        p.sprites.append([tex.put(v, 4) for v in (ink, mask, ink)])
        p.sprite_name.append(name)
        p.sprite_aspect.append((1.0, 1.0))
        p.sprite_colour.append(None)
        p.sprite_style.append("pictogram")
        p.crisp.append([[], []])
    p.texture = tex.array()
    return p


PLAIN, MORE = fake_packed.make(), with_more()


class MoreDrawings(unittest.TestCase):
    def test_every_name_is_known(self):
        """names of the list are written as in the packed names: no other name of a drawing, singular"""
        with open(os.path.join(HERE, "clipart_names.tsv"), encoding="utf-8") as f:
            rows = [tuple(r) for r in csv.reader(f, delimiter="\t")][1:]
        self.assertGreater(len(rows), 1500)
        self.assertEqual(len({r[:2] for r in rows}), len(rows))
        for source, what, name in rows:
            self.assertIn(source, ("openclipart", "bootstrap", "symbola", "mdi", "fontawesome"))
            self.assertNotIn(name, RENAMED, (source, what))

    def test_evaluation_is_what_it_was(self):
        for split in ("test", "wording", "pairs", "fonts", "styles"):
            for second in (False, True):
                set_aspects(PLAIN)
                a = next(iter(data.Stream(PLAIN, TOK, 3, split, 12, second=second)))
                set_aspects(MORE)
                b = next(iter(data.Stream(MORE, TOK, 3, split, 12, second=second)))
                for k in a:
                    self.assertTrue(torch.equal(a[k], b[k]), (split, k))

    def test_a_run_that_leaves_styles_out_has_none_of_them(self):
        maker = data.Maker(MORE, TOK, "train", holdout_styles=True)
        for scene, _ in maker.scenes(random.Random(1), 60):
            self.assertTrue(all(t.picture < MORE.sprites_first for t in scene.things if not t.is_shape))

    def test_training_draws_both(self):
        maker = data.Maker(MORE, TOK, "train")
        count = collections.Counter()
        for scene, _ in maker.scenes(random.Random(1), 400):
            for t in scene.things:
                if not t.is_shape:
                    new = t.picture >= MORE.sprites_first
                    count[t.name == "camera", new] += 1
                    self.assertEqual(t.name, MORE.sprite_name[t.picture].name)
                    self.assertTrue(t.effect in ("ink", "lines") if new else t.effect != "ink", t)
                    self.assertTrue(t.colour is None or t.colour in COLOURS)
        self.assertGreater(count[True, True], 0.25 * (count[True, True] + count[True, False]))
        share = count[False, True] / (count[False, True] + count[False, False])      # one new drawing of a name: 22 %
        self.assertTrue(0.12 < share < 0.32, share)

    def test_ink_can_be_seen_and_has_its_colour(self):
        maker = data.Maker(MORE, TOK, "train")
        composer = maker.composer
        composer.rng = random.Random(4)
        set_aspects(MORE)
        seen = 0
        for _ in range(40):
            ground = composer.background(0)
            t = composer.drawing("camera", "")
            if t.effect != "ink":
                continue
            self.assertGreater(sum(abs(x - y) for x, y in zip(t.rgb, ground.c1)), 0.3)
            t.x, t.y, t.size = 112.0, 112.0, 160.0
            scene = Scene("drawings", background=Background(colour=None, c1=ground.c1, c2=ground.c1), things=[t])
            slots = Slots(MORE, 1)
            slots.fill(0, scene)
            x, _ = render.Renderer(MORE)({k: torch.from_numpy(getattr(slots, k)) for k in ("si", "sf", "sl", "bg")}, augment=False, seed=1)
            x = x[0] * 0.5 + 0.5
            self.assertLess(float((x[:, 112, 52] - torch.tensor(t.rgb)).abs().max()), 0.02)       # on the ring
            self.assertLess(float((x[:, 112, 112] - torch.tensor(ground.c1)).abs().max()), 0.02)  # in its hole
            seen += 1
        self.assertGreater(seen, 5)


if __name__ == "__main__":
    unittest.main()
