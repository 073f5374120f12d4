"""Triton kernels of the training step: the chunked scan of Mamba-2 (state-space duality) and the causal convolution.

The scan, for one head:  S_t = exp(dt_t a) S_{t-1} + dt_t B_t x_t^T,   y_t = C_t S_t + D x_t.
Over chunks of L steps it is matrix products: inside a chunk y = M x with M[t,s] = (C_t B_s) exp(cs_t - cs_s) dt_s for
s <= t (cs = running sum of dt a), between chunks only the state S [N,P] is handed on.

A group's x of all its heads, B and C lie beside each other in one tensor row: [HG*P | N | N], CG numbers a group, CT a
row of all groups.  States and their gradients are bf16 [batch, chunk, head, N, P].

  forward    chunk_states    one program a (batch, head, half of N) walks the chunks, keeps the state in registers
             chunk_outputs   one program a (batch, chunk, head)
  backward   chunk_dstates   as chunk_states, backwards
             chunk_dx        one program a (batch, chunk, head): dx, d dt, dA, dD
             chunk_dg        one program a (batch, chunk, group) sums the gradient of C B^T over the heads
             chunk_dbc       one program a (batch, chunk, group) sums dB over the heads, another dC

Small programs with many in flight are the point: a backward pass that does all of it in one program spills registers
and waits for itself (5 ms a layer at 256 pictures on an H100).
"""
import triton
import triton.language as tl


@triton.jit
def chunk_states(X, DT, A, ST, T, H, NC, HG: tl.constexpr, CG: tl.constexpr, CT: tl.constexpr, P: tl.constexpr,
                 N: tl.constexpr, L: tl.constexpr, BN: tl.constexpr):
    """ST[b,c,h] = the state before chunk c."""
    pid = tl.program_id(0).to(tl.int64)
    b = pid // H
    h = pid % H
    g = h // HG
    l = tl.arange(0, L)
    p = tl.arange(0, P)
    n = tl.program_id(1) * BN + tl.arange(0, BN)
    a = tl.load(A + h)
    x_at = X + b * T * CT + g * CG + (h % HG) * P
    b_at = X + b * T * CT + g * CG + HG * P
    dt_at = DT + b * T * H + h
    out = n[:, None] * P + p[None, :]
    state = tl.zeros([BN, P], tl.float32)
    for c in range(NC):
        t = c * L + l
        dt = tl.load(dt_at + t * H)
        x = tl.load(x_at + t[:, None] * CT + p[None, :])
        bm = tl.load(b_at + t[:, None] * CT + n[None, :])
        tl.store(ST + ((b * NC + c) * H + h) * N * P + out, state.to(ST.dtype.element_ty))
        da = dt * a
        total = tl.sum(da, 0)
        w = tl.exp(total - tl.cumsum(da, 0)) * dt
        state = state * tl.exp(total) + tl.dot(tl.trans(bm), (x.to(tl.float32) * w[:, None]).to(x.dtype))


@triton.jit
def chunk_outputs(X, DT, A, D, ST, Y, T, H, NC, HG: tl.constexpr, CG: tl.constexpr, CT: tl.constexpr, P: tl.constexpr,
                  N: tl.constexpr, L: tl.constexpr):
    pid = tl.program_id(0).to(tl.int64)
    h = pid % H
    c = (pid // H) % NC
    b = pid // (H * NC)
    g = h // HG
    l = tl.arange(0, L)
    p = tl.arange(0, P)
    n = tl.arange(0, N)
    step = b * T + c * L
    a = tl.load(A + h)
    d = tl.load(D + h)
    x_at = X + step * CT + g * CG
    rows = l[:, None] * CT
    dt = tl.load(DT + step * H + h + l * H)
    x = tl.load(x_at + (h % HG) * P + (rows + p[None, :]))
    bm = tl.load(x_at + HG * P + (rows + n[None, :]))
    cm = tl.load(x_at + HG * P + N + (rows + n[None, :]))
    state = tl.load(ST + pid * N * P + (n[:, None] * P + p[None, :]))
    cs = tl.cumsum(dt * a, 0)
    decay = tl.exp(tl.where(l[:, None] >= l[None, :], cs[:, None] - cs[None, :], -1e9))
    m = (tl.dot(cm, tl.trans(bm)) * decay * dt[None, :]).to(x.dtype)
    y = tl.dot(cm, state) * tl.exp(cs)[:, None] + x.to(tl.float32) * d
    y = tl.dot(m, x, acc=y)
    tl.store(Y + (step * H + h) * P + (l[:, None] * (H * P) + p[None, :]), y.to(x.dtype))


@triton.jit
def chunk_dstates(X, DT, A, DY, DST, T, H, NC, HG: tl.constexpr, CG: tl.constexpr, CT: tl.constexpr, P: tl.constexpr,
                  N: tl.constexpr, L: tl.constexpr, BN: tl.constexpr):
    """DST[b,c,h] = gradient of the state after chunk c."""
    pid = tl.program_id(0).to(tl.int64)
    b = pid // H
    h = pid % H
    g = h // HG
    l = tl.arange(0, L)
    p = tl.arange(0, P)
    n = tl.program_id(1) * BN + tl.arange(0, BN)
    a = tl.load(A + h)
    c_at = X + b * T * CT + g * CG + HG * P + N
    dt_at = DT + b * T * H + h
    dy_at = DY + b * T * H * P + h * P
    out = n[:, None] * P + p[None, :]
    dstate = tl.zeros([BN, P], tl.float32)
    for i in range(NC):
        c = NC - 1 - i
        t = c * L + l
        dt = tl.load(dt_at + t * H)
        cm = tl.load(c_at + t[:, None] * CT + n[None, :])
        dy = tl.load(dy_at + t[:, None] * (H * P) + p[None, :])
        tl.store(DST + ((b * NC + c) * H + h) * N * P + out, dstate.to(DST.dtype.element_ty))
        da = dt * a
        e = tl.exp(tl.cumsum(da, 0))
        dstate = dstate * tl.exp(tl.sum(da, 0)) + tl.dot(tl.trans(cm), (dy.to(tl.float32) * e[:, None]).to(dy.dtype))


@triton.jit
def chunk_dx(X, DT, A, D, ST, DST, DY, DX, DDT, GA, GD, T, H, NC, HG: tl.constexpr, CG: tl.constexpr, CT: tl.constexpr,
             P: tl.constexpr, N: tl.constexpr, L: tl.constexpr):
    """Everything but dB and dC.  The L x L matrices are held transposed, [s,t], so that none is turned round."""
    pid = tl.program_id(0).to(tl.int64)
    h = pid % H
    c = (pid // H) % NC
    b = pid // (H * NC)
    g = h // HG
    l = tl.arange(0, L)
    p = tl.arange(0, P)
    n = tl.arange(0, N)
    step = b * T + c * L
    a = tl.load(A + h)
    d = tl.load(D + h)
    group = step * CT + g * CG
    rows = l[:, None] * CT
    dt = tl.load(DT + step * H + h + l * H)
    x = tl.load(X + group + (h % HG) * P + (rows + p[None, :]))
    bm = tl.load(X + group + HG * P + (rows + n[None, :]))
    cm = tl.load(X + group + HG * P + N + (rows + n[None, :]))
    dy = tl.load(DY + (step * H + h) * P + (l[:, None] * (H * P) + p[None, :]))
    square = n[:, None] * P + p[None, :]
    da = dt * a
    cs = tl.cumsum(da, 0)
    total = tl.sum(da, 0)
    w = tl.exp(total - cs)
    # Between the chunks first: a state leaves the registers before the next matrix enters.
    state = tl.load(ST + pid * N * P + square)
    dstate = tl.load(DST + pid * N * P + square)
    dtotal = tl.exp(total) * tl.sum(tl.sum(state.to(tl.float32) * dstate.to(tl.float32), 1), 0)
    dcs = tl.exp(cs) * tl.sum(dy.to(tl.float32) * tl.dot(cm, state), 1)
    bds = tl.dot(bm, dstate)
    wq = w * tl.sum(x.to(tl.float32) * bds, 1)
    dx = bds * (w * dt)[:, None] + dy.to(tl.float32) * d
    # Inside the chunk.
    decay = tl.exp(tl.where(l[:, None] <= l[None, :], cs[None, :] - cs[:, None], -1e9))
    gd = tl.dot(bm, tl.trans(cm)) * decay
    dx = tl.dot((gd * dt[:, None]).to(x.dtype), dy, acc=dx)
    tl.store(DX + group + (h % HG) * P + (rows + p[None, :]), dx.to(x.dtype))
    gk = tl.dot(x, tl.trans(dy)) * gd
    col = tl.sum(gk, 1)
    dcs += tl.sum(gk * dt[:, None], 0) - dt * (col + wq)
    dda = tl.sum(dcs, 0) - tl.cumsum(dcs, 0) + dcs + dtotal + tl.sum(dt * wq, 0)
    tl.store(DDT + step * H + h + l * H, col + wq + a * dda)
    tl.store(GA + pid, tl.sum(dt * dda, 0))
    tl.store(GD + pid, tl.sum(tl.sum(dy.to(tl.float32) * x.to(tl.float32), 1), 0))


@triton.jit
def chunk_dg(X, DT, A, DY, DG, T, H, NC, HG: tl.constexpr, CG: tl.constexpr, CT: tl.constexpr, P: tl.constexpr,
             N: tl.constexpr, L: tl.constexpr, STAGES: tl.constexpr):
    """DG[b,c,g] = gradient of C B^T, summed over the heads of the group."""
    pid = tl.program_id(0).to(tl.int64)
    groups = H // HG
    g = pid % groups
    c = (pid // groups) % NC
    b = pid // (groups * NC)
    l = tl.arange(0, L)
    p = tl.arange(0, P)
    step = b * T + c * L
    rows = l[:, None] * CT
    dg = tl.zeros([L, L], tl.float32)
    for i in tl.range(HG, num_stages=STAGES):
        h = g * HG + i
        dt = tl.load(DT + step * H + h + l * H)
        x = tl.load(X + step * CT + g * CG + i * P + (rows + p[None, :]))
        dy = tl.load(DY + (step * H + h) * P + (l[:, None] * (H * P) + p[None, :]))
        cs = tl.cumsum(dt * tl.load(A + h), 0)
        decay = tl.exp(tl.where(l[:, None] >= l[None, :], cs[:, None] - cs[None, :], -1e9))
        dg += tl.dot(dy, tl.trans(x)) * (decay * dt[None, :])
    tl.store(DG + pid * L * L + (l[:, None] * L + l[None, :]), dg.to(DG.dtype.element_ty))


@triton.jit
def chunk_dbc(X, DT, A, ST, DST, DY, DG, DX, T, H, NC, HG: tl.constexpr, CG: tl.constexpr, CT: tl.constexpr,
              P: tl.constexpr, N: tl.constexpr, L: tl.constexpr, STAGES: tl.constexpr):
    """Program axis 1: 0 sums dB = (x w dt) dS^T + dG^T C over the heads, 1 sums dC = (dy e) S^T + dG B."""
    pid = tl.program_id(0).to(tl.int64)
    groups = H // HG
    g = pid % groups
    c = (pid // groups) % NC
    b = pid // (groups * NC)
    of_b = tl.program_id(1) == 0
    l = tl.arange(0, L)
    p = tl.arange(0, P)
    n = tl.arange(0, N)
    step = b * T + c * L
    group = step * CT + g * CG
    rows = l[:, None] * CT
    square = n[:, None] * P + p[None, :]
    left = X + group if of_b else DY + (step * H + g * HG) * P
    left_rows = l[:, None] * (CT if of_b else H * P) + p[None, :]
    right = DST if of_b else ST
    dg = tl.load(DG + pid * L * L + (l[None, :] * L + l[:, None] if of_b else l[:, None] * L + l[None, :]))
    other = tl.load(X + group + HG * P + (N if of_b else 0) + (rows + n[None, :]))
    total = tl.dot(dg, other)
    for i in tl.range(HG, num_stages=STAGES):
        h = g * HG + i
        dt = tl.load(DT + step * H + h + l * H)
        rhs = tl.load(right + ((b * NC + c) * H + h) * N * P + square)
        lhs = tl.load(left + i * P + left_rows)
        da = dt * tl.load(A + h)
        cs = tl.cumsum(da, 0)
        scale = tl.exp(tl.sum(da, 0) - cs) * dt if of_b else tl.exp(cs)
        total = tl.dot((lhs.to(tl.float32) * scale[:, None]).to(lhs.dtype), tl.trans(rhs), acc=total)
    tl.store(DX + group + HG * P + (0 if of_b else N) + (rows + n[None, :]), total.to(other.dtype))


# ---- causal depthwise convolution + SiLU on a slice of the input projection's rows -------------------------------


@triton.jit
def conv_sum(ZX, W, BIAS, b, t, ch, live, T, ROW, AT, BT: tl.constexpr, BC: tl.constexpr):
    """The convolution before its SiLU, [BT,BC]; tap 3 multiplies the newest step."""
    total = tl.load(BIAS + ch, mask=live, other=0.0)[None, :] + tl.zeros([BT, BC], tl.float32)
    for k in tl.static_range(4):
        s = t - 3 + k
        x = tl.load(ZX + (b * T + s)[:, None] * ROW + AT + ch[None, :], mask=((s >= 0) & (s < T))[:, None] & live[None, :],
                    other=0.0).to(tl.float32)
        total += x * tl.load(W + ch * 4 + k, mask=live, other=0.0)[None, :]
    return total


@triton.jit
def conv_forward(ZX, W, BIAS, Y, T, ROW, AT, C, BT: tl.constexpr, BC: tl.constexpr):
    b = tl.program_id(2).to(tl.int64)
    t = tl.program_id(1) * BT + tl.arange(0, BT)
    ch = tl.program_id(0) * BC + tl.arange(0, BC)
    live = ch < C
    v = conv_sum(ZX, W, BIAS, b, t, ch, live, T, ROW, AT, BT, BC)
    tl.store(Y + (b * T + t)[:, None] * C + ch[None, :], (v * tl.sigmoid(v)).to(Y.dtype.element_ty),
             mask=(t < T)[:, None] & live[None, :])


@triton.jit
def both(live, scalar):
    return tl.where(scalar, live, False)  # for `&` the interpreter makes an int32 of the scalar


@triton.jit
def conv_row(AT, t, stride, T, live):
    return tl.load(AT + t * stride, mask=both(live, (t >= 0) & (t < T)), other=0.0).to(tl.float32)


@triton.jit
def silu_gradient(v, dy):
    s = tl.sigmoid(v)
    return dy * (s + v * s * (1 - s))


@triton.jit
def conv_backward(ZX, W, BIAS, DY, DZX, PART, T, ROW, AT, C, BT: tl.constexpr, BC: tl.constexpr):
    """A program walks BT steps (a multiple of 4) of BC channels; the last three rows of x and of the gradient before the
    SiLU stay in registers.  PART[sequence, piece] = this piece's share of the gradients of the taps [C,4] and the bias [C]."""
    b = tl.program_id(2).to(tl.int64)
    first = tl.program_id(1) * BT
    ch = tl.program_id(0) * BC + tl.arange(0, BC)
    live = ch < C
    w0 = tl.load(W + ch * 4, mask=live, other=0.0)
    w1 = tl.load(W + ch * 4 + 1, mask=live, other=0.0)
    w2 = tl.load(W + ch * 4 + 2, mask=live, other=0.0)
    w3 = tl.load(W + ch * 4 + 3, mask=live, other=0.0)
    bias = tl.load(BIAS + ch, mask=live, other=0.0)
    x_at = ZX + b * T * ROW + AT + ch
    dx_at = DZX + b * T * ROW + AT + ch
    dy_at = DY + b * T * C + ch
    x0 = conv_row(x_at, first - 3, ROW, T, live)
    x1 = conv_row(x_at, first - 2, ROW, T, live)
    x2 = conv_row(x_at, first - 1, ROW, T, live)
    d0 = tl.zeros([BC], tl.float32)
    d1, d2, g0, g1, g2, g3, gb = d0, d0, d0, d0, d0, d0, d0
    kind = DZX.dtype.element_ty
    for i in range(0, BT + 4, 4):  # the last round only finishes dx
        t = first + i
        end = tl.minimum(T, first + BT + 3)
        xa = conv_row(x_at, t, ROW, T, live)
        xb = conv_row(x_at, t + 1, ROW, T, live)
        xc = conv_row(x_at, t + 2, ROW, T, live)
        xd = conv_row(x_at, t + 3, ROW, T, live)
        da = conv_row(dy_at, t, C, end, live)
        db = conv_row(dy_at, t + 1, C, end, live)
        dc = conv_row(dy_at, t + 2, C, end, live)
        dd = conv_row(dy_at, t + 3, C, end, live)
        da = silu_gradient(bias + w0 * x0 + w1 * x1 + w2 * x2 + w3 * xa, da)
        db = silu_gradient(bias + w0 * x1 + w1 * x2 + w2 * xa + w3 * xb, db)
        dc = silu_gradient(bias + w0 * x2 + w1 * xa + w2 * xb + w3 * xc, dc)
        dd = silu_gradient(bias + w0 * xa + w1 * xb + w2 * xc + w3 * xd, dd)
        tl.store(dx_at + (t - 3) * ROW, (w3 * d0 + w2 * d1 + w1 * d2 + w0 * da).to(kind),
                 mask=both(live, (i > 0) & (t - 3 < T)))
        tl.store(dx_at + (t - 2) * ROW, (w3 * d1 + w2 * d2 + w1 * da + w0 * db).to(kind),
                 mask=both(live, (i > 0) & (t - 2 < T)))
        tl.store(dx_at + (t - 1) * ROW, (w3 * d2 + w2 * da + w1 * db + w0 * dc).to(kind),
                 mask=both(live, (i > 0) & (t - 1 < T)))
        tl.store(dx_at + t * ROW, (w3 * da + w2 * db + w1 * dc + w0 * dd).to(kind), mask=both(live, (i < BT) & (t < T)))
        mine = tl.where(i < BT, 1.0, 0.0)
        g0 += mine * (da * x0 + db * x1 + dc * x2 + dd * xa)
        g1 += mine * (da * x1 + db * x2 + dc * xa + dd * xb)
        g2 += mine * (da * x2 + db * xa + dc * xb + dd * xc)
        g3 += mine * (da * xa + db * xb + dc * xc + dd * xd)
        gb += mine * (da + db + dc + dd)
        x0, x1, x2, d0, d1, d2 = xb, xc, xd, db, dc, dd
    part = PART + (b * tl.num_programs(1) + tl.program_id(1)) * 5 * C
    tl.store(part + ch * 4, g0, mask=live)
    tl.store(part + ch * 4 + 1, g1, mask=live)
    tl.store(part + ch * 4 + 2, g2, mask=live)
    tl.store(part + ch * 4 + 3, g3, mask=live)
    tl.store(part + 4 * C + ch, gb, mask=live)


@triton.jit
def row_ends(DZ, DDT, DZX, ROWS, STEP, ROW, INNER, AT, HEADS, BR: tl.constexpr, BC: tl.constexpr, TAIL: tl.constexpr):
    """Copies the gradients of z (rows STEP apart) and dt into the rows of the input projection's; zeros behind them."""
    r = (tl.program_id(0).to(tl.int64) * BR + tl.arange(0, BR))[:, None]
    col = (tl.program_id(1) * BC + tl.arange(0, BC))[None, :]
    there = (r < ROWS) & (col < INNER)
    tl.store(DZX + r * ROW + col, tl.load(DZ + r * STEP + col, mask=there, other=0.0), mask=there)
    if tl.program_id(1) == 0:
        n = tl.arange(0, TAIL)[None, :]
        ddt = tl.load(DDT + r * HEADS + n, mask=(r < ROWS) & (n < HEADS), other=0.0)
        tl.store(DZX + r * ROW + AT + n, ddt.to(DZX.dtype.element_ty), mask=(r < ROWS) & (AT + n < ROW))
