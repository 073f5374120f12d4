"""ML-Mamba in plain PyTorch: picture -> ViT -> selective-scan connector -> Mamba-2 language model.

The parameters have the names of the exported file (decision 20 of the design: vision_tower.*, connector.*,
language_model.*).  Weights are fp32 masters; `dtype` is what the matrix products compute in (bf16 in training, fp32 for
the golden values); the residual stream, norms, decays and the states' carry are fp32.

Blocks are functions of tensors, so that one torch.compile serves all layers.  A `record` dictionary collects the stages
under the names of the golden files.  Options beyond what ships serve ablate.py: fewer scan orders, a Transformer as
language model, question before picture, other state sizes.
"""
import dataclasses
import json
import math
import os

import torch
import torch.nn as nn
import torch.nn.functional as F

import ssd

ORDERS = ("row", "row_reversed", "column", "column_reversed")


@dataclasses.dataclass
class Config:
    image: int = 224
    patch: int = 14
    vision_width: int = 256
    vision_depth: int = 8
    vision_heads: int = 4
    vision_mlp: int = 1024
    width: int = 384
    layers: int = 10
    state: int = 128
    connector_state: int = 64
    connector_mlp: int = 1024
    vocab: int = 3072
    scan_orders: tuple = ORDERS     # (): a connector without scan; the first two: bidirectional
    language: str = "mamba2"        # or "transformer"
    transformer_layers: int = 6
    transformer_mlp: int = 1392     # 9.95 M in its blocks, as the ten Mamba-2 layers have
    picture_first: bool = True
    eps: float = 1e-5
    vision_eps: float = 1e-6

    @property
    def patches(self):
        return (self.image // self.patch) ** 2


PRESETS = {
    "tiny": Config(),
    # For tests and the smallest machines: 3.8 M parameters, under 4 MB in int8 with its tokenizer.
    "micro": Config(vision_width=128, vision_depth=4, vision_heads=4, vision_mlp=512, width=192, layers=6, state=64,
                    connector_state=32, connector_mlp=384),
}

# ---- blocks as functions ----------------------------------------------------------------------------------------------


def rms_norm(x, weight, eps=1e-5):
    x = x.float()
    return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + eps) * weight


def linear(x, weight, bias=None):
    return F.linear(x, weight.to(x.dtype), None if bias is None else bias.to(x.dtype))


def vit_block(x, n1w, n1b, qkv_w, qkv_b, proj_w, proj_b, n2w, n2b, fc1_w, fc1_b, fc2_w, fc2_b, dtype, heads, eps):
    B, T, D = x.shape
    h = F.layer_norm(x, (D,), n1w, n1b, eps).to(dtype)
    q, k, v = linear(h, qkv_w, qkv_b).view(B, T, 3, heads, D // heads).permute(2, 0, 3, 1, 4)
    x = x + linear(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(B, T, D), proj_w, proj_b)
    h = F.layer_norm(x, (D,), n2w, n2b, eps).to(dtype)
    return x + linear(F.gelu(linear(h, fc1_w, fc1_b), approximate="tanh"), fc2_w, fc2_b)


def mamba_in(x, norm, in_proj, dtype):
    """Rows are padded to a multiple of 16: an odd width (1,804) halves the speed of the product."""
    return linear(rms_norm(x, norm).to(dtype), F.pad(in_proj, (0, 0, 0, -in_proj.shape[0] % 16)))


def mamba_out(x, y, z, norm, out_proj, dtype):
    return x + linear(rms_norm(y.float() * F.silu(z.float()), norm).to(dtype), out_proj)


def reorder(x, order):
    """Grid order [B,T,...] -> the order of a scan, and back: every order is its own inverse."""
    B, T = x.shape[:2]
    side = math.isqrt(T)
    if order.endswith("_reversed") and not order.startswith("column"):
        return x.flip(1)
    if not order.startswith("column"):
        return x
    x = x.flip(1) if order.endswith("_reversed") else x
    return x.reshape(B, side, side, *x.shape[2:]).transpose(1, 2).reshape(B, T, *x.shape[2:])


def scan2d_in(x, norm, in_proj, conv_w, conv_b, dt_bias, dtype, inner, conv, orders):
    """-> z [B,T,inner] in grid order; xBC [B,T,orders*conv] and dt [B,T,orders*heads], each in its scan's order."""
    B, T, _ = x.shape
    zx = linear(rms_norm(x, norm).to(dtype), in_proj)
    rows = torch.stack([reorder(zx[..., inner:], o) for o in orders], 1)
    xbc = ssd.conv_plain(rows[..., :conv], conv_w[:, :, 0], conv_b)
    dt = F.softplus(rows[..., conv:].float() + dt_bias[:, None])
    return zx[..., :inner], xbc.transpose(1, 2).reshape(B, T, -1), dt.transpose(1, 2).reshape(B, T, -1)


def scan2d_out(x, y, z, norm, out_proj, dtype, orders):
    B, T, _ = x.shape
    y = y.view(B, T, len(orders), -1).float()
    total = sum(reorder(y[:, :, i], o) for i, o in enumerate(orders))
    return x + linear(rms_norm(total * F.silu(z.float()), norm).to(dtype), out_proj)


def swiglu(x, norm, w1, w2, w3, dtype):
    h = rms_norm(x, norm).to(dtype)
    return x + linear(F.silu(linear(h, w1)) * linear(h, w3), w2)


def rotate(x):
    """Rotary positions on [B,heads,T,P]."""
    T, P = x.shape[-2:]
    angle = torch.arange(T, device=x.device)[:, None] * 10000.0 ** (-torch.arange(0, P, 2, device=x.device) / P)
    a, b = x.float().chunk(2, -1)
    return torch.cat((a * angle.cos() - b * angle.sin(), a * angle.sin() + b * angle.cos()), -1).to(x.dtype)


def transformer_block(x, n1, qkv, proj, n2, fc1, fc2, dtype, heads):
    B, T, D = x.shape
    q, k, v = linear(rms_norm(x, n1).to(dtype), qkv).view(B, T, 3, heads, D // heads).permute(2, 0, 3, 1, 4)
    h = F.scaled_dot_product_attention(rotate(q), rotate(k), v, is_causal=True)
    x = x + linear(h.transpose(1, 2).reshape(B, T, D), proj)
    return x + linear(F.gelu(linear(rms_norm(x, n2).to(dtype), fc1), approximate="tanh"), fc2)


# ---- modules: they hold the parameters ------------------------------------------------------------------------------


class Norm(nn.Module):
    def __init__(self, d, bias=False):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(d))
        if bias:
            self.bias = nn.Parameter(torch.zeros(d))


class Linear(nn.Module):
    """std None: uniform in +-1/sqrt(inputs)."""

    def __init__(self, inputs, outputs, bias=True, std=None):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(outputs, inputs))
        if std is None:
            nn.init.uniform_(self.weight, -inputs ** -0.5, inputs ** -0.5)
        else:
            nn.init.trunc_normal_(self.weight, std=std)
        if bias:
            self.bias = nn.Parameter(torch.zeros(outputs))


class Conv(nn.Module):
    def __init__(self, *shape):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(*shape, 1, 4).uniform_(-0.5, 0.5))
        self.bias = nn.Parameter(torch.zeros(*shape))


class Group(nn.Module):
    """Parts under the given names."""

    def __init__(self, **parts):
        super().__init__()
        for name, part in parts.items():
            setattr(self, name, part)


class Mixer(nn.Module):
    """A Mamba-2 mixer; with `orders`, conv1d, dt_bias, A_log and D exist once for each scan order."""

    def __init__(self, width, state, depth, orders=None):
        super().__init__()
        self.inner, self.state = 2 * width, state
        self.heads, self.conv = self.inner // ssd.HEAD, self.inner + 2 * state
        lead = () if orders is None else (orders,)
        dt = torch.exp(torch.rand(*lead, self.heads) * math.log(100) + math.log(0.001))
        self.in_proj = Linear(width, self.inner + self.conv + self.heads, bias=False)
        self.conv1d = Conv(*lead, self.conv)
        self.dt_bias = nn.Parameter(dt + torch.log(-torch.expm1(-dt)))
        self.A_log = nn.Parameter(torch.log(1 + 15 * torch.rand(*lead, self.heads)))
        self.D = nn.Parameter(torch.ones(*lead, self.heads))
        self.norm = Norm(self.inner)
        self.out_proj = Linear(self.inner, width, bias=False)
        with torch.no_grad():
            self.out_proj.weight /= math.sqrt(depth)


def vit_layer(c):
    d, small = c.vision_width, 0.6 * c.vision_width ** -0.5
    return Group(norm1=Norm(d, True), attn=Group(qkv=Linear(d, 3 * d, std=small), proj=Linear(d, d, std=0.02)),
                 norm2=Norm(d, True), mlp=Group(fc1=Linear(d, c.vision_mlp, std=small),
                                                fc2=Linear(c.vision_mlp, d, std=0.02)))


def transformer_layer(c):
    d = c.width
    return Group(norm1=Norm(d), attn=Group(qkv=Linear(d, 3 * d, False, 0.6 * d ** -0.5), proj=Linear(d, d, False, 0.02)),
                 norm2=Norm(d), mlp=Group(fc1=Linear(d, c.transformer_mlp, False, 0.6 * d ** -0.5),
                                          fc2=Linear(c.transformer_mlp, d, False, 0.02)))


class MLMamba(nn.Module):
    """aux: size of the auxiliary heads on the vision tower's and the connector's outputs (0: none), not exported."""

    def __init__(self, config, aux=0, dtype=torch.float32, compiled=False):
        super().__init__()
        c, V, D = config, config.vision_width, config.width
        self.config, self.dtype, self.compiled, self.programs = config, dtype, compiled, {}
        patch = Conv(V)
        patch.weight = nn.Parameter(nn.init.trunc_normal_(torch.empty(V, 3, c.patch, c.patch), std=0.04))
        self.vision_tower = Group(patch_embed=Group(proj=patch), blocks=nn.ModuleList(vit_layer(c) for _ in range(c.vision_depth)),
                                  norm=Norm(V, True))
        self.vision_tower.pos_embed = nn.Parameter(0.02 * torch.randn(1, c.patches, V))
        self.connector = Group(mlp=Group(fc=Linear(V, D, std=V ** -0.5)))
        if c.scan_orders:
            self.connector.scan = Mixer(D, c.connector_state, 2, len(c.scan_orders))
            self.connector.scan_norm = Norm(D)
        self.connector.swiglu = Group(w1=Linear(D, c.connector_mlp, False), w2=Linear(c.connector_mlp, D, False),
                                      w3=Linear(D, c.connector_mlp, False))
        self.connector.swiglu_norm, self.connector.norm = Norm(D), Norm(D)
        self.connector.out_proj = Linear(D, D)
        table = Norm(D)
        table.weight = nn.Parameter(0.02 * torch.randn(c.vocab, D))
        if c.language == "mamba2":
            layers = [Group(norm=Norm(D), mixer=Mixer(D, c.state, c.layers)) for _ in range(c.layers)]
        else:
            layers = [transformer_layer(c) for _ in range(c.transformer_layers)]
        self.language_model = Group(backbone=Group(embeddings=table, layers=nn.ModuleList(layers), norm_f=Norm(D)))
        if aux:
            self.aux_vision, self.aux_connector = Linear(V, aux, std=0.02), Linear(D, aux, std=0.02)

    def run(self, function, *args):
        """function(*args), compiled once for all its uses when the model is."""
        if not self.compiled:
            return function(*args)
        if function not in self.programs:
            self.programs[function] = torch.compile(function, dynamic=False)
            try:
                return self.programs[function](*args)
            except Exception as error:
                print("*** torch.compile FAILS for %s, it runs uncompiled: %s" % (function.__name__, str(error)[:400]), flush=True)
                self.programs[function] = function
        return self.programs[function](*args)

    def vision(self, images, record=None):
        """[B,3,S,S] -> [B,patches,vision_width] fp32"""
        c, v, B, g = self.config, self.vision_tower, images.shape[0], self.config.image // self.config.patch
        note = record.__setitem__ if record is not None else lambda name, t: None
        x = images.reshape(B, 3, g, c.patch, g, c.patch).permute(0, 2, 4, 1, 3, 5).reshape(B, g * g, -1).to(self.dtype)
        x = linear(x, v.patch_embed.proj.weight.flatten(1), v.patch_embed.proj.bias)
        note("vision.patch_embed", x)
        x = x.float() + v.pos_embed
        note("vision.embed", x)
        for i, b in enumerate(v.blocks):
            x = self.run(vit_block, x, b.norm1.weight, b.norm1.bias, b.attn.qkv.weight, b.attn.qkv.bias, b.attn.proj.weight,
                         b.attn.proj.bias, b.norm2.weight, b.norm2.bias, b.mlp.fc1.weight, b.mlp.fc1.bias, b.mlp.fc2.weight,
                         b.mlp.fc2.bias, self.dtype, c.vision_heads, c.vision_eps)
            note("vision.block%d" % i, x)
        x = F.layer_norm(x, x.shape[-1:], v.norm.weight, v.norm.bias, c.vision_eps)
        note("vision.norm", x)
        return x

    def connect(self, features, record=None):
        """[B,patches,vision_width] -> picture rows [B,patches,width]"""
        c, n, orders = self.config, self.connector, tuple(self.config.scan_orders)
        note = record.__setitem__ if record is not None else lambda name, t: None
        x = F.gelu(linear(features.to(self.dtype), n.mlp.fc.weight, n.mlp.fc.bias), approximate="tanh").float()
        note("connector.mlp", x)
        if orders:
            m = n.scan
            z, xbc, dt = self.run(scan2d_in, x, n.scan_norm.weight, m.in_proj.weight, m.conv1d.weight, m.conv1d.bias,
                                  m.dt_bias, self.dtype, m.inner, m.conv, orders)
            y = ssd.scan(xbc, dt, -torch.exp(m.A_log).flatten(), m.D.flatten(), len(orders), m.state)
            for i in range(len(orders)):
                note("connector.scan_y%d" % i, y.view(*y.shape[:2], len(orders), -1)[:, :, i])
            x = self.run(scan2d_out, x, y, z, m.norm.weight, m.out_proj.weight, self.dtype, orders)
            note("connector.scan", x)
        x = self.run(swiglu, x, n.swiglu_norm.weight, n.swiglu.w1.weight, n.swiglu.w2.weight, n.swiglu.w3.weight, self.dtype)
        note("connector.swiglu", x)
        x = linear(rms_norm(x, n.norm.weight, c.eps).to(self.dtype), n.out_proj.weight, n.out_proj.bias)
        note("connector.out", x)
        return x

    def decode(self, x, record=None):
        """Rows [B,T,width] -> normed hidden states [B,T,width] fp32"""
        c, m = self.config, self.language_model.backbone
        note = record.__setitem__ if record is not None else lambda name, t: None
        x = x.float()
        for i, layer in enumerate(m.layers):
            x = self.mamba_layer(x, layer) if c.language == "mamba2" else self.run(
                transformer_block, x, layer.norm1.weight, layer.attn.qkv.weight, layer.attn.proj.weight, layer.norm2.weight,
                layer.mlp.fc1.weight, layer.mlp.fc2.weight, self.dtype, c.width // 64)
            note("lm.layer%d" % i, x)
        x = rms_norm(x, m.norm_f.weight, c.eps)
        note("lm.norm_f", x)
        return x

    def mamba_layer(self, x, layer):
        m = layer.mixer
        zx = self.run(mamba_in, x, layer.norm.weight, m.in_proj.weight, self.dtype)
        z, xbc, dt = ssd.split_conv(zx, m.conv1d.weight[:, 0], m.conv1d.bias, m.inner, m.conv, m.heads)
        y = ssd.scan(xbc, F.softplus(dt + m.dt_bias), -torch.exp(m.A_log), m.D, 1, m.state)
        return self.run(mamba_out, x, y, z, m.norm.weight, m.out_proj.weight, self.dtype)

    def embed(self, tokens):
        return F.embedding(tokens, self.language_model.backbone.embeddings.weight)

    def head(self, hidden):
        return F.linear(hidden.to(self.dtype), self.language_model.backbone.embeddings.weight.to(self.dtype))

    def forward(self, images, tokens, picture_at=None):
        """-> hidden states at the text positions [B,T,width], vision features, picture rows.

        picture_at [B]: how many text tokens stand before the picture; None: the picture comes first."""
        features = self.vision(images)
        rows = self.connect(features)
        text, n = self.embed(tokens), rows.shape[1]
        if picture_at is None:
            return self.decode(torch.cat((rows.float(), text), 1))[:, n:], features, rows
        t = torch.arange(tokens.shape[1], device=tokens.device)
        place = t + n * (t >= picture_at[:, None])
        here = picture_at[:, None] + torch.arange(n, device=tokens.device)
        wide = [i[..., None].expand(-1, -1, text.shape[-1]) for i in (place, here)]
        x = torch.empty(text.shape[0], text.shape[1] + n, text.shape[2], device=text.device)
        x = x.scatter(1, wide[0], text).scatter(1, wide[1], rows.float())
        return self.decode(x).gather(1, wide[0]), features, rows

    @torch.no_grad()
    def answer(self, rows, tokens, end, limit=64):
        """Greedy tokens after a prompt: picture rows [1,n,width] (or None), ids.  The whole row again for every token:
        for tests, not for speed."""
        tokens, out = list(tokens), []
        while len(out) < limit and end not in out:
            text = self.embed(torch.tensor([tokens + out], device=self.language_model.backbone.norm_f.weight.device))
            x = text if rows is None else torch.cat((rows.float(), text), 1)
            out.append(int(self.head(self.decode(x)[:, -1]).argmax()))
        return out


def exported(model):
    """Name -> parameter of everything that is exported."""
    return {k: p for k, p in model.named_parameters() if not k.startswith("aux_")}


def config_of(folder):
    """The Config of a model directory."""
    with open(os.path.join(folder, "config.json"), encoding="utf-8") as f:
        j = json.load(f)
    v, n, t = j["vision"], j["connector"], j["text"]
    return Config(image=v["image_size"], patch=v["patch_size"], vision_width=v["hidden_size"], vision_depth=v["num_layers"],
                  vision_heads=v["num_heads"], vision_mlp=v["mlp_dim"], width=t["hidden_size"],
                  layers=t["num_hidden_layers"], state=t["state_size"], connector_state=n["state_size"],
                  connector_mlp=n["swiglu_dim"], vocab=t["vocab_size"], scan_orders=tuple(n["scan_orders"]),
                  eps=t["layer_norm_epsilon"], vision_eps=v["layer_norm_eps"])
