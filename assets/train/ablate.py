"""Small-scale ablations: what the connector's scans, the language model, the order and the state size are worth.

  python3 ablate.py --packed /tmp/data --out out [--cells base,no-scan] [--seeds 1,2] [--seconds 100] [--deadline 540]

Each cell is the whole recipe, from scratch, for that many seconds of training, once a seed; then held-out questions and the
blind baseline.  OUT/ablations.json keeps what is done: called again, it goes on with the rest, and prints the table for MODEL.md: mean over
the seeds and, after +-, half the distance between the best and the worst (--table FILE writes it).
"""
import argparse
import dataclasses
import gc
import json
import os
import time

import evaluate
import figures
import model
import train

CELLS = {
    "base": ("cross-scan connector, Mamba-2, picture first, state 128", {}),
    "no-scan": ("connector without a scan", {"scan_orders": ()}),
    "bidirectional": ("connector with two directions", {"scan_orders": model.ORDERS[:2]}),
    "transformer": ("Transformer of the same size as language model", {"language": "transformer"}),
    "question-first": ("question before the picture", {"picture_first": False}),
    "state-32": ("language model with state 32", {"state": 32}),
}
GROUPS = {"existence": ("exist",), "counting": ("count",), "position": ("where", "relation", "next_to", "between", "direct"),
          "reading": ("read", "spelled"), "photos": ("photo",), "describing": ("list", "caption")}


def run_cell(changes, seed, args, data, log):
    """-> {"table": ..., "steps": ..., "parameters": ...}"""
    argv = ["--packed", args.packed or "", "--minutes-total", str(args.seconds / 60), "--seed", str(seed), "--out", args.out,
            "--n-quick", "0", "--final", "", "--batch", str(args.batch), "--workers", str(args.workers)]
    options = train.arguments(argv + (["--cpu-smoke", "--steps", "1"] if args.cpu_smoke else []))
    config = dataclasses.replace(model.PRESETS["micro" if args.cpu_smoke else "tiny"], **changes)
    learner = train.make_learner(options, log, config, data)
    train.train(learner, options, log, write=False)
    learner.swap()
    table = evaluate.full(learner, "test", args.n, 4242, lambda line: None)
    count = sum(p.numel() for p in model.exported(learner.model).values())
    learner.graph = None
    gc.collect()
    return {"table": table, "steps": learner.state["step"], "parameters": count}


def group_share(table, prefixes, which):
    rows = [v for f, v in table.items() if f.startswith(prefixes)]
    return 100 * sum(v[which] / v[2] for v in rows) / len(rows) if rows else float("nan")


def spread(values):
    return "%.1f +- %.1f" % (sum(values) / len(values), (max(values) - min(values)) / 2)


def markdown(done, seconds):
    names = list(GROUPS)
    lines = ["| cell | parameters | steps | all (blind) | " + " | ".join(names) + " |", "|---" * (4 + len(names)) + "|"]
    for cell, (text, _) in CELLS.items():
        runs = [r for key, r in done.items() if key.rsplit("/", 1)[0] == cell]
        if not runs:
            continue
        seen = [figures.summary({f: [v[0], v[2]] for f, v in r["table"].items()})[0] for r in runs]
        blind = [figures.summary({f: [v[1], v[2]] for f, v in r["table"].items()})[0] for r in runs]
        groups = [spread([group_share(r["table"], p, 0) for r in runs]) for p in GROUPS.values()]
        lines.append("| %s: %s | %.1f M | %d | %s (%.1f) | " % (cell, text, runs[0]["parameters"] / 1e6, sum(
            r["steps"] for r in runs) / len(runs), spread(seen), sum(blind) / len(blind)) + " | ".join(groups) + " |")
    seeds = sorted({key.rsplit("/", 1)[1] for key in done})
    return lines + ["", "%g s of training a cell on one GPU, seeds %s; means of families, held-out questions." % (
        seconds, ", ".join(seeds))]


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--packed")
    p.add_argument("--out", default=os.environ.get("OUT", "out"))
    p.add_argument("--cells", default=",".join(CELLS))
    p.add_argument("--seeds", default="1,2")
    p.add_argument("--seconds", type=float, default=100)
    p.add_argument("--deadline", type=float, default=1e9, help="begin no cell that would not be over by then")
    p.add_argument("--n", type=int, default=3072)
    p.add_argument("--batch", type=int, default=256)
    p.add_argument("--workers", type=int, default=max(1, min(14, (os.cpu_count() or 2) - 2)))
    p.add_argument("--table", help="Markdown file for export.py --ablations")
    p.add_argument("--cpu-smoke", action="store_true")
    args = p.parse_args()
    log = train.Log(args.out)
    if args.cpu_smoke:
        args.n, args.batch = 4, 2
    path, done, data = os.path.join(args.out, "ablations.json"), {}, None
    if os.path.exists(path):
        with open(path, encoding="utf-8") as f:
            done = json.load(f)
    longest = args.seconds + 90
    for seed in args.seeds.split(","):
        for cell in args.cells.split(","):
            if cell + "/" + seed in done or time.time() - train.START + longest > args.deadline:
                continue
            t = time.time()
            log("cell", cell, "seed", seed)
            if data is None:
                data = train.make_source(args, log)
            done[cell + "/" + seed] = run_cell(CELLS[cell][1], int(seed), args, data, log)
            longest = time.time() - t + 10
            with open(path, "w", encoding="utf-8") as f:
                json.dump(done, f)
    print("\n".join(markdown(done, args.seconds)))
    if args.table:
        with open(args.table, "w", encoding="utf-8") as f:
            f.write("\n".join(markdown(done, args.seconds)) + "\n")


if __name__ == "__main__":
    main()
