"""Tables of figures and what MODEL.md says of them and of the runs."""
import unittest

import export
import figures


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


if __name__ == "__main__":
    unittest.main()
