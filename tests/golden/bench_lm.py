"""Language models of the size of Mamba-2 2.7B in PyTorch alone (bf16 weights, random), to set beside `mlmamba bench --random` on the
same card in the same run: Mamba-2 with the chunked scan and a step of few operations, and a Transformer; each in a CUDA graph.

    python3 tests/golden/bench_lm.py [mamba2 transformer ...] [--batch 1,64] [--prefill 1x769,16x769]

gap.py takes the functions of this file too: one model code for fp64, fp32 and bf16.
"""
import argparse
import statistics

import torch
import torch.nn.functional as F

EPS = 1e-5


def wide(dtype):
    """What sums and states are kept in."""
    return torch.float64 if dtype == torch.float64 else torch.float32


def rms_norm(x, weight, dtype):
    x = x.to(wide(dtype))
    return (x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + EPS) * weight).to(dtype)


def scan(x, dt, a, b, c, d, state, mm, chunk=256):
    """Chunked state-space duality: x [B,T,H,P], dt [B,T,H] and a [H] wide, b and c [B,T,N], state [B,H,P,N] wide -> y, state.
    Products in mm."""
    B, T, H, P = x.shape
    pad = -T % chunk
    if pad:
        x, dt, b, c = (F.pad(t, (0, 0) * (t.dim() - 2) + (0, pad)) for t in (x, dt, b, c))
    n = (T + pad) // chunk
    x, dt, b, c = (t.reshape(B, n, chunk, *t.shape[2:]) for t in (x, dt, b, c))
    cum = torch.cumsum(dt * a, 2)                                                        # [B,n,Q,H]
    xd = (x * dt[..., None]).to(mm)
    keep = torch.ones(chunk, chunk, dtype=torch.bool, device=x.device).tril()
    seg = cum.permute(0, 1, 3, 2)                                                        # [B,n,H,Q]
    decay = torch.exp((seg[..., :, None] - seg[..., None, :]).masked_fill(~keep, float("-inf")))
    m = ((c.to(mm) @ b.to(mm).transpose(-1, -2))[:, :, None] * decay).to(mm)             # [B,n,H,Q,Q]
    y = m @ xd.transpose(2, 3)                                                           # [B,n,H,Q,P]
    to_end = torch.exp(seg[..., -1:] - seg)                                              # [B,n,H,Q]
    add = (xd.permute(0, 1, 3, 4, 2) * to_end[..., None, :]).to(mm) @ b.to(mm)[:, :, None]  # [B,n,H,P,N]
    before = torch.empty(B, n, H, P, b.shape[-1], dtype=mm, device=x.device)
    for i in range(n):
        before[:, i] = state
        state = state * torch.exp(seg[:, i, :, -1])[..., None, None] + add[:, i]
    y = y + (c.to(mm)[:, :, None] @ before.transpose(-1, -2)) * torch.exp(seg)[..., None]
    y = y.transpose(2, 3) + d[:, None] * x
    return y.reshape(B, T + pad, H, P)[:, :T], state


class Layer:
    def __init__(self, inp, out, conv_w, conv_b, dt_bias, a_log, d, gate_norm, norm, dtype):
        w = wide(dtype)
        self.inp, self.out = inp.to(dtype), out.to(dtype)
        self.conv_w, self.conv_b = conv_w.to(dtype), conv_b.to(dtype)
        self.dt_bias, self.a, self.d = dt_bias.to(w), -torch.exp(a_log.to(w)), d.to(w)
        self.gate_norm, self.norm = gate_norm.to(w), None if norm is None else norm.to(w)
        self.heads, self.inner = d.shape[0], out.shape[1]
        self.n = (conv_w.shape[0] - self.inner) // 2

    def split(self, x, dtype):
        return F.linear(x.to(dtype), self.inp).split([self.inner, self.inner + 2 * self.n, self.heads], -1)

    def gate(self, y, z, dtype):
        y = y.to(wide(dtype)) * F.silu(z.to(wide(dtype)))
        return F.linear(rms_norm(y, self.gate_norm, dtype), self.out)


def mixer(p, x, dtype, mm=None, state=None):
    """x [B,T,D] normed -> [B,T,D], the states behind it."""
    B, T = x.shape[:2]
    w = wide(dtype)
    z, xbc, dt = p.split(x, dtype)
    if state is None:
        state = (torch.zeros(B, 3, xbc.shape[-1], dtype=dtype, device=x.device),
                 torch.zeros(B, p.heads, p.inner // p.heads, p.n, dtype=w, device=x.device))
    past = torch.cat((state[0], xbc), 1)
    conv = F.silu(F.conv1d(past.transpose(1, 2), p.conv_w[:, None], p.conv_b, groups=xbc.shape[-1]).transpose(1, 2))
    xs, bs, cs = conv.split([p.inner, p.n, p.n], -1)
    y, ssm = scan(xs.reshape(B, T, p.heads, -1).to(w), F.softplus(dt.to(w) + p.dt_bias), p.a, bs.to(w), cs.to(w), p.d, state[1],
                  mm or w)
    return p.gate(y.reshape(B, T, p.inner), z, dtype), (past[:, -3:], ssm)


def step(p, x, dtype, conv, ssm):
    """One token: x [B,D] normed -> [B,D]; conv [B,C,4] and ssm [B,H,P,N] are changed in place."""
    w = wide(dtype)
    z, xbc, dt = p.split(x, dtype)
    conv.copy_(torch.cat((conv[:, :, 1:], xbc[:, :, None]), -1))
    xs, bs, cs = F.silu((conv * p.conv_w).sum(-1) + p.conv_b).split([p.inner, p.n, p.n], -1)
    dt = F.softplus(dt.to(w) + p.dt_bias)
    xs = xs.reshape(len(x), p.heads, -1).to(w)
    ssm.mul_(torch.exp(dt * p.a)[..., None, None].to(ssm.dtype))
    ssm.add_((((xs * dt[..., None])[..., None]) * bs[:, None, None].to(w)).to(ssm.dtype))
    y = (ssm @ cs[:, None, :, None].to(ssm.dtype))[..., 0].to(w) + p.d[:, None] * xs
    return p.gate(y.reshape(len(x), p.inner), z, dtype)


class Mamba2:
    """layers: Layer, table [V,D], norm [D]; the residual stream is wide, as in mamba_ssm."""

    def __init__(self, layers, table, norm, dtype):
        self.layers, self.table, self.norm, self.dtype = layers, table.to(dtype), norm.to(wide(dtype)), dtype

    def prefill(self, ids, mm=None, all_logits=False):
        x, states = self.table[ids].to(wide(self.dtype)), []
        for p in self.layers:
            y, state = mixer(p, rms_norm(x, p.norm, self.dtype), self.dtype, mm)
            x = x + y
            states.append(state)
        x = x if all_logits else x[:, -1]
        return F.linear(rms_norm(x, self.norm, self.dtype), self.table), states

    def start(self, rows, state_dtype):
        p = self.layers[0]
        return [(torch.zeros(rows, p.conv_w.shape[0], 4, dtype=self.dtype, device=self.table.device),
                 torch.zeros(rows, p.heads, p.inner // p.heads, p.n, dtype=state_dtype, device=self.table.device))
                for _ in self.layers]

    def step(self, ids, states):
        x = self.table[ids].to(wide(self.dtype))
        for p, (conv, ssm) in zip(self.layers, states):
            x = x + step(p, rms_norm(x, p.norm, self.dtype), self.dtype, conv, ssm)
        return F.linear(rms_norm(x, self.norm, self.dtype), self.table)


def random_mamba2(layers=64, d=2560):
    inner, n = 2 * d, 128
    heads, g = inner // 64, lambda *s: torch.randn(*s, device="cuda", dtype=torch.bfloat16)
    one = lambda k: torch.ones(k, device="cuda")
    made = [Layer(g(2 * inner + 2 * n + heads, d) * d ** -0.5, g(d, inner) * inner ** -0.5, g(inner + 2 * n, 4) * 0.5,
                  g(inner + 2 * n) * 0.1, one(heads) * -4, torch.log(1 + 15 * torch.rand(heads, device="cuda")), one(heads),
                  one(inner), one(d), torch.bfloat16) for _ in range(layers)]
    return Mamba2(made, g(50288, d) * d ** -0.5, one(d), torch.bfloat16)


class Transformer:
    """32 layers, width 2560, 32 heads, SwiGLU 6912: 2.67 B parameters; a cache of fixed length."""

    def __init__(self, rows, context, layers=32, d=2560, heads=32, ffn=6912):
        g = lambda *s: torch.randn(*s, device="cuda", dtype=torch.bfloat16) * s[-1] ** -0.5
        self.w = [(g(3 * d, d), g(d, d), g(2 * ffn, d), g(d, ffn)) for _ in range(layers)]
        self.cache = [torch.zeros(2, rows, heads, context + 1, d // heads, device="cuda", dtype=torch.bfloat16) for _ in self.w]
        self.table, self.heads, self.at = g(50288, d), heads, torch.tensor([context], device="cuda")
        self.norm = torch.ones(d, device="cuda", dtype=torch.bfloat16)

    def step(self, ids):
        x = self.table[ids]
        B, D = x.shape
        for (qkv, out, up, down), cache in zip(self.w, self.cache):
            q, k, v = F.linear(F.rms_norm(x, (D,), self.norm), qkv).view(B, 3, self.heads, 1, -1).unbind(1)
            cache[0].index_copy_(2, self.at, k)
            cache[1].index_copy_(2, self.at, v)
            y = F.scaled_dot_product_attention(q, cache[0], cache[1])
            x = x + F.linear(y.reshape(B, D), out)
            gate, lin = F.linear(F.rms_norm(x, (D,), self.norm), up).chunk(2, -1)
            x = x + F.linear(F.silu(gate) * lin, down)
        return F.linear(F.rms_norm(x, (D,), self.norm), self.table)


def graph_ms(fn, n=9, warm=2):
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(warm):
            fn()
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        fn()
    times = []
    for i in range(-2, n):
        start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        start.record()
        graph.replay()
        end.record()
        end.synchronize()
        times += [start.elapsed_time(end)] if i >= 0 else []
    return statistics.median(times)


def pairs(text):
    return [tuple(int(v) for v in p.split("x")) for p in text.split(",") if p]


@torch.no_grad()
def main():
    a = argparse.ArgumentParser()
    a.add_argument("model", nargs="*", default=["mamba2", "transformer"])
    a.add_argument("--batch", default="1,64")
    a.add_argument("--prefill", default="1x769,16x769")
    a.add_argument("--context", type=int, default=769)
    a = a.parse_args()
    torch.manual_seed(0)
    if "mamba2" in a.model:
        m = random_mamba2()
        for rows in [int(b) for b in a.batch.split(",")]:
            for kind in (torch.float32, torch.bfloat16):
                states, ids = m.start(rows, kind), torch.arange(rows, device="cuda")
                ms = graph_ms(lambda: ids.copy_(m.step(ids, states).argmax(-1)))
                print(f"PyTorch Mamba-2 2.7B decode, batch {rows}, {str(kind)[6:]} state, CUDA graph: {ms:.3f} ms", flush=True)
                del states
                torch.cuda.empty_cache()
        for rows, tokens in pairs(a.prefill):
            ids = torch.randint(50280, (rows, tokens), device="cuda")
            ms = graph_ms(lambda: m.prefill(ids, torch.bfloat16)[0], 5, 1)
            print(f"PyTorch Mamba-2 2.7B prefill {rows} x {tokens}, CUDA graph: {ms:.3f} ms", flush=True)
            torch.cuda.empty_cache()
        del m
    if "transformer" in a.model:
        for rows in [int(b) for b in a.batch.split(",")]:
            t, ids = Transformer(rows, a.context), torch.arange(rows, device="cuda")
            ms = graph_ms(lambda: ids.copy_(t.step(ids).argmax(-1)))
            print(f"PyTorch Transformer 2.67B decode, batch {rows}, {a.context} tokens of context, CUDA graph: {ms:.3f} ms", flush=True)
            del t
            torch.cuda.empty_cache()


if __name__ == "__main__":
    main()
