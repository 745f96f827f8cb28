"""Every notebook keeps the contract, and every rule refuses a bad notebook."""

import copy

import nbformat
import pytest
from nbval.plugin import comment_markers, metadata_tags

from book.tools import contract
from book.tools.editions import chapters, masters
from book.tools.run import METADATA, NOTEBOOKS
from book.tools.stamps import stamp
from nnbook.claims import CHECK, CLAIM

EXERCISES = masters()
CHAPTERS = chapters()
RULES = [*contract.CHAPTER_RULES, *contract.SECOND_EDITION_RULES]
PAIRS = [
    *((path, rule) for path in CHAPTERS for rule in contract.chapter_rules(path)),
    *((path, rule) for path in EXERCISES for rule in contract.EXERCISE_RULES),
]


@pytest.mark.parametrize(
    ("path", "rule"),
    PAIRS,
    ids=[f"{path.stem}-{rule.__name__}" for path, rule in PAIRS],
)
def test_notebook_keeps_the_contract(path, rule):
    notebook = nbformat.read(path, as_version=nbformat.NO_CONVERT)
    assert list(rule(notebook)) == []


def test_right_options_are_spread_over_the_book():
    notebooks = [nbformat.read(path, as_version=4) for path in CHAPTERS]
    assert list(contract.right_options_are_spread(notebooks)) == []


@pytest.mark.parametrize("name", contract.UNREVISED)
def test_an_unrevised_chapter_still_needs_its_revision(name):
    path = NOTEBOOKS / f"{name}.ipynb"
    notebook = nbformat.read(path, as_version=4)
    broken = [rule for rule in contract.SECOND_EDITION_RULES if list(rule(notebook))]
    assert broken, f"{name} keeps every rule: take it off contract.UNREVISED"


PREDICT = """\
> **Predict.** Which?
>
> - This
> - That
> - Neither

<details><summary>Commit, then reveal</summary>

The second. That.

</details>"""
KERAS = """\
model.compile("adam", metrics=["accuracy"])
model.fit(x, y, validation_data=(x, y))
model.evaluate(x, y)"""


def good_notebook():
    """Build the smallest notebook that keeps every rule."""
    headings = [
        "What you will see\n\n- One\n- Two\n- Three",
        *contract.SECTIONS[1:3],
        "The idea on paper",
        "In Keras",
        *contract.SECTIONS[5:7],
        "Myths and pitfalls\n\n### Control: shuffle\n\n### Bug: two softmaxes",
        "When not to use it",
        *contract.SECTIONS[9:],
    ]

    def stated(kind, text):
        data = {"text/plain": text, kind: {"sentence": text}}
        return nbformat.v4.new_output("display_data", data)

    figure = nbformat.v4.new_output("display_data", {"image/png": "iVBORw0KGgo="})
    code, prose = nbformat.v4.new_code_cell, nbformat.v4.new_markdown_cell
    notebook = nbformat.v4.new_notebook(
        metadata=METADATA,
        cells=[
            prose("# Title\n\nAbout 1 minutes to read.", id="title"),
            prose("word " * 60, id="prose"),
            prose(
                "\n\n".join(f"## {heading}\n\n$a < b$" for heading in headings),
                id="sections",
            ),
            prose(f"{PREDICT}\n\n{PREDICT}", id="predict"),
            code("nnbook.setup()", id="setup"),
            code(KERAS, id="keras"),
            code(
                "claim('true', True)",
                id="claims",
                outputs=[stated(CLAIM, "Claim: true")] * 8,
            ),
            code(
                "check('true', True)",
                id="checks",
                outputs=[stated(CHECK, "Checked: true")],
            ),
            code(
                "# Figure: the mechanism\nplt.show()",
                id="figure",
                outputs=[figure],
                metadata={"tags": ["hide-input", "diagram"]},
            ),
        ],
    )
    alt = "A line that rises from left to right"
    notebook.cells[-1].metadata["mystnb"] = {"image": {"alt": alt}}
    for count, cell in enumerate(contract.code_cells(notebook), start=1):
        cell.execution_count = count
    notebook.metadata["nnbook"] = stamp(notebook)
    return notebook


def test_good_notebook_is_accepted():
    for rule in RULES:
        assert list(rule(good_notebook())) == [], rule.__name__


def exercise(kind, number, points=2):
    """Build the cells of one question."""
    points = 1 if kind == "Explain" else points
    noun = "point" if points == 1 else "points"
    task = f"## {number}. Title\n\n*{kind}, {points} {noun}.* What?"
    name = f"q{number}"
    details = {"grade": False, "solution": False, "locked": False, "task": False}
    answer = {**details, "grade_id": name, "solution": True, "schema_version": 3}
    yield nbformat.v4.new_markdown_cell(task, id=f"{name}-task")
    if kind == "Explain":
        text = (
            f"*exercise: {name}*\n\n<details><summary>Solution and rubric</summary> "
            "<!-- BEGIN SOLUTION -->\n\nSo.\n\n- 1 point: so\n\n"
            "</details> <!-- END SOLUTION -->"
        )
        answer |= {"grade": True, "points": 1}
        metadata = {"nbgrader": answer}
        yield nbformat.v4.new_markdown_cell(text, id=name, metadata=metadata)
        return
    code = nbformat.v4.new_code_cell
    text = f"# exercise: {name}\n### BEGIN SOLUTION\na = 1\n### END SOLUTION"
    yield code(text, id=name, metadata={"nbgrader": answer})
    said = nbformat.v4.new_output("stream", name="stdout", text=f"{name}: correct\n")
    checks = answer | {"grade_id": f"{name}-checks", "solution": False}
    checks |= {"grade": True, "locked": True, "points": points}
    yield code(
        "assert a, 'a is missing'\nassert a == 1, 'a is another'",
        id=f"{name}-checks",
        metadata={"nbgrader": checks},
        outputs=[said],
    )


def good_exercises():
    """Build the smallest exercise notebook that keeps every rule."""
    kinds = ["Predict", "Compute", "Repair", "Explain", "Compute"]
    cells = [
        nbformat.v4.new_markdown_cell("# Exercises\n\nIn all 9 points.", id="title")
    ]
    for number, kind in enumerate(kinds, start=1):
        cells += exercise(kind, number)
    figure = nbformat.v4.new_output("display_data", {"image/png": "iVBORw0KGgo="})
    given = {"grade_id": "given", "locked": True, "schema_version": 3}
    given |= {"grade": False, "solution": False, "task": False}
    alt = {"image": {"alt": "A line that rises from left to right"}}
    cells.append(
        nbformat.v4.new_code_cell(
            "plt.show()",
            id="given",
            metadata={"nbgrader": given, "mystnb": alt},
            outputs=[figure],
        )
    )
    notebook = nbformat.v4.new_notebook(metadata=METADATA, cells=cells)
    for count, cell in enumerate(contract.code_cells(notebook), start=1):
        cell.execution_count = count
    notebook.metadata["nnbook"] = stamp(notebook)
    return notebook


def test_good_exercises_are_accepted():
    for rule in contract.EXERCISE_RULES:
        assert list(rule(good_exercises())) == [], rule.__name__


def change(cell_id, **values):
    """Return a function that sets attributes of the cell with this id."""

    def apply(notebook):
        cell = next(cell for cell in notebook.cells if cell.id == cell_id)
        for key, value in values.items():
            cell[key] = value

    return apply


def prose(text):
    """Return a function that adds text to the prose."""
    return change("prose", source=text)


def adding_to(cell_id, text):
    """Return a function that adds lines to a cell's source."""

    def apply(notebook):
        cell = next(cell for cell in notebook.cells if cell.id == cell_id)
        cell.source += text

    return apply


def tags(cell_id, *names):
    """Return a function that replaces a cell's tags."""

    def apply(notebook):
        cell = next(cell for cell in notebook.cells if cell.id == cell_id)
        cell.metadata["tags"] = list(names)

    return apply


def in_markdown(old, new):
    """Return a function that replaces text in every Markdown cell."""

    def apply(notebook):
        for cell in notebook.cells:
            if cell.cell_type == "markdown":
                cell.source = cell.source.replace(old, new)

    return apply


def output(**data):
    return [nbformat.v4.new_output("display_data", data)]


def stream(name, text):
    return [nbformat.v4.new_output("stream", name=name, text=text)]


def alt(text):
    return {"mystnb": {"image": {"alt": text}}}


def tolerance(**settings):
    """Return a function that gives the cell of claims a tolerance."""

    def apply(notebook):
        cell = next(cell for cell in notebook.cells if cell.id == "claims")
        cell.metadata["nbval"] = settings
        cell.outputs += stream("stdout", "accuracy 0.05")

    return apply


error = nbformat.v4.new_output("error", ename="ValueError", evalue="no", traceback=[])
png = {"image/png": "iVBORw0KGgo="}
BAD = [
    (contract.is_valid, lambda notebook: notebook.update(nbformat_minor=4)),
    (contract.is_valid, change("setup", outputs="none")),
    (contract.ids_are_there_and_unique, change("figure", id="claims")),
    (contract.ids_are_there_and_unique, lambda notebook: notebook.cells[0].pop("id")),
    (contract.counts_run_from_one, change("claims", execution_count=7)),
    (contract.counts_run_from_one, change("setup", execution_count=None)),
    (contract.nothing_went_wrong, change("setup", outputs=[error])),
    (contract.nothing_went_wrong, change("setup", outputs=stream("stderr", "hm"))),
    (contract.nothing_went_wrong, change("setup", outputs=stream("stdout", "WARNING:x"))),
    (contract.no_absolute_paths, change("setup", source="open('/home/me/x.csv')")),
    (contract.no_absolute_paths, change("setup", source="open(r'C:\\data')")),
    (contract.no_absolute_paths, change("setup", outputs=stream("stdout", "/tmp/a/b"))),
    (contract.no_absolute_paths, change("setup", outputs=output(text="see /srv/x/y"))),
    (contract.no_trailing_semicolon, change("figure", source="plt.plot(x);\nplt.show()")),
    (contract.outputs_are_compared, tolerance(tolerance=0.1)),
    (contract.outputs_are_compared, tolerance(across_zero=True)),
    (contract.outputs_are_compared, tolerance(absolute="0.05")),
    (contract.outputs_are_compared, tolerance(relative=-1)),
    (contract.outputs_are_compared, tolerance(absolute=0.3)),
    (contract.outputs_are_compared, tolerance(relative=0.5)),
    (contract.outputs_are_compared, tolerance(relative=0.5, why="it varies")),
    (contract.outputs_are_compared, tolerance(across_zero=0.02)),
    (contract.images_are_small_pngs, change("figure", outputs=output(**{"image/svg+xml": "<svg>"}))),
    (contract.images_are_small_pngs, change("figure", outputs=output(**{"image/jpeg": "aa"}))),
    (contract.images_are_small_pngs, change("figure", outputs=output(**{"image/png": "a" * 110_000}))),
    (contract.images_are_small_pngs, change("title", attachments={"a.png": png})),
    (contract.notebook_is_small, change("setup", outputs=stream("stdout", "a" * 10**6))),
    (contract.figures_have_alt_text, change("figure", metadata={})),
    (contract.figures_have_alt_text, change("figure", metadata=alt("notebooks/a_b_1.png"))),
    (contract.figures_have_alt_text, change("figure", metadata=alt("Figure 3"))),
    (contract.cells_are_short, change("setup", source="x = 1\n" * 31)),
    (contract.cells_are_short, change("setup", source="x" * 77)),
    (contract.sections_are_there, in_markdown("## Myths and pitfalls", "## More")),
    (contract.sections_are_there, in_markdown("## Setup", "### Setup")),
    (contract.headings_step_down_one_by_one, in_markdown("## Setup", "# Setup")),
    (contract.headings_step_down_one_by_one, in_markdown("# Title\n", "Title\n")),
    (contract.headings_step_down_one_by_one, in_markdown("## Recall", "#### Recall")),
    (contract.setup_comes_first, change("setup", source="import keras")),
    (contract.claims_are_made, change("claims", outputs=[])),
    (contract.claims_are_made, change("figure", source="claim('more', True)")),
    (contract.predictions_are_asked, change("predict", source="")),
    (contract.predictions_are_asked, in_markdown("Commit, then reveal", "Answer")),
    (contract.markdown_is_portable, change("title", source="# T\n\n```{note}\nHm\n```")),
    (contract.markdown_is_portable, change("title", source="# T\n\n:::{tip}\nHm\n:::")),
    (contract.markdown_is_portable, change("title", source="# T\n\n{cite}`a1943`")),
    (contract.markdown_is_portable, change("title", source="(target)=\n# T")),
    (contract.markdown_is_portable, change("title", source="# T\n\n<div>x</div>")),
    (contract.markdown_is_portable, change("title", source="# T\n\n![a](b.png)")),
    (contract.markdown_is_portable, change("title", source="# T\n\n\\(a\\)")),
    (contract.benchmarks_are_recorded, change("setup", source="if run_benchmark: 1")),
    (contract.outputs_belong_to_the_code, change("keras", source="1")),
    (contract.outputs_belong_to_the_code, change("keras", id="other")),
    (contract.outputs_belong_to_the_code, tags("keras", "hide-input")),
    (contract.outputs_belong_to_the_code, tags("keras", "recorded")),
    (contract.outputs_belong_to_the_code, change("keras", metadata={"nbval": {"absolute": 1}})),
    (contract.benchmarks_are_recorded, change("claims", metadata={"tags": ["recorded"]})),
    (contract.benchmarks_are_recorded, change("setup", source="run_benchmark = False", metadata={"tags": ["recorded"]})),
    (contract.findings_are_shown, in_markdown("## What we saw", "## What we saw: 0.93")),
    (contract.sections_are_there, in_markdown("## Where to go on", "## More")),
    (contract.first_edition_sections_are_there, in_markdown("## Setup", "### Setup")),
    (contract.first_edition_claims_are_made, change("claims", outputs=[])),
    (contract.claims_are_made, adding_to("claims", "\nclaim('x', True)" * 8)),
    (contract.claims_are_made, lambda notebook: notebook.cells[6].outputs.extend(notebook.cells[6].outputs * 2)),
    (contract.claims_are_made, change("checks", outputs=[])),
    (contract.folds_are_named, change("figure", source="plt.show()")),
    (contract.folds_are_named, change("figure", source="#\nplt.show()")),
    (contract.folds_are_named, change("figure", source=f"# {'x' * 61}\nplt.show()")),
    (contract.predictions_have_a_key, in_markdown("The second. That.", "That.")),
    (contract.predictions_have_a_key, in_markdown("The second.", "The fourth.")),
    (contract.predictions_have_a_key, in_markdown("> - Neither", "")),
    (contract.predictions_have_a_key, in_markdown("> - Neither", "> - A\n> - B\n> - C")),
    (contract.chapter_is_short, prose("word " * 3200)),
    (contract.chapter_is_short, adding_to("setup", "\nx = 1" * 380)),
    (contract.chapter_is_short, lambda notebook: notebook.cells.extend(notebook.cells[-1:] * 36)),
    (contract.reading_time_is_stated, in_markdown("minutes to read", "minutes")),
    (contract.reading_time_is_stated, in_markdown("1 minutes", "2 minutes")),
    (contract.reading_time_is_stated, prose("word " * 500)),
    (contract.reading_time_is_stated, adding_to("setup", "\nx = 1" * 100)),
    (contract.opening_says_what_is_seen, in_markdown("- Three", "")),
    (contract.opening_says_what_is_seen, in_markdown("- Three", "- a\n- b\n- c\n- d")),
    (contract.keras_is_shown, tags("keras", "hide-input")),
    (contract.keras_is_shown, tags("keras", "recorded")),
    (contract.keras_is_shown, change("keras", source=KERAS.replace("metrics", "x"))),
    (contract.keras_is_shown, change("keras", source=KERAS.replace("validation_data", "x"))),
    (contract.keras_is_shown, change("keras", source=KERAS.replace("evaluate", "predict"))),
    (contract.keras_is_shown, change("keras", source=KERAS.replace("model.fit", "other.fit"))),
    (contract.keras_is_shown, change("keras", source="class GAN(keras.Model):\n    def train_step(self, x): pass\nmodel.compile('adam')\nmodel.fit(x)")),
    (contract.diagram_is_drawn, tags("figure", "hide-input")),
    (contract.diagram_is_drawn, change("figure", outputs=[])),
    (contract.control_and_bug_are_shown, in_markdown("### Control: shuffle", "### Shuffle")),
    (contract.control_and_bug_are_shown, in_markdown("### Bug: two", "### Two")),
    (contract.control_and_bug_are_shown, in_markdown("### Bug: two", "### Bug: one\n\n### Bug: two")),
]  # fmt: skip


def grader(cell_id, **values):
    """Return a function that changes what nbgrader knows about a cell."""

    def apply(notebook):
        cell = next(cell for cell in notebook.cells if cell.id == cell_id)
        cell.metadata.nbgrader.update(values)

    return apply


BAD_EXERCISES = [
    (contract.questions_are_complete, in_markdown("## 2.", "## 3.")),
    (contract.questions_are_complete, in_markdown("## 5.", "##")),
    (contract.questions_are_complete, in_markdown("*Predict", "*Guess")),
    (contract.questions_are_complete, in_markdown("9 points", "10 points")),
    (contract.questions_are_complete, lambda notebook: notebook.cells.pop(3)),
    (contract.questions_are_complete, grader("q2-checks", points=3)),
    (contract.questions_are_complete, grader("q2", grade_id="q5")),
    (contract.answers_are_marked, change("q1", source="### BEGIN SOLUTION\na = 1")),
    (contract.answers_are_marked, change("q1", source="# exercise: q1\na = 1")),
    (contract.answers_are_marked, change("q4", source="### BEGIN SOLUTION\nSo.")),
    (contract.answers_are_marked, change("given", source="### BEGIN SOLUTION\na = 1")),
    (contract.rubrics_add_up, in_markdown("- 1 point: so", "- 2 points: so")),
    (contract.rubrics_add_up, in_markdown("- 1 point: so", "")),
    (contract.cells_are_known_to_nbgrader, change("given", metadata={})),
    (contract.cells_are_known_to_nbgrader, change("q1", id="first")),
    (contract.cells_are_known_to_nbgrader, grader("given", locked=False)),
    (contract.cells_are_known_to_nbgrader, grader("q1", grade=True)),
    (contract.exercise_cells_are_short, change("q1", source="a = 1\n" * 51)),
    (contract.checks_help, change("q1-checks", source="assert a\nassert a == 1")),
    (contract.checks_help, change("q1-checks", source="print('q1: correct')")),
    (contract.checks_help, change("q1-checks", outputs=stream("stdout", "fine"))),
]


MARKS = [
    *(tags("figure", tag) for tag in metadata_tags),
    *(adding_to("figure", f"\n  ## {comment} ") for comment in comment_markers),
]


@pytest.mark.parametrize("mark", MARKS)
def test_no_mark_of_nbval_keeps_an_output_from_being_compared(mark):
    notebook = good_notebook()
    mark(notebook)
    (said,) = contract.outputs_are_compared(notebook)
    assert "would keep its outputs from being compared" in said


@pytest.mark.parametrize(
    "settings",
    [
        {"absolute": 0.05, "relative": 0.1},
        {"across_zero": 0.01},
        {"absolute": 5, "why": "the losses of long training scatter"},
        {"across_zero": 0.04, "why": "differences of nearly equal networks scatter"},
    ],
)
def test_a_tolerance_that_is_small_or_says_why_is_accepted(settings):
    notebook = good_notebook()
    tolerance(**settings)(notebook)
    assert list(contract.outputs_are_compared(notebook)) == []


@pytest.mark.parametrize(
    "text",
    [
        "The slope of the loss.",
        "It takes the blame.",
        "Nudging a weight.",
        "It costs 300 strokes.",
        "It heeds the mask.",
        "Without the bend.",
        "A zero start.",
        "It reads digits.",
        "A kernel turned by 90 degrees.",
        "Two heaps.",
        "A crowd of points.",
        "Ask the judge.",
        "A price on weights.",
        "The cure.",
        "After each pass, ten passes.",
        "Better in the mean.",
        "It shall learn.",
        "Whoever pads.",
        "Leave the tanh away.",
    ],
)
def test_retired_words_are_refused_in_prose_and_labels(text):
    spoiled = good_notebook()
    prose(text)(spoiled)
    assert list(contract.terms_are_standard(spoiled))
    labelled = good_notebook()
    adding_to("figure", f"\nplt.title({text!r})")(labelled)
    assert list(contract.terms_are_standard(labelled))


def test_retired_words_are_refused_in_names():
    notebook = good_notebook()
    adding_to("setup", "\ntrain_slope = 1")(notebook)
    assert list(contract.terms_are_standard(notebook))


@pytest.mark.parametrize(
    "text",
    [
        "The slope of the line is 2.",
        "It turned out well and returned.",
        "One pass over the training data is an epoch; the forward pass.",
        "The mean in the mean squared error.",
        "`slope`, $slope$",
        "## References\n\nThe wisdom of crowds.",
    ],
)
def test_standard_words_are_not_refused(text):
    notebook = good_notebook()
    notebook.cells[-1:] = [nbformat.v4.new_markdown_cell(text)]
    assert list(contract.terms_are_standard(notebook)) == []


def test_a_training_loop_of_its_own_may_stand_in_place_of_the_chain():
    notebook = good_notebook()
    source = (
        "class GAN(keras.Model):\n"
        "    @property\n    def metrics(self): return []\n"
        "    def train_step(self, x): pass\n"
        "model.compile('adam')\nmodel.fit(x)"
    )
    change("keras", source=source)(notebook)
    assert list(contract.keras_is_shown(notebook)) == []
    change("keras", source=source.replace("model.fit(x)", ""))(notebook)
    assert list(contract.keras_is_shown(notebook))


def asking(*right):
    """Build a notebook whose predictions have their right options there."""
    text = "\n\n".join(
        PREDICT.replace("> - Neither", "> - C\n> - D").replace("second", ordinal)
        for ordinal in right
    )
    notebook = good_notebook()
    change("predict", source=text)(notebook)
    return notebook


def test_a_position_that_gives_the_answer_away_is_refused():
    first, second, third, fourth = contract.ORDINALS
    even = [asking(first, second), asking(third, fourth)]
    assert list(contract.right_options_are_spread(even)) == []
    uneven = [asking(first, second, third), asking(third, third, fourth)]
    (sentence,) = contract.right_options_are_spread(uneven)
    assert "third option is right in 3 of 6" in sentence
    (sentence,) = contract.right_options_are_spread([asking(first, second, third)] * 2)
    assert "fourth option is right in 0 of 6" in sentence


@pytest.mark.parametrize(("rule", "spoil"), BAD, ids=lambda item: item.__name__)
def test_bad_notebook_is_refused(rule, spoil):
    notebook = copy.deepcopy(good_notebook())
    spoil(notebook)
    assert list(rule(notebook))


@pytest.mark.parametrize(
    ("rule", "spoil"), BAD_EXERCISES, ids=lambda item: item.__name__
)
def test_bad_exercises_are_refused(rule, spoil):
    notebook = good_exercises()
    spoil(notebook)
    assert list(rule(notebook))


def test_every_rule_is_seen_to_refuse():
    # The test of retired words stands by itself.
    assert {rule for rule, _ in BAD} == {
        *RULES,
        *contract.FIRST_EDITION_RULES,
    } - {contract.terms_are_standard}
    seen = {rule for rule, _ in [*BAD, *BAD_EXERCISES]}
    assert seen >= set(contract.EXERCISE_RULES)
