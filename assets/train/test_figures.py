"""Tables of figures and what MODEL.md says of them and of the runs."""
import glob
import json
import os
import tempfile
import unittest

import numpy

import export
import figures

HERE = os.path.dirname(os.path.abspath(__file__))


class Figures(unittest.TestCase):
    TABLES = {"test": {"colour": [38, 0, 38], "list": [30, 0, 38], "rare": [2, 1, 4]}, "pairs": {"colour": [40, 1, 44]}}

    def test_by_family(self):
        table = figures.by_family({"family": ["a", "b", "a"]}, [True, False, False])
        self.assertEqual(table, {"a": [1, 2], "b": [0, 1]})
        self.assertEqual(figures.joined(table, {"a": [0, 2], "b": [1, 1]}), {"a": [1, 0, 2], "b": [0, 1, 1]})

    def test_every_cell_says_of_how_many(self):
        lines = figures.markdown(self.TABLES)
        self.assertIn("| list | 78.9 (0.0) 38 | - |", lines)
        self.assertIn("3 families", lines[2])

    def test_spread(self):
        text = figures.spread(self.TABLES)
        self.assertIn("4 to 44 questions", text)
        self.assertIn("(rare of `test`, 4 questions, say nothing)", text)
        self.assertIn("to 7 points", text)                     # 30 of 38
        self.assertEqual(figures.spread({}), "")

    def test_provenance_names_the_stages(self):
        first = {"state": {"seconds": 1356, "step": 12025}, "arguments": {"start": None, "batch": 256, "seed": 1}}
        second = {"state": {"seconds": 1200, "step": 9000}, "arguments": {"start": "/tmp/warm,/tmp/aux", "batch": 256, "seed": 2, "second": True}}
        self.assertEqual(export.provenance([first, second]),
                         "Trained by this recipe: from scratch, 22.6 minutes of one GPU, 12025 steps of 256 pictures, seed 1; then from those weights "
                         "with the shares of the second stage, 20.0 minutes of one GPU, 9000 steps of 256 pictures, seed 2.")
        self.assertIn("; the weights are 85 % those and 15 % the ones before.", export.provenance([first, second], ["w", "0.15"]))
        self.assertEqual(export.provenance([]), "Trained by this recipe.")

    def test_provenance_of_the_runs_kept_here(self):
        """the card of the shipped weights says of their runs what runs/*.json say"""
        runs = []
        for path in sorted(glob.glob(os.path.join(HERE, "runs", "*.json"))):
            with open(path, encoding="utf-8") as f:
                runs.append(json.load(f))
        with open(os.path.join(export.SHIPPED, "MODEL.md"), encoding="utf-8") as f:
            shipped = f.read()
        self.assertGreaterEqual(len(runs), 4)
        self.assertIn("\n" + export.provenance(runs) + " No pretrained weights", shipped)
        for run, share in zip(runs[1:], (0.35, 0.3, 0.15)):
            self.assertEqual(run["mix"], share)
        self.assertIn(export.provenance(runs[:3] + [dict(runs[3], mix=None)], ["w", "0.15"])[:-1], shipped)          # --mix says the same

    def test_description(self):
        """its length is what the welcome screen has room for"""
        text = export.description(self.TABLES)
        self.assertIn("right on 88 % of questions about held-out scenes of that kind, far less on other pictures. Weak on", text)    # 70 of 80
        self.assertLessEqual(len(text), 320)
        self.assertNotIn("%", export.description({}))

    def test_names_by_category(self):
        entries = [dict(name=n, category=c) for n, c in (("dog", "animal"), ("bus", "vehicle"), ("ant", "animal"), ("yak", "animal"), ("cat", "animal"))]
        with tempfile.TemporaryDirectory() as d:
            path = os.path.join(d, "names.json")
            with open(path, "w", encoding="utf-8") as f:
                json.dump(entries, f)
            with self.assertRaises(ValueError):
                export.known_names(path)
            numpy.savez(os.path.join(d, "sprites.npz"), name=numpy.array([0, 1, 0]))
            numpy.savez(os.path.join(d, "sprites_more.npz"), name=numpy.array([2]))
            numpy.savez(os.path.join(d, "photos_0.npz"), name=numpy.array([1, 4]))
            lines = export.known_names(path).split("\n")
        self.assertTrue(lines[0].startswith("4 names: 3 as drawings"), lines[0])
        self.assertEqual(lines[-2:], ["- **animal**: ant, cat\\*\\*, dog", "- **vehicle**: bus\\*"])         # nothing shows a yak


if __name__ == "__main__":
    unittest.main()
