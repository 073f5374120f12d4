"""Pack the training inputs (drawings, photographs, fonts, words) into a few files that travel to the GPU machine.

    python3 pack.py SHARED_DATA FONT_FOLDERS... [--more more.npz] --out PACKED

Each file is at most 14 MB; photographs and drawings stay the WebP bytes they are, fonts become glyph pictures, so that the GPU machine
needs neither fonts nor the folder SHARED_DATA. Run once, on a machine with Pillow >= 9.
"""
import argparse
import hashlib
import json
import os
from collections import Counter

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from world import RENAMED, plural_of, article_of, share

CAP, BASE, HEIGHT, PAD = 32, 40, 54, 3      # glyph cell: cap height, baseline, height, padding left and right
GLYPHS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
PHOTOS_A_LABEL = 380
FONTS_TRAIN = """DejaVuSans DejaVuSans-Bold DejaVuSansMono-Bold DejaVuSerif DejaVuSerif-Bold DejaVuSansMono Inter-Regular Inter-Bold Inter-Black
Inter-Italic Inter-Light InterDisplay-SemiBold Lato-Regular Lato-Bold Lato-Black Lato-Light Lato-BoldItalic OpenSans-Regular OpenSans-Bold
OpenSans-CondBold OpenSans-ExtraBold OpenSans-Italic LiberationSerif-Regular LiberationSerif-Bold LiberationSerif-Italic LiberationSans-Regular
LiberationSans-Bold LiberationMono-Bold LiberationMono-Regular Cantarell-Regular Cantarell-Bold ComicNeue-Regular ComicNeue-Bold
EBGaramond12-Regular EBGaramond12-Bold lobster Quicksand-Regular Quicksand-Bold Hack-Regular Hack-Bold Caladea-Regular Caladea-Bold
DancingScript-Bold FiraCode-Regular FiraCode-Bold Lato-Heavy RobotoCondensed-Regular RobotoCondensed-Bold Tinos-Regular""".split()
FONTS_TEST = "Play-Bold Play-Regular LeagueSpartan-Bold LeagueSpartan-Regular Roboto-Regular Roboto-Medium Roboto-Black Carlito-Regular Carlito-Bold Cousine-Bold".split()

# Words that nobody should be taught to read from a sign (insults, slurs and the like): the first 6 digits of their SHA-1.
UNWANTED = frozenset("""
03913c 05e649 08bc5b 08fe0d 0b7723 15c0ec 1940c1 1ee5e2 1f4585 22bb59 256a97 2b4e22 2f9396 35ed54 37666f 3889b2 38cbc7
3e83b1 3eefe5 45757c 4b11e0 4d32bb 57449f 5e124e 5eb496 646e40 655269 68f403 6ab3ad 6b0ce4 6dd3c4 772035 7d9386 842df0
85fe8d 8b7cef 8eebf1 8f7092 927898 984643 9a3dd2 9d6e00 a5cec7 aaf23f ac04b7 ad8bbc b1aa14 b6928c b7b89e bff272 c00494
c5759e d0a964 d212a7 d3a7e1 d64a57 d82252 dbe289 df0b69 e12028 e6c9c0 ec713a edfbd6 eef56b f06cbc f69c25 f73127 f7cff1
fa4f51 fb1e96 fb8bba
""".split())


def find_fonts(folders):
    found = {}
    for folder in folders:
        for root, _, files in os.walk(folder):
            for f in sorted(files):
                if f.lower().endswith((".ttf", ".otf")):
                    found.setdefault(f.rsplit(".", 1)[0], os.path.join(root, f))
    return found


def pack_font(path):
    """(widths, advances, pixels) of all glyphs at a cap height of CAP pixels"""
    font = ImageFont.truetype(path, 64)
    box = font.getbbox("H", anchor="ls")
    font = ImageFont.truetype(path, max(8, round(64 * CAP / max(1, -box[1]))))
    widths, advances, cells = [], [], []
    for ch in GLYPHS:
        left, _, right, _ = font.getbbox(ch, anchor="ls")
        adv = font.getlength(ch)
        width = int(max(right, adv) - min(left, 0)) + 2 * PAD + 1
        im = Image.new("L", (width, HEIGHT), 0)
        ImageDraw.Draw(im).text((PAD - min(left, 0), BASE), ch, fill=255, font=font, anchor="ls")
        widths.append(width)
        advances.append(adv)
        cells.append(np.asarray(im).reshape(-1))
    return widths, advances, np.concatenate(cells)


def pack_fonts(folders, out):
    found = find_fonts(folders)
    missing = [f for f in FONTS_TRAIN + FONTS_TEST if f not in found]
    if missing:
        print("fonts not found, left out:", " ".join(missing))
    names, widths, advances, pixels, test = [], [], [], [], []
    for f in FONTS_TRAIN + FONTS_TEST:
        if f in found:
            w, a, p = pack_font(found[f])
            names.append(f)
            widths.append(w)
            advances.append(a)
            pixels.append(p)
            test.append(f in FONTS_TEST)
    np.savez_compressed(os.path.join(out, "fonts.npz"), names=np.array(names), widths=np.array(widths, np.int16),
                        advances=np.array(advances, np.float32), pixels=np.concatenate(pixels), test=np.array(test))
    print(len(names), "fonts,", sum(test), "of them held out")


def pack_names(data, out):
    """names.json of the packed folder: the list of names, then the few drawings that have none in it"""
    entries = json.load(open(os.path.join(data, "names.json"), encoding="utf-8"))
    known = {}
    for e in entries:
        known[e["name"]] = dict(name=e["name"], plural=e["plural"], article=e["article"], category=e["category"], aliases=e["aliases"])
    known["french fries"].update(article="", plural="french fries")
    known["hourglass"].update(article="an")
    for e in json.load(open(os.path.join(data, "sprites_classes.json"), encoding="utf-8")):
        name = RENAMED.get(e["name"], e["name"])
        if name not in known:
            known[name] = dict(name=name, plural=plural_of(name), article=article_of(name), category=e["category"], aliases=[])
    json.dump(list(known.values()), open(os.path.join(out, "names.json"), "w", encoding="utf-8"), ensure_ascii=False, indent=0)
    return {n: i for i, n in enumerate(known)}


def pack_sprites(data, out, number):
    z = np.load(os.path.join(data, "sprites_train.npz"))
    classes = [RENAMED.get(e["name"], e["name"]) for e in json.load(open(os.path.join(data, "sprites_classes.json"), encoding="utf-8"))]
    np.savez(os.path.join(out, "sprites.npz"), data=z["data"], off=z["off"], name=np.array([number[classes[c]] for c in z["cls"]], np.int32),
             asp=z["asp"], col=z["col"], style=z["style"])


def pack_more(path, out, number):
    """drawings that gather.py made, for training only"""
    z = np.load(path)
    np.savez(os.path.join(out, "sprites_more.npz"), data=z["data"], off=z["off"], name=np.array([number[str(n)] for n in z["name"]], np.int32),
             asp=z["asp"], col=z["col"], style=z["style"])


def pack_photos(data, out, number):
    """in parts of at most 13.5 MB; at most PHOTOS_A_LABEL of a label; test photos are marked"""
    z = np.load(os.path.join(data, "photos_train.npz"))
    meta = json.load(open(os.path.join(data, "photos_train.json"), encoding="utf-8"))
    blob, off = z["data"], z["off"]
    count, part, size, parts = Counter(), [], 0, []
    for i, m in enumerate(meta):
        count[m["label"]] += 1
        if count[m["label"]] > PHOTOS_A_LABEL:
            continue
        b = blob[off[i]:off[i + 1]]
        if size + len(b) > 13.5e6:
            parts.append(part)
            part, size = [], 0
        part.append((b, number[m["label"]], share("%d:%d" % (len(b), int(b.sum())), "photo:") < 0.10))
        size += len(b)
    parts.append(part)
    for k, part in enumerate(parts):
        ends = np.cumsum([0] + [len(b) for b, _, _ in part])
        np.savez(os.path.join(out, "photos_%d.npz" % k), data=np.concatenate([b for b, _, _ in part]), off=ends.astype(np.int64),
                 name=np.array([n for _, n, _ in part], np.int32), test=np.array([t for _, _, t in part]))
    print(sum(map(len, parts)), "photos in", len(parts), "files,", sum(t for p in parts for _, _, t in p), "of them held out")


def pack_words(source, out):
    with open(os.path.join(source, "words.txt"), encoding="utf-8") as f:
        words = [w for w in f.read().split() if w.isascii() and w.isalpha() and 2 <= len(w) <= 8]
    words = [w for w in words if hashlib.sha1(w.encode()).hexdigest()[:6] not in UNWANTED]
    with open(os.path.join(out, "words.txt"), "w", encoding="utf-8") as f:
        f.write("\n".join(words) + "\n")


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("data")
    ap.add_argument("fonts", nargs="*", default=["/usr/share/fonts"])
    ap.add_argument("--out", required=True)
    ap.add_argument("--more", help="what gather.py made: more drawings, for training only")
    a = ap.parse_args()
    os.makedirs(a.out, exist_ok=True)
    number = pack_names(a.data, a.out)
    pack_sprites(a.data, a.out, number)
    if a.more:
        pack_more(a.more, a.out, number)
    pack_photos(a.data, a.out, number)
    pack_fonts(a.fonts, a.out)
    pack_words(a.data, a.out)
    sizes = {f: os.path.getsize(os.path.join(a.out, f)) for f in sorted(os.listdir(a.out))}
    print(sizes, "total %.1f MB" % (sum(sizes.values()) / 1e6))
    for f, n in sizes.items():
        if n > 14e6:
            raise SystemExit("%s: %d bytes, at most 14 MB can be carried" % (f, n))


if __name__ == "__main__":
    main()
