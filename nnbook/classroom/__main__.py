"""The teacher's command: `python -m nnbook.classroom release|collect|grade|report`."""

import argparse
import os
import signal
import sys
from collections import Counter
from pathlib import Path


def arguments(words: list[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m nnbook.classroom",
        description="Hand out exercises, collect them, grade them, report.",
    )
    commands = parser.add_subparsers(dest="command", required=True)

    def command(name, text, assignment=True):
        one = commands.add_parser(name, help=text, description=text)
        if assignment:
            one.add_argument("assignment", help="the notebook's name, without .ipynb")
        one.add_argument(
            "--course", type=Path, default=Path("course"), help="default: %(default)s"
        )
        return one

    one = command("release", "Build a student edition to hand out.", assignment=False)
    one.add_argument("master", type=Path, help="the notebook with its solutions")

    one = command("collect", "Take in what students handed in.")
    one.add_argument("submissions", type=Path, help="a folder or a zip")
    one.add_argument(
        "--roster", type=Path, required=True, help="a CSV with columns id and name"
    )

    one = command("grade", "Grade what was collected and is not graded yet.")
    one.add_argument("--jobs", type=int, default=os.cpu_count(), help="at a time")
    one.add_argument(
        "--students", help="only these: ids, separated by commas", default=""
    )
    one.add_argument("--again", action="store_true", help="also what is graded already")
    one.add_argument(
        "--no-sandbox",
        action="store_true",
        help="run students' code unprotected, with all that you may do",
    )
    for name, unit in (
        ("cell", "seconds for one cell"),
        ("total", "seconds for a notebook"),
        ("memory", "megabytes for a process"),
        ("processes", "processes and threads"),
        ("output", "kilobytes printed"),
        ("disk", "megabytes written"),
    ):
        one.add_argument(f"--{name}", type=int, help=f"limit: {unit}")

    command("report", "Write the table, the feedback pages and the class's summary.")
    return parser.parse_args(words)


def release(options: argparse.Namespace) -> None:
    """Build a student edition."""
    from nnbook.classroom.release import release

    assignment = release(options.master, options.course)
    print(f"Hand out {assignment.release}.")


def collect(options: argparse.Namespace) -> None:
    """Take submissions in, and say what was found."""
    from nnbook.classroom.collect import collect, roster

    found = collect(_assignment(options), options.submissions, roster(options.roster))
    strangers = found.pop("")
    for student, entry in found.items():
        if entry.notes or entry.status != "collected":
            print(f"{student}: {entry.status}; {'; '.join(entry.notes)}".rstrip("; "))
    for note in strangers.notes:
        print(f"put aside: {note}")
    _say_counts(entry.status for entry in found.values())


def grade(options: argparse.Namespace) -> None:
    """Grade, with a progress bar."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
    from rich.progress import TimeRemainingColumn as TimeLeft

    from nnbook.classroom import sandbox
    from nnbook.classroom.collect import record
    from nnbook.classroom.course import ClassroomError
    from nnbook.classroom.grade import grade, pending

    assignment = _assignment(options)
    waiting = pending(assignment)
    collected = {
        student: entry["digest"]
        for student, entry in record(assignment)["students"].items()
        if entry["status"] == "collected"
    }
    if options.again:
        waiting = collected
    if options.students:
        named = options.students.split(",")
        if unknown := sorted(set(named) - set(collected)):
            raise ClassroomError(f"Nothing was collected of {', '.join(unknown)}")
        waiting = {name: waiting[name] for name in named if name in waiting}
    names = ("cell", "total", "memory", "processes", "output", "disk")
    chosen = {name: getattr(options, name) for name in names}
    limits = sandbox.Limits(**{k: v for k, v in chosen.items() if v is not None})
    columns = (TextColumn("grading"), BarColumn(), MofNCompleteColumn(), TimeLeft())
    with Progress(*columns) as progress:
        task = progress.add_task("", total=len(waiting))

        def advance(outcome):
            progress.advance(task)
            if outcome.notes or outcome.status != "graded":
                notes = "; ".join(outcome.notes)
                progress.console.print(
                    f"{outcome.student}: {outcome.status}; {notes}", markup=False
                )

        outcomes = grade(
            assignment, limits, options.jobs, not options.no_sandbox, waiting, advance
        )
    _say_counts(outcome.status for outcome in outcomes)


def report(options: argparse.Namespace) -> None:
    """Write the report."""
    from nnbook.classroom import report

    assignment = _assignment(options)
    table = report.rows(assignment)
    folder = assignment.course / "report"
    path = folder / f"{assignment.name}.csv"
    report.write_table(assignment, table, path)
    page = folder / f"{assignment.name}.html"
    report.write_summary(assignment, table, page)
    done = [row.student for row in table if row.status in ("graded", "partly")]
    report.write_feedback(assignment, done)
    print(f"Grades: {path}\nThe class: {page}")
    print(f"Pages for students: {assignment.course / 'feedback'}")
    _say_counts(row.status for row in table)


def _assignment(options):
    from nnbook.classroom.course import Assignment

    return Assignment(options.course.resolve(), options.assignment)


def _say_counts(statuses) -> None:
    counts = Counter(statuses)
    print(
        ", ".join(f"{count} {status}" for status, count in counts.items()) or "nobody"
    )


def main(words: list[str]) -> None:
    """Run one command, or say in a sentence why not and exit with 1."""
    options = arguments(words)
    if os.name == "nt":
        sys.exit("The classroom needs Linux or macOS: on Windows, run it under WSL.")
    try:
        from nnbook.classroom.course import ClassroomError
    except ModuleNotFoundError as error:
        sys.exit(
            f"{error}. Install what grading needs, in the folder of the book: "
            "pip install '.[classroom]'"
        )
    try:
        globals()[options.command](options)
    except ClassroomError as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit("Interrupted. Run the same command again to go on.")


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends as Ctrl-C does
    main(sys.argv[1:])
