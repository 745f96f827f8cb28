"""What chapters state on Keras' other backends, and the table that tells it."""

import csv
import re
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook
from small_book import said

from book.tools import backends
from book.tools.backends import (
    BACKENDS,
    HOLDS,
    REASON,
    TABLE,
    Failure,
    failures,
    main,
    stored,
)
from book.tools.contents import drafts
from book.tools.run import NotebookError, read
from nnbook import check, claim

BACKEND = 'os.environ["KERAS_BACKEND"]'
LESSON = "foundations/lesson"


def cell(name, source, *statements, tags=()):
    return new_code_cell(
        source, id=name, outputs=list(statements), metadata={"tags": list(tags)}
    )


def write(folder, cells):
    path = folder / "lesson.ipynb"
    nbformat.write(new_notebook(cells=cells), path)
    return path


def test_cells_that_fail_on_the_backend_are_named(tmp_path, monkeypatch):
    """A single kernel runs them all: one that failed does not stop the others."""
    monkeypatch.setenv("NNBOOK_DATA", str(tmp_path))
    low, high = said(claim, "Low", 1, below=2), said(claim, "High", 3, above=2)
    counted = said(check, "Counted", 5, close_to=5)
    first = f"import os\nfrom nnbook import check, claim\nbackend = {BACKEND}\n"
    path = write(
        tmp_path,
        [
            cell("backend", f'{first}assert backend == "jax"'),
            cell("number", 'claim("Low", 1.9, below=2)', low),
            cell("bound", 'claim("Low", 1.9, below=1.95)', low),
            cell("its-own", "pass", said(check, "TensorFlow mends it", True)),
            cell("recorded", "pass", high, tags=["recorded"]),
            cell("no-data", 'assert "NNBOOK_DATA" not in os.environ'),
            cell("kinds", 'check("Low", 1, below=2)', low),
            cell("missing", "pass", high),
            cell("unchecked", "pass", counted),
            cell("new", 'claim("High", 3, above=2)\nclaim("Low", 1, below=2)', high),
            cell("words", 'claim("Higher", 3, above=2)', high),
            cell(
                "order",
                'claim("High", 3, above=2)\nclaim("Low", 1, below=2)',
                *(low, high),
            ),
            cell("check", 'check("Counted", 4, close_to=5)', counted),
            cell("claim", 'claim("High", 1.5, above=2)', high),
            cell("error", 'raise ValueError("steps must be 1" + 99 * ".")'),
            cell("last", 'claim("High", 3, above=2)', high),
        ],
    )
    before = path.read_bytes()
    found = {failure.cell: failure.reason for failure in failures(path, "jax")}
    other = "states something else"
    assert found == {
        **dict.fromkeys(
            ["kinds", "missing", "unchecked", "new", "words", "order"], other
        ),
        "check": "AssertionError: BROKEN CHECK: Counted (4; bound: 5)",
        "claim": "AssertionError: BROKEN CLAIM: High",
        "error": f"ValueError: steps must be 1{32 * '.'}…",
    }
    assert path.read_bytes() == before


def test_a_kernel_that_dies_is_a_failure(tmp_path):
    path = write(tmp_path, [cell("end", "import os; os._exit(1)"), cell("next", "1")])
    assert failures(path, "torch") == [Failure("end", "DeadKernelError")]


# The table


@pytest.fixture
def book(tmp_path, monkeypatch):
    """A book of three chapters, of which one is not in the table; and verdicts."""
    verdicts = {}
    monkeypatch.chdir(tmp_path)
    names = [Path("notebooks", part) for part in ("b/one", "a/two", "b/three")]
    Path("book").mkdir()
    Path("book/_toc.yml").write_text(
        "root: book/index\nchapters:\n"
        + "".join(f"  - file: {name}\n  - file: {name}_exercises\n" for name in names)
    )
    for path in names:
        path.parent.mkdir(parents=True, exist_ok=True)
        title = nbformat.v4.new_markdown_cell(f"# Chapter, {path.name}\n\nIt ends.")
        for end in (".ipynb", "_exercises.ipynb"):
            nbformat.write(new_notebook(cells=[title]), f"{path}{end}")
    TABLE.write_text(
        "Chapter,JAX,PyTorch\n"
        '"[Old title](../notebooks/b/one.ipynb)",holds,fit: no steps\n'
        '"[Chapter, gone](../notebooks/b/gone.ipynb)",holds,holds\n'
        '"[Chapter, two](../notebooks/a/two.ipynb)",holds,holds\n'
    )
    monkeypatch.setattr(
        backends,
        "failures",
        lambda path, backend: verdicts.get((path.stem, backend), []),
    )
    return verdicts


def cells_of_table():
    with TABLE.open(newline="") as file:
        return list(csv.reader(file))[1:]


def test_the_table_gets_the_verdicts_in_the_books_order(book, capsys):
    book["three", "torch"] = [Failure("fit", "no"), Failure("show", "none")]
    assert main(["torch"]) == 0
    assert cells_of_table() == [
        ["[Chapter, one](../notebooks/b/one.ipynb)", "holds", "holds"],
        ["[Chapter, two](../notebooks/a/two.ipynb)", "holds", "holds"],
        ["[Chapter, three](../notebooks/b/three.ipynb)", "", "fit: no"],
    ]
    *_, third, first, second = capsys.readouterr().out.splitlines()
    assert third == "b/three: fit: no, 0 s of CPU"
    assert [first.strip(), second.strip()] == ["fit: no", "show: none"]


def test_only_what_is_named_is_run(book):
    book["one", "jax"] = book["two", "jax"] = [Failure("fit", "no")]
    assert main(["jax", "b/one"]) == 1
    assert [row[1] for row in cells_of_table()] == ["fit: no", "holds"]
    main(["jax", "b/one_exercises"])
    assert len(cells_of_table()) == 2


def test_only_what_held_can_be_lost_and_the_rest_is_run_all_the_same(book):
    book["one", "torch"] = [Failure("fit", "other words")]
    book["three", "torch"] = [Failure("fit", "no")]
    assert main(["torch"]) == 0
    assert stored()["b/one"]["PyTorch"] == "fit: no steps"
    book["one", "torch"] = [Failure("build", "no")]
    book["two", "torch"] = [Failure("fit", "no")]
    del book["three", "torch"]
    assert main(["torch"]) == 1
    verdicts = [row["PyTorch"] for row in stored().values()]
    assert verdicts == ["build: no", "fit: no", "holds"]


def test_a_backend_must_be_named(book):
    for wrong in ([], ["tensorflow"], ["a/two"]):
        with pytest.raises(NotebookError, match="jax or torch"):
            main(wrong)


# The book's own table


def misfits(chapters, table):
    """Say what in the table breaks its rules."""
    names = [backends.name(path) for path in chapters]
    if list(table) != names:
        yield f"rows {list(table)} for chapters {names}"
    for path in chapters:
        row = dict(table.get(backends.name(path), {}))
        if row.pop("Chapter", None) != backends.link(path):
            yield f"{path}: the link is not the chapter's"
        ids = [c.id for c in backends.code_cells(read(path))]
        for backend, words in row.items():
            stop, _, reason = words.partition(": ")
            if words != HOLDS and (stop not in ids or not 0 < len(reason) <= REASON):
                yield f"{path}: {words!r} on {backend} is neither {HOLDS} nor a cell"


def finished():
    """List the chapters that are no drafts, and their rows."""
    chapters = [path for path in backends.chapters() if path not in drafts()]
    unfinished = {backends.name(path) for path in drafts()}
    return chapters, {k: row for k, row in stored().items() if k not in unfinished}


def test_the_table_says_of_each_chapter_what_holds_where():
    assert list(misfits(*finished())) == []


def test_the_page_with_the_table_names_the_versions_of_the_environment():
    page = Path("book/using.md").read_text(encoding="utf-8")
    pinned = Path("tests/backends.txt").read_text(encoding="utf-8")
    versions = dict(re.findall(r"^(\w+)==(.+)$", pinned, flags=re.MULTILINE))
    assert versions.keys() == BACKENDS.keys()
    for backend, name in BACKENDS.items():
        assert f" {name} {versions[backend]}" in page


def test_a_table_that_says_too_little_or_what_is_wrong_is_refused():
    first, second, *_ = finished()[0]
    stop = backends.code_cells(read(first))[0].id
    row = {"Chapter": backends.link(first), "JAX": HOLDS, "PyTorch": f"{stop}: no"}
    assert list(misfits([first], {backends.name(first): row})) == []
    for spoilt in (
        {"JAX": ""},
        {"JAX": "probably"},
        {"JAX": f"{stop}: "},
        {"JAX": "no-such-cell: a reason"},
        {"PyTorch": f"{stop}: {61 * 'x'}"},
        {"Chapter": "[A title](../notebooks/a.ipynb)"},
    ):
        table = {backends.name(first): row | spoilt}
        assert len(list(misfits([first], table))) == 1, spoilt
    table = {backends.name(first): row}
    for chapters in ([], [first, second], [second]):
        assert list(misfits(chapters, table))
