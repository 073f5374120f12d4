"""What a state of fixed size can hold: copying, and looking up a number in a phone book (the COPY probe of "Can Mamba Always
Enjoy the Free Lunch?"), against the length and the size of the state.

  python3 copy_probe.py --out out [--states 16,32,64,128] [--transformer] [--seconds 60] [--seed 1] [--at-once 5]
  python3 copy_probe.py --cpu-smoke --out out

Each cell trains a small language model of this recipe from scratch: 4 layers of width 192 (the Transformer has as many
parameters), lengths drawn evenly up to the longest asked about.  OUT/copy_probe.json holds the shares of answers that are
right as a whole, OUT/copy_probe.svg the plot.

  copying     a random string of letters, a mark, the string again
  phone book  N entries "two letters, three digits", then a name: its number
"""
import argparse
import json
import math
import os
import subprocess
import sys
import time

import torch
import torch.nn.functional as F

import model
import schedule
import train

LETTERS, DIGITS, MARK, BLANK = 26, 10, 36, 37
LENGTHS = {"copy": (8, 16, 32, 64, 128, 220), "phone book": (4, 8, 16, 32, 64, 80)}
STEPS = 448  # tokens of a sample, blanks at its end


def sample(task, lengths, generator):
    """-> tokens [B,STEPS] and mask: 1 where the token is to be predicted"""
    B = len(lengths)
    tokens, mask = torch.full((B, STEPS), BLANK), torch.zeros(B, STEPS, dtype=torch.bool)
    for b, n in enumerate(lengths):
        if task == "copy":
            string = torch.randint(0, LETTERS, (n,), generator=generator)
            row, learnt = torch.cat((string, torch.tensor([MARK]), string)), n
        else:
            names = torch.randperm(LETTERS * LETTERS, generator=generator)[:n]
            numbers = LETTERS + torch.randint(0, DIGITS, (n, 3), generator=generator)
            book = torch.cat((names[:, None] // LETTERS, names[:, None] % LETTERS, numbers), 1)
            asked = book[int(torch.randint(0, n, (1,), generator=generator))]
            row, learnt = torch.cat((book.flatten(), torch.tensor([MARK]), asked)), 3
        tokens[b, :len(row)] = row
        mask[b, len(row) - learnt:len(row)] = True
    return tokens, mask


def make(state, device, dtype):
    """A language model; the picture's half of the architecture is as small as can be and stays idle."""
    config = model.Config(image=28, vision_width=64, vision_depth=1, vision_heads=1, vision_mlp=64, width=192, layers=4, vocab=64,
                          state=state or 64, connector_mlp=64, scan_orders=(), language="mamba2" if state else "transformer",
                          transformer_layers=3, transformer_mlp=576)
    made = model.MLMamba(config, dtype=dtype, compiled=device == "cuda").to(device)
    if device == "cuda" and state:
        import learner
        learner.use_kernels(config, device, dtype, print)
    return made


def right(made, task, length, batch, generator, device):
    """Share of the samples whose every asked token is the most likely one."""
    tokens, mask = (t.to(device) for t in sample(task, [length] * batch, generator))
    hidden = made.decode(made.embed(tokens)).detach()
    good = made.head(hidden[:, :-1]).argmax(-1) == tokens[:, 1:]
    return float((good | ~mask[:, 1:]).all(1).float().mean())


def run_cell(task, state, args, device, dtype, lengths):
    torch.manual_seed(args.seed)
    generator = torch.Generator().manual_seed(args.seed)
    made = make(state, device, dtype)
    used = list(made.language_model.parameters())
    optimizer = torch.optim.AdamW(used, lr=2e-3, betas=(0.9, 0.98), weight_decay=0.01)
    begin, step, loss = None, 0, torch.zeros(())
    while step < args.steps and (begin is None or time.time() - begin < args.seconds):
        f = 0.0 if begin is None else (time.time() - begin) / args.seconds
        longest = max(lengths) * min(1.0, 0.1 + 1.5 * f)  # short ones first
        drawn = torch.randint(2, max(3, int(longest) + 1), (args.batch,), generator=generator).tolist()
        tokens, mask = (t.to(device) for t in sample(task, drawn, generator))
        hidden = made.decode(made.embed(tokens))[:, :-1][mask[:, 1:]]
        loss = F.cross_entropy(made.head(hidden).float(), tokens[:, 1:][mask[:, 1:]])
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(used, 1.0)
        for group in optimizer.param_groups:
            group["lr"] = 2e-3 * schedule.rate_at(min(1.0, f), 0.03, 0.4, 0.03)
        optimizer.step()
        step += 1
        if step == 3:
            begin = time.time()  # compiled
    shares = {n: right(made, task, n, args.batch, generator, device) for n in lengths}
    print("%s state %s: %d steps, loss %.3f," % (task, state or "-", step, loss.detach()), {n: round(s, 3) for n, s in shares.items()},
          flush=True)
    return {"steps": step, "right": shares, "parameters": sum(p.numel() for p in made.language_model.backbone.layers.parameters())}


def cells_of(args):
    """-> (name, task, state) of each cell; state 0: the Transformer"""
    states = [int(s) for s in args.states.split(",") if s] + [0] * args.transformer
    return [("%s/%s" % (task, "state %d" % state if state else "Transformer"), task, state)
            for task in args.tasks.split(",") for state in states]


def run_at_once(cells, args):
    """Each cell by a process of its own, so many at a time: such small models leave most of a GPU idle.  -> {name: cell}"""
    made, waiting, running = {}, list(cells), []
    while waiting or running:
        while waiting and len(running) < args.at_once:
            name, task, state = waiting.pop(0)
            out = os.path.join(args.out, name.replace("/", "-").replace(" ", "-"))
            command = [sys.executable, os.path.abspath(__file__), "--out", out, "--tasks", task, "--states", str(state or ""), "--seconds",
                       str(args.seconds), "--steps", str(args.steps), "--batch", str(args.batch), "--seed", str(args.seed)]
            command += ["--transformer"] * (not state) + ["--cpu-smoke"] * args.cpu_smoke
            running.append((name, out, subprocess.Popen(command, env=dict(os.environ, OMP_NUM_THREADS="1"))))
        time.sleep(0.2)
        for entry in [r for r in running if r[2].poll() is not None]:
            running.remove(entry)
            name, out, process = entry
            if process.returncode != 0:
                print("%s: its process ended with status %d, the cell is left out" % (name, process.returncode), file=sys.stderr)
                continue
            with open(os.path.join(out, "copy_probe.json"), encoding="utf-8") as f:
                made.update(json.load(f))
    return made


def svg(done, path):
    """Two panels, a line a state: share right against length (logarithmic)."""
    colours = ("#1b6ca8", "#2a9d8f", "#e9a13b", "#d1495b", "#555555")
    parts = ['<svg xmlns="http://www.w3.org/2000/svg" width="760" height="330" font-family="sans-serif" font-size="12">',
             '<rect width="760" height="330" fill="white"/>']
    for panel, task in enumerate(LENGTHS):
        left, top, wide, high = 60 + 370 * panel, 40, 290, 220
        lengths = sorted({int(n) for key, cell in done.items() if key.startswith(task) for n in cell["right"]})
        if not lengths:
            continue
        low, span = math.log2(lengths[0]), max(1e-6, math.log2(lengths[-1]) - math.log2(lengths[0]))
        parts.append('<text x="%d" y="24" font-size="14">%s</text>' % (left, task))
        for k in range(0, 101, 25):
            y = top + high * (1 - k / 100)
            parts.append('<path d="M%d %.1fh%d" stroke="#ddd"/><text x="%d" y="%.1f" text-anchor="end">%d %%</text>' % (
                left, y, wide, left - 6, y + 4, k))
        for n in lengths:
            x = left + wide * (math.log2(n) - low) / span
            parts.append('<text x="%.1f" y="%d" text-anchor="middle">%d</text>' % (x, top + high + 18, n))
        parts.append('<text x="%d" y="%d" text-anchor="middle">%s</text>' % (
            left + wide / 2, top + high + 38, "letters" if task == "copy" else "entries"))
        for i, (key, cell) in enumerate(item for item in done.items() if item[0].startswith(task)):
            points = " ".join("%.1f,%.1f" % (left + wide * (math.log2(int(n)) - low) / span, top + high * (1 - s))
                              for n, s in cell["right"].items())
            colour = colours[i % len(colours)]
            parts.append('<polyline points="%s" fill="none" stroke="%s" stroke-width="2"/>' % (points, colour))
            if panel == 0:
                parts.append('<text x="%d" y="318" fill="%s">%s</text>' % (60 + 120 * i, colour, key.split("/")[1]))
    with open(path, "w", encoding="utf-8") as f:
        f.write("\n".join(parts + ["</svg>"]) + "\n")


def write(done, out):
    with open(os.path.join(out, "copy_probe.json"), "w", encoding="utf-8") as f:
        json.dump(done, f, indent=1)
    svg(done, os.path.join(out, "copy_probe.svg"))


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--out", default=os.environ.get("OUT", "out"))
    p.add_argument("--states", default="16,32,64,128")
    p.add_argument("--transformer", action="store_true", help="a Transformer too, which keeps everything")
    p.add_argument("--tasks", default=",".join(LENGTHS))
    p.add_argument("--seconds", type=float, default=60, help="training of a cell")
    p.add_argument("--steps", type=int, default=10 ** 9)
    p.add_argument("--batch", type=int, default=128)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--at-once", type=int, default=1, help="cells that train beside each other, each in a process of its own")
    p.add_argument("--cpu-smoke", action="store_true")
    args = p.parse_args()
    device = train.device_of(train.complete(args))
    dtype = torch.bfloat16 if device == "cuda" else torch.float32
    if args.cpu_smoke:
        args.steps, args.batch, args.states = 4, 2, "16" if args.states else ""
    os.makedirs(args.out, exist_ok=True)
    path, done = os.path.join(args.out, "copy_probe.json"), {}
    if os.path.exists(path):
        with open(path, encoding="utf-8") as f:
            done = json.load(f)
    cells = [c for c in cells_of(args) if c[0] not in done]
    if args.at_once > 1:
        made = run_at_once(cells, args)
        done.update((name, made[name]) for name, _, _ in cells if name in made)
    for name, task, state in cells if args.at_once <= 1 else []:
        lengths = LENGTHS[task][:2] if args.cpu_smoke else LENGTHS[task]
        cell = run_cell(task, state, args, device, dtype, lengths)
        done[name] = dict(cell, right={str(n): s for n, s in cell["right"].items()})
        write(done, args.out)  # called again, it goes on here
    write(done, args.out)
    if any(c[0] not in done for c in cells):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
