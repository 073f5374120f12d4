#!/usr/bin/env python3
"""A plain fp32 reference of the built-in model: torch, Pillow and json, the scans written as the recurrence.

  reference_model.py MODEL picture.png "What is in the image?" ["next question" ...]     greedy answers
  reference_model.py MODEL --check REFERENCE IMAGES     recompute reference.safetensors and compare every tensor
  reference_model.py MODEL --make ITEMS IMAGES OUT      record: ITEMS is a JSON list of {"image", "question"}

tests/golden/data/builtin/reference.safetensors was made by --make and reduced to a part of the stages; of ref6 and ref7,
whose photos are not shipped, connector.out was kept.
"""
import json
import os
import re
import struct
import sys

import torch
import torch.nn.functional as F
from PIL import Image

DTYPES = {"F32": torch.float32, "BF16": torch.bfloat16, "I32": torch.int32, "I64": torch.int64, "U8": torch.uint8,
          "I8": torch.int8}


def load_safetensors(path):
    with open(path, "rb") as f:
        data = f.read()
    n = struct.unpack("<Q", data[:8])[0]
    tensors = {}
    for name, info in json.loads(data[8:8 + n]).items():
        if name != "__metadata__":
            begin, end = info["data_offsets"]
            raw = bytearray(data[8 + n + begin:8 + n + end])
            tensors[name] = torch.frombuffer(raw, dtype=DTYPES[info["dtype"]]).reshape(info["shape"])
    return tensors


def save_safetensors(tensors, path):
    names = {v: k for k, v in DTYPES.items()}
    header, offset, chunks = {"__metadata__": {"format": "pt"}}, 0, []
    for name in sorted(tensors):
        t = tensors[name].contiguous()
        raw = t.numpy().tobytes()
        header[name] = {"dtype": names[t.dtype], "shape": list(t.shape), "data_offsets": [offset, offset + len(raw)]}
        offset += len(raw)
        chunks.append(raw)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text + b"".join(chunks))


def dequantize(tensors):
    """int8 weights with one scale a row (NAME_scale) -> float32."""
    return {k: v.float() * tensors[k + "_scale"][:, None] if v.dtype == torch.int8 else v.float()
            for k, v in tensors.items() if not k.endswith("_scale")}


class Tokenizer:
    """Byte-level BPE with the GPT-2 split."""

    SPLIT = re.compile(r"'s|'t|'re|'ve|'m|'ll|'d| ?[^\W\d_]+| ?\d+| ?(?:[^\s\w]|_)+|\s+(?!\S)|\s+")

    def __init__(self, path):
        with open(path) as f:
            j = json.load(f)
        self.special = {t["content"]: t["id"] for t in j["added_tokens"]}
        self.vocab = {**j["model"]["vocab"], **self.special}
        self.token = {i: t for t, i in self.vocab.items()}
        self.rank = {tuple(m if isinstance(m, list) else m.split(" ")): i for i, m in enumerate(j["model"]["merges"])}
        printable = list(range(33, 127)) + list(range(161, 173)) + list(range(174, 256))
        others = [b for b in range(256) if b not in printable]
        self.char = {b: chr(b) for b in printable} | {b: chr(256 + i) for i, b in enumerate(others)}
        self.byte = {c: b for b, c in self.char.items()}

    def word(self, text):
        parts = [self.char[b] for b in text.encode()]
        while len(parts) > 1:
            rank, i = min((self.rank.get(pair, 1 << 30), i) for i, pair in enumerate(zip(parts, parts[1:])))
            if rank == 1 << 30:
                break
            a, b = parts[i], parts[i + 1]
            merged, k = [], 0
            while k < len(parts):
                hit = k + 1 < len(parts) and (parts[k], parts[k + 1]) == (a, b)
                merged.append(a + b if hit else parts[k])
                k += 2 if hit else 1
            parts = merged
        return [self.vocab[p] for p in parts]

    def encode(self, text):
        ids = []
        for part in re.split("(" + "|".join(map(re.escape, self.special)) + ")", text):
            if part in self.special:
                ids.append(self.special[part])
            else:
                for w in self.SPLIT.findall(part):
                    ids += self.word(w)
        return ids

    def decode(self, ids):
        chars = (c for i in ids if self.token[i] not in self.special for c in self.token[i])
        return bytes(self.byte[c] for c in chars).decode("utf-8", "replace")


def rms_norm(x, weight, eps):
    return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + eps) * weight


def scan(x, dt, a, b, c, d, state=None):
    """x [T,H,P], dt [T,H], a [H], b and c [T,N], d [H]:  S = exp(dt a) S + dt x b^T;  y = S c + d x."""
    T, H, P = x.shape
    state = torch.zeros(H, P, b.shape[-1]) if state is None else state
    y = torch.empty_like(x)
    for t in range(T):
        state = state * torch.exp(dt[t] * a)[:, None, None] + (x[t] * dt[t][:, None])[:, :, None] * b[t]
        y[t] = state @ c[t]
    return y + d[:, None] * x, state


class Model:
    def __init__(self, folder):
        with open(folder + "/config.json") as f:
            self.config = json.load(f)
        with open(folder + "/preprocessor_config.json") as f:
            self.preprocessor = json.load(f)
        self.w = dequantize(load_safetensors(folder + "/model.safetensors"))
        self.tok = Tokenizer(folder + "/tokenizer.json")

    def preprocess(self, image):
        """Any picture -> [3,S,S]: letterbox (the aspect is kept, padding is mid grey), then normalise."""
        image = image.convert("RGB")
        S = self.config["vision"]["image_size"]
        scale = S / max(image.size)
        W, H = (max(1, round(side * scale)) for side in image.size)
        if (W, H) != image.size:
            image = image.resize((W, H), Image.BILINEAR)
        x = torch.full((S, S, 3), 0.5)
        top, left = (S - H) // 2, (S - W) // 2
        pixels = torch.frombuffer(bytearray(image.tobytes()), dtype=torch.uint8).reshape(H, W, 3)
        x[top:top + H, left:left + W] = pixels.float() / 255
        mean, std = (torch.tensor(self.preprocessor[k]) for k in ("image_mean", "image_std"))
        return ((x - mean) / std).permute(2, 0, 1)

    def vision(self, x, record):
        v, p = self.config["vision"], "vision_tower."
        patch, d, heads = v["patch_size"], v["hidden_size"], v["num_heads"]
        g = v["image_size"] // patch
        patches = x.reshape(3, g, patch, g, patch).permute(1, 3, 0, 2, 4).reshape(g * g, -1)
        h = F.linear(patches, self.w[p + "patch_embed.proj.weight"].reshape(d, -1), self.w[p + "patch_embed.proj.bias"])
        record["vision.patch_embed"] = h
        h = h + self.w[p + "pos_embed"][0]
        record["vision.embed"] = h

        def linear(name, t):
            return F.linear(t, self.w[name + ".weight"], self.w[name + ".bias"])

        def norm(name, t):
            return F.layer_norm(t, (d,), self.w[name + ".weight"], self.w[name + ".bias"], v["layer_norm_eps"])

        for i in range(v["num_layers"]):
            b = p + "blocks.%d." % i
            qkv = linear(b + "attn.qkv", norm(b + "norm1", h))
            q, k, val = qkv.reshape(g * g, 3, heads, d // heads).permute(1, 2, 0, 3)
            att = torch.softmax(q @ k.transpose(1, 2) * (d // heads) ** -0.5, -1) @ val
            h = h + linear(b + "attn.proj", att.permute(1, 0, 2).reshape(g * g, d))
            h = h + linear(b + "mlp.fc2", F.gelu(linear(b + "mlp.fc1", norm(b + "norm2", h)), approximate="tanh"))
            record["vision.block%d" % i] = h
        record["vision.norm"] = h = norm(p + "norm", h)
        return h

    def connector(self, v, record):
        c, p = self.config["connector"], "connector."
        eps, D, N, P, T = c["rms_norm_eps"], c["hidden_size"], c["state_size"], c["head_dim"], v.shape[0]
        inner = D * c["expand"]
        H, g = inner // P, int(T ** 0.5)

        def w(name):
            return self.w[p + name]

        x = F.gelu(F.linear(v, w("mlp.fc.weight"), w("mlp.fc.bias")), approximate="tanh")
        record["connector.mlp"] = x
        s = F.linear(rms_norm(x, w("scan_norm.weight"), eps), w("scan.in_proj.weight"))
        z, xbc, dt = s.split([inner, inner + 2 * N, H], -1)
        row = torch.arange(T)
        column = row.reshape(g, g).T.reshape(-1)
        total = torch.zeros(T, H, P)
        for k, order in enumerate((row, row.flip(0), column, column.flip(0))):
            conv = F.conv1d(F.pad(xbc[order].T, (3, 0))[None], w("scan.conv1d.weight")[k], w("scan.conv1d.bias")[k],
                            groups=xbc.shape[1])
            xs, bs, cs = F.silu(conv[0].T).split([inner, N, N], -1)
            y, _ = scan(xs.reshape(T, H, P), F.softplus(dt[order] + w("scan.dt_bias")[k]), -torch.exp(w("scan.A_log")[k]), bs,
                        cs, w("scan.D")[k])
            record["connector.scan_y%d" % k] = y.reshape(T, inner)
            total[order] += y
        gated = rms_norm(total.reshape(T, inner) * F.silu(z), w("scan.norm.weight"), eps)
        x = x + F.linear(gated, w("scan.out_proj.weight"))
        record["connector.scan"] = x
        h = rms_norm(x, w("swiglu_norm.weight"), eps)
        h = F.silu(F.linear(h, w("swiglu.w1.weight"))) * F.linear(h, w("swiglu.w3.weight"))
        x = x + F.linear(h, w("swiglu.w2.weight"))
        record["connector.swiglu"] = x
        x = F.linear(rms_norm(x, w("norm.weight"), eps), w("out_proj.weight"), w("out_proj.bias"))
        record["connector.out"] = x
        return x

    def language(self, x, state=None, record=None):
        """x [T,D]; state: for each layer (3 newest conv inputs [3,C], ssm [H,P,N]) -> normed hidden [T,D], state."""
        c, p = self.config["text"], "language_model.backbone."
        eps, N, P, H, T = c["layer_norm_epsilon"], c["state_size"], c["head_dim"], c["num_heads"], x.shape[0]
        inner, new = c["hidden_size"] * c["expand"], []
        for i in range(c["num_hidden_layers"]):
            b = p + "layers.%d." % i
            m = b + "mixer."
            s = F.linear(rms_norm(x, self.w[b + "norm.weight"], eps), self.w[m + "in_proj.weight"])
            z, xbc, dt = s.split([inner, inner + 2 * N, H], -1)
            tail, ssm = state[i] if state else (torch.zeros(3, xbc.shape[1]), None)
            past = torch.cat((tail, xbc))
            conv = F.conv1d(past.T[None], self.w[m + "conv1d.weight"], self.w[m + "conv1d.bias"], groups=xbc.shape[1])
            xs, bs, cs = F.silu(conv[0].T).split([inner, N, N], -1)
            y, ssm = scan(xs.reshape(T, H, P), F.softplus(dt + self.w[m + "dt_bias"]), -torch.exp(self.w[m + "A_log"]), bs, cs,
                          self.w[m + "D"], ssm)
            new.append((past[-3:], ssm))
            x = x + F.linear(rms_norm(y.reshape(T, inner) * F.silu(z), self.w[m + "norm.weight"], eps),
                             self.w[m + "out_proj.weight"])
            if record is not None:
                record["lm.layer%d" % i] = x
        x = rms_norm(x, self.w[p + "norm_f.weight"], eps)
        if record is not None:
            record["lm.norm_f"] = x
        return x, new

    def embed(self, ids):
        return self.w["language_model.backbone.embeddings.weight"][torch.tensor(ids)]

    def prompt(self, question):
        return self.config["prompt_template"].replace("{question}", question)

    @torch.no_grad()
    def start(self, image, record):
        record["pixel_values"] = x = self.preprocess(image)
        return self.connector(self.vision(x, record), record)

    @torch.no_grad()
    def generate(self, rows, ids, state=None, record=None, max_new=64):
        x = self.embed(ids) if rows is None else torch.cat((rows, self.embed(ids)))
        table, out = self.w["language_model.backbone.embeddings.weight"], []
        h, state = self.language(x, state, record)
        if record is not None:
            record["lm.logits_first"] = table @ h[-1]
        while len(out) < max_new:
            out.append(int((table @ h[-1]).argmax()))
            if out[-1] == self.config["eos_token_id"]:
                break
            h, state = self.language(self.embed(out[-1:]), state)
        return out, state

    def ask(self, image, questions):
        """Several turns on one picture."""
        rows, state, answers = self.start(image, {}), None, []
        for q in questions:
            ids = (self.tok.encode(self.config["turn_separator"]) if state is not None else []) + self.tok.encode(self.prompt(q))
            out, state = self.generate(rows, ids, state)
            rows = None
            if out[-1] == self.config["eos_token_id"]:
                _, state = self.language(self.embed(out[-1:]), state)
            answers.append(self.tok.decode(out))
        return answers

    def record(self, image, question):
        stages = {}
        rows = self.start(image, stages)
        ids = self.tok.encode(self.prompt(question))
        out, _ = self.generate(rows, ids, record=stages)
        stages["prompt_ids"] = torch.tensor(ids, dtype=torch.int32)
        stages["answer_ids"] = torch.tensor(out, dtype=torch.int32)
        return stages


def check(model, path, images):
    want, worst = load_safetensors(path), (0.0, "")
    with open(os.path.splitext(path)[0] + ".json") as f:
        items = json.load(f)
    for i, item in enumerate(items):
        picture = os.path.join(images, item["image"])
        if not os.path.exists(picture):
            print("skipped (no picture):", item["image"])
            continue
        got = model.record(Image.open(picture), item["question"])
        for name, t in got.items():
            key = "ref%d.%s" % (i, name)
            if key in want:
                if t.dtype == torch.int32:
                    assert torch.equal(t, want[key]), key
                else:
                    worst = max(worst, (float((t - want[key]).abs().max() / want[key].abs().max()), key))
        print(item["image"], "|", item["question"], "|", model.tok.decode(got["answer_ids"].tolist()))
    print("largest relative difference", worst)


def make(model, items, images, out):
    tensors, answers = {}, []
    with open(items) as f:
        items = json.load(f)
    for i, item in enumerate(items):
        stages = model.record(Image.open(os.path.join(images, item["image"])), item["question"])
        tensors.update({"ref%d.%s" % (i, k): v for k, v in stages.items()})
        answers.append(dict(item, answer=model.tok.decode(stages["answer_ids"].tolist())))
    save_safetensors(tensors, out + ".safetensors")
    with open(out + ".json", "w") as f:
        json.dump(answers, f, indent=1)


if __name__ == "__main__":
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    reference = Model(sys.argv[1])
    if sys.argv[2] == "--check":
        check(reference, sys.argv[3], sys.argv[4])
    elif sys.argv[2] == "--make":
        make(reference, sys.argv[3], sys.argv[4], sys.argv[5])
    else:
        for line in zip(sys.argv[3:], reference.ask(Image.open(sys.argv[2]), sys.argv[3:])):
            print("Q: %s\nA: %s" % line)
