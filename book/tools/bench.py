"""Measure what chapters and grading cost, and put the tables into the README.

    python -m book.tools.bench [NOTEBOOK ...]

Each notebook runs in a process of its own, so that its kernel's CPU time and
peak memory can be told from the others'. Nothing is stored in the notebooks. With
notebooks named, only their rows are measured, and grading is not.
"""

import csv
import multiprocessing
import os
import resource
import shutil
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from book.tools.editions import chapters
from book.tools.run import NOTEBOOKS, NotebookError, execute, named, read
from nnbook.classroom.collect import collect, roster
from nnbook.classroom.course import ClassroomError
from nnbook.classroom.grade import grade, pending
from nnbook.classroom.release import release
from nnbook.classroom.sandbox import Limits

TABLE = Path("book/bench.csv")
README = Path("README.md")
COLUMNS = ["notebook", "wall s", "CPU s", "peak MB", "before the lesson"]
ASSIGNMENTS = {"NumPy": "foundations/perceptron", "Keras": "vision/cnn"}
STUDENTS = 12
GRADING = ["assignment", "needs", "s per submission"]


def measure(path: Path) -> list[str]:
    """Run a notebook and return its row.

    The time before the lesson is what the kernel's start and the setup cell,
    mostly imports, take of the wall time.
    """
    # Not a fork: it would share the sockets of a process that has run a kernel.
    fresh = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(max_workers=1, mp_context=fresh) as process:
        wall, before, usage = process.submit(_run, path).result()
    kilobyte = 1 if sys.platform == "darwin" else 1024
    return [
        path.relative_to(NOTEBOOKS).with_suffix("").as_posix(),
        f"{wall:.0f}",
        f"{usage.ru_utime + usage.ru_stime:.0f}",
        f"{usage.ru_maxrss * kilobyte / 1e6:.0f}",
        f"{before / wall:.0%}",
    ]


def _run(path: Path) -> tuple[float, float, resource.struct_rusage]:
    started = time.perf_counter()
    ends = []
    execute(read(path), path, lambda _: ends.append(time.perf_counter()))
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.perf_counter() - started, ends[0] - started, usage


def measure_grading(path: Path, needs: str) -> list[str]:
    """Grade a class that hands in the book's own answers; return its row."""
    with tempfile.TemporaryDirectory() as folder:
        submissions, students = Path(folder, "submissions"), Path(folder, "roster.csv")
        submissions.mkdir()
        for number in range(STUDENTS):
            shutil.copy(path, submissions / f"s{number:02}.ipynb")
        ids = sorted(submission.stem for submission in submissions.iterdir())
        students.write_text("id,name\n" + "".join(f"{one},{one}\n" for one in ids))
        assignment = release(path, Path(folder, "course"))
        collect(assignment, submissions, roster(students))
        waiting, jobs = pending(assignment), os.cpu_count()
        started = time.perf_counter()
        outcomes = grade(assignment, Limits(), jobs, True, waiting, lambda _: None)
        seconds = (time.perf_counter() - started) / STUDENTS
    if [outcome.status for outcome in outcomes] != ["graded"] * STUDENTS:
        raise ClassroomError(f"{path}: not every submission was graded.")
    name = path.relative_to(NOTEBOOKS).with_suffix("").as_posix()
    return [name, needs, f"{seconds:.1f}"]


def as_markdown(columns: list[str], rows: list[list[str]]) -> str:
    """Write a table as the README shows it."""
    lines = [columns, ["---"] + ["---:"] * (len(columns) - 1), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def insert(name: str, table: str) -> None:
    """Put a table between its two marks in the README."""
    begin, end = f"<!-- {name}: `make bench` writes this table -->\n", "<!-- end -->\n"
    before, rest = README.read_text(encoding="utf-8").split(begin)
    _, after = rest.split(end, 1)
    README.write_text(f"{before}{begin}{table}{end}{after}", encoding="utf-8")


def stored() -> dict[str, list[str]]:
    """Read the rows of the chapters' table, each by its notebook."""
    with TABLE.open(newline="", encoding="utf-8") as file:
        return {row[0]: row for row in list(csv.reader(file))[1:]}


def main(arguments: list[str]) -> None:
    """Measure the notebooks named, or all chapters and then grading."""
    rows = stored() if arguments else {}
    for path in map(named, arguments) if arguments else chapters():
        row = measure(path)
        print(dict(zip(COLUMNS, row, strict=True)))
        rows[row[0]] = row
    table = [rows[name] for name in sorted(rows)]
    with TABLE.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows([COLUMNS, *table])
    insert("chapters", as_markdown(COLUMNS, table))
    if not arguments:
        bench_grading()


def bench_grading() -> None:
    """Measure what grading a submission costs."""
    try:
        rows = [
            measure_grading(NOTEBOOKS / f"{name}_exercises.ipynb", needs)
            for needs, name in ASSIGNMENTS.items()
        ]
    except ClassroomError as error:
        sys.exit(str(error))
    insert("grading", as_markdown(GRADING, rows))


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except NotebookError as error:
        sys.exit(str(error))
