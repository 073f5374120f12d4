"""Held-out questions answered by the C engine, scored by family, with the blind baseline beside every number.

  python3 evalset.py --packed P --out /tmp/test --split test --n 2000 --seed 7
  python3 evaluate_engine.py --engine build/app/mlmamba --model DIR /tmp/test [/tmp/pairs ...] --out figures.json

A set is a folder that evalset.py wrote.  `mlmamba vqa` asks the single questions, `mlmamba chat` the dialogues (with the
model's own earlier answers); an answer is right when its text is the expected one.  Blind: the same questions about an
empty grey picture.  Needs no torch.
"""
import argparse
import json
import os
import struct
import subprocess
import sys
import tempfile
import zlib

from figures import by_family, joined, markdown


def grey_png(path, side=224):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = (b"\0" + b"\x80" * (3 * side)) * side
    with open(path, "wb") as f:
        f.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)) +
                chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


def ask_single(engine, model, rows, images, work, threads):
    """{id: answer} of the rows without a dialogue"""
    if not rows:
        return {}
    path, run = os.path.join(work, "single.jsonl"), os.path.join(work, "run")
    with open(path, "w", encoding="utf-8") as f:
        for r in rows:
            f.write(json.dumps({"id": r["id"], "image": r["image"], "question": r["question"]}) + "\n")
    subprocess.run([engine, "vqa", path, "--format", "jsonl", "--task", "chat", "--images", images, "-o", run, "-m", model,
                    "-q", "--force"] + threads, check=True)
    with open(os.path.join(run, "results.jsonl"), encoding="utf-8") as f:
        results = [json.loads(line) for line in f]
    return {str(r["id"]): r["answer"] if r["ok"] else None for r in results}


def ask_dialogues(engine, model, rows, images, threads):
    """{id: last answer} of the rows with a dialogue: one process, a line an answer"""
    if not rows:
        return {}
    lines = []
    for r in rows:
        lines += ["/image " + os.path.join(images, r["image"])] + [q for q, _ in r["turns"]] + [r["question"]]
    done = subprocess.run([engine, "chat", "-q", "-m", model] + threads, input="\n".join(lines) + "\n", text=True,
                          capture_output=True, check=True)
    said, out = done.stdout.splitlines(), {}
    if len(said) != len(lines) - len(rows):
        sys.exit("evaluate_engine.py: chat gave %d lines for %d questions" % (len(said), len(lines) - len(rows)))
    at = 0
    for r in rows:
        at += len(r["turns"]) + 1
        out[str(r["id"])] = said[at - 1]
    return out


def answers(engine, model, rows, images, threads):
    with tempfile.TemporaryDirectory() as work:
        got = ask_single(engine, model, [r for r in rows if not r["turns"]], images, work, threads)
    return got | ask_dialogues(engine, model, [r for r in rows if r["turns"]], images, threads)


def refused(answer):
    return (answer or "").startswith(("There is no ", "I can't tell", "I am not sure", "I can only answer", "I only understand"))


def refusals(rows, got):
    """how many of the refusals that are due were given word for word, and how many questions with an answer were refused"""
    due = [got.get(str(r["id"])) == r["answer"] for r in rows if refused(r["answer"])]
    false = [refused(got.get(str(r["id"]))) for r in rows if not refused(r["answer"])]
    return "refusals right %.1f %% of %d, false refusals %.2f %% of %d" % (
        100 * sum(due) / max(1, len(due)), len(due), 100 * sum(false) / max(1, len(false)), len(false))


def measure(engine, model, folder, limit, threads, wrong=None):
    with open(os.path.join(folder, "questions.jsonl"), encoding="utf-8") as f:
        rows = [json.loads(line) for line in f][:limit]
    families, truth = {"family": [r["family"] for r in rows]}, {str(r["id"]): r["answer"] for r in rows}
    seen = answers(engine, model, rows, folder, threads)
    with tempfile.TemporaryDirectory() as empty:
        grey_png(os.path.join(empty, "grey.png"))
        blind = answers(engine, model, [dict(r, image="grey.png") for r in rows], empty, threads)
    print("%s: %s" % (os.path.basename(folder.rstrip("/")), refusals(rows, seen)))
    if wrong is not None:
        wrong += [dict(r, got=seen.get(str(r["id"]))) for r in rows if seen.get(str(r["id"])) != r["answer"]]
    return joined(*[by_family(families, [got.get(i) == a for i, a in truth.items()]) for got in (seen, blind)])


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--engine", default="build/app/mlmamba")
    p.add_argument("--model", required=True)
    p.add_argument("--limit", type=int)
    p.add_argument("--threads", type=int)
    p.add_argument("--out", help="JSON of the counts, for export.py --figures")
    p.add_argument("--wrong", help="JSONL of the questions answered wrongly")
    p.add_argument("folders", nargs="+")
    args = p.parse_args()
    threads = ["-t", str(args.threads)] if args.threads else []
    wrong = []
    tables = {os.path.basename(f.rstrip("/")): measure(args.engine, args.model, f, args.limit, threads, wrong)
              for f in args.folders}
    print("\n".join(markdown(tables)))
    if args.out:
        with open(args.out, "w", encoding="utf-8") as f:
            json.dump(tables, f, indent=1)
    if args.wrong:
        with open(args.wrong, "w", encoding="utf-8") as f:
            f.writelines(json.dumps(r) + "\n" for r in wrong)


if __name__ == "__main__":
    main()
