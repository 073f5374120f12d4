"""A contact sheet to look at: pictures with their questions and answers.

    python3 preview.py --packed PACKED --out sheet.png [--split train] [--kind shapes] [--family between] [--n 12] [--seed 1]
"""
import argparse
import random
import textwrap

from PIL import Image, ImageDraw, ImageFont

import data
import packed
import render
import tokenizer
from evalset import picture


def sheet(cells, path, columns=3, width=620, height=250):
    font = ImageFont.truetype("DejaVuSans.ttf", 11)
    rows = (len(cells) + columns - 1) // columns
    out = Image.new("RGB", (columns * width, rows * height), (235, 235, 235))
    draw = ImageDraw.Draw(out)
    for i, (im, turns) in enumerate(cells):
        x, y = i % columns * width, i // columns * height
        out.paste(Image.fromarray(im), (x + 4, y + 4))
        lines = [s for t in turns for s in textwrap.wrap("[%s] %s -> %s" % (t.family, t.question, t.answer), 62)]
        for k, line in enumerate(lines[:17]):
            draw.text((x + 234, y + 4 + 14 * k), line, fill=(0, 0, 0), font=font)
    out.save(path)


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--packed", required=True)
    ap.add_argument("--out", required=True)
    ap.add_argument("--split", default="train", choices=data.SPLITS)
    ap.add_argument("--kind")
    ap.add_argument("--family")
    ap.add_argument("--twins", action="store_true")
    ap.add_argument("--n", type=int, default=12)
    ap.add_argument("--seed", type=int, default=1)
    ap.add_argument("--photos", type=int, default=2500)
    a = ap.parse_args()
    p = packed.load(a.packed, photo_limit=a.photos, procs=2)
    maker, renderer, rng = data.Maker(p, tokenizer.load(), a.split), render.Renderer(p, "cpu"), random.Random(a.seed)
    cells = []
    while len(cells) < a.n:
        scene = maker.scene(rng, a.kind)
        if a.family:
            maker.dialogue.look_at(scene, rng)
            turns = getattr(maker.dialogue, a.family)() if scene.kind in ("drawings", "shapes") or a.kind else None
        else:
            turns = maker.dialogue.turns(scene, rng, data.TURNS[scene.kind])
        if not turns:
            continue
        cells.append((picture(p, renderer, scene, len(cells)), turns))
        pair = maker.dialogue.twin(scene, turns, rng) if a.twins else None
        if pair:
            cells.append((picture(p, renderer, pair[0], len(cells)), pair[1]))
    sheet(cells, a.out)


if __name__ == "__main__":
    main()


