"""Tests of the model, the scans, weights on disk and export.  Run by themselves:  python3 test_model.py

What lies outside the repository (the bf16 weights and their activations in ../shared, an engine that was built, Triton) is used
where it is there; without it those tests are skipped.  MLMAMBA names the engine's program, SHARED the folder.
"""
import argparse
import glob
import json
import os
import subprocess
import sys
import tempfile
import unittest

import torch

import export
import learner
import model
import source
import ssd
import train
import weights

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.join(HERE, "..", "..")
SHARED = os.environ.get("SHARED", os.path.join(ROOT, "..", "shared"))
BF16 = os.path.join(SHARED, "models", "mlmamba-tiny")
GOLDEN = os.path.join(ROOT, "tests", "golden", "data", "builtin", "reference.safetensors")


def engine():
    found = [os.environ["MLMAMBA"]] if "MLMAMBA" in os.environ else glob.glob(os.path.join(ROOT, "build", "*", "app", "mlmamba"))
    return max(found, key=os.path.getmtime) if found else None


def load(folder):
    made = model.MLMamba(model.config_of(folder))
    made.load_state_dict(weights.load_fp32(folder))
    return made


def sha(path):
    import hashlib
    with open(path, "rb") as f:
        return hashlib.sha256(f.read()).hexdigest()


class Golden(unittest.TestCase):
    """The stages of a picture and a question, against activations recorded by an independent program."""

    def check(self, folder, reference):
        made, want, seen = load(folder), weights.load_safetensors(reference), {}
        pixels = want.get("ref0.pixel_values")
        if pixels is None:
            pixels = self.pixels()
        with torch.no_grad():
            rows = made.connect(made.vision(pixels[None], seen), seen)
            made.decode(torch.cat((rows, made.embed(want["ref0.prompt_ids"].long()[None])), 1), seen)
            seen["lm.logits_first"] = made.head(seen["lm.norm_f"][:, -1])
        checked = 0
        for name, got in seen.items():
            if "ref0." + name in want:
                expected = want["ref0." + name]
                error = float((got[0].reshape(expected.shape) - expected).abs().max() / expected.abs().max())
                self.assertLess(error, 1e-4, name)
                checked += 1
        self.assertGreater(checked, 5)
        end = int(want["ref0.answer_ids"][-1])
        self.assertEqual(made.answer(rows, want["ref0.prompt_ids"].tolist(), end), want["ref0.answer_ids"].tolist())

    def pixels(self):
        from PIL import Image
        import numpy
        picture = Image.open(os.path.join(ROOT, "assets", "images", "scene0.png")).convert("RGB")
        self.assertEqual(picture.size, (224, 224))
        return torch.from_numpy((numpy.asarray(picture).astype("float32") / 255 - 0.5) / 0.5).permute(2, 0, 1)

    def test_shipped_weights(self):
        self.check(export.SHIPPED, GOLDEN)

    @unittest.skipUnless(os.path.exists(BF16), "no bf16 weights")
    def test_bf16_weights(self):
        self.check(BF16, os.path.join(SHARED, "golden", "reference.safetensors"))


class Architecture(unittest.TestCase):
    def test_names_and_shapes_are_those_of_the_file(self):
        want = {n: tuple(t.shape) for n, t in weights.load_fp32(export.SHIPPED).items()}
        made = model.MLMamba(model.PRESETS["tiny"], aux=10)
        self.assertEqual({n: tuple(p.shape) for n, p in model.exported(made).items()}, want)

    def test_orders_are_their_own_inverses(self):
        x = torch.randn(2, 16, 3)
        for order in model.ORDERS:
            self.assertTrue(torch.equal(model.reorder(model.reorder(x, order), order), x), order)
        grid = torch.arange(9.0).view(1, 9, 1)
        self.assertEqual(model.reorder(grid, "column").flatten().tolist(), [0, 3, 6, 1, 4, 7, 2, 5, 8])
        self.assertEqual(model.reorder(grid, "column_reversed").flatten().tolist(), [8, 5, 2, 7, 4, 1, 6, 3, 0])

    def test_question_before_the_picture(self):
        made = model.MLMamba(model.PRESETS["micro"])
        rows = []
        made.decode = lambda x: rows.append(x) or x
        images, tokens = torch.zeros(2, 3, 224, 224), torch.randint(0, 3000, (2, 9))
        with torch.no_grad():
            text, _, picture = made(images, tokens, torch.tensor([2, 5]))
        self.assertTrue(torch.equal(text, made.embed(tokens)))
        self.assertTrue(torch.equal(rows[0][0, 2:258], picture[0]) and torch.equal(rows[0][1, 5:261], picture[1]))

    def test_sizes(self):
        def count(module):
            return sum(p.numel() for p in module.parameters())

        mamba = count(model.MLMamba(model.Config()).language_model.backbone.layers)
        transformer = count(model.MLMamba(model.Config(language="transformer")).language_model.backbone.layers)
        self.assertLess(abs(mamba / transformer - 1), 0.01)
        micro = weights.to_int8(weights.to_bf16(model.exported(model.MLMamba(model.PRESETS["micro"]))))
        tokenizer = os.path.getsize(os.path.join(export.SHIPPED, "tokenizer.json"))
        self.assertLess(sum(t.numel() * t.element_size() for t in micro.values()) + tokenizer + 20000, 4e6)


def recurrence(xbc, dt, a, d, groups, state, head=ssd.HEAD):
    """The scan step by step."""
    B, T, _ = xbc.shape
    H = a.numel()
    x, b, c = xbc.view(B, T, groups, -1).split([H // groups * head, state, state], -1)
    x = x.reshape(B, T, H, head)
    b, c = b.repeat_interleave(H // groups, 2), c.repeat_interleave(H // groups, 2)
    S, out = torch.zeros(B, H, head, state, dtype=xbc.dtype), []
    for t in range(T):
        S = S * torch.exp(dt[:, t] * a)[..., None, None] + (dt[:, t, :, None] * x[:, t])[..., None] * b[:, t, :, None]
        out.append((S * c[:, t, :, None]).sum(-1) + d[:, None] * x[:, t])
    return torch.stack(out, 1).reshape(B, T, -1)


class Scans(unittest.TestCase):
    def test_chunked_form_is_the_recurrence(self):
        inputs, outer = ssd.scan_case(2, 4, 32, 100, "cpu", 2)
        inputs, outer = [t.double() for t in inputs], [t.double() for t in outer]
        want = ssd.gradients(recurrence, inputs, outer, 2, 32)
        for got, expected in zip(ssd.gradients(ssd.scan_plain, inputs, outer, 2, 32), want):
            self.assertLess(float((got - expected).detach().norm() / expected.detach().norm()), 1e-12)

    def test_convolution(self):
        x, w, b = torch.randn(2, 7, 5), torch.randn(5, 4), torch.randn(5)
        want = torch.nn.functional.conv1d(torch.nn.functional.pad(x.transpose(1, 2), (3, 0)), w[:, None], b, groups=5)
        self.assertLess(float((ssd.conv_plain(x, w, b) - torch.nn.functional.silu(want).transpose(1, 2)).abs().max()), 1e-5)

    def test_kernels_in_the_interpreter(self):
        """Forward and gradients of the Triton kernels, without a GPU."""
        try:
            import triton  # noqa: F401
        except ImportError:
            self.skipTest("no triton")
        self.assertLess(float(self.interpreted("""
import torch, ssd
print(max(ssd.compare_scan(2, 4, 128, 192, "cpu", torch.float32), ssd.compare_scan(1, 2, 16, 70, "cpu", torch.float32),
          ssd.compare_conv(128, 192, 2, 100, "cpu", torch.float32)))""")), 1e-4)

    def interpreted(self, program):
        """The last word that a program prints with Triton's interpreter."""
        done = subprocess.run([sys.executable, "-W", "ignore", "-c", program], cwd=HERE, capture_output=True, text=True,
                              env=dict(os.environ, TRITON_INTERPRET="1"))
        self.assertEqual(done.returncode, 0, done.stderr[-2000:])
        return done.stdout.split()[-1]

    def test_convolution_at_odd_sizes(self):
        try:
            import triton  # noqa: F401
        except ImportError:
            self.skipTest("no triton")
        self.assertLess(float(self.interpreted("""
import torch, ssd
print(max(ssd.compare_conv(*sizes, "cpu", torch.float32) for sizes in ((32, 40, 3, 70), (16, 130, 5, 3), (48, 20, 1, 131))))""")), 1e-5)


class Weights(unittest.TestCase):
    def test_int8_there_and_back(self):
        shipped = os.path.join(export.SHIPPED, "model.safetensors")
        with tempfile.TemporaryDirectory() as d:
            kept = {n: t for n, t in weights.load_safetensors(shipped).items() if not n.endswith("_scale")}
            again = weights.to_int8({n: t if kept[n].dtype == torch.int8 else kept[n] for n, t in
                                     weights.load_fp32(shipped).items()})
            weights.save_safetensors(again, os.path.join(d, "x"))
            self.assertEqual(sha(os.path.join(d, "x")), sha(shipped))

    def test_pieces(self):
        tensors = {"a.weight": torch.randn(300, 7).to(torch.bfloat16), "aux_b": torch.randn(5)}
        with tempfile.TemporaryDirectory() as d:
            weights.save_pieces(tensors, os.path.join(d, "w"), limit=1000)
            self.assertGreater(len(os.listdir(d)), 4)
            again = weights.load_fp32(os.path.join(d, "w"))
        self.assertTrue(all(torch.equal(again[n], t.float()) for n, t in tensors.items()))

    @unittest.skipUnless(os.path.exists(BF16), "no bf16 weights")
    def test_export(self):
        """Warm start from the prototype's bf16 weights and export: byte for byte its int8 weights, the shipped model's files beside them."""
        made = model.MLMamba(model.PRESETS["tiny"], aux=4)
        made.load_state_dict(weights.load_fp32(BF16), strict=False)
        with tempfile.TemporaryDirectory() as d:
            weights.save_pieces(weights.to_bf16(dict(made.named_parameters())), os.path.join(d, "w"))
            export.main(["--from", os.path.join(d, "w"), "--out", d + "/bf16", "--int8", d + "/int8"])
            self.assertEqual(sha(d + "/int8/model.safetensors"), sha(BF16 + "-int8/model.safetensors"))
            for name in ("config.json", "preprocessor_config.json", "tokenizer_config.json"):
                a, b = (json.load(open(os.path.join(p, name), encoding="utf-8")) for p in (d + "/int8", export.SHIPPED))
                a.pop("description", None), b.pop("description", None)
                self.assertEqual(a, b, name)
            program = engine()
            if program is None:
                self.skipTest("no engine was built")
            subprocess.run([program, "quantize", d + "/bf16", "-o", d + "/again", "-q"], check=True)
            self.assertEqual(sha(d + "/again/model.safetensors"), sha(d + "/int8/model.safetensors"))
            answer = subprocess.run([program, "ask", "-m", d + "/int8", os.path.join(ROOT, "assets", "images", "scene0.png"),
                                     "What is in the top middle?"], capture_output=True, text=True, check=True).stdout
            self.assertEqual(answer.strip(), "An orange cross.")


class Training(unittest.TestCase):
    def learner(self):
        torch.manual_seed(3)
        args = argparse.Namespace(lr=1e-3, weight_decay=0.05, ema=0.99, batch=2, seed=5)
        config = model.Config(image=224, vision_width=64, vision_depth=1, vision_heads=1, vision_mlp=64, width=64, layers=1, state=16,
                              connector_state=16, connector_mlp=64)
        return learner.Learner(config, source.SmokeSource("cpu"), "cpu", torch.float32, args)

    def steps(self, made, n):
        batches = made.source.batches(5, 2, made.state["step"], None, 0, 64)
        return [float(made.step(next(batches), 0.5, 0.3)[0]) for _ in range(n)]

    def test_resumed_is_as_if_never_stopped(self):
        whole = self.learner()
        losses = self.steps(whole, 4)
        first = self.learner()
        self.assertEqual(self.steps(first, 2), losses[:2])
        with tempfile.TemporaryDirectory() as d:
            first.save(d + "/ck")
            second = self.learner()
            second.load(d + "/ck")
        self.assertEqual(self.steps(second, 2), losses[2:])
        for a, b in zip(whole.parameters + whole.average, second.parameters + second.average):
            self.assertTrue(torch.equal(a, b))

    def test_loss_falls_on_one_batch(self):
        made = self.learner()
        batch = made.source.batch(2, 64, 1)
        values = []
        for _ in range(12):
            made.state["step"] = 0
            values.append(float(made.step(batch, 1.0, 0.1)[0]))
        self.assertLess(values[-1], values[0] - 0.3)

    def test_what_is_not_finite_is_not_written(self):
        made, lines = self.learner(), []
        with tempfile.TemporaryDirectory() as d:
            args = train.arguments(["--cpu-smoke", "--batch", "2", "--n-quick", "0", "--out", d])
            args.workers, made.args = 0, args
            self.assertTrue(train.train(made, argparse.Namespace(**dict(vars(args), steps=1)), lambda *w: lines.append(" ".join(map(str, w)))))
            before = {p: os.path.getmtime(p) for p in glob.glob(d + "/w*.bin")}
            self.assertTrue(before)
            with torch.no_grad():
                made.parameters[0].fill_(float("nan"))
            self.assertFalse(train.train(made, args, lambda *w: lines.append(" ".join(map(str, w)))))
            train.write_out(made, args, lambda *w: lines.append(" ".join(map(str, w))))
            self.assertEqual({p: os.path.getmtime(p) for p in glob.glob(d + "/w*.bin")}, before)
        self.assertTrue(any("NOT FINITE" in line for line in lines) and "NOTHING WRITTEN" in lines[-1], lines)

    def test_warm_start_names_what_is_missing(self):
        made = self.learner()
        with self.assertRaisesRegex(ValueError, "lack connector.mlp.fc.bias"):
            made.warm_start({"connector.norm.weight": torch.ones(64)})

    def test_warm_start_of_exported_weights_has_new_heads(self):
        first = self.learner()
        made = self.learner()
        made.warm_start(model.exported(first.model))
        self.assertTrue(made.state["new_heads"])
        made.warm_start(first.averaged())
        self.assertFalse(made.state["new_heads"])

    def test_new_heads_learn_alone(self):
        """without reach, the auxiliary loss changes its heads and nothing else"""
        batch, seen = source.SmokeSource("cpu").batch(2, 64, 1), []
        for aux, reach in ((0.0, 1.0), (0.3, 0.0), (0.3, 1.0)):
            made = self.learner()
            made.step(batch, 0.0, aux, reach)
            self.assertEqual(float(made.model.aux_vision.weight.grad.abs().max()) > 0, aux > 0)
            whole = torch.cat([p.grad.flatten() for p in model.exported(made.model).values()])
            seen.append(whole / whole.norm())          # the norm of all gradients together is cut to 1
        self.assertLess(float((seen[0] - seen[1]).norm()), 1e-5)
        self.assertGreater(float((seen[0] - seen[2]).norm()), 1e-2)


if __name__ == "__main__":
    unittest.main(verbosity=2)
