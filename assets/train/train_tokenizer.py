"""Train the byte-level BPE of the model from generated text and write a tokenizer.json in the format of the tokenizers library.

    python3 train_tokenizer.py --packed PACKED --out tokenizer.json [--size 3072] [--scenes 40000]

Texts that the model must spell (capitals of two and more, digits) are left out, so that a word on a sign is a token a letter. The special
tokens come last, as in the shipped file. A run from scratch may use it; a warm start from the shipped weights needs the shipped one.
"""
import argparse
import json
import random
import re
from collections import Counter

import data
import packed
import tokenizer
from world import COLOURS

SPECIAL = [tokenizer.END, tokenizer.USER, tokenizer.ASSISTANT, "<|image|>"]
SPELLED = re.compile("[0-9]|[A-Z][A-Z]")


def count_words(p, scenes, seed):
    """pieces of the generated questions and answers, and every name, plural and colour in several positions"""
    maker, rng, count = data.Maker(p, None, "train"), random.Random(seed), Counter()
    for _, turns in maker.scenes(rng, scenes):
        for t in turns:
            if t.family in ("read", "spelled") or t.family == "caption" and "the text" in t.answer:
                continue
            for text in (t.question, t.answer):
                count.update(tokenizer.SPLIT.findall(text))
    for name in p.vocabulary.names + list(p.vocabulary.shapes.values()):
        for text, times in ((" " + name.name, scenes // 8), (" " + name.plural, scenes // 50), (name.name.capitalize(), scenes // 200)):
            for w in tokenizer.SPLIT.findall(text):
                count[w] += times
    for c in COLOURS:
        count[" " + c] += scenes
    return {w: n for w, n in count.items() if not SPELLED.search(w) and n >= 8}


def merge(parts, a, b):
    out, i = [], 0
    while i < len(parts):
        pair = i + 1 < len(parts) and parts[i] == a and parts[i + 1] == b
        out.append(a + b if pair else parts[i])
        i += 2 if pair else 1
    return out


def train(words, size):
    """vocabulary and merges, most frequent pair first"""
    items = [([tokenizer.BYTE[b] for b in w.encode()], n) for w, n in words.items()]
    vocab, merges, have = [tokenizer.BYTE[b] for b in range(256)], [], set(tokenizer.BYTE.values())
    pairs, where = Counter(), {}
    for i, (parts, n) in enumerate(items):
        for pair in zip(parts, parts[1:]):
            pairs[pair] += n
            where.setdefault(pair, set()).add(i)
    while len(vocab) + len(SPECIAL) < size and pairs:
        (a, b), n = max(pairs.items(), key=lambda x: (x[1], x[0]))
        if n < 3:
            break
        if a + b not in have:
            vocab.append(a + b)
            have.add(a + b)
        merges.append((a, b))
        for i in list(where.get((a, b), ())):
            parts, n = items[i]
            for pair in zip(parts, parts[1:]):
                pairs[pair] -= n
                if pairs[pair] <= 0:
                    del pairs[pair]
            parts = merge(parts, a, b)
            items[i] = (parts, n)
            for pair in zip(parts, parts[1:]):
                pairs[pair] += n
                where.setdefault(pair, set()).add(i)
        pairs.pop((a, b), None)
    return vocab, merges


def write(path, vocab, merges):
    ids = {t: i for i, t in enumerate(vocab)}
    level = dict(type="ByteLevel", add_prefix_space=False, trim_offsets=True, use_regex=True)
    added = [dict(id=len(ids) + i, content=t, single_word=False, lstrip=False, rstrip=False, normalized=False, special=True) for i, t in enumerate(SPECIAL)]
    model = dict(type="BPE", dropout=None, unk_token=None, continuing_subword_prefix=None, end_of_word_suffix=None, fuse_unk=False, byte_fallback=False,
                 ignore_merges=False, vocab=ids, merges=[" ".join(m) for m in merges])
    j = dict(version="1.0", truncation=None, padding=None, added_tokens=added, normalizer=None, pre_tokenizer=level, post_processor=None,
             decoder=dict(level, add_prefix_space=True), model=model)
    json.dump(j, open(path, "w", encoding="utf-8"), ensure_ascii=False)


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--packed", required=True)
    ap.add_argument("--out", required=True)
    ap.add_argument("--size", type=int, default=3072)
    ap.add_argument("--scenes", type=int, default=40000)
    ap.add_argument("--seed", type=int, default=11)
    a = ap.parse_args()
    words = count_words(packed.load(a.packed, photo_limit=4000, procs=2), a.scenes, a.seed)
    vocab, merges = train(words, a.size)
    write(a.out, vocab, merges)
    print("%d words, %d entries, %d merges" % (len(words), len(vocab) + len(SPECIAL), len(merges)))


if __name__ == "__main__":
    main()
