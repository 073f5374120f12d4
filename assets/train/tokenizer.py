"""Byte-level BPE as in the shipped tokenizer.json: GPT-2's split, ranks of merges, and the layout of a turn."""
import json
import os
import re

DEFAULT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "models", "mlmamba-tiny", "tokenizer.json")
END, USER, ASSISTANT = "<|endoftext|>", "<|user|>", "<|assistant|>"
try:
    import regex
    SPLIT = regex.compile(r"""'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+""")
except ImportError:         # the same on Latin text, which is all the generator writes
    SPLIT = re.compile(r"""'s|'t|'re|'ve|'m|'ll|'d| ?[A-Za-z\u00c0-\u024f]+| ?[0-9]+| ?[^\sA-Za-z0-9\u00c0-\u024f]+|\s+(?!\S)|\s+""")


def byte_letters():
    """the printable stand-in of every byte"""
    plain = list(range(33, 127)) + list(range(161, 173)) + list(range(174, 256))
    letters, n = {b: chr(b) for b in plain}, 0
    for b in range(256):
        if b not in letters:
            letters[b] = chr(256 + n)
            n += 1
    return letters


BYTE = byte_letters()
UNBYTE = {c: b for b, c in BYTE.items()}


class Tokenizer:
    def __init__(self, vocab, merges, special):
        self.vocab, self.special = vocab, special
        self.text_of = {i: t for t, i in vocab.items()}
        self.rank = {tuple(m): i for i, m in enumerate(merges)}
        self.cache = {}
        self.end, self.user, self.assistant = vocab[END], vocab[USER], vocab[ASSISTANT]
        self.newline = self.word("\n")[0]
        self.vocab_size = max(vocab.values()) + 1

    def word(self, text):
        ids = self.cache.get(text)
        if ids is None:
            parts = [BYTE[b] for b in text.encode()]
            while len(parts) > 1:
                rank, i = min((self.rank.get(pair, 1 << 30), i) for i, pair in enumerate(zip(parts, parts[1:])))
                if rank == 1 << 30:
                    break
                a, b = parts[i], parts[i + 1]
                merged, j = [], 0
                while j < len(parts):
                    pair = j + 1 < len(parts) and parts[j] == a and parts[j + 1] == b
                    merged.append(a + b if pair else parts[j])
                    j += 2 if pair else 1
                parts = merged
            ids = [self.vocab[p] for p in parts]
            if len(self.cache) < 300000:
                self.cache[text] = ids
        return ids

    def encode(self, text):
        out = []
        for w in SPLIT.findall(text):
            out += self.word(w)
        return out

    def decode(self, ids):
        data = bytearray()
        for i in ids:
            t = self.text_of[int(i)]
            if t not in self.special:
                data += bytes(UNBYTE[c] for c in t)
        return data.decode("utf-8", "replace")

    def turn(self, question, answer):
        """ids of one turn with the newline that closes it, and 1 where an answer is to be learnt"""
        q = [self.user, self.newline] + self.encode(question) + [self.end, self.newline, self.assistant, self.newline]
        a = self.encode(answer) + [self.end]
        return q + a + [self.newline], [0] * len(q) + [1] * len(a) + [0]


def load(path=DEFAULT):
    j = json.load(open(path, encoding="utf-8"))
    vocab, special = dict(j["model"]["vocab"]), set()
    for t in j["added_tokens"]:
        vocab[t["content"]] = t["id"]
        special.add(t["content"])
    merges = [m if isinstance(m, list) else m.split(" ") for m in j["model"]["merges"]]
    return Tokenizer(vocab, merges, special)
