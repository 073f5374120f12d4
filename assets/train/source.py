"""Where batches come from: the packed data, or random tensors for a smoke test without any.

A source gives  batches(...)  an iterator of dicts of CPU tensors,  render(batch, augment)  images and patch labels,
questions(...)  a set to be evaluated, and the sizes a model needs.
"""
import os

import torch


class PackedSource:
    """What pack.py wrote, through data.py and render.py (see "Interfaces" in README.md)."""

    def __init__(self, folder, tokenizer_path, device, procs, photo_limit=None, options=None):
        import packed
        import render
        import tokenizer
        self.packed = packed.load(folder, photo_limit=photo_limit, procs=procs)
        beside = os.path.join(folder, "tokenizer.json")
        self.tokens = tokenizer.load(tokenizer_path or (beside if os.path.exists(beside) else tokenizer.DEFAULT))
        self.renderer = render.Renderer(self.packed, device)
        self.classes, self.colours = self.packed.num_classes, self.packed.num_colours
        self.vocab, self.end = self.tokens.vocab_size, self.tokens.end
        self.options = options or {}

    def batches(self, seed, batch, step0, progress, workers, text_len):
        import data
        return iter(data.Stream(self.packed, self.tokens, seed, "train", batch, step0=step0, progress=progress,
                                workers=workers, text_len=text_len, **self.options))

    def questions(self, split, n, seed):
        import data
        return data.make_eval(self.packed, self.tokens, split, n, seed)

    def render(self, batch, augment=True, seed=None):
        return self.renderer(batch, augment=augment, seed=seed)


class SmokeSource:
    """Random pictures and tokens: for trying the program, not for learning."""
    classes, colours, vocab, end = 40, 13, 3072, 3068

    def __init__(self, device):
        self.device = device

    def batches(self, seed, batch, step0, progress, workers, text_len):
        step = step0
        while True:
            yield self.batch(batch, text_len, seed * 100003 + step)
            step += 1

    def batch(self, batch, text_len, seed):
        rand = torch.Generator().manual_seed(seed)
        return {"si": torch.randint(0, 255, (batch, 1, 3), generator=rand, dtype=torch.int32),
                "tokens": torch.randint(0, 3000, (batch, text_len), generator=rand),
                "mask": (torch.rand(batch, text_len, generator=rand) < 0.3).to(torch.uint8)}

    def questions(self, split, n, seed):
        rows = self.batch(n, 192, seed)
        return dict(rows, family=["random"] * n, turns=[[("?", "!")]] * n)

    def render(self, batch, augment=True, seed=None):
        n = batch["si"].shape[0]
        rand = {"device": self.device, "generator": None if seed is None else torch.Generator(self.device).manual_seed(seed)}
        images = torch.randn(n, 3, 224, 224, **rand)
        labels = {"cls": torch.randint(0, self.classes, (n, 256), **rand),
                  "col": torch.randint(0, self.colours, (n, 256), **rand), "off": torch.randn(n, 256, 3, **rand)}
        return images, labels
