"""A model in training: losses, AdamW, the averaged weights, the checkpoint."""
import os

import torch
import torch.nn.functional as F

import model as architecture
import ssd


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
        self.optimizer = torch.optim.AdamW(groups, lr=args.lr, betas=(0.9, 0.98), eps=1e-8, fused=device == "cuda")
        self.parameters = [p for _, p in named]
        self.average = [p.detach().clone() for p in self.parameters]
        self.state = {"step": 0, "seconds": 0.0, "pictures": 0, "piece": 0}
        self.user_end = None

    # ---- weights ----------------------------------------------------------------------------------------------------

    def warm_start(self, tensors):
        """Weights by name; the auxiliary heads only where their size is the same.  The average starts there too."""
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

    # ---- one step ---------------------------------------------------------------------------------------------------

    def put(self, batch):
        """CPU tensors -> the device, with what the loss wants to know beforehand (so that the GPU is never waited for)."""
        at = (batch["mask"][:, 1:] > 0).flatten().nonzero().flatten()
        extra = {"answer_at": at, "answer": batch["tokens"][:, 1:].reshape(-1)[at].long()}
        if not self.model.config.picture_first:
            extra["picture_at"] = (batch["tokens"] == self.assistant()).int().argmax(1)
        batch = {k: v for k, v in batch.items() if torch.is_tensor(v)} | extra
        if self.device == "cuda":
            batch = {k: v.pin_memory() for k, v in batch.items()}
        return {k: v.to(self.device, non_blocking=True) for k, v in batch.items()}

    def assistant(self):
        """The token before an answer: with the question first, the picture stands between the two."""
        return getattr(self.source, "tokens", None).assistant if hasattr(self.source, "tokens") else self.source.end + 2

    def hidden(self, batch, images):
        return self.model(images, batch["tokens"].long(), batch.get("picture_at"))

    def step(self, batch, rate, aux_weight):
        """-> tensor: loss of the answers, of the labels, accuracy of the labels (vision, connector), gradient norm, answer
        tokens"""
        m, s = self.model, self.source
        batch = self.put(batch)
        images, labels = s.render(batch, augment=True)
        hidden, features, rows = self.hidden(batch, images)
        hidden = hidden[:, :-1].flatten(0, 1)[batch["answer_at"]]
        loss = F.cross_entropy(m.head(hidden).float(), batch["answer"])
        seen = [m.run(aux_loss, architecture.linear(x.to(m.dtype), h.weight, h.bias), labels["cls"], labels["col"],
                      labels["off"], s.classes, s.colours) for x, h in ((features, m.aux_vision), (rows, m.aux_connector))]
        total = loss + aux_weight * 0.5 * (seen[0][0] + seen[1][0])
        total.backward()
        norm = torch.nn.utils.clip_grad_norm_(self.parameters, 1.0)
        for group in self.optimizer.param_groups:
            group["lr"] = self.args.lr * rate
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self.state["step"] += 1
        self.state["pictures"] += images.shape[0]
        keep = min(self.args.ema, (1 + self.state["step"]) / (20 + self.state["step"]))
        with torch.no_grad():
            torch._foreach_lerp_(self.average, self.parameters, 1 - keep)
        count = torch.tensor(float(batch["answer"].numel()), device=self.device)
        return torch.stack([t.detach().float() for t in (loss, (seen[0][0] + seen[1][0]) / 2, seen[0][1], seen[1][1], norm,
                                                         count)])


def use_kernels(config, device, dtype, log):
    """The GPU kernels of the scans that this model uses, if they agree with plain PyTorch here."""
    width, heads = config.width, 2 * config.width // ssd.HEAD
    scans = [(1, heads, config.state, 256 + 192)] if config.language == "mamba2" else []
    if config.scan_orders:
        n = len(config.scan_orders)
        scans.append((n, n * heads, config.connector_state, config.patches))
    ssd.use_kernels(scans or [(1, 2, 64, 64)], (2 * width, 2 * width + 2 * config.state, heads), device, dtype, log)
