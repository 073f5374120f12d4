"""A model in training: losses, AdamW, the averaged weights, the checkpoint."""
import os

import torch
import torch.nn.functional as F

import model as architecture
import ssd

ANSWERS = 56  # room for so many answer tokens a picture, on average over a batch


def aux_loss(logits, cls, col, off, classes, colours):
    """For each patch the class of what is under it, its colour, the offset to its centre and its log size.

    Background counts a quarter; colour and offset only where there is something.  -> loss, accuracy on objects"""
    logits = logits.float().flatten(0, 1)
    cls, col, off = cls.flatten(), col.flatten(), off.flatten(0, 1)
    there = cls > 0
    weight = torch.where(there, 1.0, 0.25)
    named = (F.cross_entropy(logits[:, :classes], cls, reduction="none") * weight).sum() / weight.sum()
    known = (col > 0).float()
    coloured = F.cross_entropy(logits[:, classes:classes + colours], col, reduction="none")
    coloured = (coloured * known).sum() / (known.sum() + 1)
    placed = F.smooth_l1_loss(logits[:, classes + colours:], off, reduction="none").sum(-1)
    placed = (placed * there).sum() / (3 * there.sum() + 1)
    right = ((logits[:, :classes].argmax(-1) == cls) & there).sum() / (there.sum() + 1)
    return named + 0.5 * coloured + placed, right


class Learner:
    def __init__(self, config, source, device, dtype, args, log=print):
        self.source, self.device, self.args, self.log = source, device, args, log
        self.aux = source.classes + source.colours + 3
        self.model = architecture.MLMamba(config, self.aux, dtype, compiled=device == "cuda").to(device)
        named = list(self.model.named_parameters())
        decayed = [p for n, p in named if p.dim() >= 2 and n.endswith("weight") and
                   not any(word in n for word in ("norm", "conv1d", "embeddings"))]
        ids = {id(p) for p in decayed}
        groups = [{"params": decayed, "weight_decay": args.weight_decay},
                  {"params": [p for _, p in named if id(p) not in ids], "weight_decay": 0.0}]
        on_gpu = device == "cuda"
        self.rate = torch.tensor(args.lr, device=device) if on_gpu else args.lr
        self.optimizer = torch.optim.AdamW(groups, lr=self.rate, betas=(0.9, 0.98), eps=1e-8, fused=on_gpu, capturable=on_gpu)
        self.aux_weight, self.forget, self.reach = (torch.zeros((), device=device) for _ in range(3))
        self.parameters = [p for _, p in named]
        self.average = [p.detach().clone() for p in self.parameters]
        self.state = {"step": 0, "seconds": 0.0, "pictures": 0, "piece": 0}
        self.graph, self.warm = None, 3 if on_gpu and not getattr(args, "no_graph", False) else -1  # -1: never a graph
        self.pending = []

    # ---- weights ----------------------------------------------------------------------------------------------------

    def warm_start(self, tensors):
        """Weights by name; the auxiliary heads only where their size is the same.  The average starts there too.

        Heads that are not there (exported weights have none) start at random; state["new_heads"] says so."""
        own = dict(self.model.named_parameters())
        fit = {n: t for n, t in tensors.items() if n in own and own[n].shape == t.shape}
        missing = sorted(set(own) - set(fit))
        wrong = [n for n in missing if not n.startswith("aux_")]
        if wrong:
            raise ValueError("the weights to start from lack %s (or it has another shape)" % ", ".join(wrong[:5]))
        for n in missing:
            self.log("*** warm start without", n, "(starts at random)")
        with torch.no_grad():
            for n, t in fit.items():
                own[n].copy_(t.to(self.device))
        self.state["new_heads"] = bool(missing)
        self.average = [p.detach().clone() for p in self.parameters]

    def averaged(self):
        """Name -> averaged weight, the auxiliary heads among them."""
        return {n: t for (n, _), t in zip(self.model.named_parameters(), self.average)}

    def swap(self):
        """Changes the weights for their average, and back."""
        with torch.no_grad():
            for p, a in zip(self.parameters, self.average):
                kept = p.detach().clone()
                p.copy_(a)
                a.copy_(kept)

    def save(self, path):
        torch.save({"model": self.model.state_dict(), "optimizer": self.optimizer.state_dict(), "average": self.average,
                    "state": self.state}, path + ".partial")
        os.replace(path + ".partial", path)

    def load(self, path):
        c = torch.load(path, map_location=self.device)
        self.model.load_state_dict(c["model"])
        self.optimizer.load_state_dict(c["optimizer"])
        for mine, saved in zip(self.average, c["average"]):
            mine.copy_(saved)
        self.state = c["state"]
        for group in self.optimizer.param_groups:
            group["lr"] = self.rate
        if self.graph is not None:
            self.graph, self.warm = None, 1

    # ---- one step ---------------------------------------------------------------------------------------------------

    def put(self, batch):
        """CPU tensors -> the device, with what the loss wants to know beforehand, so that the GPU is never waited for.

        The answers' tokens are padded to a fixed number (a target of -100 does not count): a captured step has fixed shapes."""
        room = self.args.batch * ANSWERS
        at = (batch["mask"][:, 1:] > 0).flatten().nonzero().flatten()[:room]
        answer_at, answer = torch.zeros(room, dtype=torch.long), torch.full((room,), -100)
        answer_at[:at.numel()] = at
        answer[:at.numel()] = batch["tokens"][:, 1:].reshape(-1)[at]
        extra = {"answer_at": answer_at, "answer": answer}
        if not self.model.config.picture_first:
            extra["picture_at"] = (batch["tokens"] == self.assistant()).int().argmax(1)
        batch = {k: v for k, v in batch.items() if torch.is_tensor(v)} | extra
        if self.device == "cuda":
            batch = {k: v.pin_memory() for k, v in batch.items()}
        return {k: v.to(self.device, non_blocking=True) for k, v in batch.items()}

    def assistant(self):
        """The token before an answer: with the question first, the picture stands between the two."""
        return self.source.tokens.assistant if hasattr(self.source, "tokens") else self.source.end + 2

    def hidden(self, batch, images):
        return self.model(images, batch["tokens"].long(), batch.get("picture_at"))

    def compute(self, batch):
        """Forward, backward, update, average: only tensors of fixed shapes on the device, so that it can be captured.

        -> tensor: loss of the answers, of the labels, accuracy of the labels (vision, connector), gradient norm, answer tokens"""
        m, s = self.model, self.source
        hidden, features, rows = self.hidden(batch, batch["images"])
        hidden = hidden[:, :-1].flatten(0, 1).index_select(0, batch["answer_at"])
        loss = F.cross_entropy(m.head(hidden).float(), batch["answer"])
        heads = [(torch.lerp(x.detach(), x, self.reach.to(x.dtype)).to(m.dtype), h)        # the same values, reach times their gradient
                 for x, h in ((features, m.aux_vision), (rows, m.aux_connector))]
        seen = [m.run(aux_loss, architecture.linear(x, h.weight, h.bias), batch["cls"], batch["col"], batch["off"], s.classes, s.colours)
                for x, h in heads]
        (loss + self.aux_weight * 0.5 * (seen[0][0] + seen[1][0])).backward()
        norm = torch.nn.utils.clip_grad_norm_(self.parameters, 1.0)
        self.optimizer.step()
        with torch.no_grad():
            change = torch._foreach_sub(self.parameters, self.average)
            torch._foreach_mul_(change, self.forget)
            torch._foreach_add_(self.average, change)
        return torch.stack([t.detach().float() for t in (loss, (seen[0][0] + seen[1][0]) / 2, seen[0][1], seen[1][1], norm,
                                                         (batch["answer"] >= 0).sum())])

    def capture(self, batch):
        """The step as a CUDA graph: 1,200 launches become one (launching them took longer than running them)."""
        self.fixed = {k: v.clone() for k, v in batch.items()}
        self.optimizer.zero_grad(set_to_none=True)
        torch.cuda.synchronize()
        graph = torch.cuda.CUDAGraph()
        try:
            with torch.cuda.graph(graph, capture_error_mode="thread_local"):
                self.values = self.compute(self.fixed)
            self.graph = graph
            self.log("the step is captured as a CUDA graph")
        except Exception as error:
            self.warm = -1
            self.optimizer.zero_grad(set_to_none=True)
            self.log("*** THE STEP CANNOT BE CAPTURED, it runs launch by launch (slower):", str(error)[:600])
            torch.cuda.synchronize()

    def step(self, batch, rate, aux_weight, reach=1.0):
        """-> compute()'s tensor.  reach: 0 while the auxiliary loss is to teach its heads alone, not what is below them"""
        batch = self.put(batch)
        images, labels = self.source.render(batch, augment=True, seed=self.args.seed * 1000003 + self.state["step"])
        batch = {k: batch[k] for k in ("tokens", "answer_at", "answer", "picture_at") if k in batch} | labels | {"images": images}
        self.state["step"] += 1
        self.state["pictures"] += images.shape[0]
        done = self.state["step"]
        self.forget.fill_(1 - min(self.args.ema, (1 + done) / (20 + done)))
        self.aux_weight.fill_(aux_weight)
        self.reach.fill_(reach)
        if self.device == "cuda":
            self.rate.fill_(self.args.lr * rate)
        else:
            for group in self.optimizer.param_groups:
                group["lr"] = self.args.lr * rate
        if self.graph is None and self.warm == 0:
            self.capture(batch)
        if self.graph is None:
            return self.step_launched(batch)
        for name, tensor in batch.items():
            self.fixed[name].copy_(tensor)
        self.graph.replay()
        self.pending.append(torch.cuda.Event())
        self.pending[-1].record()
        if len(self.pending) > 2:  # the clock of the schedule runs here: stay near the GPU
            self.pending.pop(0).synchronize()
        return self.values.clone()

    def step_launched(self, batch):
        if self.device == "cpu":
            self.optimizer.zero_grad(set_to_none=True)
            return self.compute(batch)
        self.warm -= self.warm > 0
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            self.optimizer.zero_grad(set_to_none=True)
            values = self.compute(batch)
        torch.cuda.current_stream().wait_stream(side)
        torch.cuda.synchronize()
        return values


def use_kernels(config, device, dtype, log):
    """The GPU kernels of the scans that this model uses, if they agree with plain PyTorch here."""
    width, heads = config.width, 2 * config.width // ssd.HEAD
    scans = [(1, heads, config.state, 256 + 192)] if config.language == "mamba2" else []
    if config.scan_orders:
        n = len(config.scan_orders)
        scans.append((n, n * heads, config.connector_state, config.patches))
    ssd.use_kernels(scans or [(1, 2, 64, 64)], (2 * width, 2 * width + 2 * config.state, heads), device, dtype, log)
