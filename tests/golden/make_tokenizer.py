#!/usr/bin/env python3
"""Makes tests/golden/data/tokenizer.jsonl: texts and the ids that Hugging Face tokenizers gives them.

    python make_tokenizer.py              writes the committed file
    python make_tokenizer.py N SEED DIR   writes N texts to DIR/texts.bin and ids to DIR/{neox,tiny}.bin
                                          (frames of a u32 count and the items): test_golden_tokenizer DIR compares;
                                          every ninth text is random bytes, decoded with replacement characters

A line: {"text": ..., "neox": [...], "tiny": [...]}, or with "user": ids with encode_special_tokens (what a user types),
or with "prompt": ids of the zephyr prompt whose question is the text, stripped.
Only characters of Unicode 14 (Python 3.11's) are drawn: the C side's PCRE2 and utf8proc know at least these.
"""
import json
import random
import re
import struct
import sys
import unicodedata
from pathlib import Path

from tokenizers import Tokenizer

HERE = Path(__file__).resolve().parent
NEOX = HERE / "data/gpt-neox-20b/tokenizer.json"
TINY = HERE.parents[1] / "assets/models/mlmamba-tiny/tokenizer.json"

ESCAPED = r"""The quick brown fox jumps over the lazy dog.
I'll say they've said we're sure it's what he'd do; I'm not, don't, CAN'T, 's 'S ' s'
What is in the picture? How many donuts can you see? Is the teal hexagon left of the arrow?
In 2024, 1,234,567.89 people paid $3.50 (or 12%) at 10:45; call +1-800-555-0199. x² + y³ = ½ ⅷ ٣ ४ 五
def f(x):\n    if x > 0:\n        return x**2  # square\n\treturn -1\n
for (int i = 0; i < n; i++) {\n\ta[i] ^= ~b[i] & 0xFF;\n}\r\n
<html><body class="x">&nbsp;&lt;</body></html> https://example.org/a_b?c=d&e=f#g user@example.com
{"key": [1, 2, {"k": null}], "s": "a\\\\b\\"c"}
Le cœur déçu mais l'âme plutôt naïve, Louÿs rêva de crapaüter en canoë. Straße, Ärger, ÅNGSTRÖM
Зарегистрируйтесь сейчас на Десятую Международную Конференцию. Ξεσκεπάζω την ψυχοφθόρα βδελυγμία.
敏捷的棕色狐狸跳过了懒狗。 日本語のテキストと、カタカナ。 한국어 문장입니다. 가각힣
نص حكيم له سر قاطع وذو شأن عظيم مكتوب على ثوب أخضر. דג סקרן שט בים מאוכזב ולפתע מצא חברה
ऋषियों को सताने वाले दुष्ट राक्षसों के राजा रावण. ভাষা தமிழ் ไทยไม่มีช่องว่าง ქართული հայերեն አማርኛ
👍🏽 👨‍👩‍👧‍👦 🏳️‍🌈 🇩🇪🇫🇷 😀😃 ❤️ ☺ ✅ ™ © 𝒳𝔘 𓀀 𐍈 🜁
e\u0301 a\u0308\u0323 a\u0323\u0308 \u1e9b\u0323 \u212b \u2126 \ufb01 \u0958 \u1100\u1161\u11a8 q\u0307\u0323 >\u0338 =\u0338
\u00a0\u2003\u3000\u200b\u200d\ufeff\u180e\u0085\u2028\u2029\u202f\u1680 x\u00a0y \u00a0 z
"""
SENTENCES = [re.sub(r"\\u[0-9a-f]{4}|\\[ntr]", lambda m: json.loads(f'"{m.group()}"'), line)
             for line in ESCAPED.strip("\n").split("\n")]
SPECIAL = ["<|endoftext|>", "<|padding|>", "<|user|>", "<|assistant|>", "<|image|>", "<|", "|>", "<|endoftext"]
RANGES = [(0x20, 0x7f), (0, 0x20), (0x80, 0x250), (0x250, 0x370), (0x300, 0x370), (0x370, 0x530), (0x590, 0x700),
          (0x900, 0xe00), (0xe00, 0x1000), (0x1100, 0x1200), (0x1e00, 0x2000), (0x2000, 0x2070), (0x2070, 0x2c00),
          (0x3040, 0x3100), (0x3400, 0x9fff), (0xac00, 0xd7a4), (0xf900, 0x10000), (0x1d100, 0x1d800),
          (0x1f300, 0x1fb00), (0x10000, 0x20000), (0x0, 0xd800), (0xe000, 0x110000)]


def random_chars(rng, n):
    out = []
    while len(out) < n:
        lo, hi = rng.choice(RANGES)
        for _ in range(rng.randint(1, 8)):
            c = chr(rng.randrange(lo, hi))
            if unicodedata.category(c) not in ("Cs", "Cn"):
                out.append(c)
    return "".join(out[:n])


def random_text(rng):
    kind = rng.randrange(8)
    sentence = rng.choice(SENTENCES)
    if kind == 0:
        return sentence
    if kind == 1:  # a slice of one and a slice of another
        a, b = rng.choice(SENTENCES), rng.choice(SENTENCES)
        return a[rng.randrange(len(a)):] + rng.choice(["", " ", "\n", "  "]) + b[:rng.randrange(len(b) + 1)]
    if kind == 2:
        return random_chars(rng, rng.randint(1, 24))
    if kind == 3:  # runs of white space between words
        words = sentence.split()
        return "".join(w + rng.choice([" ", "  ", "\n", "\n\n", "\t", " \n ", "\r\n", "\u00a0", "\u3000 ", " " * rng.randint(1, 60)])
                       for w in words[:10])
    if kind == 4:  # special tokens in ordinary text
        a = sentence[:rng.randrange(30)]
        return a + rng.choice(SPECIAL) + rng.choice(["", " ", "\n", "x", "\u0338"]) + rng.choice(SPECIAL) + sentence[:10]
    if kind == 5:  # runs of one character
        return rng.choice("a _^0\n\t-=.'é中👍\u0301 ") * rng.randint(1, 80) + rng.choice(["", "x", " "])
    if kind == 6:  # words with marks, decomposed
        return unicodedata.normalize(rng.choice(["NFD", "NFC"]), sentence + random_chars(rng, 4))
    return "".join(rng.choice(["'s", "'ll", "'", "'S", "'re", "n't", " '", "d", "ve", "1", " 2", "!", " ?", "\n", " ", "é"])
                   for _ in range(rng.randint(1, 14)))


def random_bytes(rng):
    text = rng.randbytes(rng.randint(1, 80)).decode("utf-8", "replace")
    return "".join("?" if unicodedata.category(c) == "Cn" else c for c in text)


def random_question(rng):
    """One that no special token's text is in, so that joining and encoding is the reference."""
    while True:
        text = random_text(rng)[:48]
        if text.strip() and not any(s in text for s in SPECIAL[:5]):
            return text


def load(path, user):
    t = Tokenizer.from_file(str(path))
    t.encode_special_tokens = user
    return lambda text: t.encode(text, add_special_tokens=False).ids


def main():
    encoders = {"neox": load(NEOX, False), "tiny": load(TINY, False)}
    users = {"neox": load(NEOX, True), "tiny": load(TINY, True)}
    if len(sys.argv) == 4:
        rng, folder = random.Random(int(sys.argv[2])), Path(sys.argv[3])
        files = {k: open(folder / (k + ".bin"), "wb") for k in ("texts", *encoders)}
        for i in range(int(sys.argv[1])):
            text = random_bytes(rng) if i % 9 == 8 else random_text(rng)
            raw = text.encode()
            files["texts"].write(struct.pack("<I", len(raw)) + raw)
            for name, encode in encoders.items():
                ids = encode(text)
                files[name].write(struct.pack(f"<I{len(ids)}I", len(ids), *ids))
        return
    rng = random.Random(20240730)
    with open(HERE / "data/tokenizer.jsonl", "w", encoding="utf-8") as f:
        for i in range(2000):
            text = SENTENCES[i] if i < len(SENTENCES) else random_text(rng)
            user = i % 8 == 7
            line = {"text": text, **{k: e(text) for k, e in (users if user else encoders).items()}}
            if user:
                line["user"] = True
            f.write(json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n")
        for _ in range(300):
            text = random_question(rng)
            joined = "<|user|>\n" + text.strip() + "<|endoftext|>\n<|assistant|>\n"
            line = {"text": text, "prompt": True, **{k: e(joined) for k, e in encoders.items()}}
            f.write(json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
