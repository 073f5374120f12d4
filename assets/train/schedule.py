"""The clock of a run: how far the schedule has come, in time that was really trained.

Time counts step by step and a step counts `MOST` seconds at most, so a process that was stopped (SIGSTOP) and continued has lost nothing but
the time. What is left of the schedule can be squeezed into less time at any moment; the share that has been done never jumps.
"""
import math
import os
import time

MOST = 2.0       # seconds; a step takes 0.1, a slow one 0.5


def rate_at(f, warm_up, decay, floor):
    """Up, level, and down with half a cosine."""
    if f < warm_up:
        return max(f, 1e-3) / warm_up
    if f < 1 - decay:
        return 1.0
    x = min(1.0, (f - 1 + decay) / decay)
    return floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * x))


def aux_at(f, first, last, until):
    return last + (first - last) * max(0.0, 1 - f / until)


class Clock:
    """Seconds of training. `now` is the wall clock, another one in tests."""

    def __init__(self, seconds, total, stop, share=None, now=time.time):
        """`seconds` are behind us, the schedule ends at `total`, this call at `stop`; `share` if it differs from seconds / total"""
        self.seconds, self.now, self.since = seconds, now, None
        self.total, self.stop = max(total, 1e-9), stop
        self.from_second, self.from_share = seconds, min(1.0, seconds / self.total) if share is None else share

    def start(self):
        self.since = self.now()

    def tick(self):
        """-> seconds of wall time that did not count"""
        if self.since is None:
            return 0.0
        now = self.now()
        passed = now - self.since
        counted = min(max(passed, 0.0), MOST)
        self.seconds += counted
        self.since = now
        return passed - counted

    def skip(self):
        """what has happened since the last tick does not count (evaluation)"""
        if self.since is not None:
            self.since = self.now()

    def share(self):
        """0 .. 1 of the schedule"""
        left = self.total - self.from_second
        part = (self.seconds - self.from_second) / left if left > 1e-9 else 1.0
        return min(1.0, self.from_share + (1 - self.from_share) * max(0.0, part))

    def squeeze(self, left):
        """At most `left` seconds from now on. A call that ends the schedule does what is left of it faster; one that does not just ends.

        -> seconds that were cut off"""
        cut = self.stop - self.seconds - max(left, 0.0)
        if cut <= 0:
            return 0.0
        if self.stop >= self.total:
            self.from_share, self.from_second = self.share(), self.seconds
            self.total = self.seconds + max(left, 0.0)
        self.stop = self.seconds + max(left, 0.0)
        return cut

    def over(self):
        return self.seconds >= self.stop


def wanted_end(path):
    """Seconds from now in which the run shall end: what somebody wrote into the file `path`, which is then gone; None without one.

    A file that says anything else than a number is renamed to PATH.bad."""
    if not path or not os.path.exists(path):
        return None
    try:
        with open(path, encoding="utf-8") as f:
            text = f.read(100).strip()
        if not text:
            return None          # still being written
        seconds = float(text)
        if not math.isfinite(seconds) or seconds < 0:
            raise ValueError(text)
        os.remove(path)
        return seconds
    except (OSError, ValueError):
        try:
            os.replace(path, path + ".bad")
        except OSError:
            pass
        return None
