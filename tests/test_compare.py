"""Numbers are compared as numbers, figures as figures, and all else exactly."""

import base64
import copy
import io
import os
from pathlib import Path

import matplotlib
import nbformat
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure
from PIL import Image, ImageOps

from book.tools.compare import (
    Tolerance,
    decimals,
    differ_in_durations_only,
    difference,
    outputs_difference,
)
from book.tools.run import CELL_TIMEOUT, execute
from nnbook.claims import CHECK, CLAIM
from nnbook.live import MIME_TYPE as WEIGHTS

DEFAULT = Tolerance()

ALIKE = [
    ("accuracy 0.971", "accuracy 0.973"),
    ("loss 120.3", "loss 124.1"),
    ("[0.5  1.  ]", "[0.501 1.   ]"),
    ("  0.5\n 10.2", "0.51\n10.1"),
    ("1.00", "0.99"),
    ("-0.5", "-0.51"),
    ("0.00", "-0.00"),
    ("1.2e-05", "1.23e-05"),
    ("1,024.5", "1,030.5"),
    ("0.04", "0.05"),
    ("1.3e-05", "1.4e-05"),
    ("took 12.3 s", "took 9.8 s"),
    ("took 950 ms", "took 1024 ms"),
    ("CPU time of both: 0.7 s and 12 s", "CPU time of both: 7.1 s and 9 s"),
    ("0.976, 11 s a run", "0.976, 7 s a run"),
    ("counted in 10 s\nand done", "counted in 8 s\nand done"),
    ("0.93 to 0.97", "0.94 to 0.96"),
    ("0.93-0.97", "0.94-0.96"),
    ({"a": 1, "b": 0.5}, {"b": 0.51, "a": 1}),
    ({"a": float("nan")}, {"a": float("nan")}),
    ("3.15.1", "3.15.1"),
    ("nan", "nan"),
]
DIFFERENT = [
    ("accuracy 0.971", "accuracy 0.6"),
    ("accuracy 0.971", "accuracy"),
    ("0.5 0.6", "0.5"),
    ("accuracy 0.971", "precision 0.971"),
    ("class cat", "class dog"),
    ("8 modes", "7 modes"),
    ("100.", "101."),
    ("1000 runs", "1001 runs"),
    ("1,024", "1,025"),
    ("1,024", "2,024"),
    ("1,024", "1 024"),
    ("1st of 2D", "1th of 2D"),
    ("0.971", "nan"),
    ("0.971", "inf"),
    ("error 0.02", "error 0.04"),
    ("0.01", "0.02"),
    ("0.03", "0.02"),
    ("0.00", "0.01"),
    ("0.05", "0.06667"),
    ("0.0012", "0.0120"),
    ("3.1e-05", "3.1e-03"),
    ("3.1e-05", "0.000031"),
    ("0.0012", "1.2e-03"),
    ("0.01", "-0.01"),
    ("-0.5", "0.5"),
    ("+0.001", "−0.001"),
    ("x > 0.5", "x < 0.5"),
    ("above 0.1", "below 0.1"),
    ("above 0.10", "above 0.11"),
    ("bound 1.00", "bound 1.01"),
    ("0.5", "5"),
    ("3.15.1", "3.15.2"),
    ("took 12.3 s", "took"),
    ("took 12.3 s", "took 12.3 min"),
    ("the 1990s", "the 1980s"),
    ("1,024s", "2,048s"),
    ("12 min, 17 max", "14 min, 17 max"),
    ("it falls in 12 s by half", "it falls in 17 s by half"),
    ("after 12.0 s", "after 17.0 s"),
    ("float32", "float64"),
    ("one\ntwo", "one two"),
    ("one\n\ntwo", "one\ntwo"),
    ("0.5", ""),
    ({"a": 1}, {"a": 2}),
    ({"a": 1}, {"a": 1.0}),
    ({"a": 0.5}, {"a": None}),
    ({"a": 1}, {"b": 1}),
    ([1, 2], [1]),
]


@pytest.mark.parametrize(("stored", "new"), ALIKE)
def test_alike(stored, new):
    assert difference(stored, new, DEFAULT) is None
    assert difference(new, stored, DEFAULT) is None


@pytest.mark.parametrize(("stored", "new"), DIFFERENT)
def test_different(stored, new):
    assert difference(stored, new, DEFAULT)
    assert difference(new, stored, DEFAULT)


def test_difference_names_the_number_and_the_tolerance():
    message = difference("accuracy 0.971", "accuracy 0.6", DEFAULT)
    expected = "0.971 became 0.6 (tolerance: 0.05 of the number, or 0.02 from 0.1 on)"
    assert message == expected


def test_a_cell_sets_its_own_tolerance():
    assert difference("0.5", "0.6", Tolerance(absolute=0.1)) is None
    assert (
        difference("0.4", "0.3", Tolerance(absolute=0.1, relative=0)) is None
    )  # a step
    assert difference("0.40", "0.31", Tolerance(absolute=0.1))
    assert difference("0.500", "0.510", Tolerance(absolute=0.0, relative=0.01))
    assert difference("0.50", "0.60", Tolerance(relative=0.2)) is None
    assert difference("0.50", "0.50", Tolerance(why="it is so")) is None


def test_numbers_cross_zero_only_where_both_are_small():
    scatter = Tolerance(across_zero=0.01)
    assert difference("0.010", "-0.004", scatter) is None
    assert difference("-4.7e-07", "0.000", scatter) is None
    assert difference("0.010", "-0.011", scatter)
    assert difference("-0.100", "0.100", scatter)


numbers = st.floats(-1e6, 1e6).map(lambda number: float(f"{number:.6f}"))


@given(numbers)
def test_no_number_doubles_or_loses_a_third(number):
    stored = f"{number:.6f}"
    if float(stored):
        assert difference(stored, f"{2 * number:.6f}", DEFAULT)
        assert difference(stored, f"{2 * number / 3:.6f}", DEFAULT)
        assert difference(stored, f"{-number:.6f}", DEFAULT)


@given(numbers)
def test_every_number_may_change_in_its_third_digit(number):
    near = number * 1.004
    if abs(number) > 1e-3:
        assert difference(f"{number:.6f}", f"{near:.6f}", DEFAULT) is None


@given(st.text())
def test_any_text_equals_itself(text):
    assert difference(text, text, Tolerance(0.0, 0.0)) is None


@given(st.integers(), st.integers())
def test_integers_must_be_equal(stored, new):
    for spell in ("{}", "{:,}"):
        texts = spell.format(stored), spell.format(new)
        assert (difference(*texts, DEFAULT) is None) == (stored == new)


def test_durations_are_all_that_may_differ_when_storing():
    assert differ_in_durations_only("1.50, took 3 s", "1.50, took 4.2 s")
    assert not differ_in_durations_only("1.50, took 3 s", "1.5, took 3 s")
    assert not differ_in_durations_only("1.50 of 3 s", "1.50 of 4 s")
    assert not differ_in_durations_only([{"text": "0.50"}], [{"text": "0.51"}])


def test_decimals_are_found_in_text_and_in_claims():
    outputs = [*stated(CLAIM, sentence="Two lines"), *printed("1,024.5 of 3")]
    assert decimals(outputs) == [0.8, 0.7, 0.9, 0.5, 1024.5]


def printed(text, name="stdout"):
    """Return what a cell prints."""
    return [nbformat.v4.new_output("stream", name=name, text=text)]


def table(*rows):
    """Return a table as tabulate makes it, as HTML and as the text that shows it."""
    lines = ["<table>", "<thead>"]
    for number, row in enumerate(rows):
        tag = "td" if number else "th"
        cells = "".join(f"<{tag}>{cell:8}</{tag}>" for cell in row)
        lines += [f"<tr>{cells}</tr>", *["</thead>"] * (not number)]
    text = "\n".join([*lines, "</table>"])
    return [
        nbformat.v4.new_output(
            "display_data", {"text/html": text, "text/plain": repr(text)}
        )
    ]


def stated(kind, **changed):
    """Return a claim or check."""
    figures = {
        "sentence": "The network gains over 2 runs and 12 s",
        "measured": "mean 0.800, from 0.700 to 0.900 over 5 seeds",
        "bound": "above 0.5",
    }
    if kind == CLAIM:
        figures |= {"mean": 0.8, "low": 0.7, "high": 0.9, "runs": 5, "over": "seeds"}
    figures |= changed
    sentence, measured, bound = (
        figures[key] for key in ("sentence", "measured", "bound")
    )
    text = f"Claim: {sentence}\n  measured {measured}\n  bound: {bound}"
    if kind == CHECK:
        text = f"Checked: {sentence} ({measured}; bound: {bound})"
    data = {"text/plain": text, kind: figures}
    return [nbformat.v4.new_output("display_data", data)]


def drawn(curves=("up", "down"), colours="br", title="Loss", size=(6.4, 3.6), **style):
    """Return a figure."""
    x = np.linspace(0, 1, 50)
    shapes = {"up": x**2, "down": 0.8 - x / 2, "wave": 0.5 + np.sin(9 * x) / 3}
    shapes["flat"] = 0 * x + 0.02
    with matplotlib.rc_context(style):
        figure = Figure(figsize=size, dpi=80)
        axes = figure.subplots()
        for curve, colour in zip(curves, colours, strict=True):
            axes.plot(x, shapes[curve], colour, linewidth=2)
        axes.set(ylim=(0, 1), xlabel="epoch", ylabel="loss", title=title)
        buffer = io.BytesIO()
        figure.savefig(buffer)
    return png(buffer.getvalue())


def png(content):
    """Return a figure's output."""
    text = base64.b64encode(content).decode() + "\n"
    data = {"image/png": text, "text/plain": "<Figure size 512x288 with 1 Axes>"}
    return [nbformat.v4.new_output("display_data", data)]


def repainted(change):
    """Return the figure with its pixels changed."""
    pixels = base64.b64decode(drawn()[0].data["image/png"])
    buffer = io.BytesIO()
    change(Image.open(io.BytesIO(pixels)).convert("RGB")).save(buffer, "png")
    return png(buffer.getvalue())


def weights(*shapes, value="AAAA"):
    """Return weights for a live figure."""
    arrays = [{"shape": list(shape), "float32": value} for shape in shapes]
    return [
        nbformat.v4.new_output(
            "display_data", {"text/plain": "4 weights", WEIGHTS: arrays}
        )
    ]


TABLE = [
    ("model", "error", "CPU time"),
    ("linear", "0.140", "12 s"),
    ("network", "0.090", "17 s"),
]
SAID = """\
Keras 3.15.1, float32, 1,024 weights of 8 layers in 2D
test error 0.02, gain -0.003, ratio 0.6
gradient 3.1e-05, rate 0.0012, perplexity 120.3
0.300 ± 0.012, learned in 12 epochs
the 1990s: from 12 min to 17 max
training is stable
CPU time 3.1 s
"""


def said(old, new):
    """Return the outputs before and after a word was changed."""
    assert SAID.count(old) == 1
    return printed(SAID), printed(SAID.replace(old, new))


def only(outputs, mime_type, old, new):
    """Return the outputs before and after one of their forms alone was changed."""
    after = copy.deepcopy(outputs)
    assert old in after[0].data[mime_type]
    after[0].data[mime_type] = after[0].data[mime_type].replace(old, new)
    return outputs, after


def without(outputs, mime_type):
    """Return the outputs before and after one of their forms was dropped."""
    after = copy.deepcopy(outputs)
    del after[0].data[mime_type]
    return outputs, after


def as_result(outputs):
    """Return the outputs as a cell's result."""
    return [
        nbformat.v4.new_output("execute_result", output.data, execution_count=1)
        for output in outputs
    ]


# What is stored, and what a run gives: each would change what a reader concludes.
SMUGGLED = {
    "error doubled": said("error 0.02", "error 0.04"),
    "sign of a small gain": said("-0.003", "+0.003"),
    "a third lost": said("ratio 0.6", "ratio 0.4"),
    "exponent": said("3.1e-05", "3.1e-03"),
    "rate ten times": said("0.0012", "0.0120"),
    "notation": said("0.0012", "1.2e-03"),
    "perplexity": said("120.3", "160.3"),
    "spread": said("± 0.012", "± 0.024"),
    "NaN": said("120.3", "nan"),
    "one layer more": said("8 layers", "9 layers"),
    "thousands": said("1,024", "2,024"),
    "version": said("3.15.1", "3.14.1"),
    "precision": said("float32", "float64"),
    "dimensions": said("2D", "3D"),
    "epochs": said("12 epochs", "17 epochs"),
    "decade": said("1990s", "1980s"),
    "minimum": said("12 min", "17 min"),
    "word": said("is stable", "is unstable"),
    "word lost": said("training is", "is"),
    "unit of a time": said("3.1 s", "3.1 min"),
    "line lost": said("training is stable\n", ""),
    "line joined": said("stable\n", "stable "),
    "lines swapped": (printed("a 0.1\nb 0.2\n"), printed("b 0.2\na 0.1\n")),
    "last line lost": said("CPU time 3.1 s\n", ""),
    "warning moved": (printed("warning"), printed("warning", "stderr")),
    "printed twice": (printed("a"), printed("a") + as_result(table(*TABLE))),
    "nothing printed": (printed("a"), []),
    "rows swapped": (table(*TABLE), table(TABLE[0], TABLE[2], TABLE[1])),
    "row lost": (table(*TABLE), table(*TABLE[:2])),
    "numbers exchanged": (
        table(*TABLE),
        table(TABLE[0], ("linear", "0.090", "12 s"), ("network", "0.140", "17 s")),
    ),
    "heading": (table(*TABLE), table(("model", "gain", "CPU time"), *TABLE[1:])),
    "HTML alone": only(table(*TABLE), "text/html", "0.090", "0.190"),
    "text alone": only(table(*TABLE), "text/plain", "0.090", "0.190"),
    "HTML dropped": without(table(*TABLE), "text/html"),
    "result, not display": (table(*TABLE), as_result(table(*TABLE))),
    "order": (table(*TABLE) + drawn(), drawn() + table(*TABLE)),
    "claim's sentence": (stated(CLAIM), stated(CLAIM, sentence="The network loses")),
    "claim's number": (
        stated(CLAIM),
        stated(CLAIM, sentence="The network gains over 2 runs and 17 s"),
    ),
    "claim's bound": (stated(CLAIM), stated(CLAIM, bound="above 0.51")),
    "claim turned round": (stated(CLAIM), stated(CLAIM, bound="below 0.5")),
    "bound in text alone": only(stated(CLAIM), "text/plain", "above 0.5", "above 0.49"),
    "claim's runs": (stated(CLAIM), stated(CLAIM, runs=50)),
    "what it runs over": (stated(CLAIM), stated(CLAIM, over="epochs")),
    "range widened": (
        stated(CLAIM),
        stated(CLAIM, measured="mean 0.800, from 0.520 to 0.900 over 5 seeds"),
    ),
    "lowest": (stated(CLAIM), stated(CLAIM, low=0.52)),
    "claim turned check": (stated(CLAIM), stated(CHECK)),
    "claim lost": (stated(CLAIM) + stated(CHECK), stated(CLAIM)),
    "check's bound": (stated(CHECK), stated(CHECK, bound="above 0.49")),
    "check's measure": (stated(CHECK), stated(CHECK, measured="2.4e-05")),
    "figure's neighbour": (drawn(), drawn(["wave", "down"])),
    "figure dropped": (drawn() + drawn(["wave"], "b"), drawn()),
    "figures swapped": (drawn() + drawn(["wave"], "b"), drawn(["wave"], "b") + drawn()),
    "figure's pixels dropped": without(drawn(), "image/png"),
    "figure blank": (drawn(), repainted(lambda image: Image.new("RGB", image.size))),
    "figure white": (drawn(), drawn([], "", title="")),
    "figure mirrored": (drawn(), repainted(ImageOps.mirror)),
    "figure upside down": (drawn(), repainted(ImageOps.flip)),
    "curve removed": (drawn(), drawn(["up"], "b")),
    "flat curve removed": (
        drawn(["up", "down", "wave", "flat"], "brkg"),
        drawn(["up", "down", "wave"], "brk"),
    ),
    "curves exchanged": (drawn(), drawn(colours="rb")),
    "figure larger": (drawn(), drawn(size=(7.2, 3.6))),
    "weights of another network": (weights((2, 2)), weights((4, 1))),
}  # fmt: skip
BENIGN = {
    "nothing": said("stable", "stable"),
    "digits": said("120.3", "121.9"),
    "time": said("3.1 s", "0.4 s"),
    "width of numbers": said("± 0.012", "±   0.012"),
    "error": (table(*TABLE), table(*TABLE[:2], ("network", "0.091", "17 s"))),
    "time in a table": (table(*TABLE), table(*TABLE[:2], ("network", "0.090", "2 s"))),
    "measured": (
        stated(CLAIM),
        stated(CLAIM, measured="mean 0.803, from 0.690 to 0.905 over 5 seeds", low=0.69),
    ),
    "figure drawn again": (drawn(), drawn()),
    "figure 4 % smaller": (
        drawn(),
        repainted(lambda image: image.resize((492, 276), Image.Resampling.BICUBIC)),
    ),
    "other text": (drawn(), drawn(**{"text.hinting": "none"})),
    "jagged lines": (drawn(), drawn(**{"lines.antialiased": False})),
    "weights trained elsewhere": (weights((2, 2)), weights((2, 2), value="BBBB")),
}  # fmt: skip


@pytest.mark.parametrize("name", SMUGGLED)
def test_smuggled_changes_are_found(name):
    before, after = SMUGGLED[name]
    assert outputs_difference(before, after, DEFAULT)
    assert outputs_difference(after, before, DEFAULT)


@pytest.mark.parametrize("name", BENIGN)
def test_benign_changes_pass(name):
    before, after = BENIGN[name]
    assert outputs_difference(before, after, DEFAULT) is None
    assert outputs_difference(after, before, DEFAULT) is None


DRAW = "import matplotlib.pyplot as plt\n_ = plt.plot([0, 1], [{}, {}])\nplt.show()"
# What a cell prints or draws, what is stored for it, its metadata, and whether nbval
# passes. Code that draws stands for a figure.
RISES, FALLS = DRAW.format(0, 1), DRAW.format(1, 0)
CELLS = [
    ("accuracy 0.971", "accuracy 0.971", {}, True),
    ("accuracy 0.971", "accuracy 0.973", {}, True),
    ("accuracy 0.971", "accuracy 0.6", {}, False),
    ("accuracy 0.971", "accuracy 0.8", {"nbval": {"absolute": 0.18, "why": "so"}}, True),
    ("accuracy 0.971", "accuracy 0.973", {"nbval": {"absolute": 0, "relative": 0}}, False),
    ("accuracy 0.971", "accuracy", {}, False),
    ("accuracy 0.971", "accuracy 0.971 0.5", {}, False),
    ("accuracy 0.971", "precision 0.971", {}, False),
    ("modes 8", "modes 9", {}, False),
    ("loss 0.25", "loss nan", {}, False),
    ("loss nan", "loss 0.25", {}, False),
    ("gain 0.01", "gain -0.01", {}, False),
    ("gain 0.01", "gain -0.01", {"nbval": {"across_zero": 0.01}}, True),
    ("x > 0.5", "x < 0.5", {}, False),
    ("took 3.1 s", "took 14.2 s", {}, True),
    ("accuracy 0.971", "", {}, False),
    ("", "accuracy 0.971", {}, False),
    ("", "accuracy 0.971", {"tags": ["recorded"]}, not os.environ.get("NNBOOK_DATA")),
    (RISES, RISES, {}, True),
    (RISES, FALLS, {}, False),
    (RISES, "", {}, False),
]  # fmt: skip


def test_nbval_passes_what_agrees_and_refuses_the_rest(pytester, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(pytester._request.config.rootpath))
    stored_figures = {code: figure_of(code) for code in (RISES, FALLS)}
    cells = []
    for count, (prints, stored, metadata, _) in enumerate(CELLS, start=1):
        shown = f"print({prints!r})" if prints else "None"
        cell = nbformat.v4.new_code_cell(
            prints if prints in stored_figures else shown,
            execution_count=count,
            metadata=metadata,
        )
        if stored:
            cell.outputs = stored_figures.get(stored) or printed(stored + "\n")
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
    result.stdout.fnmatch_lines(
        ["*stream stdout, text: 0.6 became 0.971 (tolerance: *"]
    )


def test_nbval_gives_a_cell_the_time_that_the_authoring_command_gives(pytester):
    config = pytester.parseconfigure("-p", "book.tools.nbval_numbers", "--nbval")
    assert config.option.nbval_cell_timeout == CELL_TIMEOUT


def figure_of(code):
    """Return what a notebook stores for code that draws."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])
    execute(notebook, Path("stored.ipynb"))
    return notebook.cells[0].outputs
