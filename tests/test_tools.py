"""The authoring command, the site build and the bench's table."""

import csv
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from book.tools import bench, build
from book.tools import run as authoring
from book.tools.contents import drafts
from book.tools.editions import chapters
from book.tools.run import NotebookError
from book.tools.stamps import stamp

ROOT = Path(__file__).parents[1]
code, markdown = nbformat.v4.new_code_cell, nbformat.v4.new_markdown_cell


def write(path, *cells):
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(nbformat.v4.new_notebook(cells=list(cells)), path)
    return path


def test_run_stores_outputs_and_a_second_run_changes_no_byte(tmp_path):
    path = write(
        tmp_path / "a.ipynb",
        markdown("# Title", id="title"),
        code("import os, time\nprint(os.getcwd() != '')", id="first"),
        code("print(f'took {time.perf_counter():.3f} s')\n0.5", id="second"),
    )
    notebook = nbformat.read(path, as_version=4)
    notebook.metadata["widgets"] = {"noise": 1}
    notebook.cells[1].metadata["execution"] = {"iopub.execute_input": "2026"}
    nbformat.write(notebook, path)

    assert authoring.run(path)
    stored = path.read_bytes()
    notebook = nbformat.read(path, as_version=4)
    assert [cell.id for cell in notebook.cells] == ["title", "first", "second"]
    assert [cell.execution_count for cell in notebook.cells[1:]] == [1, 2]
    assert notebook.cells[1].outputs[0].text == "True\n"
    assert notebook.metadata == authoring.METADATA | {"nnbook": stamp(notebook)}
    assert notebook.cells[1].metadata == {}

    assert not authoring.run(path)
    assert path.read_bytes() == stored


def test_run_replaces_outputs_that_differ_in_more_than_time(tmp_path):
    path = write(tmp_path / "a.ipynb", code("print('0.50 in 3 s')", id="only"))
    authoring.run(path)
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("0.50 in 3 s\\n", "0.51 in 3 s\\n"), encoding="utf-8")
    assert authoring.run(path)
    assert path.read_text(encoding="utf-8") == text


def test_run_stops_at_the_first_error_and_leaves_the_file(tmp_path):
    path = write(
        tmp_path / "a.ipynb",
        code("print(1)"),
        code("1 / 0  # here"),
        code("open('reached', 'w')"),
    )
    before = path.read_bytes()
    with pytest.raises(NotebookError, match="code cell 2 failed(.|\n)*1 / 0  # here"):
        authoring.run(path)
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.ipynb"]


@pytest.mark.parametrize(("data", "stored"), [(None, "recorded"), ("here", "new")])
def test_run_keeps_a_recorded_output_unless_the_data_is_there(
    tmp_path, monkeypatch, data, stored
):
    monkeypatch.delenv("NNBOOK_DATA", raising=False)
    if data:
        monkeypatch.setenv("NNBOOK_DATA", data)
    cell = code("print('new')", metadata={"tags": ["recorded"]})
    cell.outputs = [nbformat.v4.new_output("stream", name="stdout", text="recorded")]
    path = write(tmp_path / "a.ipynb", cell)
    authoring.run(path)
    (cell,) = nbformat.read(path, as_version=4).cells
    assert cell.outputs[0].text.strip() == stored


def test_run_reports_a_kernel_that_dies(tmp_path):
    path = write(tmp_path / "a.ipynb", code("import os\nos._exit(1)"))
    with pytest.raises(NotebookError, match="code cell 1 failed"):
        authoring.run(path)


def test_write_is_atomic(tmp_path, monkeypatch):
    path = write(tmp_path / "a.ipynb", code("1"))
    before = path.read_bytes()

    def interrupted(source, target):
        raise KeyboardInterrupt

    monkeypatch.setattr(authoring.os, "replace", interrupted)
    notebook = nbformat.read(path, as_version=4)
    notebook.cells[0].source = "2"
    with pytest.raises(KeyboardInterrupt):
        authoring.write(notebook, path)
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.ipynb"]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [(None, "no such notebook"), ("{", "not a valid notebook"), ("{}", "not a valid")],
)
def test_run_says_what_is_wrong_with_the_file(tmp_path, text, sentence):
    path = tmp_path / "a.ipynb"
    if text is not None:
        path.write_text(text)
    with pytest.raises(NotebookError, match=sentence):
        authoring.run(path)


@pytest.fixture
def book(tmp_path, monkeypatch):
    """Copy the book's sources, as a folder to spoil and build in."""
    shutil.copytree(ROOT / "book", tmp_path / "book")
    shutil.copytree(ROOT / "notebooks", tmp_path / "notebooks")
    shutil.copy(ROOT / "_config.yml", tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_book_has_no_problems(book):
    assert build.problems() == []


def test_a_page_missing_from_the_contents_is_named(book):
    (book / "book" / "extra.md").write_text("# Extra")
    assert [problem.split()[0] for problem in build.problems()] == ["book/extra.md"]


def test_a_notebook_missing_from_the_contents_is_a_draft(book):
    path = Path("notebooks/vision/unlisted.ipynb")
    write(book / path, markdown("# Unlisted"))
    assert build.problems() == []
    assert drafts() == {path: "not in book/_toc.yml"}


def test_a_page_listed_twice_or_in_vain_is_named(book):
    contents = book / build.CONTENTS
    text = contents.read_text(encoding="utf-8")
    twice = "      - file: book/glossary\n"
    contents.write_text(text + twice + "      - file: book/gone\n", encoding="utf-8")
    twice, vain = build.problems()
    assert "book/glossary.md stands 2 times" in twice
    assert "'book/gone', but there is no such page" in vain


def run_build(folder):
    return subprocess.run(
        [sys.executable, "-m", "book.tools.build"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_broken_notebook_gives_one_sentence_and_an_exit_status(book):
    path = book / "notebooks" / "foundations" / "perceptron.ipynb"
    path.write_text(path.read_text(encoding="utf-8")[:1000], encoding="utf-8")
    result = run_build(book)
    assert result.returncode != 0
    (line,) = result.stderr.splitlines()
    assert line.startswith("notebooks/foundations/perceptron.ipynb is not a valid")


def sources(folder):
    paths = (path for path in folder.rglob("*") if path.is_file())
    return {
        p: p.read_bytes() for p in paths if not {"_build", "__pycache__"} & {*p.parts}
    }


def test_a_warning_stops_the_build_and_is_shown_and_the_old_site_stands(book):
    (book / build.SITE).mkdir(parents=True)
    (book / build.SITE / "index.html").write_text("old")
    page = book / "book" / "using.md"
    page.write_text(page.read_text(encoding="utf-8") + "\n[gone](gone.md)\n")
    before = sources(book)
    result = run_build(book)
    assert sources(book) == before
    assert result.returncode != 0
    assert "using.md" in result.stderr and "gone.md" in result.stderr
    assert "The site was not built" in result.stderr
    assert (book / build.SITE / "index.html").read_text() == "old"


def test_the_site_is_replaced_only_when_it_is_finished(book, monkeypatch):
    """What is to be added to the site belongs to it: without that, the old one stays."""

    def sphinx(command, **_):
        made = book / "_build" / "html-workshop" / "_build" / "html"
        made.mkdir(parents=True, exist_ok=True)
        (made / "index.html").write_text("new")
        return subprocess.CompletedProcess(command, 0, "", "")

    def unfinished(site):
        assert (site / "index.html").read_text() == "new"
        raise SystemExit("no wheel")

    (book / build.SITE).mkdir(parents=True)
    (book / build.SITE / "index.html").write_text("old")
    monkeypatch.setattr(build.subprocess, "run", sphinx)
    with pytest.raises(SystemExit, match="no wheel"):
        build.build(build.SITE, finish=unfinished)
    assert (book / build.SITE / "index.html").read_text() == "old"
    build.build(build.SITE)
    assert (book / build.SITE / "index.html").read_text() == "new"
    left = {path.name for path in (book / "_build").iterdir()}
    assert left == {"html", "html-workshop"}


def test_pages_that_left_the_contents_leave_the_site(book):
    site = book / "site"
    kept = ["index.html", "book/using.html", "notebooks/vision/cnn.html"]
    kept += ["_sources/notebooks/vision/cnn.ipynb", "_sources/book/using.md"]
    gone = ["book/gone.html", "_sources/book/gone.md", "notebooks/vision/gone.html"]
    for name in [*kept, *gone]:
        (site / name).parent.mkdir(parents=True, exist_ok=True)
        (site / name).touch()
    build.remove_old_pages(site)
    left = {path.relative_to(site).as_posix() for path in site.rglob("*.*")}
    assert left == set(kept)


def test_the_readme_has_the_measured_table():
    with (ROOT / bench.TABLE).open(newline="", encoding="utf-8") as file:
        columns, *rows = csv.reader(file)
    assert columns == bench.COLUMNS
    assert [f"notebooks/{row[0]}.ipynb" for row in rows] == [
        path.as_posix() for path in chapters()
    ]
    readme = (ROOT / bench.README).read_text(encoding="utf-8")
    assert bench.as_markdown(bench.COLUMNS, rows) in readme


def test_the_readme_says_how_long_a_class_takes():
    """Sixty in under 6 minutes with NumPy, in under 15 with Keras: seconds for one."""
    readme = (ROOT / bench.README).read_text(encoding="utf-8")
    table = readme.partition("<!-- grading")[2].partition("<!-- end")[0].splitlines()
    rows = [line.strip("| ").split(" | ") for line in table[3:]]
    assert [row[1] for row in rows] == list(bench.ASSIGNMENTS)
    numpy, keras = (float(row[2]) for row in rows)
    assert numpy < 6 and keras < 15


def test_bench_measures_a_notebook(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "notebooks" / "a.ipynb", code("1"), code("x = b'1' * 10**8"))
    name, wall, cpu, memory, before = bench.measure(Path("notebooks/a.ipynb"))
    assert name == "a"
    assert int(wall) < 60 and int(cpu) < 60
    assert int(memory) > 100
    assert 0 < int(before.rstrip("%")) <= 100
