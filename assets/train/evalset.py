"""Write held-out questions as picture files and JSONL, so that the C engine itself can be measured.

    python3 evalset.py --packed PACKED --out DIR [--split test] [--n 2000] [--seed 7] [--wide | --absent]

DIR/pictures/000000.png, DIR/questions.jsonl with a line a question: id, image, family, turns (the conversation before it), question,
answer. With --wide of the newest families only, with --absent of held-out names to be refused. With --blank every picture is grey: the blind baseline.
"""
import argparse
import json
import os

import numpy as np
import torch

import data
import packed
import render
import tokenizer
from slots import Slots


def write(p, tok, split, n, seed, out, blank=False, wide=False):
    from PIL import Image
    rows = data.eval_rows(p, tok, split, n, seed, wide)
    os.makedirs(os.path.join(out, "pictures"), exist_ok=True)
    renderer = render.Renderer(p, "cpu")
    with open(os.path.join(out, "questions.jsonl"), "w", encoding="utf-8") as f:
        for i, (scene, turns) in enumerate(rows):
            name = "pictures/%06d.png" % i
            Image.fromarray(np.full((224, 224, 3), 128, np.uint8) if blank else picture(p, renderer, scene, seed + i)).save(os.path.join(out, name))
            last = turns[-1]
            f.write(json.dumps(dict(id=i, image=name, family=last.family, turns=[[t.question, t.answer] for t in turns[:-1]], question=last.question,
                                    answer=last.answer)) + "\n")


def picture(p, renderer, scene, seed):
    """uint8 [224,224,3] of one scene"""
    slots = Slots(p, 1)
    slots.fill(0, scene)
    batch = {k: torch.from_numpy(getattr(slots, k)) for k in ("si", "sf", "sl", "bg")}
    x, _ = renderer(batch, augment=False, seed=seed, want_labels=False)
    return ((x[0] * 0.5 + 0.5) * 255 + 0.5).clamp(0, 255).byte().permute(1, 2, 0).numpy()


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--packed", required=True)
    ap.add_argument("--out", required=True)
    ap.add_argument("--split", default="test", choices=data.SPLITS)
    ap.add_argument("--n", type=int, default=2000)
    ap.add_argument("--seed", type=int, default=7)
    ap.add_argument("--blank", action="store_true")
    ap.add_argument("--wide", action="store_true")
    ap.add_argument("--absent", action="store_true")
    ap.add_argument("--procs", type=int, default=2)
    ap.add_argument("--tokenizer", default=tokenizer.DEFAULT)
    a = ap.parse_args()
    p = packed.load(a.packed, procs=a.procs)
    torch.set_num_threads(1)            # small operations: threads only wait for each other
    write(p, tokenizer.load(a.tokenizer), a.split, a.n, a.seed, a.out, a.blank, "absent" if a.absent else a.wide)


if __name__ == "__main__":
    main()
