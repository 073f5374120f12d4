"""Draw batches of scenes: on the GPU with the kernels of render_kernels.py, on the CPU one picture at a time, the same pixels.

Returns normalised pictures and what is under every patch (class, colour, offset to the centre, size) for the auxiliary losses.
"""
import math

import torch
import torch.nn.functional as F

from slots import K

SIDE, PATCHES, PATCH = 224, 16, 14
TINY = 1e-6


def unpack(v):
    return torch.stack([((v >> s) & 255).float() for s in (0, 8, 16, 24)]) / 255


def sample(texture, si, sf, px, py):
    """premultiplied colour and alpha [4, ...] of one slot at the points, and where the points are in its texture"""
    off, w, h = (int(v) for v in si)
    f = sf.tolist()
    u, v = f[0] * px + f[1] * py + f[2], f[3] * px + f[4] * py + f[5]
    inside = (u > 0) & (v > 0) & (u < w) & (v < h)
    x, y = u - 0.5, v - 0.5
    x0, y0 = torch.floor(x), torch.floor(y)
    fx, fy = x - x0, y - y0
    xa, xb = x0.clamp(0, w - 1).long(), (x0 + 1).clamp(0, w - 1).long()
    ya, yb = y0.clamp(0, h - 1).long(), (y0 + 1).clamp(0, h - 1).long()
    a, b, c, d = (unpack(texture[off + yy * w + xx]) for yy, xx in ((ya, xa), (ya, xb), (yb, xa), (yb, xb)))
    t = ((a * (1 - fx) + b * fx) * (1 - fy) + (c * (1 - fx) + d * fx) * fy) * inside
    m = sf[6:22].reshape(4, 4)
    return torch.tensordot(m, t, 1).clamp(0, 1), u, v, inside


def background(bg, px, py, smooth, rough):
    """[3, ...] of one picture; smooth and rough are noise about -1 .. 1"""
    k = int(bg[0])
    ca, sa, fr, ph, cx, cy = (float(t) for t in bg[7:13])
    sp, sq = torch.sin((px * ca + py * sa) * fr + ph), torch.sin((py * ca - px * sa) * fr + ph)
    r = torch.sqrt((px - cx) ** 2 + (py - cy) ** 2)

    def step(t):
        return (t * 6 + 0.5).clamp(0, 1)

    t = torch.zeros_like(px)
    if k == 1:
        t = ((px - 112) * ca + (py - 112) * sa) / 224 + 0.5
    elif k == 2:
        t = smooth * 0.5 + 0.5
    elif k == 3:
        t = step(sp)
    elif k == 4:
        t = step(sp * sq * 4)
    elif k == 5:
        t = rough * 0.5 + 0.5
    elif k == 6:
        t = step(torch.sin(r * fr + ph))
    elif k == 7:
        t = step(sp + sq - 1.1)
    elif k == 8:
        t = r / 190
    elif k == 9:
        t = step(smooth * 2)
    elif k == 10:
        t = step(torch.maximum(sp, sq) * 2 - 1.92)
    t = t.clamp(0, 1)
    return torch.stack([bg[1 + j] * (1 - t) + bg[4 + j] * t for j in range(3)])


def box_of(sf, si):
    """pixels a slot can touch: x0, x1, y0, y1"""
    a, b, c, d, e, f = sf[:6].tolist()
    det = a * e - b * d
    w, h = float(si[1]), float(si[2])
    if abs(det) < TINY:
        return 0, 0, 0, 0
    xs, ys = [], []
    for u, v in ((0, 0), (w, 0), (0, h), (w, h)):
        p, q = u - c, v - f
        xs.append((e * p - b * q) / det)
        ys.append((a * q - d * p) / det)
    return (max(0, int(min(xs)) - 1), min(SIDE, int(max(xs)) + 2), max(0, int(min(ys)) - 1), min(SIDE, int(max(ys)) + 2))


def draw_on_cpu(texture, si, sf, bg, smooth, rough):
    """[B,3,224,224] in 0..1"""
    g = torch.arange(SIDE).float() + 0.5
    py, px = torch.meshgrid(g, g, indexing="ij")
    out = []
    for b in range(si.shape[0]):
        x = background(bg[b], px, py, smooth[b], rough[b])
        for k in range(K):
            if si[b, k, 1] > 0:
                x0, x1, y0, y1 = box_of(sf[b, k], si[b, k])
                if x1 > x0 and y1 > y0:
                    c = sample(texture, si[b, k], sf[b, k], px[y0:y1, x0:x1], py[y0:y1, x0:x1])[0]
                    x[:, y0:y1, x0:x1] = x[:, y0:y1, x0:x1] * (1 - c[3]) + c[:3]
        out.append(x)
    return torch.stack(out)


def labels_on_cpu(texture, si, sf, sl):
    """class [B,256], colour [B,256], offset and size [B,256,3]; the last slot that covers a patch's middle counts"""
    g = torch.arange(PATCHES).float() * PATCH + PATCH / 2
    py, px = (t.reshape(-1) for t in torch.meshgrid(g, g, indexing="ij"))
    n = si.shape[0]
    cls, col, off = torch.zeros(n, 256, dtype=torch.long), torch.zeros(n, 256, dtype=torch.long), torch.zeros(n, 256, 3)
    for b in range(n):
        for k in range(K):
            mode = float(sl[b, k, 2])
            if si[b, k, 1] <= 0 or mode == 0:
                continue
            c, u, v, inside = sample(texture, si[b, k], sf[b, k], px, py)
            w, h = float(si[b, k, 1]), float(si[b, k, 2])
            # a glyph's box and the middle of a photo count whole; a drawing where it is opaque, and its core
            part = {1: 0.24, 2: 0.36, 3: 0.5}[int(mode)]
            hit = inside & ((u - w / 2).abs() < part * w) & ((v - h / 2).abs() < min(part, 0.42) * h)
            hit = hit | (inside & (c[3] > 0.4)) if mode == 1 else hit
            cls[b][hit], col[b][hit] = int(sl[b, k, 0]), int(sl[b, k, 1])
            off[b][hit] = torch.stack(((sl[b, k, 3] - px) / 32, (sl[b, k, 4] - py) / 32, torch.log(sl[b, k, 5].clamp(min=1) / 60).expand(256)), 1)[hit]
    return cls, col, off


def dct_matrix(device):
    n = torch.arange(8, device=device).float()
    d = torch.cos((2 * n[None] + 1) * n[:, None] * math.pi / 16) * 0.5
    d[0] = math.sqrt(1 / 8)
    return d


QUANT = [[16, 11, 10, 16, 24, 40, 51, 61], [12, 12, 14, 19, 26, 58, 60, 55], [14, 13, 16, 24, 40, 57, 69, 56], [14, 17, 22, 29, 51, 87, 80, 62],
         [18, 22, 37, 56, 68, 109, 103, 77], [24, 35, 55, 64, 81, 104, 113, 92], [49, 64, 78, 87, 103, 121, 120, 101], [72, 92, 95, 98, 112, 100, 103, 99]]


class Renderer:
    def __init__(self, packed, device="cpu"):
        self.device = torch.device(device)
        self.texture = torch.from_numpy(packed.texture).to(self.device)
        self.dct, self.quant = dct_matrix(self.device), torch.tensor(QUANT, device=self.device).float() / 255
        self.kernels = None
        if self.device.type == "cuda":
            import render_kernels
            self.kernels = render_kernels

    @torch.no_grad()
    def __call__(self, batch, augment=True, seed=None, want_labels=True):
        si, sf, sl, bg = (batch[k].to(self.device, non_blocking=True) for k in ("si", "sf", "sl", "bg"))
        n, dev = si.shape[0], self.device
        gen = None
        if seed is not None:
            gen = torch.Generator(device=dev).manual_seed(seed)
        smooth = F.interpolate(torch.rand(n, 1, 6, 6, device=dev, generator=gen) * 2 - 1, size=(SIDE, SIDE), mode="bicubic", align_corners=False)[:, 0]
        rough = F.interpolate(torch.randn(n, 1, 112, 112, device=dev, generator=gen) * 0.5, size=(SIDE, SIDE), mode="nearest")[:, 0]
        if self.kernels:
            x = self.kernels.draw(self.texture, si, sf, bg, smooth.contiguous(), rough.contiguous())
            cls, col, off = self.kernels.labels(self.texture, si, sf, sl)
        else:
            x = draw_on_cpu(self.texture, si, sf, bg, smooth, rough)
            cls, col, off = labels_on_cpu(self.texture, si, sf, sl) if want_labels else (None, None, None)
        if augment:
            x = self.augment(x, gen, bg[:, 17])
        x = self.letterbox(x, bg)
        x = torch.round(x.clamp(0, 1) * 255) / 255
        x = torch.where(self.outside(bg), torch.full_like(x, 0.5), x)
        return (x - 0.5) / 0.5, dict(cls=cls, col=col, off=off)

    def outside(self, bg):
        g = torch.arange(SIDE, device=self.device).float() + 0.5
        x0, y0, x1, y1 = (bg[:, j].reshape(-1, 1, 1, 1) for j in (13, 14, 15, 16))
        px, py = g.reshape(1, 1, 1, -1), g.reshape(1, 1, -1, 1)
        return ((px < x0) | (px > x1) | (py < y0) | (py > y1)).expand(-1, 3, -1, -1)

    def letterbox(self, x, bg):
        return torch.where(self.outside(bg), torch.full_like(x, 0.5), x)

    def augment(self, x, gen, smallest):
        """light, white balance, small copies, blur, noise, JPEG: what a real file goes through, names of colours kept"""
        n, dev = x.shape[0], self.device

        def rand(*shape):
            return torch.rand(*shape, device=dev, generator=gen)

        x = self.low_resolution(x.clone(), smallest)
        on = (rand(n, 1, 1, 1) < 0.7).float()
        gain, shift = 1 + on * (rand(n, 1, 1, 1) - 0.5) * 0.26, on * (rand(n, 1, 1, 1) - 0.5) * 0.14
        balance = 1 + on * (rand(n, 3, 1, 1) - 0.5) * 0.08
        x = ((x - 0.5) * gain + 0.5 + shift) * balance
        blur = ((rand(n, 1, 1, 1) - 0.6) / 0.4).clamp(0, 1)
        x = x + (F.avg_pool2d(F.pad(x, (1, 1, 1, 1), mode="replicate"), 3, 1) - x) * blur
        noise = ((rand(n, 1, 1, 1) - 0.6) / 0.4).clamp(0, 1) * 0.06
        x = (x + torch.randn(x.shape, device=dev, generator=gen) * noise).clamp(0, 1)
        x = self.surface(x, gen, smallest)
        j = n // 5
        if j:
            x = torch.cat((x[:-j], self.jpeg(x[-j:], rand(j, 1, 1, 1, 1, 1))))
        return x

    def surface(self, x, gen, smallest):
        """of pictures in the middle of the batch: sharpened, on paper, in uneven light, with more contrast or a cast, in large pixels"""
        n, dev = x.shape[0], self.device

        def rand(*shape):
            return torch.rand(*shape, device=dev, generator=gen)

        def some(first, count):
            return slice(n // 4 + first * n // 64, n // 4 + (first + count) * n // 64)

        if n < 64:
            return x
        at = some(0, 8)
        part = x[at]
        mean = F.avg_pool2d(F.pad(part, (1, 1, 1, 1), mode="replicate"), 3, 1)
        x[at] = part + (part - mean) * rand(part.shape[0], 1, 1, 1) * 2.5
        legible = (smallest >= 24).float().reshape(-1, 1, 1, 1)          # small text stays as it is
        at = some(8, 3)
        part, k = x[at], x[at].shape[0]
        grain = F.interpolate(torch.randn(k, 1, 112, 112, device=dev, generator=gen), size=(SIDE, SIDE), mode="bilinear", align_corners=False)
        grain = grain + 0.7 * torch.randn(k, 1, SIDE, SIDE, device=dev, generator=gen)
        x[at] = part * (1 - 0.09 * rand(k, 1, 1, 1) * grain.abs() * legible[at])
        at = some(11, 5)
        part, k = x[at], x[at].shape[0]
        light = F.interpolate(rand(k, 1, 3, 3), size=(SIDE, SIDE), mode="bilinear", align_corners=True)
        x[at] = part * (1 - light * 0.3 * rand(k, 1, 1, 1) * legible[at])
        at = some(16, 6)
        part, k = x[at], x[at].shape[0]
        x[at] = ((part - 0.5) * (0.72 + 0.56 * rand(k, 1, 1, 1)) + 0.5) * (1 + (rand(k, 3, 1, 1) - 0.5) * 0.14)
        at = some(22, 2)
        part = x[at]
        coarse = F.interpolate(F.interpolate(part, size=(56, 56), mode="area"), size=(SIDE, SIDE), mode="nearest")
        x[at] = torch.where((smallest[at] >= 90).reshape(-1, 1, 1, 1), coarse, part)
        return x.clamp(0, 1)

    def low_resolution(self, x, smallest):
        """the first pictures of a batch through 64 .. 150 pixels, where the smallest thing in them stays 14 pixels large"""
        m = x.shape[0] // 24
        for i, side in enumerate((64, 96, 112, 150)):
            part = x[i * m:(i + 1) * m]
            if part.shape[0]:
                small = F.interpolate(part, size=(side, side), mode="bilinear", antialias=True, align_corners=False)
                large = F.interpolate(small, size=(SIDE, SIDE), mode="bilinear", align_corners=False)
                fits = (smallest[i * m:(i + 1) * m] * side / SIDE >= 14).reshape(-1, 1, 1, 1)
                x[i * m:(i + 1) * m] = torch.where(fits, large, part)
        return x

    def jpeg(self, x, r):
        """8x8 cosine blocks rounded as a file of quality 30 .. 95 would"""
        n = x.shape[0]
        blocks = x.reshape(n, 3, 28, 8, 28, 8)
        c = torch.einsum("ua,bcyaxd,vd->bcyuxv", self.dct, blocks - 0.5, self.dct)
        q = self.quant[None, None, None, :, None, :] * torch.exp(r * 2.6 - 2.1)
        y = torch.einsum("ua,bcyuxv,vd->bcyaxd", self.dct, torch.round(c / q) * q, self.dct) + 0.5
        return y.reshape(n, 3, SIDE, SIDE).clamp(0, 1)
