"""Stamps: outputs belong to their code, and what does not fit is run again."""

import os
import shutil
from pathlib import Path

import nbformat
import pytest

from book.tools import due, run, stamps
from book.tools.stamps import stamp, stored_stamp

ROOT = Path(__file__).parents[1]
code, markdown = nbformat.v4.new_code_cell, nbformat.v4.new_markdown_cell
RECORDED = {"tags": ["recorded"]}


def notebook():
    return nbformat.v4.new_notebook(
        cells=[
            markdown("# Title", id="title"),
            code("import nnbook\nnnbook.setup()", id="setup"),
            code("print(1)", id="lesson"),
            code("print(2)", id="benchmark", metadata=RECORDED),
        ]
    )


def change(index, **values):
    changed = notebook()
    for key, value in values.items():
        changed.cells[index][key] = value
    return {key for key, value in stamp(changed).items() if value != STAMP[key]}


STAMP = stamp(notebook())


@pytest.mark.parametrize(
    ("index", "values", "hashes"),
    [
        (0, {"source": "# Another"}, set()),
        (2, {"outputs": ["any"], "execution_count": 7}, set()),
        (2, {"metadata": {"mystnb": {"image": {"alt": "A line"}}}}, set()),
        (2, {"source": "print(3)"}, {"code"}),
        (2, {"id": "other"}, {"code"}),
        (2, {"metadata": {"tags": ["hide-input"]}}, {"code"}),
        (2, {"metadata": {"nbval": {"absolute": 0.1}}}, {"code"}),
        (2, {"metadata": RECORDED}, {"code", "recorded"}),
        (2, {"source": "import nnbook.data"}, {"code", "under"}),
        (3, {"source": "print(3)"}, {"recorded"}),
        (3, {"metadata": RECORDED | {"nbval": {"absolute": 0.1}}}, {"code"}),
    ],
)
def test_a_stamp_fits_code_tags_and_tolerances(index, values, hashes):
    assert change(index, **values) == hashes


def test_a_stamp_knows_the_order_of_the_cells():
    swapped = notebook()
    swapped.cells[1:3] = swapped.cells[2:0:-1]
    assert stamp(swapped)["code"] != STAMP["code"]


def test_modules_are_followed_into_functions_and_no_further_than_needed():
    names = {file.name for file in stamps.modules("from nnbook import data")}
    assert {"__init__.py", "data.py", "claims.py", "runs.py"} <= names
    assert "grade.py" not in names
    assert "data.py" not in {file.name for file in stamps.modules("import nnbook")}
    assert stamps.modules("import os") == []


@pytest.mark.parametrize(
    ("file", "hashes"),
    [
        ("nnbook/claims.py", {"plain", "data"}),
        ("nnbook/nnbook.mplstyle", {"plain", "data"}),
        ("requirements.txt", {"plain", "data"}),
        ("nnbook/downloads.py", {"data"}),
        ("nnbook/classroom/grade.py", set()),
    ],
)
def test_a_stamp_fits_what_the_code_runs_under(tmp_path, monkeypatch, file, hashes):
    shutil.copytree(ROOT / "nnbook", tmp_path / "nnbook")
    shutil.copy(ROOT / "requirements.txt", tmp_path)
    always = [tmp_path / path.relative_to(ROOT) for path in stamps.ALWAYS]
    monkeypatch.setattr(stamps, "ROOT", tmp_path)
    monkeypatch.setattr(stamps, "ALWAYS", always)
    stamps.modules.cache_clear()
    lines = {"plain": "import nnbook", "data": "from nnbook import data"}

    def under():
        return {
            name: stamps.under(nbformat.v4.new_notebook(cells=[code(line)]))
            for name, line in lines.items()
        }

    before = under()
    with (tmp_path / file).open("a", encoding="utf-8") as changed:
        changed.write("\n")
    after = under()
    assert {name for name in lines if before[name] != after[name]} == hashes
    stamps.modules.cache_clear()


@pytest.fixture
def notebooks(tmp_path, monkeypatch):
    """Write forty notebooks that carry stamps, as if they had been run."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("NNBOOK_DATA", raising=False)
    Path("notebooks/part").mkdir(parents=True)
    paths = [Path(f"notebooks/part/n{number:02}.ipynb") for number in range(40)]
    for path in paths:
        written = notebook()
        written.metadata["nnbook"] = STAMP
        nbformat.write(written, path)
    return paths


def edit(path, index, source):
    changed = run.read(path)
    changed.cells[index].source = source
    nbformat.write(changed, path)


def test_what_does_not_fit_is_due_and_others_in_turn(notebooks):
    edit(notebooks[3], 2, "print(3)")
    edit(notebooks[8], 2, "print(")
    changed, sample = due.due(notebooks, "one commit")
    assert changed == [notebooks[3], notebooks[8]]
    assert len(sample) == 4
    assert not {*changed} & {*sample}
    assert due.due(notebooks, "one commit") == (changed, sample)
    turns = [due.due(notebooks, f"commit {number}")[1] for number in range(200)]
    assert {path for sample in turns for path in sample} == {*notebooks} - {*changed}
    assert len(due.due(notebooks[:9], "")[1]) == 3
    assert due.due([], "") == ([], [])


def test_drafts_are_not_due_and_one_line_says_so(notebooks, capsys):
    Path("book").mkdir()
    listed = "".join(f"- file: {path.with_suffix('')}\n" for path in notebooks[:6])
    Path("book/_toc.yml").write_text(f"root: book/index\nchapters:\n{listed}")
    edit(notebooks[2], 2, "print(3)")
    edit(notebooks[7], 2, "print(3)")
    due.main()
    said = capsys.readouterr()
    assert said.out.splitlines()[0] == str(notebooks[2])
    assert len(said.out.splitlines()) == 4
    assert {Path(line) for line in said.out.splitlines()} <= {*notebooks[:6]}
    (line,) = said.err.splitlines()
    assert "4 of 6 notebooks: 1 whose stamp no longer fits" in line
    assert "34 drafts" in line


def test_the_sample_depends_on_the_commit_or_the_day(monkeypatch, tmp_path):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", os.fspath(tmp_path.parent))
    monkeypatch.chdir(tmp_path)
    assert due.commit() == due.date.today().isoformat()


def test_make_run_stamps_recorded_cells_only_where_the_data_is(notebooks, monkeypatch):
    path = notebooks[0]
    edit(path, 3, "print('new')")
    edit(path, 2, "print('new')")
    run.run(path)
    new = stamp(run.read(path))
    assert stored_stamp(run.read(path)) == new | {"recorded": STAMP["recorded"]}
    monkeypatch.setenv("NNBOOK_DATA", "here")
    run.run(path)
    assert stored_stamp(run.read(path)) == new


def test_a_benchmark_that_was_never_run_has_no_stamp(notebooks):
    path = notebooks[0]
    written = notebook()
    nbformat.write(written, path)
    run.run(path)
    assert stored_stamp(run.read(path))["recorded"] == "never"
