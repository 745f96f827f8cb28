"""Report a class's grades: a table, a page for each student, one for the class."""

import base64
import csv
import html
import io
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbconvert.exporters import HTMLExporter
from nbconvert.preprocessors.sanitize import SanitizeHTML
from nbgrader.api import MissingEntry
from nbgrader.converters import GenerateFeedback
from nbgrader.preprocessors import ClearHiddenTests, NbGraderPreprocessor
from nbgrader.utils import capture_log

from nnbook.classroom.collect import record
from nnbook.classroom.course import Assignment, ClassroomError
from nnbook.classroom.grade import read

STATUSES = ("graded", "partly", "failed to grade", "unreadable", "missing")
# Whatever slipped through: a browser runs no script and asks no host for anything.
POLICY = (
    '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
    "img-src data:; style-src 'unsafe-inline'\">"
)
STYLE = """
body { font: 16px/1.5 sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
td, th { padding: .2rem .8rem; text-align: left }
img { max-width: 100% }
"""
SHOWN = ("text/plain", "image/png")
ACTIVE = (
    (re.compile(r"<script\b.*?</script\s*>", re.DOTALL | re.IGNORECASE), ""),
    (re.compile(r'href="(?!#|https?://|mailto:)[^"]*"'), 'href="#"'),
    (re.compile(r'src="(?!data:image/png)[^"]*"'), 'src="data:image/png,"'),
)


@dataclass
class Row:
    """One student's line of the report.

    Attributes:
        student: the id.
        name: as on the roster.
        points: by question; None where there are none, or none yet.
        status: one of `STATUSES`.
        notes: what the teacher should know.
    """

    student: str
    name: str
    points: dict[str, float | None]
    status: str
    notes: list[str]

    @property
    def total(self) -> float | None:
        """The sum of the points so far, or None when nothing was graded."""
        given = [value for value in self.points.values() if value is not None]
        return sum(given) if given else None


def questions(assignment: Assignment) -> dict[str, float]:
    """Return the most points of each question, in the notebook's order."""
    cells = nbformat.read(assignment.release, as_version=4).cells
    known = [cell.metadata.nbgrader for cell in cells if "nbgrader" in cell.metadata]
    return {_question(cell.grade_id): cell.points for cell in known if cell.grade}


def _question(grade_id: str) -> str:
    return grade_id.removesuffix("-checks")


def rows(assignment: Assignment) -> list[Row]:
    """Put together one row for each student on the roster.

    A student is "partly" graded while a person has still to read an answer.

    Raises:
        ClassroomError: nothing was collected, or somebody is still to be graded.
    """
    found = []
    with assignment.gradebook() as gradebook:
        asked = questions(assignment)
        for student, entry in record(assignment)["students"].items():
            row = Row(
                student,
                entry["name"],
                dict.fromkeys(asked),
                entry["status"],
                list(entry["notes"]),
            )
            found.append(row)
            if entry["status"] != "collected":
                continue
            outcome = read(assignment, student)
            if outcome is None or outcome.digest != entry["digest"]:
                raise ClassroomError(
                    f"{student} is not graded yet: run python -m nnbook.classroom "
                    f"grade {assignment.name} --course {assignment.course}"
                )
            row.status = outcome.status
            row.notes += outcome.notes
            if outcome.status == "graded":
                try:
                    submission = gradebook.find_submission_notebook(
                        assignment.name, assignment.name, student
                    )
                except MissingEntry:
                    raise ClassroomError(
                        f"{student} is not in the gradebook: was it replaced? Grade "
                        f"again with --again {student}"
                    ) from None
                for grade in submission.grades:
                    waits = grade.needs_manual_grade
                    row.points[_question(grade.name)] = None if waits else grade.score
                    if waits:
                        row.status = "partly"
    return found


def write_table(assignment: Assignment, table: list[Row], path: Path) -> None:
    """Write the report as a CSV file, which spreadsheets open."""
    asked = questions(assignment)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8-sig") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "name", *asked, "total", "of", "status", "notes"])
        for row in table:
            values = [*row.points.values(), row.total]
            writer.writerow(
                [
                    row.student,
                    _as_text(row.name),
                    *("" if value is None else f"{value:g}" for value in values),
                    f"{sum(asked.values()):g}",
                    row.status,
                    _as_text("; ".join(row.notes)),
                ]
            )


def _as_text(value: str) -> str:
    # A spreadsheet takes "=..." for a formula; file names come from students.
    return f"'{value}" if value.startswith(("=", "+", "-", "@", "\t", "\r")) else value


class Quiet(NbGraderPreprocessor):
    """Leave out of a feedback page what might act, or show a hidden test."""

    def preprocess_cell(self, cell, resources, cell_index):
        """Keep text and pictures; of failed checks keep the message."""
        graded = cell.metadata.get("nbgrader", {}).get("grade")
        hidden = "BEGIN HIDDEN TESTS" in cell.source
        cell.get("attachments", {}).clear()
        if cell.cell_type != "code":
            return cell, resources
        kept = []
        for output in cell.outputs:
            if output.output_type == "error":
                if graded:
                    output.traceback = [f"{output.ename}: {output.evalue}"]
            elif output.output_type == "stream":
                if hidden:
                    continue
            else:
                output.data = {
                    kind: value
                    for kind, value in output.data.items()
                    if kind in SHOWN and not hidden
                }
                output.metadata = {}
                if not output.data:
                    continue
            kept.append(output)
        cell.outputs = kept
        return cell, resources


class Page(HTMLExporter):
    """A feedback page without scripts, which asks no other host for anything."""

    def from_notebook_node(self, notebook, resources=None, **options):
        """Export a notebook as nbgrader does, and take the scripts out."""
        text, resources = super().from_notebook_node(notebook, resources, **options)
        for active, instead in ACTIVE:
            text = active.sub(instead, text)
        return text.replace("<head>", f"<head>\n{POLICY}", 1), resources


def write_feedback(
    assignment: Assignment,
    students: Iterable[str],
    on_page: Callable[[str], None] = lambda student: None,
) -> None:
    """Write a page for each student whose notebook was graded.

    Raises:
        ClassroomError: nbgrader cannot write a page.
    """
    config = assignment.config()
    steps = GenerateFeedback(config=config).preprocessors
    config.GenerateFeedback.preprocessors = [
        *steps,
        Quiet,
        ClearHiddenTests,
        SanitizeHTML,
    ]
    config.SanitizeHTML.enabled = True
    config.GenerateFeedback.exporter_class = Page
    for student in students:
        result = capture_log(assignment.converter(GenerateFeedback, student, config))
        if not result["success"]:
            raise ClassroomError(f"No feedback for {student}:\n{result.get('log')}")
        on_page(student)


def write_summary(assignment: Assignment, table: list[Row], path: Path) -> None:
    """Write a page with the class's statuses and a histogram for each question."""
    asked = questions(assignment)
    counts = {status: sum(row.status == status for row in table) for status in STATUSES}
    lines = [
        "<!DOCTYPE html>",
        '<html lang="en"><head><meta charset="utf-8">',
        POLICY,
        f"<title>{html.escape(assignment.name)}: the class</title>",
        f"<style>{STYLE}</style></head><body>",
        f"<h1>{html.escape(assignment.name)}: the class</h1>",
        "<table><tr><th>status</th><th>students</th></tr>",
        *(
            f"<tr><td>{status}</td><td>{count}</td></tr>"
            for status, count in counts.items()
        ),
        "</table>",
        "<h2>Points by question</h2>",
        _histograms(table, asked),
        "<h2>To look at</h2><ul>",
        *(
            f"<li>{html.escape(row.student)}, {row.status}: "
            f"{html.escape('; '.join(row.notes))}</li>"
            for row in table
            if row.notes
        ),
        "</ul></body></html>",
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines), encoding="utf-8")


def _histograms(table: list[Row], asked: dict[str, float]) -> str:
    from matplotlib.figure import Figure

    columns = 3
    height = -(-len(asked) // columns)
    figure = Figure(figsize=(9, 2.2 * height), layout="constrained")
    described = []
    for place, (question, most) in enumerate(asked.items(), start=1):
        points = [row.points[question] for row in table]
        points = [value for value in points if value is not None]
        axes = figure.add_subplot(height, columns, place)
        values = sorted({0.0, float(most), *points})
        counts = [points.count(value) for value in values]
        bars = axes.bar(values, counts, width=0.08 * most)
        axes.bar_label(bars)
        axes.set_title(f"{question}, {most:g} points", loc="left", fontweight="bold")
        axes.set(yticks=[], xticks=values, ylim=(0, 1.2 * max([1, *counts])))
        axes.spines[["top", "right", "left"]].set_visible(False)
        told = (
            f"{count} with {value:g}"
            for value, count in zip(values, counts, strict=True)
        )
        described.append(f"{question}: {', '.join(told)}")
    picture = io.BytesIO()
    figure.savefig(picture, format="png", dpi=110)
    code = base64.b64encode(picture.getvalue()).decode()
    text = html.escape(
        "How many students have how many points. " + "; ".join(described)
    )
    return f'<img alt="{text}" src="data:image/png;base64,{code}">'
