"""How far bf16 is from fp64: ours and PyTorch's own bf16 path, on the same made-up weights and the same inputs.

    python3 tests/golden/gap.py PERF_GAP CONFIG.json [--work DIR] [--device cuda] [--type bf16|int8] [options of perf_gap]

PERF_GAP (tests/perf/perf_gap.c) writes weights, inputs and what it computed; here the same is computed in fp64 and in bf16 as programs
of PyTorch do it (modules in bf16, the scan and the residual stream of the language model in fp32 as in mamba_ssm).  A part's
reference takes the input that ours had.  Printed: root mean square and largest difference, both relative, and for logits how often
the best token is the reference's.
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile

import numpy as np
import torch
import torch.nn.functional as F
from safetensors import safe_open

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import bench_lm as lm


class Weights:
    def __init__(self, path, device):
        self.file, self.device = safe_open(path, "pt", device=device), device
        self.names = set(self.file.keys())

    def __call__(self, name, dtype, *shape):
        t = self.file.get_tensor(name)
        if name + "_scale" in self.names:
            t = t.double() * self.file.get_tensor(name + "_scale").double()[:, None]
        return (t.reshape(shape) if shape else t).to(dtype)


def tower(w, p, c, pixels, dtype):
    D, patch, heads, S = c["hidden_size"], c["patch_size"], c["num_heads"], c["image_size"]
    n = S // patch

    def linear(name, x):
        weight = w(p + name + ".weight", dtype)
        return F.linear(x, weight, w(p + name + ".bias", dtype))

    def norm(name, x):
        return F.layer_norm(x, (D,), w(p + name + ".weight", dtype), w(p + name + ".bias", dtype), c.get("layer_norm_eps", 1e-6))

    kernel = w(p + "patch_embed.proj.weight", dtype, D, 3, patch, patch)
    x = F.conv2d(pixels[None].to(dtype), kernel, w(p + "patch_embed.proj.bias", dtype), stride=patch)
    x = x.flatten(2).transpose(1, 2) + w(p + "pos_embed", dtype, 1, n * n, D)
    prefix = [w(p + k, dtype, 1, -1, D) for k in ("cls_token", "reg_token") if p + k in w.names]
    x = torch.cat(prefix + [x], 1)
    for i in range(c["num_layers"] - 1):
        b = "blocks.%d." % i
        scale = lambda k, y: y * w(p + b + k + ".gamma", dtype) if p + b + k + ".gamma" in w.names else y
        q, k, v = linear(b + "attn.qkv", norm(b + "norm1", x)).reshape(1, -1, 3, heads, D // heads).permute(2, 0, 3, 1, 4)
        att = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(1, -1, D)
        x = x + scale("ls1", linear(b + "attn.proj", att))
        x = x + scale("ls2", linear(b + "mlp.fc2", F.gelu(linear(b + "mlp.fc1", norm(b + "norm2", x)))))
    return x[0, -n * n:]


def layer(w, p, dtype, suffix="", norm=None, conv_width=4):
    inner = w(p + "norm.weight", dtype).numel()
    return lm.Layer(w(p + "in_proj.weight", dtype), w(p + "out_proj.weight", dtype),
                    w(p + "conv1d%s.weight" % suffix, torch.float64, -1, conv_width), w(p + "conv1d%s.bias" % suffix, torch.float64),
                    w(p + "dt_bias" + suffix, torch.float64), w(p + "A_log" + suffix, torch.float64), w(p + "D" + suffix, torch.float64),
                    w(p + "norm.weight", torch.float64).reshape(inner), norm, dtype)


def connector(w, c, v, dtype):
    p, width = "connector.", c["hidden_size"]

    def linear(name, x):
        return F.linear(x, w(p + name + ".weight", dtype), w(p + name + ".bias", dtype))

    def norm(name, x):
        return F.layer_norm(x, (width,), w(p + name + ".weight", dtype), w(p + name + ".bias", dtype), 1e-5)

    x = F.gelu(linear("mlp.0", v.to(dtype)))[None]
    for i in range(c["num_layers"]):
        b, q = "layers.%d." % i, []
        for suffix in ("", "_b"):
            m = layer(w, p + b + "mixer.", dtype, suffix)
            q.append(lm.mixer(m, x.flip(1) if suffix else x, dtype)[0])
        x = x + (0.5 * (q[0] + q[1].flip(1))).to(dtype)
        n = norm(b + "norm", x)
        x = x + linear(b + "mlp.w3", F.silu(linear(b + "mlp.w1", n)) * linear(b + "mlp.w2", n))
    x = norm("norm_f", x)
    for i in range(len(c["projector_dims"])):
        x = linear("projector.%d" % (2 * i), F.gelu(x) if i else x)
    return x[0]


def language_model(w, c, dtype):
    p = "language_model.backbone."
    layers = [layer(w, p + "layers.%d.mixer." % i, dtype, norm=w(p + "layers.%d.norm.weight" % i, torch.float64))
              for i in range(c["num_hidden_layers"])]
    return lm.Mamba2(layers, w(p + "embeddings.weight", dtype), w(p + "norm_f.weight", torch.float64), dtype)


class Report:
    def __init__(self, work, device):
        self.work, self.device = work, device

    def read(self, name, *shape, kind=np.float32):
        t = torch.from_numpy(np.fromfile("%s/%s" % (self.work, name), dtype=kind)).to(self.device)
        return t.reshape(shape) if shape else t

    def line(self, name, ours, torch16, ref, valid=0):
        def gap(x):
            d = x.double() - ref
            text = "%.2e %.2e" % (float(d.norm() / ref.norm()), float(d.abs().max() / ref.abs().max()))
            if valid:
                same = (x[..., :valid].argmax(-1) == ref[..., :valid].argmax(-1)).flatten()
                text += " best token %d of %d" % (int(same.sum()), len(same))
            return text
        print("%-34s ours %s | PyTorch bf16 %s" % (name, gap(ours), gap(torch16)), flush=True)


@torch.no_grad()
def main():
    a = argparse.ArgumentParser()
    a.add_argument("perf_gap")
    a.add_argument("config")
    a.add_argument("--work")
    a.add_argument("--device", default="cuda")
    a.add_argument("--type", default="bf16")
    a, rest = a.parse_known_args()
    work = a.work or tempfile.mkdtemp()
    os.makedirs(work, exist_ok=True)
    subprocess.run([a.perf_gap, a.config, work, "--device", a.device, "--type", a.type, *rest], check=True)
    with open(a.config) as f:
        config = json.load(f)
    r, w = Report(work, a.device), Weights(work + "/model.safetensors", a.device)
    wide, half = torch.float64, torch.bfloat16
    print("relative to fp64: root mean square, largest", flush=True)
    if "vision" in config:
        column, features = 0, r.read("features.f32")
        towers = config["vision"].get("towers", [config["vision"]])
        pixels = r.read("pixels.f32", len(towers), 3, towers[0]["image_size"], towers[0]["image_size"])
        features = features.reshape(-1, sum(t["hidden_size"] for t in towers))
        for i, c in enumerate(towers):
            p, D = "vision_tower." + ("%d." % i if len(towers) > 1 else ""), c["hidden_size"]
            r.line("tower %d" % i, features[:, column:column + D], tower(w, p, c, pixels[i], half), tower(w, p, c, pixels[i], wide))
            column += D
        c = config["connector"]
        rows = r.read("rows.f32", -1, c["projector_dims"][-1])
        r.line("connector", rows, connector(w, c, features, half), connector(w, c, features, wide))
    c = config["text"]
    V, big, small = c["vocab_size"], language_model(w, c, wide), language_model(w, c, half)
    ids = r.read("prefill_ids.i32", 4, -1, kind=np.int32).long()
    logits = r.read("prefill.f32", 4, -1)
    r.line("prefill 4 x %d" % ids.shape[1], logits, small.prefill(ids)[0], big.prefill(ids)[0], V)
    for name in ("steps", "single"):
        ids, logits = r.read(name + "_ids.i32", kind=np.int32).long(), r.read(name + ".f32")
        logits = logits.reshape(len(ids), -1)
        rows = 1 if name == "single" else int(dict(zip(rest[::2], rest[1::2])).get("--rows", 16))
        ids, logits = ids.reshape(-1, rows), logits.reshape(len(ids) // rows, rows, -1)
        states = small.start(rows, torch.float32)
        theirs = torch.stack([small.step(t, states) for t in ids])
        reference = big.prefill(ids.T, all_logits=True)[0].transpose(0, 1)
        r.line("%d steps of %d rows" % ids.shape, logits, theirs, reference, V)


if __name__ == "__main__":
    main()
