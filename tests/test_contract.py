"""Every notebook keeps the contract, and every rule refuses a bad notebook."""

import copy

import nbformat
import pytest

import contract
from book.tools.run import METADATA, NOTEBOOKS
from nnbook.claims import MIME_TYPE

PATHS = sorted(NOTEBOOKS.rglob("*.ipynb"))


@pytest.mark.parametrize("rule", contract.RULES, ids=lambda rule: rule.__name__)
@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
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
        "display_data", {"text/plain": "Claim: true", MIME_TYPE: {"sentence": "true"}}
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


@pytest.mark.parametrize(("rule", "spoil"), BAD, ids=lambda item: item.__name__)
def test_bad_notebook_is_refused(rule, spoil):
    notebook = copy.deepcopy(good_notebook())
    spoil(notebook)
    assert list(rule(notebook))


def test_every_rule_is_seen_to_refuse():
    assert {rule for rule, _ in BAD} == set(contract.RULES)
