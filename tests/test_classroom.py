"""The teacher's command, on a small assignment and a class with every case."""

import csv
import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import nbformat
import pytest

import simulated_class
from nnbook.classroom.__main__ import main
from nnbook.classroom.collect import owner, parse, restore, roster
from nnbook.classroom.course import ClassroomError

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


@pytest.fixture
def released(tmp_path):
    """Return the release of the small assignment."""
    main(
        [
            "release",
            str(small_master(tmp_path / "small.ipynb")),
            "--course",
            str(tmp_path),
        ]
    )
    return nbformat.read(tmp_path / "release/small/small.ipynb", as_version=4)


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
        if expects.status == "any":
            assert row["status"] in ("graded", "partly", "failed to grade")
            continue
        if (
            row["status"] != expects.status
            or points != expected_row(task, expects)
            or expects.note not in row["notes"]
        ):
            yield f"{student} {name}: {row}"


def processes():
    """List what runs in a sandbox on this machine."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes()
        except OSError:
            continue
        if b"bwrap" in words and b"ipykernel_launcher" in words:
            found.append(words)
    return found


def state(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def run_class(folder, master, assignment, target, wrong, students, limits, names=None):
    """Take a class through all four commands.

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
    assert processes() == []
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
        for bad in ("<script", "onerror=", "<iframe", "javascript:", "hidden-from"):
            assert bad not in page.lower().replace("&lt;", "")
    return task, expected, table, pages


@needs_bubblewrap
def test_every_student_gets_what_is_expected(tmp_path):
    master = small_master(tmp_path / "small.ipynb")
    limits = "--cell 3 --total 60 --memory 1500 --output 200 --disk 50 --jobs 2".split()
    task, expected, table, pages = run_class(
        tmp_path, master, "small", "q2", WRONG, 0, limits
    )
    assert list(differences(task, expected, table)) == []
