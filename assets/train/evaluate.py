"""Quick evaluation in PyTorch: greedy exact match of whole answers, by family, with the blind baseline beside it.

An answer is right when every one of its tokens is the most likely one after the right tokens before it: that is greedy
decoding.  Blind: the same question over an empty grey picture.

  python3 evaluate.py --packed P --from DIR|FILE|PIECES [--split test] [--n 6000] [--seed 7] [--out FILE.json]

The figures that count are the engine's: evaluate_engine.sh.
"""
import argparse
import json

import torch

from figures import by_family, joined, markdown, share, summary


def right_answers(learner, questions, blind=False):
    """-> list of bool, a question each.  Batches have the size of a training step and gradients stay enabled: the compiled
    programs of the training step serve, nothing is compiled again."""
    size, n, out = learner.args.batch, len(questions["family"]), []
    tensors = {k: v for k, v in questions.items() if torch.is_tensor(v)}
    for i in range(0, n, size):
        part = {k: v[i:i + size] for k, v in tensors.items()}
        have = part["tokens"].shape[0]
        if have < size:
            part = {k: torch.cat((v, v[:1].expand(size - have, *v.shape[1:]))) for k, v in part.items()}
        part = learner.put(part)
        images, _ = learner.source.render(part, augment=False)
        hidden = learner.hidden(part, torch.zeros_like(images) if blind else images)[0].detach()[:, :-1]
        good = learner.model.head(hidden).detach().argmax(-1) == part["tokens"][:, 1:]
        good = (good | (part["mask"][:, 1:] == 0)).all(1)
        out += good[:have].tolist()
    return out


def quick(learner, questions):
    """One line for the log, with the averaged weights."""
    learner.swap()
    table = by_family(questions, right_answers(learner, questions))
    learner.swap()
    mean, total = summary(table)
    return "families %.1f questions %.1f | " % (mean, total) + " ".join("%s %.0f" % (f, share(v)) for f, v in table.items())


def full(learner, split, n, seed, log=print):
    """Right and blind by family with the weights as they are -> {"family": [right, blind right, questions]}"""
    questions = learner.source.questions(split, n, seed)
    seen = by_family(questions, right_answers(learner, questions))
    blind = by_family(questions, right_answers(learner, questions, blind=True))
    table = joined(seen, blind)
    for line in markdown({split: table}):
        log(line)
    return table


def main():
    import model
    import train
    import weights
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--packed", required=True)
    p.add_argument("--tokenizer")
    p.add_argument("--from", dest="start", required=True, help="model directory, safetensors file or prefix of pieces")
    p.add_argument("--preset", choices=sorted(model.PRESETS), default="tiny")
    p.add_argument("--split", default="test")
    p.add_argument("--n", type=int, default=6000)
    p.add_argument("--seed", type=int, default=7)
    p.add_argument("--batch", type=int, default=256)
    p.add_argument("--cpu", action="store_true")
    p.add_argument("--out")
    args = train.complete(p.parse_args())
    learner = train.make_learner(args, print)
    learner.warm_start(weights.load_fp32(args.start))
    tables = {s: full(learner, s, args.n, args.seed) for s in args.split.split(",")}
    if args.out:
        with open(args.out, "w", encoding="utf-8") as f:
            json.dump(tables, f, indent=1)


if __name__ == "__main__":
    main()
