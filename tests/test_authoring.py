"""Adding a chapter: make new, make check, make bench, drafts, CONTRIBUTING.md."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from book.tools import bench, build, check, contents, contract, exercises, publish
from book.tools.compare import Tolerance
from book.tools.editions import chapters, masters
from book.tools.new import new
from book.tools.run import NOTEBOOKS, NotebookError, read, run, write

ROOT = Path(__file__).parents[1]
PERCEPTRON = NOTEBOOKS / "foundations/perceptron.ipynb"
MADE = NOTEBOOKS / "vision/colour.ipynb"
MADE_EXERCISES = NOTEBOOKS / "vision/colour_exercises.ipynb"
GUIDE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")


@pytest.fixture
def book(tmp_path, monkeypatch):
    """Copy the book and its wrong answers, as a folder to spoil."""
    for folder in ("book", "notebooks", "tests"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=ignored)
    for file in ("README.md", "pyproject.toml"):
        shutil.copy(ROOT / file, tmp_path)
    monkeypatch.chdir(tmp_path)
    exercises.read.cache_clear()
    exercises.given.cache_clear()
    yield tmp_path
    exercises.read.cache_clear()
    exercises.given.cache_clear()


def everything():
    """Read all files of the book that is here."""
    files = (
        p for p in Path().rglob("*") if p.is_file() and "__pycache__" not in p.parts
    )
    return {path: path.read_bytes() for path in files}


def python(*arguments, folder=ROOT):
    """Run a module of the book that lies in this folder, in the current one."""
    return subprocess.run(
        [sys.executable, "-m", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PYTHONPATH": str(folder)},
    )


def edit(path, old, new):
    text = Path(path).read_text(encoding="utf-8")
    assert old in text
    Path(path).write_text(text.replace(old, new), encoding="utf-8")


def change(path, function):
    notebook = read(path)
    function(notebook)
    write(notebook, path)


# make new


def test_new_writes_a_chapter_into_its_part(book):
    before = everything()
    written = new("vision/colour", ' Colour, "seen" ')
    after = everything()
    assert {path for path in after if before.get(path) != after[path]} == set(written)
    title = read(MADE).cells[0]
    assert title.source.startswith('# Colour, "seen"\n')
    assert title.metadata.tags == ["draft"]
    listed = contents.contents()
    place = listed.index("notebooks/vision/colour")
    assert listed[place - 1].startswith("notebooks/vision/")
    assert listed[place + 1] == "notebooks/vision/colour_exercises"
    assert listed[place + 2].startswith("notebooks/sequences/")
    landing = Path("book/index.md").read_text(encoding="utf-8").splitlines()
    line = landing.index(
        '- [Colour, "seen"](../notebooks/vision/colour.ipynb): '
        "SLOT: what it shows, in one line."
    )
    assert "](../notebooks/vision/" in landing[line - 1] and landing[line + 1] == ":::"
    for path in (MADE, MADE_EXERCISES):
        assert "{{" not in path.read_text(encoding="utf-8").replace("{{\\", "")
    assert build.problems() == []


def test_new_begins_a_part(book):
    new("graphs_and_tables/nodes", "Nodes")
    text = contents.CONTENTS.read_text(encoding="utf-8")
    caption = "V. Graphs and tables"
    assert f"  - caption: {caption}\n    numbered: 1\n    chapters:\n" in text
    assert contents.contents().index("book/ledger") == 2 + contents.contents().index(
        "notebooks/graphs_and_tables/nodes"
    )
    landing = Path("book/index.md").read_text(encoding="utf-8")
    assert f"\n:::\n\n:::{{grid-item-card}} {caption}\n- [Nodes](" in landing
    assert build.problems() == []


@pytest.mark.parametrize(
    ("name", "title", "sentence"),
    [
        ("vision/cnn", "Again", "notebooks/vision/cnn.ipynb exists already"),
        ("sequences/cnn", "Names are unique", "exists already"),
        ("vision/Colour", "Capitals", "not a name for a chapter"),
        ("vision/my-colour", "A hyphen", "not a name for a chapter"),
        ("colour", "No part", "not a name for a chapter"),
        ("a/b/c", "Too deep", "not a name for a chapter"),
        ("../a/b", "Out of the book", "not a name for a chapter"),
        ("", "No name", "not a name for a chapter"),
        ("vision/colour_exercises", "Exercises", "is for exercises"),
        ("vision/colour", "", "TITLE="),
        ("vision/colour", "A [bracket]", "without brackets"),
    ],
)
def test_new_refuses_in_one_sentence_and_writes_nothing(book, name, title, sentence):
    before = everything()
    with pytest.raises(NotebookError, match=re.escape(sentence)):
        new(name, title)
    assert everything() == before


def test_new_says_what_is_missing_without_a_traceback(book):
    result = python("book.tools.new", "vision/colour", folder=book)
    assert result.returncode == 1
    assert result.stderr.count("\n") == 1 and "TITLE=" in result.stderr


def test_a_new_chapter_runs_as_it_is_and_owes_what_its_author_must_write(book):
    new("vision/colour", "Colour")
    for path in (MADE, MADE_EXERCISES):
        run(path)
    owed = list(check.problems(MADE, seconds=600))
    slots = [sentence for sentence in owed if "SLOT" in sentence]
    files = [MADE, MADE_EXERCISES, Path("tests/wrong_answers/colour.toml")]
    texts = [path.read_text(encoding="utf-8") for path in files]
    assert len(slots) == sum(text.count("SLOT") for text in texts) + 1 > 30
    assert [sentence for sentence in owed if sentence not in slots] == [
        "colour: 1 predictions with 1 folds to reveal.",
        "colour: 1 claims, not 8 to 20: what no network can fail is a check.",
        (
            "book/bench.csv: vision/colour has no row: make bench NB=vision/colour "
            "measures it."
        ),
        (
            "book/backends.csv: vision/colour has no word on JAX: make test-backend "
            "BACKEND=jax NB=vision/colour finds it."
        ),
        (
            "book/backends.csv: vision/colour has no word on PyTorch: make test-backend "
            "BACKEND=torch NB=vision/colour finds it."
        ),
        (
            "colour: last of all, take the tag 'draft' off the first cell: from then on "
            "the tests ask for all of this."
        ),
    ]
    assert owed[-1].startswith("colour: last of all")


# make check


@pytest.fixture
def quick(monkeypatch):
    """Leave out the answers' checks, which take seconds."""
    monkeypatch.setattr(check, "answers", lambda *_: iter(()))


def test_a_finished_chapter_owes_nothing(book, capfd):
    with pytest.raises(SystemExit) as status:
        check.main(["foundations/perceptron", "600"])
    assert not status.value.code
    assert capfd.readouterr().out == ""


def add(text):
    return lambda notebook: notebook.cells[1].update(
        source=notebook.cells[1].source + f"\n\n{text}"
    )


EXERCISES = contents.exercises_of(PERCEPTRON)
DEBTS = {
    "contract": (
        lambda: change(PERCEPTRON, lambda n: n.cells[0].update(source="No title")),
        "perceptron: the notebook must begin with its one first-level heading.",
    ),
    "exercises' contract": (
        lambda: change(EXERCISES, lambda n: n.cells[0].update(source="# Exercises")),
        "perceptron_exercises: the first cell does not say that there are",
    ),
    "no Python": (
        lambda: change(
            EXERCISES,
            lambda n: next(cell for cell in n.cells if cell.id == "q1-checks").update(
                source="assert ("
            ),
        ),
        "perceptron_exercises: a cell is not Python: assert (.",
    ),
    "no exercises": (
        lambda: EXERCISES.unlink(),
        f"{EXERCISES}: there is no such notebook.",
    ),
    "unreadable": (
        lambda: PERCEPTRON.write_text("{"),
        f"{PERCEPTRON} is not a valid notebook",
    ),
    "lint": (
        lambda: change(
            PERCEPTRON,
            lambda n: n.cells.append(nbformat.v4.new_code_cell("import sys", id="x")),
        ),
        "ruff: notebooks/foundations/perceptron.ipynb:cell ",
    ),
    "a file that is not there": (
        lambda: change(PERCEPTRON, add("[a](gone.ipynb)")),
        "perceptron: the link gone.ipynb leads to no file.",
    ),
    "a heading that is not there": (
        lambda: change(PERCEPTRON, add("[a](feedforward.ipynb#gone)")),
        "perceptron: the link feedforward.ipynb#gone leads to no heading",
    ),
    "an own heading that is not there": (
        lambda: change(PERCEPTRON, add("[a](#gone)")),
        "perceptron: the link #gone leads to no heading",
    ),
    "a page out of the contents": (
        lambda: (
            shutil.copy(PERCEPTRON, PERCEPTRON.with_name("draft.ipynb")),
            change(PERCEPTRON, add("[a](draft.ipynb)")),
        ),
        "perceptron: the link draft.ipynb leads to a page that is not in",
    ),
    "out of the book": (
        lambda: change(PERCEPTRON, add("[a](../../../a.md)")),
        "perceptron: the link ../../../a.md leads out of the book.",
    ),
    "contents": (
        lambda: edit(
            contents.CONTENTS,
            "      - file: notebooks/foundations/perceptron\n",
            "      - file: notebooks/foundations/other\n",
        ),
        "book/_toc.yml: 'notebooks/foundations/perceptron' stands there 0 times",
    ),
    "exercises elsewhere": (
        lambda: (
            edit(
                contents.CONTENTS,
                "          - file: notebooks/foundations/perceptron_exercises\n",
                "          - file: notebooks/foundations/other\n",
            ),
        ),
        "book/_toc.yml: 'notebooks/foundations/perceptron_exercises' does not stand",
    ),
    "landing page": (
        lambda: edit("book/index.md", "perceptron.ipynb)", "feedforward.ipynb)"),
        f"book/index.md: no line leads to {PERCEPTRON}.",
    ),
    "a slot on the landing page": (
        lambda: edit("book/index.md", "perceptron.ipynb):", "perceptron.ipynb): SLOT"),
        "book/index.md: fill in SLOT",
    ),
    "no link to the exercises": (
        lambda: edit(PERCEPTRON, "](perceptron_exercises.ipynb)", "]"),
        "perceptron: no link leads to perceptron_exercises.ipynb.",
    ),
    "bench": (
        lambda: edit("book/bench.csv", "foundations/perceptron,", "a,"),
        "book/bench.csv: foundations/perceptron has no row: make bench",
    ),
    "other backends": (
        lambda: edit("book/backends.csv", "foundations/perceptron.", "a/b."),
        "book/backends.csv: foundations/perceptron has no word on JAX: make test-backend",
    ),
    "a slot": (
        lambda: change(EXERCISES, add("SLOT: a question.")),
        "perceptron_exercises: setup-text: fill in SLOT: a question.",
    ),
    "a slot in an alternative text": (
        lambda: change(
            PERCEPTRON,
            lambda n: next(
                cell for cell in n.cells if "mystnb" in cell.metadata
            ).metadata.mystnb.image.update(alt="SLOT: say what is seen"),
        ),
        "fill in SLOT: say what is seen",
    ),
    "a slot among the wrong answers": (
        lambda: edit("tests/wrong_answers/perceptron.toml", "# ", "# SLOT "),
        "tests/wrong_answers/perceptron.toml: fill in SLOT",
    ),
    "the mark": (
        lambda: change(
            PERCEPTRON, lambda n: n.cells[0].metadata.update(tags=["draft"])
        ),
        "perceptron: last of all, take the tag 'draft' off",
    ),
}


@pytest.mark.parametrize("debt", DEBTS)
def test_check_names_each_debt(book, quick, debt):
    spoil, sentence = DEBTS[debt]
    spoil()
    owed = list(check.problems(PERCEPTRON))
    assert any(sentence in line for line in owed), owed
    assert all(line and "\n" not in line for line in owed)


def test_check_names_a_debt_of_the_whole_book(book, quick, monkeypatch):
    seen = []

    def rule(notebooks):
        seen.append(len(notebooks))
        yield "the third option is always right"

    monkeypatch.setattr(contract, "right_options_are_spread", rule)
    change(PERCEPTRON, lambda n: n.cells[0].metadata.update(tags=["draft"]))
    assert "The whole book: the third option is always right." in list(
        check.problems(PERCEPTRON)
    )
    assert seen == [len(chapters()) + 1]


def test_check_tries_the_answers_and_no_longer_than_it_may(book, capfd):
    edit("tests/wrong_answers/perceptron.toml", 'hint = "', 'hint = "not so: ')
    found = list(check.answers(EXERCISES, seconds=600))
    assert len(found) > 4
    assert all("gets no hint 'not so: " in sentence for sentence in found)
    assert capfd.readouterr().err == ""
    assert list(check.answers(EXERCISES, seconds=0.1)) == []
    note = "make check NB=foundations/perceptron LIMIT=600."
    assert note in capfd.readouterr().err


def test_check_says_when_the_answers_cannot_be_run(book):
    change(EXERCISES, lambda n: n.cells[2].update(source="1 / 0"))
    (found,) = check.answers(EXERCISES, seconds=600)
    assert "a given cell fails: ZeroDivisionError" in found


def test_check_of_no_chapter_is_one_sentence(book):
    result = python("book.tools.check", "vision/nothing", folder=book)
    assert result.returncode == 1 and result.stdout == ""
    assert result.stderr.count("\n") == 1 and "no such chapter" in result.stderr


@pytest.mark.parametrize("path", [*chapters(), *masters()], ids=lambda path: path.stem)
def test_no_slot_is_left_in_the_book(path, monkeypatch):
    monkeypatch.chdir(ROOT)
    assert list(check.slots(path)) == []
    assert list(check.broken_links(path, read(path))) == []


# The exercises' answers and checks


@pytest.fixture
def made(book):
    """Write the template's exercises."""
    new("vision/colour", "Colour")
    return Path("tests/wrong_answers/colour.toml")


def test_the_templates_exercises_are_in_order(made):
    assert list(exercises.problems(MADE_EXERCISES)) == []


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (
            lambda wrong: edit(wrong, "[[q5]]", "[[q9]]"),
            "q5 has 0 wrong answers, not two or more",
        ),
        (lambda wrong: edit(wrong, "[[q5]]", "[[q9]]"), "wrong answers to q9"),
        (
            lambda wrong: edit(wrong, "np.sum(logits", "np.mean(logits"),
            "q5: the checks pass the wrong answer 'a count'",
        ),
        (
            lambda wrong: edit(wrong, 'hint = "not which', 'hint = "or which'),
            "q5: 'a count' gets no hint 'or which share': AssertionError",
        ),
        (
            lambda wrong: edit(wrong, "# exercise: q5", "# exercise: 5"),
            "q5, 'a count': it does not begin '# exercise: q5'",
        ),
        (
            lambda wrong: edit(MADE_EXERCISES, "parameters = 64 * 32 + 32", "p = 1"),
            "q1: the checks refuse the book's answer: NameError",
        ),
        (
            lambda wrong: change(
                MADE_EXERCISES,
                lambda n: next(c for c in n.cells if c.id == "q2-checks").update(
                    source="assert callable(layer), 'q2: no'"
                ),
            ),
            "q2: the checks pass 'pass' in place of an answer",
        ),
    ],
)
def test_what_is_wrong_with_exercises_is_named(made, spoil, sentence):
    spoil(made)
    found = list(exercises.problems(MADE_EXERCISES))
    assert any(sentence in line for line in found), found


def test_what_is_wrong_with_one_chapters_exercises_fails_its_own_tests(book):
    wrong = Path("tests/wrong_answers")
    (wrong / "gan.toml").unlink()
    (wrong / "rnn.toml").write_text("[[")
    edit(wrong / "cnn.toml", "hint =", "tip =")
    (NOTEBOOKS / "vision/resnet_exercises.ipynb").write_text("{")
    result = python(
        *["pytest", "-q", "-p", "no:cacheprovider", "tests/test_exercises.py"],
        *["-k", "two_wrong"],
        folder=book,
    )
    for sentence in (
        "gan.toml is missing",
        "rnn.toml cannot be read",
        "cnn.toml: a wrong answer has no 'hint'",
        "resnet_exercises.ipynb is not a valid notebook",
    ):
        assert sentence in result.stdout
    failed = re.findall(
        r"^FAILED .*two_wrong_answers\[(\w+)\]", result.stdout, flags=re.MULTILINE
    )
    assert sorted(failed) == ["cnn", "gan", "resnet", "rnn"]
    assert f"4 failed, {len(masters()) - 4} passed" in result.stdout


# make bench


def test_bench_measures_the_named_chapter_alone(book, monkeypatch):
    measured = []

    def measure(path):
        measured.append(path)
        return [path.relative_to(NOTEBOOKS).with_suffix("").as_posix(), *"7890"]

    monkeypatch.setattr(bench, "measure", measure)
    monkeypatch.setattr(bench, "bench_grading", lambda: pytest.fail("graded"))
    before = bench.stored()
    new("generative/a_first", "A")
    bench.main(["generative/a_first"])
    assert measured == [NOTEBOOKS / "generative/a_first.ipynb"]
    rows = bench.stored()
    assert rows.pop("generative/a_first") == ["generative/a_first", *"7890"]
    assert rows == before
    assert list(bench.stored()) == sorted(bench.stored())
    table = bench.as_markdown(bench.COLUMNS, list(bench.stored().values()))
    assert table in bench.README.read_text(encoding="utf-8")

    monkeypatch.setattr(bench, "bench_grading", lambda: measured.append("grading"))
    measured.clear()
    bench.main([])
    assert measured == [*chapters(), "grading"]  # a draft is no chapter yet
    assert list(bench.stored()) == [contract.name(path) for path in chapters()]


# Drafts


@pytest.fixture
def small(tmp_path, monkeypatch):
    """Write a chapter, a draft that is listed, and one that is not."""
    monkeypatch.chdir(tmp_path)
    for name, tags in (("a", []), ("b", ["draft"]), ("c", [])):
        for end in ("", contents.EXERCISES):
            cells = [
                nbformat.v4.new_markdown_cell(
                    "# Title", id="title", metadata={"tags": [] if end else tags}
                ),
                nbformat.v4.new_code_cell("1 / 0" if tags else "1", id="code"),
            ]
            path = NOTEBOOKS / "part" / f"{name}{end}.ipynb"
            path.parent.mkdir(parents=True, exist_ok=True)
            nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    pages = [f"notebooks/part/{name}" for name in ("a", "a_exercises")]
    pages += [f"notebooks/part/{name}" for name in ("b", "b_exercises")]
    contents.CONTENTS.parent.mkdir()
    lines = "".join(f"- file: {page}\n" for page in pages)
    contents.CONTENTS.write_text(f"root: book/index\nchapters:\n{lines}")
    Path("book/index.md").write_text("# Book")
    return NOTEBOOKS / "part"


def test_one_function_says_which_notebooks_are_drafts(small):
    assert contents.drafts() == {
        small / "b.ipynb": "tagged 'draft'",
        small / "b_exercises.ipynb": "the chapter is tagged 'draft'",
        small / "c.ipynb": "not in book/_toc.yml",
        small / "c_exercises.ipynb": "not in book/_toc.yml",
    }
    assert contents.listed_drafts() == [small / "b.ipynb", small / "b_exercises.ipynb"]
    assert chapters() == [small / "a.ipynb"]
    assert masters() == [small / "a_exercises.ipynb"]


def test_a_notebook_that_cannot_be_read_is_no_draft(small):
    (small / "a.ipynb").write_text("{")
    assert small / "a.ipynb" not in contents.drafts()
    assert any("a.ipynb is not a valid" in line for line in build.problems())


def test_a_draft_stops_no_build_and_is_named_in_one_line(small, capsys):
    assert build.problems() == []
    contents.main()
    line = capsys.readouterr().out
    assert line.count("\n") == 1
    for path, reason in contents.drafts().items():
        assert f"{path} ({reason})" in line


def test_without_drafts_nothing_is_said(small, capsys):
    for path in contents.drafts():
        path.unlink()
    contents.main()
    assert capsys.readouterr().out == ""


def test_a_draft_in_the_contents_is_not_published(small, monkeypatch):
    monkeypatch.setattr(publish, "build", lambda *_: pytest.fail("published"))
    with pytest.raises(SystemExit) as refusal:
        publish.main(["--repository=ada/networks"])
    assert "notebooks/part/b.ipynb" in refusal.value.code
    assert "which are not published" in refusal.value.code


def test_a_draft_is_not_run_but_counted_with_its_reason(small):
    command = ["pytest", "-ra", "-p", "book.tools.nbval_numbers", "--nbval-lax"]
    command += ["--nbval-current-env", "-n", "2", "--dist", "loadfile"]
    result = python(*command, "notebooks")
    assert "2 passed, 4 skipped" in result.stdout, result.stdout
    for path, reason in contents.drafts().items():
        assert f"SKIPPED [1] {path}:1: a draft, {reason}\n" in result.stdout


# The tests may themselves run under make, whose own lines are not wanted here.
DRY_MAKE = ["make", "--no-print-directory", "--dry-run", "--old-file=.venv/ready"]


def test_make_names_the_drafts():
    recipe = subprocess.run(
        [*DRY_MAKE, "book"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "-m book.tools.contents\n" in recipe


@pytest.mark.parametrize(
    ("target", "call"),
    [
        ("new", 'book.tools.new "$NB" "$TITLE"'),
        ("check", 'book.tools.check "$NB" 99'),
        ("bench", "book.tools.bench vision/cnn"),
        ("run", "book.tools.run vision/cnn"),
        ("test-backend", 'book.tools.backends "jax" vision/cnn'),
    ],
)
def test_make_passes_on_what_is_named(target, call):
    recipe = subprocess.run(
        [*DRY_MAKE, target, "NB=vision/cnn", "TITLE=A", "LIMIT=99", "BACKEND=jax"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert recipe.strip().endswith(call)


# CONTRIBUTING.md


def test_the_guide_has_every_rule_and_no_other():
    table = GUIDE.partition("## The rules")[2].partition("These stand elsewhere")[0]
    rows = re.findall(r"^\| (.+?) \| (.+) \|$", table, flags=re.MULTILINE)[1:]
    rules = {
        *contract.CHAPTER_RULES,
        *contract.SECOND_EDITION_RULES,
        *contract.EXERCISE_RULES,
        contract.right_options_are_spread,
    }
    assert {rule for rule, _ in rows} == {
        rule.__doc__.partition("\n")[0] for rule in rules
    }
    assert len(rows) == len(rules)
    assert all(len(reason.split()) > 2 for _, reason in rows)


def test_the_guides_cells_run(tmp_path):
    cells = re.findall(r"^```python\n(.*?)^```$", GUIDE, flags=re.DOTALL | re.MULTILINE)
    assert len(cells) == 9
    assert all(len(line) <= 76 for cell in cells for line in cell.splitlines())
    script = tmp_path / "guide.py"
    script.write_text("\n".join(cells), encoding="utf-8")
    environment = {key: os.environ[key] for key in os.environ if key != "NNBOOK_DATA"}
    result = subprocess.run(
        [sys.executable, script],
        capture_output=True,
        text=True,
        check=False,
        env=environment | {"MPLBACKEND": "agg", "PYTHONPATH": str(ROOT)},
    )
    assert result.returncode == 0, result.stderr


def test_the_guides_metadata_and_prediction_are_right():
    blocks = re.findall(r"^```json\n(.*?)^```$", GUIDE, flags=re.DOTALL | re.MULTILINE)
    figure, tolerance = map(json.loads, blocks)
    assert len(figure["mystnb"]["image"]["alt"].split()) >= 5
    Tolerance(**tolerance["nbval"])
    text = GUIDE.partition("```markdown\n")[2].partition("\n```")[0]
    cell = nbformat.v4.new_markdown_cell(text)
    assert contract.predictions(nbformat.v4.new_notebook(cells=[cell])) == [(3, 1)]


def test_the_guide_names_targets_and_files_that_are_there():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"\bmake ([a-z-]+)", GUIDE):
        assert f"\n{target}:" in makefile, target
    for name in re.findall(r"`((?:book|nnbook|tests)/[\w/.]*|README\.md)`", GUIDE):
        assert "NAME" in name or (ROOT / name).exists(), name
