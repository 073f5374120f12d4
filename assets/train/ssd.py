"""The scan of Mamba-2 and its convolution for training: plain PyTorch, and Triton kernels that must agree with it.

  scan(xbc, dt, a, d, groups, state)   xbc [B,T,groups*(heads/groups*P + 2*state)] after convolution and SiLU,
                                       dt [B,T,heads] after softplus, a and d [heads]  ->  y [B,T,heads*P]
  split_conv(zx, weight, bias, ...)    a row of the input projection [z | xBC | dt]  ->  z, silu(conv(xBC)), dt

`use_kernels()` switches both to the Triton kernels after comparing them with the plain forms on the GPU at hand, and says
so; a kernel that does not agree is not used, and that is said too.
"""

import torch
import torch.nn.functional as F

CHUNK = 64
HEAD = 64
WARPS = {"dx": 4, "dg": 4, "dbc": 4}  # no register spills on sm_90


# ---- plain PyTorch ------------------------------------------------------------------------------------------------


def scan_plain(xbc, dt, a, d, groups, state, head=HEAD, chunk=CHUNK):
    """The chunked form: decays in fp32, matrix products in xbc's type."""
    B, T, _ = xbc.shape
    H, N, P, G = a.numel(), state, head, groups
    pad = -T % chunk
    if pad:  # dt = 0 neither decays nor feeds the state
        xbc, dt = F.pad(xbc, (0, 0, 0, pad)), F.pad(dt, (0, 0, 0, pad))
    C = (T + pad) // chunk
    xs, bs, cs = xbc.view(B, C, chunk, G, H // G * P + 2 * N).split([H // G * P, N, N], -1)
    x = xs.reshape(B, C, chunk, H, P)
    dt = dt.view(B, C, chunk, H)
    total = torch.cumsum(dt * a, 2)
    xd = (x * dt[..., None]).to(xbc.dtype)
    t = total.permute(0, 1, 3, 2)
    mask = torch.ones(chunk, chunk, dtype=torch.bool, device=x.device).tril()
    decay = torch.exp((t[..., :, None] - t[..., None, :]).masked_fill(~mask, -1e9))
    g = torch.einsum("bclgn,bcsgn->bcgls", cs, bs)
    m = (g[:, :, :, None] * decay.view(B, C, G, H // G, chunk, chunk)).to(xbc.dtype).view(B, C, H, chunk, chunk)
    y = torch.einsum("bchls,bcshp->bclhp", m, xd)
    xw = (xd * torch.exp(total[:, :, -1:] - total)[..., None]).to(xbc.dtype).view(B, C, chunk, G, H // G, P)
    fed = torch.einsum("bclgn,bclgip->bcgipn", bs, xw).reshape(B, C, H, P, N)
    S, before = torch.zeros_like(fed[:, 0], dtype=dt.dtype), []
    for c in range(C):
        before.append(S)
        S = S * torch.exp(total[:, c, -1])[:, :, None, None] + fed[:, c]
    before = torch.stack(before, 1).to(xbc.dtype).view(B, C, G, H // G, P, N)
    carried = torch.einsum("bclgn,bcgipn->bclgip", cs, before).reshape(B, C, chunk, H, P)
    y = y + carried * torch.exp(total)[..., None] + x * d[:, None]
    return y.reshape(B, T + pad, H * P)[:, :T].to(xbc.dtype)


def conv_plain(x, weight, bias):
    """Causal depthwise convolution + SiLU over the steps of x [...,T,C]; weight [...,C,4]."""
    T, padded = x.shape[-2], F.pad(x, (0, 0, 3, 0)).float()
    y = bias[..., None, :].float()
    for k in range(4):
        y = y + padded[..., k:k + T, :] * weight[..., None, :, k].float()
    return F.silu(y).to(x.dtype)


def split_conv_plain(zx, weight, bias, inner, conv, heads):
    z, xbc, dt = zx[..., :inner], zx[..., inner:inner + conv], zx[..., inner + conv:inner + conv + heads]
    return z, conv_plain(xbc, weight, bias), dt.float()


# ---- the kernels as autograd functions ------------------------------------------------------------------------------


class ScanKernels(torch.autograd.Function):
    @staticmethod
    def forward(ctx, xbc, dt, a, d, groups, state, head, chunk):
        import ssd_kernels as K
        B, T, CT = xbc.shape
        H, NC = a.numel(), T // chunk
        HG, BN = H // groups, min(state, 64)
        sizes = (HG, HG * head + 2 * state, CT, head, state, chunk)
        y = torch.empty(B, T, H * head, device=xbc.device, dtype=xbc.dtype)
        states = torch.empty(B, NC, H, state, head, device=xbc.device, dtype=xbc.dtype)
        K.chunk_states[(B * H, state // BN)](xbc, dt, a, states, T, H, NC, *sizes, BN, num_warps=4, num_stages=2)
        K.chunk_outputs[(B * NC * H,)](xbc, dt, a, d, states, y, T, H, NC, *sizes, num_warps=4, num_stages=1)
        ctx.save_for_backward(xbc, dt, a, d, states)
        ctx.shape = (groups, chunk, BN, sizes)
        return y

    @staticmethod
    def backward(ctx, dy):
        import ssd_kernels as K
        xbc, dt, a, d, states = ctx.saved_tensors
        groups, chunk, BN, sizes = ctx.shape
        B, T, _ = xbc.shape
        H, NC, state = a.numel(), T // chunk, sizes[4]
        dy, dxbc, ddt, dstates = dy.contiguous(), torch.empty_like(xbc), torch.empty_like(dt), torch.empty_like(states)
        ga = torch.empty(B * NC, H, device=dt.device)
        gd = torch.empty_like(ga)
        K.chunk_dstates[(B * H, state // BN)](xbc, dt, a, dy, dstates, T, H, NC, *sizes, BN, num_warps=4, num_stages=2)
        K.chunk_dx[(B * NC * H,)](xbc, dt, a, d, states, dstates, dy, dxbc, ddt, ga, gd, T, H, NC, *sizes,
                                  num_warps=WARPS["dx"], num_stages=1)
        dg = torch.empty(B * NC * groups, chunk, chunk, device=xbc.device, dtype=xbc.dtype)
        K.chunk_dg[(B * NC * groups,)](xbc, dt, a, dy, dg, T, H, NC, *sizes, 2, num_warps=WARPS["dg"])
        K.chunk_dbc[(B * NC * groups, 2)](xbc, dt, a, states, dstates, dy, dg, dxbc, T, H, NC, *sizes, 2,
                                                   num_warps=WARPS["dbc"])
        return dxbc, ddt, ga.sum(0), gd.sum(0), None, None, None, None


def scan_kernels(xbc, dt, a, d, groups, state, head=HEAD, chunk=CHUNK):
    T, pad = xbc.shape[1], -xbc.shape[1] % chunk
    if pad:
        xbc, dt = F.pad(xbc, (0, 0, 0, pad)), F.pad(dt, (0, 0, 0, pad))
    y = ScanKernels.apply(xbc.contiguous(), dt.float().contiguous(), a.float().contiguous(), d.float().contiguous(), groups,
                          state, head, chunk)
    return y[:, :T] if pad else y


class SplitConvKernels(torch.autograd.Function):
    BLOCK = (64, 64)

    @staticmethod
    def forward(ctx, zx, weight, bias, inner, conv, heads):
        import ssd_kernels as K
        B, T, row = zx.shape
        bt, bc = SplitConvKernels.BLOCK
        z = zx[..., :inner]  # a view: no copy
        dt = zx[..., inner + conv:inner + conv + heads].float().contiguous()
        y = torch.empty(B, T, conv, device=zx.device, dtype=zx.dtype)
        grid = (-(-conv // bc), -(-T // bt), B)
        K.conv_forward[grid](zx, weight, bias, y, T, row, inner, conv, bt, bc, num_warps=4)
        ctx.save_for_backward(zx, weight, bias)
        ctx.sizes = (inner, conv, heads)
        return z, y, dt

    @staticmethod
    def backward(ctx, dz, dy, ddt):
        zx, weight, bias = ctx.saved_tensors
        inner, conv, heads = ctx.sizes
        dzx = torch.empty_like(zx)
        dw, db = conv_backward(zx, weight, bias, dz, dy.contiguous(), ddt, dzx, inner, conv, heads)
        return dzx, dw, db, None, None, None


def conv_backward(zx, weight, bias, dz, dy, ddt, dzx, inner, conv, heads, steps=64):
    """One kernel for weights and input, one for the ends of the rows."""
    import ssd_kernels as K
    B, T, row = zx.shape
    dz, ddt = dz.to(zx.dtype).reshape(B * T, inner), ddt.float().contiguous()
    dz = dz if dz.stride(1) == 1 else dz.contiguous()
    pieces = -(-T // steps)
    part = torch.empty(B * pieces, 5 * conv, device=zx.device)
    K.conv_backward[(-(-conv // 128), pieces, B)](zx, weight, bias, dy, dzx, part, T, row, inner, conv, steps, 128,
                                                  num_warps=2)
    tail = max(16, 1 << (row - inner - conv - 1).bit_length())
    K.row_ends[(-(-B * T // 16), -(-inner // 256))](dz, ddt, dzx, B * T, dz.stride(0), row, inner, inner + conv, heads, 16, 256,
                                                   tail, num_warps=4)
    sums = part.sum(0)
    return sums[:4 * conv].view(conv, 4), sums[4 * conv:]


def split_conv_kernels(zx, weight, bias, inner, conv, heads):
    return SplitConvKernels.apply(zx.contiguous(), weight.float().contiguous(), bias.float().contiguous(), inner, conv, heads)


# ---- which of them runs ------------------------------------------------------------------------------------------------

_scan, _split_conv = scan_plain, split_conv_plain


def scan(*args, **kw):
    return _scan(*args, **kw)


def split_conv(*args):
    return _split_conv(*args)


def relative_error(got, want):
    return float((got.detach().float() - want.detach().float()).norm() / (want.detach().float().norm() + 1e-12))


def gradients(function, inputs, outer, *rest):
    """Outputs of function(*inputs, *rest) and the gradients of their product with `outer`."""
    inputs = [t.detach().clone().requires_grad_() for t in inputs]
    out = function(*inputs, *rest)
    out = out if isinstance(out, tuple) else (out,)
    return list(out) + list(torch.autograd.grad(out, inputs, [o.to(y.dtype) for o, y in zip(outer, out)]))


def scan_case(groups, heads, state, steps, device, batch=4):
    """Random inputs of a scan with the spread of a trained model's."""
    rand = torch.Generator(device).manual_seed(7)

    def normal(*shape):
        return torch.randn(*shape, device=device, generator=rand)

    xbc = normal(batch, steps, heads * HEAD + 2 * groups * state) * 0.5
    dt = F.softplus(normal(batch, steps, heads) - 3)
    a = -torch.rand(heads, device=device, generator=rand) * 15 - 1
    return [xbc, dt, a, normal(heads)], [normal(batch, steps, heads * HEAD)]


def compare_scan(groups, heads, state, steps, device, dtype):
    """Largest relative error of the kernels' outputs and gradients against the plain form in fp32."""
    inputs, outer = scan_case(groups, heads, state, steps, device)
    want = gradients(scan_plain, inputs, outer, groups, state)
    got = gradients(scan_kernels, [inputs[0].to(dtype)] + inputs[1:], outer, groups, state)
    return max(relative_error(g, w) for g, w in zip(got, want))


def compare_conv(inner, conv, heads, steps, device, dtype):
    rand = torch.Generator(device).manual_seed(8)
    row = -(-(inner + conv + heads) // 16) * 16
    inputs = [torch.randn(*s, device=device, generator=rand) for s in ((2, steps, row), (conv, 4), (conv,))]
    outer = [torch.randn(2, steps, n, device=device, generator=rand) for n in (inner, conv, heads)]
    want = gradients(split_conv_plain, inputs, outer, inner, conv, heads)
    got = gradients(split_conv_kernels, [inputs[0].to(dtype)] + inputs[1:], outer, inner, conv, heads)
    return max(relative_error(g, w) for g, w in zip(got, want))


def use_kernels(scans, conv, device, dtype, log=print, strict=False):
    """Switches to the kernels if they agree.  scans: (groups, heads, state, steps) of each use; conv: (inner, conv, heads)."""
    global _scan, _split_conv
    tf32 = torch.backends.cuda.matmul.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = False
    _scan, _split_conv = scan_plain, split_conv_plain
    try:
        errors = [compare_scan(*s, device, dtype) for s in scans]
        if not max(errors) < 0.04:
            raise ValueError("relative errors %s" % errors)
        _scan = scan_kernels
        log("scan kernels agree with plain PyTorch: relative errors", " ".join("%.4f" % e for e in errors))
    except Exception as error:
        log("*** THE SCAN KERNELS ARE NOT USED (training is several times slower):", str(error)[:600])
        if strict:
            raise
    try:
        error = compare_conv(*conv, 192, device, dtype)
        if not error < 0.02:
            raise ValueError("relative error %g" % error)
        _split_conv = split_conv_kernels
        log("convolution kernels agree with plain PyTorch: relative error %.4f" % error)
    except Exception as error:
        log("*** THE CONVOLUTION KERNELS ARE NOT USED:", str(error)[:600])
        if strict:
            raise
    torch.backends.cuda.matmul.allow_tf32 = tf32


def time_scan(groups, heads, state, steps, device, dtype, batch):
    """Milliseconds of a forward and of a backward pass at a training step's size (GPU)."""
    inputs, outer = scan_case(groups, heads, state, steps, device, batch)
    inputs = [t.requires_grad_() for t in [inputs[0].to(dtype)] + inputs[1:]]
    times = []
    for _ in range(3):
        marks = [torch.cuda.Event(enable_timing=True) for _ in range(3)]
        marks[0].record()
        y = scan(*inputs, groups, state)
        marks[1].record()
        torch.autograd.grad(y, inputs, outer[0].to(y.dtype))
        marks[2].record()
        torch.cuda.synchronize()
        times = [marks[0].elapsed_time(marks[1]), marks[1].elapsed_time(marks[2])]
    return times


if __name__ == "__main__":
    torch.cuda.init()
    uses = [(1, 12, 128, 448), (4, 48, 64, 256)]
    use_kernels(uses, (768, 1024, 12), "cuda", torch.bfloat16)
    for use in uses:
        for name in WARPS:
            for n in (4, 8):
                WARPS[name] = n
                print(use, WARPS, "forward %.2f ms, backward %.2f ms at 256 pictures" %
                      tuple(time_scan(*use, "cuda", torch.bfloat16, 256)), flush=True)
            WARPS[name] = 4
