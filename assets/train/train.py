"""Trains the built-in model on one GPU, in pieces that resume from a checkpoint.

  python3 train.py --packed /tmp/data --minutes-total 8.5 --minutes-now 8.5 --checkpoint /tmp/ck.pt --out out
  python3 train.py ... --from out/w               warm start from exported weights (a directory, a file or pieces)
  python3 train.py --cpu-smoke --steps 4          tries the whole program on random data, without a GPU

Minutes are of training proper: loading, compiling, evaluating and being stopped (kill -STOP) do not count.  Called again with
the same --checkpoint it goes on where it stopped: weights, optimiser, average, schedule, and the next batches of the same
stream.  OUT gets log.txt, run.json, eval.json and the averaged weights in pieces (w0.bin, w1.bin, ...), rewritten at every
evaluation.  --deadline is by the wall clock and wins: what is left of the schedule is squeezed into the time that is left.
So does `echo 90 >OUT/finish` while it runs: the rate falls to its end within 90 seconds, then the weights are written.
"""
import argparse
import json
import math
import os
import sys
import time

START = time.time()
os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", "/tmp/mlmamba-compiled/inductor")
os.environ.setdefault("TRITON_CACHE_DIR", "/tmp/mlmamba-compiled/triton")

import torch  # noqa: E402

import evaluate  # noqa: E402
import learner as learning  # noqa: E402
import model  # noqa: E402
import schedule  # noqa: E402
import source  # noqa: E402
import weights  # noqa: E402

TEXT = 192       # text tokens of a sample
HEADS = 0.03     # share of the schedule in which new auxiliary heads of a warm start learn alone


def arguments(argv=None):
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--packed", help="folder that pack.py wrote")
    p.add_argument("--tokenizer", help="tokenizer.json; else the one in the packed folder, else the shipped one")
    p.add_argument("--preset", choices=sorted(model.PRESETS), default="tiny")
    p.add_argument("--minutes-total", type=float, default=8.5, help="length of the schedule")
    p.add_argument("--minutes-now", type=float, help="stop after so many, the checkpoint goes on later")
    p.add_argument("--deadline", type=float, default=math.inf,
                   help="seconds after the start when training must have ended: the schedule is shortened to fit")
    p.add_argument("--checkpoint", help="file that is written, and gone on from when it is there")
    p.add_argument("--from", dest="start", help="weights to start from: directory, safetensors file or prefix of pieces; several separated by commas")
    p.add_argument("--out", default=os.environ.get("OUT", "out"))
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--batch", type=int, default=256)
    p.add_argument("--lr", type=float, default=1.5e-3)
    p.add_argument("--weight-decay", type=float, default=0.05)
    p.add_argument("--ema", type=float, default=0.9985)
    p.add_argument("--warm-up", type=float, default=0.03, help="share of the schedule")
    p.add_argument("--decay", type=float, default=0.35, help="share of the schedule, at its end, in which the rate falls")
    p.add_argument("--floor", type=float, default=0.03, help="rate at the end, as a share of --lr")
    p.add_argument("--aux", type=float, nargs=3, default=(1.0, 0.15, 0.53), metavar=("FIRST", "LAST", "UNTIL"),
                   help="weight of the auxiliary heads: falls from FIRST to LAST at this share of the schedule")
    p.add_argument("--curriculum-from", type=float, default=0.0, help="1: no easy scenes first (warm starts)")
    p.add_argument("--second", action="store_true", help="shares of the second stage: what the first one did worst, photos altered more")
    p.add_argument("--holdout-styles", action="store_true", help="control run: two art styles are never seen")
    p.add_argument("--photo-limit", type=int)
    p.add_argument("--workers", type=int, default=max(1, min(14, (os.cpu_count() or 2) - 2)))
    p.add_argument("--evaluate-every", type=float, default=75, help="seconds")
    p.add_argument("--n-quick", type=int, default=1280)
    p.add_argument("--n-final", type=int, default=6144)
    p.add_argument("--final", default="test", help="sets of the final evaluation, separated by commas; '' for none")
    p.add_argument("--steps", type=int, default=10 ** 9)
    p.add_argument("--profile", action="store_true", help="after training, a table of what three steps spend their time on")
    p.add_argument("--cpu", action="store_true", help="for trying; minutes become hours")
    p.add_argument("--no-graph", action="store_true", help="launch the step's kernels one by one")
    p.add_argument("--smoke", action="store_true", help="random data: tries the program and its speed on a GPU")
    p.add_argument("--cpu-smoke", action="store_true", help="random data on the CPU, a small model")
    return p.parse_args(argv)


def complete(args):
    """Fills in what other programs' arguments lack."""
    defaults = {"cpu_smoke": False, "smoke": False, "cpu": False, "lr": 1e-3, "weight_decay": 0.0, "ema": 0.9985, "photo_limit": None,
                "holdout_styles": False, "second": False, "tokenizer": None, "seed": 1, "packed": None}
    for name, value in defaults.items():
        if not hasattr(args, name):
            setattr(args, name, value)
    return args


def device_of(args):
    if args.cpu or args.cpu_smoke:
        return "cpu"
    if not torch.cuda.is_available():
        sys.exit("train.py: no CUDA device (use --cpu-smoke to try the program)")
    return "cuda"


def make_source(args, log):
    complete(args)
    device, options = device_of(args), {n: True for n in ("holdout_styles", "second") if getattr(args, n)}
    data = source.SmokeSource(device) if args.cpu_smoke or args.smoke else source.PackedSource(
        args.packed, args.tokenizer, device, max(1, (os.cpu_count() or 2) - 1), args.photo_limit, options)
    log("data: %d classes, vocabulary %d" % (data.classes, data.vocab))
    return data


def make_learner(args, log, config=None, data=None):
    """Data, model and kernels for these arguments; the GPU must be there unless the CPU is asked for."""
    device = device_of(args)
    dtype = torch.bfloat16 if device == "cuda" else torch.float32
    torch.manual_seed(args.seed)
    if device == "cuda":
        torch.set_num_threads(2)    # more only spin between the small copies of a step, on cores that the loaders need
    torch.backends.cuda.matmul.allow_tf32 = True
    torch.backends.cudnn.allow_tf32 = True
    data = data or make_source(args, log)
    config = config or model.PRESETS[args.preset]
    config.vocab = data.vocab
    if device == "cuda":
        learning.use_kernels(config, device, dtype, log)
    made = learning.Learner(config, data, device, dtype, args, log)
    count = sum(p.numel() for p in model.exported(made.model).values())
    log("model: %.2f M parameters, %s" % (count / 1e6, args.preset))
    return made


class Log:
    def __init__(self, folder):
        os.makedirs(folder, exist_ok=True)
        self.path = os.path.join(folder, "log.txt")

    def __call__(self, *words):
        line = "%6.1f " % (time.time() - START) + " ".join(str(w) for w in words)
        print(line, flush=True)
        with open(self.path, "a", encoding="utf-8") as f:
            f.write(line + "\n")


class Piece:
    """One call's share of the schedule."""

    def __init__(self, learner, args, log, now=time.time):
        import multiprocessing
        self.learner, self.args, self.log, self.now = learner, args, log, now
        total, seconds = args.minutes_total * 60, learner.state["seconds"]
        minutes = args.minutes_now * 60 if args.minutes_now else total
        self.clock = schedule.Clock(seconds, total, min(total, seconds + minutes), learner.state.get("share"), now)
        self.progress = multiprocessing.Value("d", max(args.curriculum_from, self.clock.share()))
        learner.state["piece"] += 1
        self.sums, self.waits = [], []
        self.seen = self.asked = now()
        self.end = args.deadline              # seconds after the start
        self.file = os.path.join(args.out, "finish")

    def share(self):
        return self.clock.share()

    def begin(self):
        """Called when the first steps have run: compiling is over, the clock starts, the deadline is known."""
        self.clock.start()
        self.keep_to_the_end()
        self.eval_at = self.now() + self.args.evaluate_every

    def keep_to_the_end(self):
        """The deadline wins, also where the process was stopped in between."""
        left = self.end - (self.now() - START)
        if self.clock.squeeze(left) > 1:
            self.log("*** the deadline leaves %.0f s; %.0f %% of the schedule is done" % (left, 100 * self.share()))

    def over(self):
        clock, state = self.clock, self.learner.state
        lost = clock.tick()
        if lost > 1:
            self.log("*** stopped for %.0f s, which do not count" % lost)
            self.seen += lost
            self.eval_at += lost
        if clock.since is not None:
            if self.now() >= self.asked + 1:
                self.asked = self.now()
                wanted = schedule.wanted_end(self.file)
                if wanted is not None:
                    self.log("finish within %.0f s, as the file says" % wanted)
                    self.end = min(self.end, self.now() - START + wanted)
            self.keep_to_the_end()
        state["seconds"], state["share"] = clock.seconds, clock.share()
        return clock.over()

    def pause(self, work):
        """Runs work() off the clock (the deadline still counts it: the schedule is shortened by as much)."""
        self.clock.tick()
        t = self.now()
        work()
        self.clock.skip()
        self.seen += self.now() - t
        self.keep_to_the_end()

    def note(self, values, wait, rate):
        self.sums.append(values)
        self.waits.append(wait)
        step = self.learner.state["step"]
        if step % 100 and len(self.sums) != 10 and self.learner.device == "cuda":
            return True
        mean = torch.stack(self.sums).mean(0).tolist()
        now, n = self.now(), len(self.sums)
        self.log("step %d t %.0f" % (step, self.learner.state["seconds"]),
                 "loss %.3f aux %.3f seen %.3f %.3f norm %.2f answer tokens %.0f" % tuple(mean), "rate %.3f" % rate,
                 "%.0f pictures/s, loader wait %.1f ms" % (n * self.args.batch / (now - self.seen), 1e3 * sum(self.waits) / n))
        self.sums, self.waits, self.seen = [], [], now
        return math.isfinite(mean[0])


def write_out(learner, args, log):
    """What a stopped run leaves behind: the checkpoint, the averaged weights in pieces, the state. Never what is not finite."""
    if not all(bool(t.isfinite().all()) for t in learner.averaged().values()):
        log("*** NOTHING WRITTEN: the averaged weights are not finite")
        return
    try:
        if args.checkpoint:
            learner.save(args.checkpoint)
        weights.save_pieces(weights.to_bf16(learner.averaged()), os.path.join(args.out, "w"))
        with open(os.path.join(args.out, "run.json"), "w", encoding="utf-8") as f:
            json.dump({"state": learner.state, "arguments": vars(args), "torch": torch.__version__}, f, indent=1)
    except OSError as error:
        log("*** NOTHING WRITTEN:", error)


def train(learner, args, log, write=True):
    """-> False if the loss was no longer finite: what was written last is all there is"""
    state = learner.state
    piece = Piece(learner, args, log)
    questions = learner.source.questions("test", args.n_quick, 777) if args.n_quick else None
    batches = learner.source.batches(args.seed, args.batch, state["step"], piece.progress, args.workers, TEXT)
    begin_step, warm, retries = state["step"], 5, 0
    log("first batch next, from step", state["step"])

    def look():
        if write:                         # first what must not be lost
            write_out(learner, args, log)
        if questions:
            log("EVALUATION step", state["step"], evaluate.quick(learner, questions))

    while state["step"] - begin_step < args.steps and not piece.over():
        f = piece.share()
        piece.progress.value = max(args.curriculum_from, f)
        rate = schedule.rate_at(f, args.warm_up, args.decay, args.floor)
        t = time.time()
        batch = next(batches)
        wait = time.time() - t
        alone = f < HEADS and state.get("new_heads")
        values = learner.step(batch, rate, schedule.aux_at(f, *args.aux), 0.0 if alone else 1.0)
        if piece.clock.since is None and state["step"] - begin_step >= warm:
            if learner.device == "cuda":
                torch.cuda.synchronize()
                log("compiled; peak memory %.1f GB" % (torch.cuda.max_memory_allocated() / 2 ** 30))
            piece.begin()
        if not piece.note(values, wait, rate):
            retries += 1
            if retries > 3 or not args.checkpoint or not os.path.exists(args.checkpoint):
                log("*** THE LOSS IS NOT FINITE, and there is no way back: stopped")
                return False
            log("*** THE LOSS IS NOT FINITE: back to the checkpoint, with 0.7 of the rate")
            seconds = state["seconds"]
            learner.load(args.checkpoint)
            learner.state["seconds"], state = seconds, learner.state
            args.lr *= 0.7
        if piece.clock.since is not None and time.time() > piece.eval_at:
            piece.pause(look)
            piece.eval_at = time.time() + args.evaluate_every
    piece.over()
    log("training ends:", json.dumps(learner.state))
    look()
    return True


def profile(learner, args, log):
    from torch.profiler import ProfilerActivity
    batches = learner.source.batches(args.seed, args.batch, 0, None, 0, TEXT)
    ready = [next(batches) for _ in range(4)]
    learner.step(ready.pop(), 0.0, 0.1)
    with torch.profiler.profile(activities=[ProfilerActivity.CPU if learner.device == "cpu" else ProfilerActivity.CUDA]) as seen:
        for batch in ready:
            learner.step(batch, 0.0, 0.1)
    events = seen.key_averages()
    spent = {e.key: (e.device_time_total or e.cpu_time_total) / 3e3 for e in events}
    log("profile: %.1f ms of kernels a step" % sum(spent.values()))
    for e in sorted(events, key=lambda e: -spent[e.key])[:40]:
        log("   %7.2f ms x%4d %s" % (spent[e.key], e.count // 3, e.key[:100]))


def main():
    args = arguments()
    log = Log(args.out)
    if args.cpu_smoke:
        args.preset = "micro"
    if args.cpu or args.cpu_smoke:
        args.batch, args.workers = min(args.batch, 4), 0
        args.n_quick, args.n_final = min(args.n_quick, 8), min(args.n_final, 8)
    learner = make_learner(args, log)
    if args.checkpoint and os.path.exists(args.checkpoint):
        learner.load(args.checkpoint)
        log("goes on from", args.checkpoint, json.dumps(learner.state))
    elif args.start:
        tensors = {}
        for place in args.start.split(","):
            tensors.update(weights.load_fp32(place))
        learner.warm_start(tensors)
        log("starts from", args.start)
    if not train(learner, args, log):
        sys.stdout.flush()
        os._exit(1)
    if args.profile:
        try:
            profile(learner, args, log)
        except Exception as error:
            log("*** NO PROFILE:", error)
    learner.swap()
    tables = {}
    for name in filter(None, args.final.split(",")):
        try:
            tables[name] = evaluate.full(learner, name, args.n_final, 4242, log)
        except Exception as error:
            log("*** EVALUATION OF %s FAILED:" % name, error)
        with open(os.path.join(args.out, "eval.json"), "w", encoding="utf-8") as f:
            json.dump(tables, f, indent=1)
    log("end")
    sys.stdout.flush()
    os._exit(0)  # the loader's processes need not be waited for


if __name__ == "__main__":
    main()
