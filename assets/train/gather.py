"""Draw the clip arts, pictograms and line drawings of clipart_names.tsv into one file that pack.py --more takes.

    python3 gather.py FOLDER --old DATA --out more.npz [--sheet sheet.png]

FOLDER is where the Debian packages of README.md ("More drawings") were unpacked; rsvg-convert (librsvg2-bin) and Pillow draw. Each drawing is
trimmed to its box and centred on a square of SIDE pixels. A drawing of one colour is stored as a mask (red: its ink, green: what the ink
encloses), so that it can be drawn in any colour: a "pictogram" when it is mostly ink and not of thin lines, else a "linedrawing". What looks
like a drawing of DATA (the training folder) or like another of this list is left out.
"""
import argparse
import csv
import io
import json
import os
import subprocess
from collections import Counter
from multiprocessing import Pool

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

SIDE, QUALITY, MOST = 160, 82, 12            # side of the square, of WebP, drawings of a name and style at most
HERE = os.path.dirname(os.path.abspath(__file__))
SVG = {"openclipart": "usr/share/openclipart/svg/%s", "bootstrap": "usr/share/bootstrap-icons/svg/%s.svg"}
FONT = {"symbola": "usr/share/fonts/truetype/ancient-scripts/Symbola_hint.ttf",
        "mdi": "usr/share/fonts/truetype/materialdesignicons-webfont/materialdesignicons-webfont.ttf",
        "fontawesome": "usr/share/fonts/truetype/font-awesome/fontawesome-webfont.ttf"}


def table():
    with open(os.path.join(HERE, "clipart_names.tsv"), encoding="utf-8") as f:
        return [tuple(row) for row in csv.reader(f, delimiter="\t")][1:]


def draw(folder, source, what):
    """RGBA picture, larger than needed, not yet trimmed"""
    if source in SVG:
        out = subprocess.run(["rsvg-convert", "-w", "400", "-h", "400", "-a", os.path.join(folder, SVG[source] % what)], capture_output=True, check=True).stdout
        return Image.open(io.BytesIO(out)).convert("RGBA")
    font = ImageFont.truetype(os.path.join(folder, FONT[source]), 320)
    left, top, right, bottom = font.getbbox(chr(int(what[2:], 16)))
    im = Image.new("RGBA", (right - left + 8, bottom - top + 8), (0, 0, 0, 0))
    ImageDraw.Draw(im).text((4 - left, 4 - top), chr(int(what[2:], 16)), fill=(0, 0, 0, 255), font=font)
    return im


def squared(im, side=SIDE):
    """(picture trimmed, scaled and centred on a square; width and height as share of it)"""
    ys, xs = np.where(np.asarray(im)[..., 3] > 12)
    im = im.crop((int(xs.min()), int(ys.min()), int(xs.max()) + 1, int(ys.max()) + 1))
    k = side / max(im.size)
    w, h = (max(1, round(x * k)) for x in im.size)
    out = Image.new("RGBA", (side, side), (0, 0, 0, 0))
    out.paste(im.resize((w, h), Image.LANCZOS), ((side - w) // 2, (side - h) // 2))
    return out, (w / side, h / side)


def one_colour(a):
    """drawn in black only?"""
    seen = a[a[..., 3] > 128][:, :3].astype(int)
    return len(seen) > 0 and bool((seen.max(1) < 60).mean() > 0.97)


def as_mask(a):
    """red: ink, green: what no way from the edge leads to"""
    ink = a[..., 3].astype(np.float32) / 255
    wide = Image.fromarray(np.where(np.pad(ink, 1) > 0.35, 255, 0).astype(np.uint8)).copy()      # floodfill leaves a read-only picture as it is
    ImageDraw.floodfill(wide, (0, 0), 128)
    inside = (np.asarray(wide)[1:-1, 1:-1] != 128) * (1 - ink)
    alpha = ink + inside
    out = np.zeros(a.shape, np.float32)
    out[..., 0], out[..., 1] = ink / np.maximum(alpha, 1e-6), inside / np.maximum(alpha, 1e-6)
    out[..., 3] = alpha
    thick = np.asarray(Image.fromarray((ink * 255).astype(np.uint8)).filter(ImageFilter.MinFilter(7)), np.float32).sum() / 255
    return (out * 255 + 0.5).astype(np.uint8), bool(ink.sum() > 0.45 * alpha.sum() and thick > 0.12 * ink.sum())


def name_of_colour(a):
    """the colour that clearly dominates, or empty; black lines around it do not count"""
    rgb = a[a[..., 3] > 200][:, :3].astype(np.float32) / 255
    high, low = rgb.max(1), rgb.min(1)
    s = (high - low) / np.maximum(high, 1e-6)
    dark = high < 0.22
    if dark.mean() > 0.9:
        return "black"
    rgb, high, low, s = (x[~dark] for x in (rgb, high, low, s))
    if len(rgb) < 300:
        return ""
    r, g, b = rgb.T
    d = np.maximum(high - low, 1e-6)
    hue = np.where(high == r, (g - b) / d % 6, np.where(high == g, (b - r) / d + 2, (r - g) / d + 4)) * 60
    of = np.full(len(rgb), "none", dtype="<U6")
    strong = (s > 0.45) & (high > 0.4)
    for name, h0, h1 in (("orange", 20, 38), ("yellow", 44, 64), ("green", 80, 155), ("blue", 200, 245), ("purple", 262, 295)):
        of[strong & (hue >= h0) & (hue < h1)] = name
    of[strong & ((hue < 10) | (hue > 350))] = "red"
    of[(s > 0.4) & (high <= 0.62) & (hue >= 12) & (hue < 40)] = "brown"
    of[(s < 0.1) & (high > 0.35) & (high < 0.75)] = "gray"
    name, n = Counter(of.tolist()).most_common(1)[0]
    return name if name != "none" and n > 0.8 * len(of) else ""


def print_of(im):
    """a small picture to compare with"""
    ground = Image.new("RGBA", im.size, (128, 128, 128, 255))
    ground.alpha_composite(im)
    return np.asarray(ground.convert("RGB").resize((16, 16), Image.BOX)).astype(np.float32).reshape(-1)


def gather(job):
    folder, source, what, name = job
    im, share = squared(draw(folder, source, what))
    a = np.asarray(im)
    out = io.BytesIO()
    if source != "openclipart" or one_colour(a):
        mask, solid = as_mask(a)
        Image.fromarray(mask).save(out, "WEBP", lossless=True, exact=True, method=6)
        return out.getvalue(), name, share, "", "pictogram" if solid else "linedrawing", print_of(im)
    im.save(out, "WEBP", quality=QUALITY, alpha_quality=90, method=5)
    return out.getvalue(), name, share, name_of_colour(a), "clipart2", print_of(im)


def prints_of_old(data):
    z = np.load(os.path.join(data, "sprites_train.npz"))
    return np.stack([print_of(squared(Image.open(io.BytesIO(z["data"][z["off"][i]:z["off"][i + 1]].tobytes())).convert("RGBA"))[0])
                     for i in np.where(z["style"] == "clipart")[0]])


def sheet(kept, path, columns=40, cell=62):
    out = Image.new("RGB", (columns * cell, (len(kept) + columns - 1) // columns * (cell + 12)), (225, 230, 236))
    pen = ImageDraw.Draw(out)
    for k, (data, name, _, colour, style, _) in enumerate(kept):
        x, y = k % columns * cell, k // columns * (cell + 12)
        im = Image.open(io.BytesIO(data)).convert("RGBA").resize((cell - 4, cell - 4), Image.LANCZOS)
        out.paste(im, (x + 2, y + 2), im)
        pen.text((x + 1, y + cell - 1), (colour[:3] + " " if colour else "") + name[:9], fill=(150, 0, 0))
    out.save(path)


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("folder")
    ap.add_argument("--old", required=True)
    ap.add_argument("--out", required=True)
    ap.add_argument("--sheet")
    a = ap.parse_args()
    with open(os.path.join(a.old, "names.json"), encoding="utf-8") as f:
        animals = {e["name"] for e in json.load(f) if e["category"] == "animal"}
    old, kept, count, left = prints_of_old(a.old), [], Counter(), Counter()
    with Pool(2) as pool:
        drawn = pool.imap(gather, [(a.folder,) + row for row in table()], chunksize=8)
        for item in drawn:
            near = np.abs(np.stack([k[5] for k in kept if k[1] == item[1]] or [np.full(768, 999.0)]) - item[5]).mean(1).min()
            if item[4] == "clipart2" and np.abs(old - item[5]).mean(1).min() < 5:
                left["already there"] += 1
            elif near < 2.5:
                left["twice"] += 1
            elif count[item[1], item[4]] >= MOST:
                left["over %d" % MOST] += 1
            else:
                count[item[1], item[4]] += 1
                pale = item[1] in animals and item[3] in ("orange", "yellow")          # tan, ginger, golden: who knows
                kept.append(item[:3] + ("",) + item[4:] if pale else item)
    kept.sort(key=lambda k: (k[4], k[1]))
    ends = np.cumsum([0] + [len(k[0]) for k in kept])
    np.savez(a.out, data=np.frombuffer(b"".join(k[0] for k in kept), np.uint8), off=ends.astype(np.int64), name=np.array([k[1] for k in kept]),
             asp=np.array([k[2] for k in kept], np.float32), col=np.array([k[3] for k in kept]), style=np.array([k[4] for k in kept]))
    print(len(kept), "drawings of", len({k[1] for k in kept}), "names,", "%.1f MB," % (ends[-1] / 1e6),
          dict(Counter(k[4] for k in kept)), "left out:", dict(left))
    if a.sheet:
        sheet(kept, a.sheet)


if __name__ == "__main__":
    main()
