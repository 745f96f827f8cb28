"""The teacher's command, on a small assignment and a class with every case."""

import contextlib
import csv
import os
import re
import shutil
import subprocess
import sys
import textwrap
import time
import zipfile
from html.parser import HTMLParser
from pathlib import Path

import nbformat
import pytest

import simulated_class
from nnbook.classroom import sandbox
from nnbook.classroom.__main__ import main
from nnbook.classroom.collect import owner, parse, restore, roster
from nnbook.classroom.course import Assignment, ClassroomError

needs_bubblewrap = pytest.mark.skipif(
    not shutil.which("bwrap"),
    reason="bubblewrap is not installed, or not to be had here",
)
WRONG = """
[[q1]]
answer = "# exercise: q1\\ndef double(x):\\n    return x + 2"
[[q2]]
answer = "# exercise: q2\\ndef largest(values):\\n    return values[0]"
"""
MASTER = [
    ("given", "setup", "numbers = [3, 5, 4]"),
    (
        "answer",
        "q1",
        """
        def double(x):
            ### BEGIN SOLUTION
            return 2 * x
            ### END SOLUTION
        """,
    ),
    ("checks", "q1-checks", "assert double(2) == 4\nassert double(3) == 6, 'q1: no'"),
    (
        "answer",
        "q2",
        """
        def largest(values):
            ### BEGIN SOLUTION
            return max(values)
            ### END SOLUTION
        """,
    ),
    (
        "checks",
        "q2-checks",
        """
        assert largest(numbers) == 5, 'q2: not the largest'
        ### BEGIN HIDDEN TESTS
        assert largest([7, 6]) == 7 and "hidden-from-students"
        ### END HIDDEN TESTS
        print("q2: correct")
        """,
    ),
    ("explain", "q3", "<!-- BEGIN SOLUTION -->\nBecause.\n<!-- END SOLUTION -->"),
]


def small_master(path):
    """Write a master with two questions for code and one for words."""
    cells = []
    for kind, name, source in MASTER:
        marker = {"answer": f"# exercise: {name}\n", "explain": f"*exercise: {name}*\n"}
        source = marker.get(kind, "") + textwrap.dedent(source).strip()
        details = {
            "grade_id": name,
            "grade": kind in ("checks", "explain"),
            "solution": kind in ("answer", "explain"),
            "locked": kind in ("checks", "given"),
            "task": False,
            "schema_version": 3,
        }
        if details["grade"]:
            details["points"] = 2
        v4 = nbformat.v4
        make = v4.new_markdown_cell if kind == "explain" else v4.new_code_cell
        cells.append(make(source, id=name, metadata={"nbgrader": details}))
    notebook = v4.new_notebook(cells=cells)
    notebook.metadata.kernelspec = {
        "name": "python3",
        "display_name": "Python 3",
        "language": "python",
    }
    nbformat.write(notebook, path)
    return path


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """Return a course where the small assignment is released."""
    folder = tmp_path_factory.mktemp("course")
    main(
        ["release", str(small_master(folder / "small.ipynb")), "--course", str(folder)]
    )
    return folder


@pytest.fixture
def released(course):
    """Return the release of the small assignment."""
    return nbformat.read(course / "release/small/small.ipynb", as_version=4)


def command(*words, environment=None):
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "nnbook.classroom", *map(str, words)],
        env=os.environ | (environment or {}),
        capture_output=True,
        text=True,
        check=False,
    )


def expected_row(task, expects):
    """Return the points by question that a case should get."""
    names = {"target": task.target, "written": task.written}
    lost = (
        set(task.points)
        if "all" in expects.lost
        else {names.get(name, name) for name in expects.lost}
    )
    points = {
        question: "0" if question in lost else f"{most:g}"
        for question, most in task.points.items()
    }
    if expects.status in ("unreadable", "missing", "failed to grade"):
        points = dict.fromkeys(points, "")
    elif task.written not in lost:
        points[task.written] = ""
    return points


def differences(task, expected, table):
    """Say of each student who did not get what was expected what they got."""
    for student, (name, expects) in expected.items():
        (row,) = [row for row in table if row["id"] == student]
        points = {question: row[question] for question in task.points}
        ended = row["status"] == "failed to grade" and "Python ended" in row["notes"]
        if expects.may_end and ended and expects.note in row["notes"]:
            continue
        if (
            row["status"] != expects.status
            or points != expected_row(task, expects)
            or expects.note not in row["notes"]
        ):
            yield f"{student} {name}: {row}"


def processes(temporary):
    """List the kernels whose connection lies in this folder."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):  # it has ended meanwhile
            words = path.read_bytes()
            if b"ipykernel_launcher" in words and temporary.encode() in words:
                found.append(words)
    return found


def state(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


class Tags(HTMLParser):
    """Collect a page's tags with their attributes."""

    def __init__(self, page):
        super().__init__()
        self.found = []
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.found.append((tag, attributes))


def active_content(page):
    """List what would run, or ask another host for something."""
    assert "default-src 'none'" in page
    for tag, attributes in Tags(page).found:
        if tag in (
            "script",
            "iframe",
            "object",
            "embed",
            "link",
            "base",
            "form",
            "svg",
        ):
            yield tag
        for name, value in attributes:
            if name.startswith("on") or re.match(
                r"\s*(javascript|vbscript):", value or ""
            ):
                yield tag, name, value
            if name == "src" and not value.startswith("data:image/png"):
                yield tag, name, value


def run_class(folder, master, assignment, target, wrong, students, limits, names=None):
    """Take a class through all four commands; needs the fixture `temporary`.

    Returns:
        The task, what is expected, the table, and the feedback by student.
    """
    course = folder / "course"
    precious = folder / "precious"
    precious.mkdir()
    (precious / "grade-book.db").write_bytes(b"not to be touched")
    command_release = command("release", master, "--course", course)
    assert command_release.returncode == 0, command_release.stderr
    release = course / "release" / assignment / f"{assignment}.ipynb"
    task = simulated_class.exercises(master, release, target, wrong)
    task.other = [course, precious]
    expected = simulated_class.write(task, folder, students, names)
    before = state(precious)
    words = [assignment, "--course", course]
    collect = ["collect", *words, folder / "submissions", "--roster"]
    done = command(*collect, folder / "roster.csv")
    assert done.returncode == 0, done.stderr
    assert "put aside: stranger.ipynb" in done.stdout
    secret = {"NNBOOK_SECRET": simulated_class.SECRET}
    done = command("grade", *words, *limits, environment=secret)
    assert done.returncode == 0, done.stderr
    assert processes(os.environ["TMPDIR"]) == []
    assert os.listdir(os.environ["TMPDIR"]) == []
    done = command("report", *words)
    assert done.returncode == 0, done.stderr
    assert state(precious) == before
    with (course / "report" / f"{assignment}.csv").open(encoding="utf-8-sig") as file:
        table = list(csv.DictReader(file))
    assert [row["id"] for row in table] == list(expected)
    for path in course.glob(f"autograded/*/{assignment}/*.ipynb"):
        for cell in nbformat.read(path, as_version=4).cells:
            for output in cell.get("outputs", []):
                assert simulated_class.SECRET not in str(output), path
    pages = {
        path.parent.parent.name: path.read_text(encoding="utf-8")
        for path in course.glob(f"feedback/*/{assignment}/*.html")
    }
    for page in pages.values():
        assert "hidden-from" not in page
        assert list(active_content(page)) == []
    return task, expected, table, pages


# All cases are `make test-class`.
SMALL = [
    "all_right",
    "blank",
    "metadata_stripped",
    "answered_twice",
    "checks_edited",
    "warns_in_the_checks",
    "infinite_loop",
    "ends_python",
    "rewrites_the_gradebook",
    "disables_asserts",
    "awards_itself_points",
    "scripts_in_the_output",
    "a_pdf",
    "twice",
    "never_came",
]
LIMITS = {"cell": 10, "total": 60, "memory": 1500, "output": 200, "disk": 50, "jobs": 2}


def small_class(folder, names=None, **limits):
    """Take a class through the small assignment; return what went wrong."""
    master = small_master(folder / "small.ipynb")
    words = [f"--{name}={value}" for name, value in (LIMITS | limits).items()]
    task, expected, table, _ = run_class(
        folder, master, "small", "q2", WRONG, 0, words, names
    )
    return list(differences(task, expected, table))


@needs_bubblewrap
def test_the_sandbox_shows_no_environment_and_keeps_nothing(tmp_path, monkeypatch):
    monkeypatch.setenv("NNBOOK_SECRET", simulated_class.SECRET)
    code = """
import glob, os

for path in glob.glob("/proc/[0-9]*/environ"):
    try:
        with open(path, encoding="utf-8") as file:
            print(*(part for part in file.read().split(chr(0)) if "SECRET" in part))
    except PermissionError:
        pass
for folder, *_ in os.walk("/"):
    try:
        open(f"{folder}/written", "w").close()
        print(folder)
    except OSError:
        pass
"""
    command = sandbox.command(tmp_path, sandbox.Limits())
    python = Path(sys.executable).resolve()
    done = subprocess.run(
        [*command, python, "-c", code], capture_output=True, text=True, check=True
    )
    lines = {line for line in done.stdout.split("\n") if line}
    in_memory = {line for line in lines if re.match("/(home|tmp|dev/shm)(/|$)", line)}
    assert {"/home", "/tmp", "/dev/shm"} <= in_memory
    assert lines - in_memory - {str(tmp_path)} == set()
    assert [path.name for path in tmp_path.iterdir()] == ["written"]


@needs_bubblewrap
def test_every_student_gets_what_is_expected(tmp_path, temporary):
    assert small_class(tmp_path, SMALL) == []


def graded(course):
    """Return when each student was graded."""
    return {path.stem: path.stat().st_mtime_ns for path in course.glob("graded/*/*")}


def wait_until(condition):
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def table(course):
    return (course / "report/small.csv").read_bytes()


@needs_bubblewrap
def test_grading_goes_on_where_it_was_interrupted(tmp_path, temporary):
    assert small_class(tmp_path, ["all_right", "one_wrong", "a_pdf"]) == []
    course = tmp_path / "course"
    before, scores = graded(course), table(course)
    assert before.keys() == {"s00", "s01"}
    words = ["small", "--course", course]
    assert "nobody" in command("grade", *words).stdout
    assert graded(course) == before
    (course / "graded/small/s01.json").unlink()  # as if it had broken off here
    assert "is not graded yet" in command("report", *words).stderr
    assert "1 graded" in command("grade", *words).stdout
    assert graded(course)["s00"] == before["s00"]
    assert command("report", *words).returncode == 0
    assert table(course) == scores
    # Even a grader that is killed leaves nothing running, and nothing half graded.
    words_again = [sys.executable, "-m", "nnbook.classroom", "grade", *words, "--again"]
    grader = subprocess.Popen(words_again, stderr=subprocess.DEVNULL)
    wait_until(lambda: processes(temporary))
    grader.kill()
    grader.wait()
    wait_until(lambda: not processes(temporary))
    assert command("grade", *words).returncode == 0
    assert command("report", *words).returncode == 0
    assert table(course) == scores
    # Two graders with one gradebook, each with a part of the class.
    graders = [
        subprocess.Popen(
            [*words_again, "--students", student], stderr=subprocess.DEVNULL
        )
        for student in ("s00", "s01")
    ]
    assert [grader.wait(60) for grader in graders] == [0, 0]
    assert command("report", *words).returncode == 0
    assert table(course) == scores


def test_without_a_sandbox_when_told_to(tmp_path):
    main_words = ["small", "--course", str(tmp_path / "course")]
    master = small_master(tmp_path / "small.ipynb")
    main(["release", str(master), "--course", str(tmp_path / "course")])
    release = tmp_path / "course/release/small/small.ipynb"
    task = simulated_class.exercises(master, release, "q2", WRONG)
    simulated_class.write(task, tmp_path, 0, ["all_right", "one_wrong"])
    folder = str(tmp_path / "submissions")
    main(["collect", *main_words, folder, "--roster", str(tmp_path / "roster.csv")])
    nothing = tmp_path / "no-programs"
    nothing.mkdir()
    refused = command("grade", *main_words, environment={"PATH": str(nothing)})
    assert refused.returncode == 1
    assert "apt install bubblewrap" in refused.stderr
    assert "--no-sandbox" in refused.stderr
    assert not (tmp_path / "course/graded").exists()
    done = command("grade", *main_words, "--no-sandbox", "--jobs=2")
    assert "2 graded" in done.stdout, done.stderr
    main(["report", *main_words])
    with (tmp_path / "course/report/small.csv").open(encoding="utf-8-sig") as file:
        assert [row["q2"] for row in csv.DictReader(file)] == ["2", "0"]
    # A person reads the written answer, as in nbgrader's formgrader.
    with Assignment(tmp_path / "course", "small").gradebook() as gradebook:
        grade = gradebook.find_grade("q3", "small", "small", "s00")
        grade.manual_score, grade.needs_manual_grade = 1.5, False
        gradebook.db.commit()
    main(["report", *main_words])
    with (tmp_path / "course/report/small.csv").open(encoding="utf-8-sig") as file:
        first = next(csv.DictReader(file))
    assert [first["q3"], first["total"], first["status"]] == ["1.5", "5.5", "graded"]
    page = (tmp_path / "course/report/small.html").read_text(encoding="utf-8")
    assert list(active_content(page)) == []
    assert "q2: 1 with 0, 1 with 2" in page
    assert "<td>partly</td><td>1</td>" in page


CLASS = {"s1": "Ada Lovelace", "s10": "Bob", "ann.b": "Ann Bo"}


@pytest.mark.parametrize(
    ("name", "student"),
    [
        ("s1.ipynb", "s1"),
        ("S1_perceptron (3).ipynb", "s1"),
        ("s10/perceptron.ipynb", "s10"),
        ("week 3/Ada_Lovelace_123_file/x.ipynb", "s1"),
        ("ada lovelace.ipynb", "s1"),
        ("ann.b.ipynb", "ann.b"),
        ("annxb.ipynb", None),
        ("s100.ipynb", None),
        ("s1 and s10.ipynb", None),
        ("perceptron.ipynb", None),
    ],
)
def test_a_file_is_matched_by_id_or_name(name, student):
    assert owner(name, CLASS) == student


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "names no student"),
        ("name\nAda\n", "line 2: the column 'id' holds ''"),
        ("id\na\n../b\n", "line 3: the column 'id' holds '../b'"),
        ("id\na\n*\n", "line 3"),
        ("id\nada\nbob\nAda\n", "line 4: Ada stands there twice"),
        (None, "cannot be read"),
    ],
)
def test_a_roster_that_cannot_be_used_is_refused(tmp_path, text, sentence):
    path = tmp_path / "roster.csv"
    if text is not None:
        path.write_text(text, encoding="utf-8")
    with pytest.raises(ClassroomError, match=re.escape(sentence)):
        roster(path)


def test_a_roster_keeps_its_order_and_names(tmp_path):
    path = tmp_path / "roster.csv"
    path.write_text("\ufeffid,name\nb,Bö\na,\n", encoding="utf-8")
    assert list(roster(path).items()) == [("b", "Bö"), ("a", "")]


def test_the_release_itself_needs_no_restoring(released):
    restored, notes = restore(released, released)
    assert notes == []
    assert [cell.source for cell in restored.cells] == [
        cell.source for cell in released.cells
    ]


def test_own_cells_stay_where_they_stood(released):
    submission = nbformat.from_dict(released)
    code = nbformat.v4.new_code_cell
    sources = [cell.source for cell in released.cells]
    for place in (4, 2, 0):
        submission.cells.insert(place, code(f"own = {place}"))
        sources.insert(place, f"own = {place}")
    restored, _ = restore(submission, released)
    assert [cell.source for cell in restored.cells] == sources
    for cell in restored.cells:
        assert cell.source.startswith("own") != ("nbgrader" in cell.metadata)


def test_nothing_but_text_is_taken_from_a_submission(released):
    submission = nbformat.from_dict(released)
    submission.metadata.kernelspec = {"name": "evil", "display_name": "Evil"}
    submission.cells[1].metadata.nbgrader.points = 100
    submission.cells[1].metadata["tags"] = ["skip"]
    submission.cells[1].outputs = [nbformat.v4.new_output("stream", text="hello")]
    restored, _ = restore(submission, released)
    assert restored.metadata == released.metadata
    assert restored.cells[1].metadata == released.cells[1].metadata
    assert restored.cells[1].outputs == []


@pytest.mark.parametrize(
    "content", [b"", b"{}", b"[]", b"null", b"%PDF", b"\xff\xfe", b'{"cells": 3}']
)
def test_what_is_no_notebook_is_refused(content):
    with pytest.raises(ValueError, match="it is|is empty"):
        parse(content)


def test_a_zip_is_collected_and_nothing_is_unpacked(tmp_path, course, released):
    students = tmp_path / "roster.csv"
    students.write_text("id\ns1\ns2\n", encoding="utf-8")
    archive = tmp_path / "all.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("s1/work.ipynb", nbformat.writes(released))
        file.writestr("__MACOSX/s2/._work.ipynb", "x")
        file.writestr("../../s2.ipynb", "x")
        file.writestr(zipfile.ZipInfo("notes.txt", (1980, 0, 0, 0, 0, 0)), "x")
    before = set(tmp_path.parent.rglob("*.ipynb"))
    words = ["collect", "small", str(archive), "--roster", str(students)]
    main([*words, "--course", str(course)])
    assert set(tmp_path.parent.rglob("*.ipynb")) - before == {
        course / "submitted/s1/small/small.ipynb",
        course / "aside/small/..__..__s2.ipynb",
    }
    shutil.rmtree(course / "collected")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["release", "gone.ipynb"], "gone.ipynb is no notebook"),
        (["collect", "gone", ".", "--roster", "r.csv"], "Release it first"),
        (["grade", "small"], "Nothing was collected"),
        (["report", "gone"], "Release it first"),
    ],
)
def test_a_command_says_what_to_do_first(tmp_path, course, words, sentence):
    (tmp_path / "r.csv").write_text("id\ns1\n", encoding="utf-8")
    if "r.csv" in words:
        words = [*words[:-1], str(tmp_path / "r.csv")]
    with pytest.raises(SystemExit, match=sentence):
        main([*words, "--course", str(course)])


def test_a_master_that_nbgrader_refuses_is_not_released(tmp_path):
    path = small_master(tmp_path / "small.ipynb")
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("### END SOLUTION", ""), encoding="utf-8")
    with pytest.raises(SystemExit, match="no end solution statement"):
        main(["release", str(path), "--course", str(tmp_path / "course")])
    assert not list(tmp_path.glob("course/release/*/*.ipynb"))
