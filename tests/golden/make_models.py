#!/usr/bin/env python3
"""Small models with random weights and the true structure of the released ones, and what PyTorch computes with them.

Writes data/models/NAME/{config.json, preprocessor_config.json, model.safetensors, reference.safetensors}:

  small        two timm towers (DINOv2-style: class token, registers, LayerScale, resampled positions, next-to-last
               block; SigLIP-style: head dim 72), the released bidirectional connector in plain PyTorch, and
               transformers' Mamba2ForCausalLM (tied, time_step_limit with Infinity)
  mamba2-hf    transformers' Mamba2ForCausalLM, untied, finite time_step_limit, no convolution bias

Needs torch, timm, transformers, safetensors.  Run it from anywhere: make_models.py [OUTPUT_FOLDER]
"""
import json
import math
import os
import sys

import timm
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from timm.layers import resample_abs_pos_embed
from transformers import Mamba2Config, Mamba2ForCausalLM

IMAGE, PATCH, GRID, BATCH = 40, 6, 6, 2  # 40 // 6 = 6: the last 4 rows and columns are never read


def randomize(module, seed, scale=None):
    """Weights large enough that every part of the model matters, rounded to bfloat16 (they are stored so)."""
    g = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, p in module.named_parameters():
            fan = p[0].numel() if p.dim() > 1 else 1
            if name.endswith("gamma"):
                v = 0.5 + 0.5 * torch.rand(p.shape, generator=g)
            elif "norm" in name and name.endswith("weight"):
                v = 1 + 0.2 * torch.randn(p.shape, generator=g)
            elif p.dim() > 1 and not name.endswith(("token", "pos_embed")):
                v = torch.randn(p.shape, generator=g) * 1.5 / math.sqrt(fan)
            else:
                v = 0.3 * torch.randn(p.shape, generator=g)
            p.copy_(v.to(torch.bfloat16).to(p.dtype))


def tensors_of(module, prefix, keep=lambda name: True):
    return {prefix + k: v.detach().to(torch.bfloat16).contiguous() for k, v in module.state_dict().items() if keep(k)}


# ---- vision ----------------------------------------------------------------------------------------------------


def record_tower(model, pixels, block, prefix):
    """Outputs of every stage up to `block`, in double precision."""
    out, hooks = {}, []

    def keep(name):
        return lambda _m, _i, o: out.__setitem__(prefix + name, o.detach())

    hooks.append(model.patch_embed.register_forward_hook(keep("patch_embed")))
    hooks.append(model.norm_pre.register_forward_hook(keep("embed")))
    for i, b in enumerate(model.blocks):
        hooks.append(b.register_forward_hook(keep("block%d" % i)))
    with torch.no_grad():
        feature = model.get_intermediate_layers(pixels, n={block})[0]
    for h in hooks:
        h.remove()
    kept = {k: v for k, v in out.items() if "block" not in k or int(k.rsplit("block", 1)[1]) <= block}
    kept[prefix + "out"] = feature
    return kept


def dino():
    """timm's vit_*_patch14_reg4_dinov2 at a small width; positions stored for an 8 x 8 grid."""
    args = dict(patch_size=PATCH, embed_dim=32, depth=4, num_heads=2, mlp_ratio=3, num_classes=0, reg_tokens=4,
                no_embed_class=True, init_values=1e-5)
    stored = timm.models.vision_transformer.VisionTransformer(img_size=8 * PATCH, **args)
    randomize(stored, 1)
    used = timm.models.vision_transformer.VisionTransformer(img_size=IMAGE, **args)
    state = stored.state_dict()
    tensors = tensors_of(stored, "vision_tower.0.", lambda k: not k.startswith(("blocks.3", "norm.")))
    state["pos_embed"] = resample_abs_pos_embed(state["pos_embed"], new_size=[GRID, GRID], num_prefix_tokens=0)
    used.load_state_dict(state)
    config = dict(type="vit", image_size=IMAGE, patch_size=PATCH, hidden_size=32, num_layers=4, num_heads=2, mlp_dim=96,
                  layer_norm_eps=1e-6, activation="gelu", class_token=True, num_registers=4, layer_scale=True,
                  pos_image_size=8 * PATCH, final_norm=False, feature_layer=-2, image_mean=[0.485, 0.456, 0.406],
                  image_std=[0.229, 0.224, 0.225])
    return used.double().eval(), tensors, config, 2


def siglip():
    """timm's vit_so400m_patch14_siglip at width 144: head dim 72, no class token, exact GELU."""
    args = dict(patch_size=PATCH, embed_dim=144, depth=2, num_heads=2, mlp_ratio=77 / 144, num_classes=0, class_token=False,
                global_pool="")
    model = timm.models.vision_transformer.VisionTransformer(img_size=IMAGE, **args)
    randomize(model, 2)
    tensors = tensors_of(model, "vision_tower.1.", lambda k: not k.startswith(("blocks.1", "norm.", "fc_norm")))
    config = dict(type="vit", image_size=IMAGE, patch_size=PATCH, hidden_size=144, num_layers=2, num_heads=2, mlp_dim=77,
                  layer_norm_eps=1e-6, activation="gelu", class_token=False, final_norm=False, feature_layer=-2,
                  image_mean=[0.5] * 3, image_std=[0.5] * 3)
    assert model.blocks[0].mlp.fc1.out_features == 77
    return model.double().eval(), tensors, config, 0


# ---- the released connector ---------------------------------------------------------------------------------------


class Connector:
    """Bidirectional_Mamba, mlp and projector of the ML-Mamba fork, with the scan as the plain recurrence."""

    def __init__(self, d_in, width, state, head_dim, projector, seed):
        self.width, self.n, self.p, self.inner = width, state, head_dim, 2 * width
        self.heads = self.inner // head_dim
        g = torch.Generator().manual_seed(seed)
        self.w = {}

        def new(name, *shape, scale=None, shift=0.0):
            scale = 1.5 / math.sqrt(shape[-1]) if scale is None else scale
            v = torch.randn(shape, generator=g) * scale + shift
            self.w[name] = v.to(torch.bfloat16)

        def linear(name, out, inp):
            new(name + ".weight", out, inp)
            new(name + ".bias", out, scale=0.2)

        def norm(name):
            new(name + ".weight", width, scale=0.2, shift=1.0)
            new(name + ".bias", width, scale=0.2)

        channels = self.inner + 2 * state
        linear("mlp.0", width, d_in)
        for i in range(2):
            m = "layers.%d.mixer." % i
            new(m + "in_proj.weight", self.inner + channels + self.heads, width)
            for s in ("", "_b"):
                new(m + "conv1d%s.weight" % s, channels, 1, 4, scale=0.6)
                new(m + "conv1d%s.bias" % s, channels, scale=0.2)
                new(m + "dt_bias" + s, self.heads, scale=1.0, shift=-1.0)
                new(m + "A_log" + s, self.heads, scale=0.8)
                new(m + "D" + s, self.heads, scale=0.5, shift=1.0)
            new(m + "norm.weight", self.inner, scale=0.2, shift=1.0)
            new(m + "out_proj.weight", width, self.inner)
            for k in ("w1", "w2", "w3"):
                linear("layers.%d.mlp.%s" % (i, k), width, width)
            norm("layers.%d.norm" % i)
        norm("norm_f")
        inp = width
        for i, out in enumerate(projector):
            linear("projector.%d" % (2 * i), out, inp)
            inp = out
        self.n_proj = len(projector)

    def t(self, name):
        return self.w[name].double()

    def lin(self, name, x):
        return F.linear(x, self.t(name + ".weight"), self.t(name + ".bias"))

    def ln(self, name, x):
        return F.layer_norm(x, (self.width,), self.t(name + ".weight"), self.t(name + ".bias"), 1e-5)

    def direction(self, m, s, suffix):
        """G(): conv, scan and gated norm of one direction over s [T, rows] -> (normed, scan output)."""
        z, xbc, dt = s.split([self.inner, self.inner + 2 * self.n, self.heads], dim=-1)
        padded = F.pad(xbc.T, (3, 0))[None]
        xbc = F.silu(F.conv1d(padded, self.t(m + "conv1d%s.weight" % suffix), self.t(m + "conv1d%s.bias" % suffix),
                              groups=xbc.shape[1])[0].T)
        x, b, c = xbc.split([self.inner, self.n, self.n], dim=-1)
        x = x.reshape(-1, self.heads, self.p)
        dt = F.softplus(dt + self.t(m + "dt_bias" + suffix))
        a = -torch.exp(self.t(m + "A_log" + suffix))
        state, ys = torch.zeros(self.heads, self.p, self.n, dtype=torch.float64), []
        for i in range(len(x)):
            state = state * torch.exp(dt[i] * a)[:, None, None] + (dt[i][:, None] * x[i])[:, :, None] * b[i]
            ys.append(state @ c[i] + self.t(m + "D" + suffix)[:, None] * x[i])
        y = torch.stack(ys).reshape(len(x), self.inner)
        gated = y * F.silu(z)
        normed = gated * torch.rsqrt(gated.pow(2).mean(-1, keepdim=True) + 1e-5) * self.t(m + "norm.weight")
        return normed, y

    def forward(self, v):
        rec = {}
        h = F.gelu(self.lin("mlp.0", v))
        rec["mlp"] = h
        for i in range(2):
            m = "layers.%d.mixer." % i
            s = h @ self.t(m + "in_proj.weight").T
            f, yf = self.direction(m, s, "")
            b, yb = self.direction(m, s.flip(0), "_b")
            if i == 0:
                rec["scan_y0"], rec["scan_y1"] = yf, yb.flip(0)
            h = h + ((f + b.flip(0)) / 2) @ self.t(m + "out_proj.weight").T
            rec["scan.%d" % i] = h
            n = self.ln("layers.%d.norm" % i, h)
            g = F.silu(self.lin("layers.%d.mlp.w1" % i, n)) * self.lin("layers.%d.mlp.w2" % i, n)
            h = h + self.lin("layers.%d.mlp.w3" % i, g)
            rec["swiglu.%d" % i] = h
        h = self.ln("norm_f", h)
        rec["norm"] = h
        for i in range(self.n_proj):
            h = self.lin("projector.%d" % (2 * i), h)
            if i + 1 < self.n_proj:
                h = F.gelu(h)
        rec["out"] = h
        return rec


# ---- the language model -------------------------------------------------------------------------------------------


def language_model(seed, **args):
    config = Mamba2Config(vocab_size=67, hidden_size=32, num_hidden_layers=2, expand=2, head_dim=16, num_heads=4,
                          state_size=16, n_groups=1, conv_kernel=4, chunk_size=8, bos_token_id=0, eos_token_id=1,
                          pad_token_id=1, **args)
    model = Mamba2ForCausalLM(config).eval()
    randomize(model, seed)
    with torch.no_grad():
        for layer in model.backbone.layers:
            layer.mixer.A_log.copy_(torch.linspace(-1, 1.5, 4).to(torch.bfloat16).float())
    return model


def find_states(cache, n_layers):
    conv, ssm = [], []
    for i in range(n_layers):
        layer = cache.layers[i] if hasattr(cache, "layers") else None
        c = layer.conv_states if layer is not None else cache.conv_states[i]
        s = layer.recurrent_states if layer is not None else cache.ssm_states[i]
        c = c if torch.is_tensor(c) else next(iter(c.values()))
        s = s if torch.is_tensor(s) else next(iter(s.values()))
        conv.append(c[..., -3:].transpose(1, 2))  # the K-1 newest inputs, oldest first, channels last
        ssm.append(s)
    return torch.stack(conv), torch.stack(ssm)


def record_lm(model, seed, limited=False, n_new=12):
    g = torch.Generator().manual_seed(seed)
    ids = torch.randint(2, 67, (BATCH, 13), generator=g)
    out = {"lm.ids": ids.int()}
    with torch.no_grad():
        r = model(input_ids=ids, use_cache=True, output_hidden_states=True)
        for i, h in enumerate(r.hidden_states[:-1]):
            out["lm.layer%d" % i] = h
        out["lm.norm_f"] = r.hidden_states[-1]
        out["lm.logits"] = r.logits[:, -1]
        conv, ssm = find_states(r.cache_params, 2)
        out["lm.conv_state"], out["lm.ssm_state"] = conv.clone(), ssm.clone()
        cached = model.generate(input_ids=ids, max_new_tokens=n_new, do_sample=False, use_cache=True, eos_token_id=None,
                                attention_mask=torch.ones_like(ids))[:, ids.shape[1]:]
        full = ids
        for _ in range(n_new):  # the same without any cache
            full = torch.cat((full, model(input_ids=full, use_cache=False).logits[:, -1:].argmax(-1)), 1)
        if limited:  # transformers' one-token step forgets time_step_limit: only the full pass follows the definition
            assert not torch.equal(full[:, ids.shape[1]:], cached)
        else:
            assert torch.equal(full[:, ids.shape[1]:], cached), "transformers' cached generation differs from its full pass"
        out["lm.generated"] = full[:, ids.shape[1]:].int()
        out["lm.logits_end"] = model(input_ids=full, use_cache=False).logits[:, -1]
    return out


def write(folder, config, tensors, reference, preprocessor=None):
    os.makedirs(folder, exist_ok=True)
    with open(folder + "/config.json", "w") as f:
        f.write(json.dumps(config, indent=1) + "\n")
    if preprocessor:
        with open(folder + "/preprocessor_config.json", "w") as f:
            f.write(json.dumps(preprocessor, indent=1) + "\n")
    save_file(tensors, folder + "/model.safetensors", metadata={"format": "pt"})
    ref = {k: (v if v.dtype == torch.int32 else v.float()).contiguous() for k, v in reference.items()}
    save_file(ref, folder + "/reference.safetensors", metadata={"format": "pt"})
    print(folder, {f: os.path.getsize(folder + "/" + f) for f in sorted(os.listdir(folder))})


def lm_tensors(model, tied):
    return {"language_model." + k: v.detach().to(torch.bfloat16).clone().contiguous() for k, v in model.state_dict().items()
            if not (tied and k == "lm_head.weight")}


def text_config(model):
    keys = json.loads(model.config.to_json_string(use_diff=False))
    return {k: v for k, v in keys.items() if v is not None}


def small(folder):
    g = torch.Generator().manual_seed(7)
    tensors, reference, towers, features = {}, {}, [], []
    for i, (model, weights, config, block) in enumerate((dino(), siglip())):
        pixels = torch.randn(BATCH, 3, IMAGE, IMAGE, generator=g)
        reference["vision.%d.pixels" % i] = pixels
        stages = record_tower(model, pixels.double(), block, "vision.%d." % i)
        reference.update(stages)
        features.append(stages["vision.%d.out" % i])
        tensors.update(weights)
        towers.append(config)
    features = torch.cat(features, -1)
    reference["vision.features"] = features

    connector = Connector(features.shape[-1], 32, 16, 16, [64, 48, 32], 3)
    recs = [connector.forward(v) for v in features]
    for k in recs[0]:
        reference["connector." + k] = torch.stack([r[k] for r in recs])
    tensors.update({"connector." + k: v for k, v in connector.w.items()})

    lm = language_model(4, tie_word_embeddings=True)
    tensors.update(lm_tensors(lm, True))
    reference.update(record_lm(lm, 5))
    config = dict(model_type="ml_mamba", eos_token_id=1, num_image_tokens=GRID * GRID, image_position="first",
                  vision=dict(type="concat", towers=towers),
                  connector=dict(type="mamba2_bidirectional", input_size=features.shape[-1], hidden_size=32, num_layers=2,
                                 state_size=16, head_dim=16, projector_dims=[64, 48, 32], activation="gelu_erf"),
                  text=text_config(lm))
    pre = dict(resize_mode="naive", size=dict(height=IMAGE, width=IMAGE), resample=3, do_rescale=True, rescale_factor=1 / 255,
               do_normalize=True, image_mean=[0.5] * 3, image_std=[0.5] * 3)
    write(folder + "/small", config, tensors, reference, pre)


def mamba2_hf(folder):
    lm = language_model(6, tie_word_embeddings=False, time_step_limit=(0.1, 0.9), use_conv_bias=False)
    write(folder + "/mamba2-hf", dict(eos_token_id=1, text=text_config(lm)), lm_tensors(lm, False),
          record_lm(lm, 8, limited=True))


if __name__ == "__main__":
    out = sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.path.dirname(os.path.abspath(__file__)), "data/models")
    torch.set_num_threads(1)
    small(out)
    mamba2_hf(out)
