"""Triton kernels of the renderer: the same arithmetic as draw_on_cpu and labels_on_cpu of render.py, which are the reference.

`python3 render_kernels.py PACKED` compares the two on the GPU.
"""
import torch
import triton
import triton.language as tl

from slots import K

SIDE = 224


@triton.jit
def _channel(a, b, c, d, fu, fv, SHIFT: tl.constexpr):
    p = ((a >> SHIFT) & 255).to(tl.float32)
    q = ((b >> SHIFT) & 255).to(tl.float32)
    r = ((c >> SHIFT) & 255).to(tl.float32)
    t = ((d >> SHIFT) & 255).to(tl.float32)
    return ((p * (1 - fu) + q * fu) * (1 - fv) + (r * (1 - fu) + t * fu) * fv) * (1.0 / 255.0)


@triton.jit
def _clip(x):
    return tl.minimum(tl.maximum(x, 0.0), 1.0)


@triton.jit
def _texel(TEX, si, sf, w, px, py):
    """the four channels of the texture at the points, before the colour matrix"""
    base = tl.load(si)
    h = tl.load(si + 2)
    u = tl.load(sf) * px + tl.load(sf + 1) * py + tl.load(sf + 2)
    v = tl.load(sf + 3) * px + tl.load(sf + 4) * py + tl.load(sf + 5)
    inside = (u > 0) & (v > 0) & (u < w) & (v < h)
    x = u - 0.5
    y = v - 0.5
    xf = tl.floor(x)
    yf = tl.floor(y)
    fu = x - xf
    fv = y - yf
    x0 = xf.to(tl.int32)
    y0 = yf.to(tl.int32)
    xa = tl.minimum(tl.maximum(x0, 0), w - 1)
    xb = tl.minimum(tl.maximum(x0 + 1, 0), w - 1)
    ya = tl.minimum(tl.maximum(y0, 0), h - 1)
    yb = tl.minimum(tl.maximum(y0 + 1, 0), h - 1)
    a = tl.load(TEX + (base + ya * w + xa), mask=inside, other=0)
    b = tl.load(TEX + (base + ya * w + xb), mask=inside, other=0)
    c = tl.load(TEX + (base + yb * w + xa), mask=inside, other=0)
    d = tl.load(TEX + (base + yb * w + xb), mask=inside, other=0)
    return _channel(a, b, c, d, fu, fv, 0), _channel(a, b, c, d, fu, fv, 8), _channel(a, b, c, d, fu, fv, 16), _channel(a, b, c, d, fu, fv, 24), u, v, inside


@triton.jit
def _row(sf, ROW: tl.constexpr, c0, c1, c2, c3):
    m = sf + 6 + ROW * 4
    return _clip(tl.load(m) * c0 + tl.load(m + 1) * c1 + tl.load(m + 2) * c2 + tl.load(m + 3) * c3)


@triton.jit
def _step(x):
    return _clip(x * 6 + 0.5)


@triton.jit
def _draw(TEX, SI, SF, BG, SMOOTH, ROUGH, OUT, PIXELS, SLOTS: tl.constexpr, BLOCK: tl.constexpr):
    b = tl.program_id(1)
    o = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    m = o < PIXELS
    py = (o // 224).to(tl.float32) + 0.5
    px = (o % 224).to(tl.float32) + 0.5
    g = BG + b * 20
    kind = tl.load(g)
    ca = tl.load(g + 7)
    sa = tl.load(g + 8)
    fr = tl.load(g + 9)
    ph = tl.load(g + 10)
    cx = tl.load(g + 11)
    cy = tl.load(g + 12)
    smooth = tl.load(SMOOTH + b * PIXELS + o, mask=m, other=0.0)
    rough = tl.load(ROUGH + b * PIXELS + o, mask=m, other=0.0)
    sp = tl.sin((px * ca + py * sa) * fr + ph)
    sq = tl.sin((py * ca - px * sa) * fr + ph)
    r = tl.sqrt((px - cx) * (px - cx) + (py - cy) * (py - cy))
    t = tl.zeros([BLOCK], tl.float32)
    t = tl.where(kind == 1, ((px - 112) * ca + (py - 112) * sa) / 224 + 0.5, t)
    t = tl.where(kind == 2, smooth * 0.5 + 0.5, t)
    t = tl.where(kind == 3, _step(sp), t)
    t = tl.where(kind == 4, _step(sp * sq * 4), t)
    t = tl.where(kind == 5, rough * 0.5 + 0.5, t)
    t = tl.where(kind == 6, _step(tl.sin(r * fr + ph)), t)
    t = tl.where(kind == 7, _step(sp + sq - 1.1), t)
    t = tl.where(kind == 8, r / 190, t)
    t = tl.where(kind == 9, _step(smooth * 2), t)
    t = tl.where(kind == 10, _step(tl.maximum(sp, sq) * 2 - 1.92), t)
    t = _clip(t)
    red = tl.load(g + 1) * (1 - t) + tl.load(g + 4) * t
    green = tl.load(g + 2) * (1 - t) + tl.load(g + 5) * t
    blue = tl.load(g + 3) * (1 - t) + tl.load(g + 6) * t
    for k in range(SLOTS):
        si = SI + (b * SLOTS + k) * 3
        sf = SF + (b * SLOTS + k) * 22
        w = tl.load(si + 1)
        if w > 0:
            c0, c1, c2, c3, u, v, inside = _texel(TEX, si, sf, w, px, py)
            keep = 1 - _row(sf, 3, c0, c1, c2, c3)
            red = red * keep + _row(sf, 0, c0, c1, c2, c3)
            green = green * keep + _row(sf, 1, c0, c1, c2, c3)
            blue = blue * keep + _row(sf, 2, c0, c1, c2, c3)
    q = OUT + b * 3 * PIXELS + o
    tl.store(q, red, mask=m)
    tl.store(q + PIXELS, green, mask=m)
    tl.store(q + 2 * PIXELS, blue, mask=m)


@triton.jit
def _labels(TEX, SI, SF, SL, CLS, COL, OFF, SLOTS: tl.constexpr):
    b = tl.program_id(0)
    o = tl.arange(0, 256)
    py = ((o // 16) * 14 + 7).to(tl.float32)
    px = ((o % 16) * 14 + 7).to(tl.float32)
    cls = tl.zeros([256], tl.int32)
    col = tl.zeros([256], tl.int32)
    dx = tl.zeros([256], tl.float32)
    dy = tl.zeros([256], tl.float32)
    sz = tl.zeros([256], tl.float32)
    zero = tl.zeros([256], tl.int32)
    for k in range(SLOTS):
        si = SI + (b * SLOTS + k) * 3
        sf = SF + (b * SLOTS + k) * 22
        lab = SL + (b * SLOTS + k) * 6
        w = tl.load(si + 1)
        mode = tl.load(lab + 2)
        if (w > 0) & (mode > 0):
            c0, c1, c2, c3, u, v, inside = _texel(TEX, si, sf, w, px, py)
            alpha = _row(sf, 3, c0, c1, c2, c3)
            wf = w.to(tl.float32)
            hf = tl.load(si + 2).to(tl.float32)
            part = tl.where(mode == 1, 0.24, tl.where(mode == 2, 0.36, 0.5))
            core = inside & (tl.abs(u - wf / 2) < part * wf) & (tl.abs(v - hf / 2) < tl.minimum(part, 0.42) * hf)
            hit = core | (inside & (alpha > 0.4) & (mode == 1))
            cls = tl.where(hit, tl.load(lab).to(tl.int32) + zero, cls)
            col = tl.where(hit, tl.load(lab + 1).to(tl.int32) + zero, col)
            dx = tl.where(hit, (tl.load(lab + 3) - px) / 32, dx)
            dy = tl.where(hit, (tl.load(lab + 4) - py) / 32, dy)
            sz = tl.where(hit, tl.log(tl.maximum(tl.load(lab + 5), 1.0) / 60), sz)
    q = b * 256 + o
    tl.store(CLS + q, cls)
    tl.store(COL + q, col)
    tl.store(OFF + q * 3, dx)
    tl.store(OFF + q * 3 + 1, dy)
    tl.store(OFF + q * 3 + 2, sz)


def draw(texture, si, sf, bg, smooth, rough):
    n, pixels, block = si.shape[0], SIDE * SIDE, 1024
    out = torch.empty(n, 3, SIDE, SIDE, device=si.device)
    _draw[(triton.cdiv(pixels, block), n)](texture, si.contiguous(), sf.contiguous(), bg.contiguous(), smooth, rough, out, pixels, K, block, num_warps=4)
    return out


def labels(texture, si, sf, sl):
    n, dev = si.shape[0], si.device
    cls, col = torch.empty(n, 256, device=dev, dtype=torch.int32), torch.empty(n, 256, device=dev, dtype=torch.int32)
    off = torch.empty(n, 256, 3, device=dev)
    _labels[(n,)](texture, si.contiguous(), sf.contiguous(), sl.contiguous(), cls, col, off, K, num_warps=4)
    return cls.long(), col.long(), off


def main():
    import sys
    import data
    import packed
    import render
    import tokenizer
    p = packed.load(sys.argv[1], photo_limit=300, procs=8)
    stream = data.Stream(p, tokenizer.load(tokenizer.DEFAULT), 1, "train", 32)
    batch = next(iter(stream))
    fast, slow = render.Renderer(p, "cuda"), render.Renderer(p, "cpu")
    si, sf, sl, bg = (batch[k] for k in ("si", "sf", "sl", "bg"))
    noise = torch.rand(32, SIDE, SIDE) * 2 - 1
    a = draw(fast.texture, *(t.cuda() for t in (si, sf, bg, noise, noise))).cpu()
    b = render.draw_on_cpu(slow.texture, si, sf, bg, noise, noise)
    la, lb = labels(fast.texture, si.cuda(), sf.cuda(), sl.cuda()), render.labels_on_cpu(slow.texture, si, sf, sl)
    print("pixels differ by at most %.4f, on average %.6f; class of patches differs on %.4f of them" % (
        (a - b).abs().max(), (a - b).abs().mean(), (la[0].cpu() != lb[0]).float().mean()))


if __name__ == "__main__":
    main()
