"""The schedule under a clock of its own: stopped processes, deadlines, the file `finish`."""
import argparse
import os
import tempfile
import unittest
from unittest import mock

import schedule
import train


class FakeTime:
    def __init__(self):
        self.at = 1000.0

    def __call__(self):
        return self.at


class Rate(unittest.TestCase):
    def test_up_level_down(self):
        rates = [schedule.rate_at(i / 1000, 0.03, 0.35, 0.03) for i in range(1001)]
        self.assertAlmostEqual(rates[30], 1)
        self.assertAlmostEqual(rates[640], 1)
        self.assertAlmostEqual(rates[1000], 0.03)
        self.assertTrue(all(a >= b for a, b in zip(rates[30:], rates[31:])))


class Clock(unittest.TestCase):
    def clock(self, seconds=0.0, total=100.0, stop=100.0, share=None):
        now = FakeTime()
        clock = schedule.Clock(seconds, total, stop, share, now)
        clock.start()
        return clock, now

    def steps(self, clock, now, n, each=0.1):
        for _ in range(n):
            now.at += each
            clock.tick()

    def test_steps_count_and_stops_do_not(self):
        clock, now = self.clock()
        self.steps(clock, now, 100)
        self.assertAlmostEqual(clock.seconds, 10)
        now.at += 60                                   # SIGSTOP .. SIGCONT
        self.assertAlmostEqual(clock.tick(), 60 - schedule.MOST)
        self.assertAlmostEqual(clock.seconds, 10 + schedule.MOST)
        self.assertAlmostEqual(clock.share(), 0.1 + schedule.MOST / 100)
        now.at += 30
        clock.skip()                                   # an evaluation
        self.steps(clock, now, 10)
        self.assertAlmostEqual(clock.seconds, 11 + schedule.MOST)

    def test_time_that_runs_backwards_is_nothing(self):
        clock, now = self.clock()
        now.at -= 50
        clock.tick()
        self.assertEqual(clock.seconds, 0)

    def test_squeezed_schedule_ends_in_time_and_never_jumps(self):
        clock, now = self.clock()
        self.steps(clock, now, 200)
        before = clock.share()
        self.assertAlmostEqual(clock.squeeze(40), 40)
        self.assertAlmostEqual(clock.share(), before)
        self.assertEqual(clock.squeeze(50), 0)         # never made longer
        self.steps(clock, now, 200)
        self.assertAlmostEqual(clock.share(), 0.2 + 0.8 / 2)
        self.assertFalse(clock.over())
        self.steps(clock, now, 201)
        self.assertTrue(clock.over())
        self.assertEqual(clock.share(), 1)

    def test_a_piece_that_does_not_end_the_schedule_only_ends(self):
        clock, now = self.clock(20.0, 100.0, 60.0)
        clock.squeeze(10)
        self.steps(clock, now, 101)
        self.assertTrue(clock.over())
        self.assertAlmostEqual(clock.share(), 0.301)

    def test_goes_on_with_the_share_that_was_done(self):
        clock, now = self.clock(50.0, 100.0, 100.0, share=0.8)
        self.assertAlmostEqual(clock.share(), 0.8)
        self.steps(clock, now, 250)
        self.assertAlmostEqual(clock.share(), 0.9)

    def test_nothing_left(self):
        clock, now = self.clock()
        clock.squeeze(-3)
        self.assertTrue(clock.over())
        self.assertEqual(clock.share(), 1)


class File(unittest.TestCase):
    def test_number_nonsense_and_none(self):
        with tempfile.TemporaryDirectory() as d:
            path = os.path.join(d, "finish")
            self.assertIsNone(schedule.wanted_end(path))
            for text, want in (("90\n", 90.0), ("soon", None), ("-1", None), ("inf", None)):
                with open(path, "w") as f:
                    f.write(text)
                self.assertEqual(schedule.wanted_end(path), want)
                self.assertFalse(os.path.exists(path))
            open(path, "w").close()                    # not written yet
            self.assertIsNone(schedule.wanted_end(path))
            self.assertTrue(os.path.exists(path))


class Piece(unittest.TestCase):
    """train.Piece as the loop uses it: 0.1 s a step"""

    def piece(self, folder, **values):
        now, learner = FakeTime(), mock.Mock()
        learner.state = {"step": 0, "seconds": 0.0, "pictures": 0, "piece": 0}
        args = argparse.Namespace(minutes_total=20, minutes_now=None, deadline=float("inf"), curriculum_from=1.0, out=folder, evaluate_every=75)
        vars(args).update(values)
        self.lines = []
        with mock.patch.object(train, "START", now.at):
            piece = train.Piece(learner, args, lambda *w: self.lines.append(" ".join(map(str, w))), now)
        piece.begin()
        return piece, now

    def run_steps(self, piece, now, most, stops=()):
        """-> steps until it is over"""
        for k in range(most):
            now.at += 0.1
            for at, seconds in stops:
                now.at += seconds if k == at else 0
            if piece.over():
                return k + 1
        return None

    def test_stops_do_not_count(self):
        with tempfile.TemporaryDirectory() as d, mock.patch.object(train, "START", 1000.0):
            piece, now = self.piece(d, minutes_total=1)
            n = self.run_steps(piece, now, 700, [(100, 60), (300, 25)])
            self.assertTrue(560 <= n <= 601, n)        # each stop counts two seconds at most
            self.assertTrue(any("stopped for 58 s" in line for line in self.lines), self.lines)
            self.assertEqual(piece.learner.state["share"], 1)

    def test_deadline_wins_over_stops(self):
        with tempfile.TemporaryDirectory() as d, mock.patch.object(train, "START", 1000.0):
            piece, now = self.piece(d, deadline=600.0)
            shares = []
            while not piece.over():
                now.at += 0.1
                if abs(now.at - 1200) < 0.05:
                    now.at += 60
                shares.append(piece.share())
            self.assertLess(now.at, 1600.3)
            self.assertEqual(piece.share(), 1)
            self.assertLess(max(b - a for a, b in zip(shares, shares[1:])), 0.01)

    def test_finish_file(self):
        with tempfile.TemporaryDirectory() as d, mock.patch.object(train, "START", 1000.0):
            piece, now = self.piece(d)
            self.assertIsNone(self.run_steps(piece, now, 3000))
            share = piece.share()
            with open(os.path.join(d, "finish"), "w") as f:
                f.write("30")
            self.assertIsNone(self.run_steps(piece, now, 10))
            self.assertLess(piece.share() - share, 0.05)
            n = self.run_steps(piece, now, 400)
            self.assertTrue(280 <= n <= 312, n)
            self.assertEqual(piece.share(), 1)
            self.assertFalse(os.path.exists(os.path.join(d, "finish")))

    def test_evaluation_is_off_the_clock(self):
        with tempfile.TemporaryDirectory() as d, mock.patch.object(train, "START", 1000.0):
            piece, now = self.piece(d)
            self.run_steps(piece, now, 10)

            def work():
                now.at += 20

            piece.pause(work)
            self.run_steps(piece, now, 1)
            self.assertAlmostEqual(piece.learner.state["seconds"], 1.1)


if __name__ == "__main__":
    unittest.main(verbosity=2)
