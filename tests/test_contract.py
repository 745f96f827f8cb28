"""Every notebook keeps the contract, and every rule refuses a bad notebook."""

import copy

import nbformat
import pytest

from book.tools import contract
from book.tools.editions import masters
from book.tools.run import METADATA, NOTEBOOKS
from nnbook.claims import CLAIM

EXERCISES = masters()
CHAPTERS = sorted(set(NOTEBOOKS.rglob("*.ipynb")) - set(EXERCISES))
PAIRS = [
    *((path, rule) for path in CHAPTERS for rule in contract.RULES),
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


def good_notebook():
    """Build the smallest notebook that keeps every rule."""
    headings = [
        *contract.SECTIONS[:3],
        "The idea on paper",
        "From scratch",
        "In Keras",
        "Myths and pitfalls",
        "When not to use it",
        *contract.SECTIONS[-4:],
    ]
    predict = (
        "> **Predict.** Which?\n>\n> - This\n> - That\n\n"
        "<details><summary>Commit, then reveal</summary>\n\nThis.\n\n</details>"
    )
    claim = nbformat.v4.new_output(
        "display_data", {"text/plain": "Claim: true", CLAIM: {"sentence": "true"}}
    )
    figure = nbformat.v4.new_output("display_data", {"image/png": "iVBORw0KGgo="})
    code = nbformat.v4.new_code_cell
    notebook = nbformat.v4.new_notebook(
        metadata=METADATA,
        cells=[
            nbformat.v4.new_markdown_cell("# Title", id="title"),
            nbformat.v4.new_markdown_cell(
                "\n\n".join(f"## {heading}\n\n$a < b$" for heading in headings),
                id="sections",
            ),
            nbformat.v4.new_markdown_cell(f"{predict}\n\n{predict}", id="predict"),
            code("nnbook.setup()", id="setup", execution_count=1),
            code("claim('true', True)", id="claims", outputs=6 * [claim]),
            code("plt.show()", id="figure", outputs=[figure]),
        ],
    )
    alt = "A line that rises from left to right"
    notebook.cells[-1].metadata["mystnb"] = {"image": {"alt": alt}}
    for count, cell in enumerate(contract.code_cells(notebook), start=1):
        cell.execution_count = count
    return notebook


def test_good_notebook_is_accepted():
    for rule in contract.RULES:
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
    (contract.headings_step_down_one_by_one, in_markdown("# Title", "Title")),
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
    (contract.benchmarks_are_recorded, change("claims", metadata={"tags": ["recorded"]})),
    (contract.benchmarks_are_recorded, change("setup", source="run_benchmark = False", metadata={"tags": ["recorded"]})),
    (contract.findings_are_shown, in_markdown("## What we saw", "## What we saw: 0.93")),
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
    assert {rule for rule, _ in BAD} == set(contract.RULES)
    seen = {rule for rule, _ in [*BAD, *BAD_EXERCISES]}
    assert seen >= set(contract.EXERCISE_RULES)
