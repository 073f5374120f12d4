"""The stream of training batches, and sets of single questions for evaluation. Numbers only: pictures are drawn by render.py."""
import random

import numpy as np
import torch

import layout
from compose import Composer
from dialogue import Dialogue
from slots import Slots

SPLITS = ("train", "test", "wording", "pairs", "fonts", "styles")
TURNS = {"drawings": 9, "shapes": 9, "sign": 6, "photo": 6, "collage": 6, "over": 6, "empty": 6, "unclear": 3}
TWIN_SHARE = 0.5               # of the scenes that can have one; about a third of all questions come from twins


class Maker:
    """scenes with their conversations, of one split"""

    def __init__(self, packed, tok, split, holdout_styles=False, text_len=192, second=False):
        layout.set_aspects(packed)
        self.packed, self.tok, self.text_len = packed, tok, text_len
        self.composer = Composer(packed, split, holdout_styles, second)
        self.dialogue = Dialogue(self.composer, split)

    def curriculum(self, progress):
        """few objects and short texts at first"""
        self.composer.most = 3 + 6 * min(1.0, max(0.0, progress) / 0.12)
        self.composer.longest = 2 + 6 * min(1.0, max(0.0, progress - 0.03) / 0.22)

    def scene(self, rng, kind=None):
        self.composer.rng = rng
        return self.composer.compose(kind)

    def scenes(self, rng, n):
        """n scenes with turns; twins follow their originals"""
        out = []
        self.dialogue.new_batch()
        while len(out) < n:
            scene = self.scene(rng)
            turns = self.dialogue.turns(scene, rng, TURNS[scene.kind])
            out.append((scene, turns))
            if scene.kind in ("drawings", "shapes", "sign") and scene.arrangement not in ("inside", "page") and rng.random() < TWIN_SHARE:
                pair = self.dialogue.twin(scene, turns, rng)
                if pair:
                    twin, kept = pair
                    rng.shuffle(kept)
                    asked = {t.question for t in kept}
                    kept += [t for t in self.dialogue.turns(twin, rng, TURNS[twin.kind] - len(kept)) if t.question not in asked]
                    out.append((twin, kept))
        return out[:n]

    def batch(self, rng, n):
        slots = Slots(self.packed, n)
        tokens = np.full((n, self.text_len), self.tok.end, np.int64)
        mask = np.zeros((n, self.text_len), np.uint8)
        for b, (scene, turns) in enumerate(self.scenes(rng, n)):
            slots.fill(b, scene)
            self.write(tokens[b], mask[b], turns)
        return dict(si=slots.si, sf=slots.sf, sl=slots.sl, bg=slots.bg, tokens=tokens, mask=mask)

    def write(self, tokens, mask, turns):
        """as many turns as fit; a follow-up never without the turn before"""
        at, fits = 0, True
        for t in turns:
            if t.follows and not fits:
                continue
            ids, learnt = self.tok.turn(t.question, t.answer)
            fits = at + len(ids) <= self.text_len
            if fits:
                tokens[at:at + len(ids)], mask[at:at + len(ids)] = ids, learnt
                at += len(ids)


def as_tensors(arrays, pin=False):
    out = {k: torch.from_numpy(v) for k, v in arrays.items()}
    return {k: v.pin_memory() for k, v in out.items()} if pin else out


def as_they_are(arrays):
    """plain arrays go through a pipe; tensors would need shared memory, of which containers have little"""
    return arrays


def seed_of(seed, split, step):
    return (seed * 1000003 + SPLITS.index(split)) * 10000019 + step


class _Batches(torch.utils.data.IterableDataset):
    def __init__(self, stream):
        self.s = stream

    def __iter__(self):
        s = self.s
        info = torch.utils.data.get_worker_info()
        if info:
            torch.set_num_threads(1)
        maker = Maker(s.packed, s.tok, s.split, s.holdout_styles, s.text_len, s.second)
        step, stride = s.step0 + (info.id if info else 0), info.num_workers if info else 1
        while True:
            maker.curriculum(s.now())
            yield maker.batch(random.Random(seed_of(s.seed, s.split, step)), s.batch)
            step += stride


class Stream:
    """batches without end; batch number `step` depends on seed, split, step and the progress at that time only"""

    def __init__(self, packed, tok, seed, split, batch, step0=0, progress=None, workers=0, text_len=192, holdout_styles=False, pin_memory=False,
                 second=False):
        self.second = second          # the shares of the second stage
        self.packed, self.tok, self.seed, self.split, self.batch = packed, tok, seed, split, batch
        self.step0, self.progress, self.text_len, self.holdout_styles = step0, progress, text_len, holdout_styles
        self.pin_memory = pin_memory
        self.loader = torch.utils.data.DataLoader(_Batches(self), batch_size=None, collate_fn=as_they_are, num_workers=workers,
                                                  prefetch_factor=4 if workers else None, multiprocessing_context="fork" if workers else None)

    def now(self):
        p = self.progress
        return 1.0 if p is None else p.value if hasattr(p, "value") else p()

    def __iter__(self):
        return (as_tensors(arrays, self.pin_memory) for arrays in self.loader)


# which kinds of scene a family is asked about in an evaluation, with the number of rows in a round of it
EVAL = [(f, k, n) for f, k, n in (
    ("exist", "things", 2), ("lack", "things", 2), ("exist_two", "things", 1), ("exist_related", "things", 2), ("name", "single", 2), ("name_zone", "things", 2),
    ("extreme", "things", 1), ("kind", "things", 1), ("colour", "things", 2), ("colour_is", "things", 1), ("shape", "things", 2), ("shape_is", "things", 1), ("count_is", "things", 1), ("count", "things", 3), ("total", "things", 2), ("where", "things", 2),
    ("in_zone", "things", 1), ("relation", "things", 2), ("relation_what", "things", 2), ("direct_what", "things", 1), ("near", "things", 1), ("between", "things", 1),
    ("compare", "things", 2), ("size", "things", 2), ("same_colour", "things", 1), ("all_same", "things", 1), ("odd", "things", 1), ("hop", "things", 2), ("claim", "things", 2),
    ("listing", "things", 2), ("caption", "things", 2), ("background", "things", 1), ("missing", "things", 2), ("follow_up", "things", 2), ("count", "many", 1), ("read", "sign", 2), ("read", "word", 3),
    ("spelled", "sign", 1), ("any_text", "sign", 1), ("text_colour", "sign", 1), ("photo_name", "photo", 4), ("photo_is", "photo", 3), ("photo_choice", "photo", 1),
    ("photo_kind", "photo", 1), ("photo_missing", "photo", 1), ("collage_zone", "collage", 1), ("collage_has", "collage", 1), ("exist", "over", 1), ("unknowable", "things", 1), ("outside", "things", 1),
    ("name", "unclear", 1))]
ONLY_SHAPES = {"exist", "lack", "exist_two", "exist_related", "name", "name_zone", "colour", "shape", "count", "where", "relation", "relation_what", "compare", "hop", "claim",
               "listing", "caption", "follow_up"}
OF_SHAPES = ("things", "single", "many", "shapes", "inside")
KINDS_OF = {"things": ("drawings", "drawings", "shapes"), "single": ("drawings", "shapes"), "sign": ("sign",), "word": ("sign",), "many": ("drawings", "shapes"), "photo": ("photo",), "collage": ("collage",),
            "over": ("over",), "unclear": ("unclear",), "shapes": ("shapes",), "inside": ("shapes",), "empty": ("empty",), "page": ("sign",)}


# the newest families, measured on their own
EVAL_WIDE = [(f, k, n) for f, k, n in (
    ("it_yn", "single", 3), ("short_follow_up", "things", 6), ("all_are", "things", 3), ("them_same", "shapes", 2), ("same_size", "shapes", 1), ("colour_pl", "things", 1),
    ("what_is_colour", "shapes", 1), ("inside", "inside", 2), ("is_empty", "empty", 2), ("is_empty", "things", 1), ("plain", "empty", 3), ("background_is", "things", 1), ("page", "page", 1),
    ("page", "sign", 1), ("any_text", "page", 1), ("missing_word", "things", 3), ("stop_sign", "shapes", 1))]
# thousands of absent names: a tenth, by hash, that training never says
EVAL_ABSENT = (("missing_more", "things", 3), ("missing_more", "shapes", 3), ("missing_more", "sign", 1))
MANY = ("Six.", "Seven.", "Eight.", "Nine.")


def suits(scene, family, where):
    if where == "word":
        return len(scene.words) == 1 and scene.words[0].text.isalpha() and 3 <= len(scene.words[0].text) <= 5 and scene.words[0].cap >= 12
    if where == "many":
        return len(scene.things) >= 6
    if where in ("inside", "page"):
        return scene.arrangement == where
    return (where != "single" or len(scene.things) == 1) and (family != "read" or bool(scene.words))


def measured_as(turn, where):
    """families with a bar of their own"""
    if turn.family == "count":
        return "count_6_9" if turn.answer in MANY else "count_0_5"
    return "read_3_5" if where == "word" else turn.family


def eval_rows(packed, tok, split, n, seed, wide=False):
    """[(scene, turns)]: the last turn of a row is the one that counts; wide: of the newest families only; "absent": held-out absent names only"""
    maker = Maker(packed, tok, split)
    d = maker.dialogue
    maker.composer.wide = wide is True
    rows_of = EVAL_ABSENT if wide == "absent" else EVAL_WIDE if wide else EVAL
    plan = [(f, k) for f, k, m in rows_of for _ in range(m) if split != "pairs" or (k in OF_SHAPES if wide else f in ONLY_SHAPES and k != "over")]
    if not maker.composer.photo_labels:
        plan = [(f, k) for f, k in plan if k not in ("photo", "collage", "over", "unclear")]
    if split == "fonts":
        plan = [(f, k) for f, k in plan if k in ("sign", "word", "page")]
    if split == "styles":
        plan = [(f, k) for f, k in plan if k in ("things", "single", "many")]
    rows = []
    while len(rows) < n:
        family, where = plan[len(rows) % len(plan)]
        rng = random.Random(seed_of(seed, split, len(rows)))
        for _ in range(400):
            kind = "shapes" if split == "pairs" else rng.choice(KINDS_OF[where])
            scene = maker.scene(rng, kind)
            if not suits(scene, family, where):
                continue
            if split == "styles" and any(t.is_shape for t in scene.things) and rng.random() < 0.8:
                continue
            d.look_at(scene, rng)
            turns = getattr(d, family)()
            if turns and d.balanced(turns[-1].family, turns[-1].answer) and (where != "many" or turns[-1].answer in MANY):
                d.note(turns[-1])
                turns[-1].family = measured_as(turns[-1], where)
                rows.append((scene, turns))
                break
        else:
            plan = [p for p in plan if p != (family, where)]
    return rows


def make_eval(packed, tok, split, n, seed, text_len=192):
    rows = eval_rows(packed, tok, split, n, seed)
    slots = Slots(packed, n)
    tokens, mask = np.full((n, text_len), tok.end, np.int64), np.zeros((n, text_len), np.uint8)
    for b, (scene, turns) in enumerate(rows):
        slots.fill(b, scene)
        at = 0
        for t in turns:
            ids, learnt = tok.turn(t.question, t.answer)
            tokens[b, at:at + len(ids)] = ids
            if t is turns[-1]:
                mask[b, at:at + len(ids)] = learnt
            at += len(ids)
    out = as_tensors(dict(si=slots.si, sf=slots.sf, sl=slots.sl, bg=slots.bg, tokens=tokens, mask=mask))
    out["family"] = [turns[-1].family for _, turns in rows]
    out["turns"] = [[(t.question, t.answer) for t in turns] for _, turns in rows]
    return out

