"""Numbers are compared as numbers, and all else exactly."""

import math
import os

import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st

from book.tools.compare import Tolerance, differ_in_durations_only, difference
from nnbook.claims import CLAIM

DEFAULT = Tolerance()

ALIKE = [
    ("accuracy 0.971", "accuracy 0.973"),
    ("loss 120.3", "loss 124.1"),
    ("[0.5  1.  ]", "[0.501 1.   ]"),
    ("1.00", "0.99"),
    ("-0.5", "-0.51"),
    ("0.00", "-0.00"),
    ("1.2e-05", "1.3e-05"),
    ("took 12.3 s", "took 9.8 s"),
    ("took 950 ms", "took 1.2 s"),
    ("0.93 to 0.97", "0.94 to 0.96"),
    ("0.93-0.97", "0.94-0.96"),
    ({"a": 1, "b": 0.5}, {"b": 0.51, "a": 1}),
    ("3.15.1", "3.15.1"),
    ("nan", "nan"),
]
DIFFERENT = [
    ("accuracy 0.971", "accuracy 0.6"),
    ("accuracy 0.971", "accuracy"),
    ("accuracy", "accuracy 0.971"),
    ("0.5 0.6", "0.5"),
    ("0.5", "0.5 0.6"),
    ("accuracy 0.971", "precision 0.971"),
    ("class cat", "class dog"),
    ("8 modes", "7 modes"),
    ("100.", "101."),
    ("1000 runs", "1001 runs"),
    ("0.971", "nan"),
    ("nan", "0.971"),
    ("0.971", "inf"),
    ("0.01", "-0.01"),
    ("-0.5", "0.5"),
    ("x > 0.5", "x < 0.5"),
    ("above 0.1", "below 0.1"),
    ("0.5", "5"),
    ("3.15.1", "3.15.2"),
    ("took 12.3 s", "took"),
    ("float32", "float64"),
    ("0.5", ""),
    ("", "0.5"),
    ({"a": 1}, {"a": 2}),
    ({"a": 1}, {"b": 1}),
]


@pytest.mark.parametrize(("stored", "new"), ALIKE)
def test_alike(stored, new):
    assert difference(stored, new, DEFAULT) is None
    assert difference(new, stored, DEFAULT) is None


@pytest.mark.parametrize(("stored", "new"), DIFFERENT)
def test_different(stored, new):
    assert difference(stored, new, DEFAULT)


def test_difference_names_the_number_and_the_tolerance():
    message = difference("accuracy 0.971", "accuracy 0.6", DEFAULT)
    assert message == "0.971 became 0.6 (tolerance: 0.02, or 0.05 of the stored number)"


def test_a_cell_sets_its_own_tolerance():
    assert difference("0.5", "0.6", Tolerance(absolute=0.2)) is None
    assert difference("0.5", "0.51", Tolerance(absolute=0.0, relative=0.0))
    assert difference("0.01", "-0.01", Tolerance(across_zero=True)) is None
    assert difference("0.01", "-0.02", Tolerance(across_zero=True))


numbers = st.floats(-1e6, 1e6).map(lambda number: float(f"{number:.6f}"))


@given(numbers, numbers)
def test_two_numbers_agree_exactly_within_the_tolerance(stored, new):
    close = abs(stored - new) <= max(0.02, 0.05 * abs(stored))
    same_sign = stored * new >= 0 or math.isclose(stored, new)
    alike = difference(f"{stored:.6f}", f"{new:.6f}", DEFAULT) is None
    assert alike == (close and same_sign)


@given(st.text())
def test_any_text_equals_itself(text):
    assert difference(text, text, Tolerance(0.0, 0.0)) is None


@given(st.integers(), st.integers())
def test_integers_must_be_equal(stored, new):
    assert (difference(str(stored), str(new), DEFAULT) is None) == (stored == new)


def test_durations_are_all_that_may_differ_when_storing():
    assert differ_in_durations_only("1.50 in 3 s", "1.50 in 4.2 s")
    assert not differ_in_durations_only("1.50 in 3 s", "1.5 in 3 s")
    assert not differ_in_durations_only([{"text": "0.50"}], [{"text": "0.51"}])


# What a cell prints, what is stored for it, its metadata, and whether nbval passes.
CELLS = [
    ("accuracy 0.971", "accuracy 0.971", {}, True),
    ("accuracy 0.971", "accuracy 0.973", {}, True),
    ("accuracy 0.971", "accuracy 0.6", {}, False),
    ("accuracy 0.971", "accuracy 0.8", {"nbval": {"absolute": 0.2}}, True),
    ("accuracy 0.971", "accuracy 0.973", {"nbval": {"absolute": 0, "relative": 0}}, False),
    ("accuracy 0.971", "accuracy", {}, False),
    ("accuracy 0.971", "accuracy 0.971 0.5", {}, False),
    ("accuracy 0.971", "precision 0.971", {}, False),
    ("modes 8", "modes 9", {}, False),
    ("loss 0.25", "loss nan", {}, False),
    ("loss nan", "loss 0.25", {}, False),
    ("gain 0.01", "gain -0.01", {}, False),
    ("x > 0.5", "x < 0.5", {}, False),
    ("took 3.1 s", "took 14.2 s", {}, True),
    ("accuracy 0.971", "", {}, False),
    ("", "accuracy 0.971", {}, False),
    ("", "accuracy 0.971", {"tags": ["recorded"]}, not os.environ.get("NNBOOK_DATA")),
]  # fmt: skip


def test_nbval_passes_what_agrees_and_refuses_the_rest(pytester, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(pytester._request.config.rootpath))
    cells = []
    for count, (prints, stored, metadata, _) in enumerate(CELLS, start=1):
        cell = nbformat.v4.new_code_cell(
            f"print({prints!r})" if prints else "None",
            execution_count=count,
            metadata=metadata,
        )
        if stored:
            text = stored + "\n"
            cell.outputs = [nbformat.v4.new_output("stream", name="stdout", text=text)]
        cells.append(cell)
    # A claim's JSON is compared like its text.
    figures = {"sentence": "It holds", "mean": 0.8, "low": 0.8, "high": 0.8, "runs": 1}
    figures |= {"measured": "0.800", "over": None}
    for stored_mean in (0.81, 0.5):
        claim = nbformat.v4.new_code_cell(
            "from nnbook import claim\nclaim('It holds', 0.8, above=0.5)",
            execution_count=len(cells) + 1,
        )
        text = "Claim: It holds\n  measured 0.800\n  bound: above 0.5"
        stored = {**figures, "mean": stored_mean, "bound": "above 0.5"}
        claim.outputs = [
            nbformat.v4.new_output("display_data", {"text/plain": text, CLAIM: stored})
        ]
        cells.append(claim)
    notebook = nbformat.v4.new_notebook(cells=cells)
    nbformat.write(notebook, pytester.path / "stored.ipynb")

    plugins = ("-p", "book.tools.nbval_numbers", "-p", "no:cacheprovider")
    result = pytester.runpytest_subprocess(
        *plugins, "--nbval", "--nbval-current-env", "-v", "stored.ipynb"
    )

    passes = [*(expected for *_, expected in CELLS), True, False]
    verdicts = ["PASSED" if expected else "FAILED" for expected in passes]
    lines = [f"*Cell {i} {verdict}*" for i, verdict in enumerate(verdicts)]
    result.stdout.fnmatch_lines(lines)
    result.stdout.fnmatch_lines(["*0.6 became 0.971 (tolerance: 0.02*"])
