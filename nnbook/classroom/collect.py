"""Collect what students handed in, whatever shape it is in.

A submission is only ever read. Of it we take the text of its cells; everything
else, from the cells that were given to nbgrader's metadata, comes from the
release. What cannot be read is put aside under its own name.
"""

import csv
import hashlib
import json
import re
import shutil
import time
import zipfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path, PurePosixPath

import nbformat
from nbformat import NotebookNode

from nnbook.classroom.course import Assignment, ClassroomError

LARGEST = 20_000_000  # bytes of a submission that is read
MARKER = re.compile(r"\s*[#*]\s*exercise:\s*(\w+)")
STUDENT = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@-]*")


@dataclass
class Found:
    """What is known of one student's submission.

    Attributes:
        status: "collected", "unreadable" or "missing".
        file: the name it was handed in under.
        notes: what was mended, and what the teacher should know.
        digest: of the restored notebook.
    """

    status: str = "missing"
    file: str = ""
    notes: list[str] = field(default_factory=list)
    digest: str = ""


@dataclass(frozen=True)
class File:
    """A file in the folder or zip of submissions."""

    name: str
    size: int
    modified: float
    source: Path
    in_zip: bool

    def read(self) -> bytes:
        """Return its bytes, at most one more than the largest that is read."""
        if not self.in_zip:
            with (self.source / self.name).open("rb") as file:
                return file.read(LARGEST + 1)
        with zipfile.ZipFile(self.source) as archive, archive.open(self.name) as file:
            return file.read(LARGEST + 1)


def roster(path: Path) -> dict[str, str]:
    """Read the students of a class from a CSV file.

    Args:
        path: has a column `id`, and may have a column `name`.

    Returns:
        Each student's name by id, in the file's order.

    Raises:
        ClassroomError: the file, or one of its lines, cannot be used.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ClassroomError(f"The roster {path} cannot be read: {error}") from None
    students: dict[str, str] = {}
    for line, row in enumerate(rows, start=2):
        student = (row.get("id") or "").strip()
        if not STUDENT.fullmatch(student):
            raise ClassroomError(
                f"{path}, line {line}: the column 'id' holds {student!r}. An id has "
                "letters, digits, '_', '-', '.' and '@' only."
            )
        if student.casefold() in map(str.casefold, students):
            raise ClassroomError(f"{path}, line {line}: {student} stands there twice")
        students[student] = (row.get("name") or "").strip()
    if not students:
        raise ClassroomError(f"{path} names no student: it needs a column 'id'")
    return students


def files_in(submissions: Path) -> Iterator[File]:
    """List the files of a folder or a zip, without those that systems add."""
    if submissions.is_dir():
        for path in sorted(submissions.rglob("*")):
            if path.is_file() and not path.is_symlink():
                name, state = path.relative_to(submissions).as_posix(), path.stat()
                if not _is_added(name):
                    yield File(name, state.st_size, state.st_mtime, submissions, False)
    elif zipfile.is_zipfile(submissions):
        with zipfile.ZipFile(submissions) as archive:
            for entry in archive.infolist():
                if not entry.is_dir() and not _is_added(entry.filename):
                    # Some programs write months and days of 0, which mktime takes.
                    modified = time.mktime((*entry.date_time, 0, 0, -1))
                    yield File(
                        entry.filename, entry.file_size, modified, submissions, True
                    )
    else:
        raise ClassroomError(f"{submissions} is neither a folder nor a zip file")


def _is_added(name: str) -> bool:
    parts = PurePosixPath(name).parts
    return any(part.startswith((".", "__MACOSX")) and part != ".." for part in parts)


def owner(name: str, students: dict[str, str]) -> str | None:
    """Say which student a file belongs to, by the id or the name in its path.

    Args:
        name: the file's path within the submissions.
        students: names by id.

    Returns:
        The id, or None when no student or more than one is meant.
    """

    def stands_in(words: str) -> bool:
        pattern = r"[\W_]*".join(map(re.escape, words.casefold().split()))
        whole = rf"(?<![^\W_]){pattern}(?![^\W_])"
        return bool(words) and re.search(whole, name.casefold()) is not None

    for words in ({key: key for key in students}, students):
        meant = [student for student in students if stands_in(words[student])]
        if len(meant) == 1:
            return meant[0]
    return None


def parse(content: bytes) -> NotebookNode:
    """Read a submission.

    Raises:
        ValueError: it cannot be read; the message says why.
    """
    if not content:
        raise ValueError("the file is empty")
    if len(content) > LARGEST:
        raise ValueError(
            f"it has more than {LARGEST // 1_000_000} MB: ask for a copy without outputs"
        )
    if content.startswith(b"%PDF"):
        raise ValueError("it is a PDF, not a notebook")
    try:
        notebook = nbformat.reads(content.decode("utf-8-sig"), as_version=4)
        for cell in notebook.cells:
            cell.source = cell.source.replace("\r\n", "\n")
    except (
        ValueError,
        TypeError,
        LookupError,
        AttributeError,
        RecursionError,
        nbformat.ValidationError,
    ) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise ValueError(f"it is no notebook: {reason[:200]}") from None
    return notebook


def restore(
    submission: NotebookNode, release: NotebookNode
) -> tuple[NotebookNode, list[str]]:
    """Put a student's answers into the notebook that was handed out.

    An answer is known by nbgrader's metadata or, where that was lost, by its
    marker (`# exercise: q1`). All else that the release holds is taken from the
    release; cells that the student added stay where they stood.

    Args:
        submission: as it was handed in.
        release: the student edition.

    Returns:
        The restored notebook, and notes on what was mended.

    Raises:
        ValueError: the notebook holds no answer to this assignment.
    """
    handed_out = {cell.metadata.nbgrader.grade_id: cell for cell in _known(release)}
    answers = {name for name, cell in handed_out.items() if _is_answer(cell)}
    places = {cell.source.strip(): place for place, cell in enumerate(release.cells)}
    positions = {
        cell.metadata.nbgrader.grade_id: place
        for place, cell in enumerate(release.cells)
        if "nbgrader" in cell.metadata
    }
    given, own = {}, []
    marked, known, twice = set(), set(), set()
    place = -1
    for cell in submission.cells:
        details = cell.metadata.get("nbgrader")
        name = details.get("grade_id") if isinstance(details, dict) else None
        marker = MARKER.match(cell.source)
        if marker and marker[1] in answers:
            if name != marker[1]:
                marked.add(marker[1])
            name = marker[1]
        if name in handed_out:
            place = positions[name]
            known.add(name)
            if name not in answers:
                continue
            if name in given and given[name].strip() != handed_out[name].source.strip():
                own.append((place - 1, given[name], cell.cell_type))
                twice.add(name)
            if (
                name not in given
                or cell.source.strip() != handed_out[name].source.strip()
            ):
                given[name] = cell.source
        elif cell.source.strip() in places:
            place = places[cell.source.strip()]
            known.add(release.cells[place].metadata.get("nbgrader", {}).get("grade_id"))
        elif cell.cell_type in ("code", "markdown") and cell.source.strip():
            own.append((place, cell.source, cell.cell_type))
    if not given:
        raise ValueError("it holds no answer to this assignment")
    notes = [
        f"{what}: {', '.join(sorted(names))}"
        for what, names in (
            ("metadata restored from the marker", marked),
            ("answered twice, the last one counts", twice),
            ("no answer cell", answers - known),
            ("given cells restored", set(handed_out) - answers - known),
        )
        if names
    ]
    return _rebuilt(release, given, own), notes


def _known(release: NotebookNode) -> list[NotebookNode]:
    return [cell for cell in release.cells if "nbgrader" in cell.metadata]


def _is_answer(cell: NotebookNode) -> bool:
    return bool(cell.metadata.nbgrader.solution)


def _rebuilt(release, given, own):
    notebook = nbformat.from_dict(release)
    notebook.cells = []
    make = {
        "code": nbformat.v4.new_code_cell,
        "markdown": nbformat.v4.new_markdown_cell,
    }
    for place, cell in enumerate([None, *release.cells], start=-1):
        if cell is not None:
            cell = nbformat.from_dict(cell)
            name = cell.metadata.get("nbgrader", {}).get("grade_id")
            cell.source = given.get(name, cell.source)
            notebook.cells.append(cell)
        notebook.cells += [make[kind](text) for at, text, kind in own if at == place]
    return notebook


def collect(
    assignment: Assignment, submissions: Path, students: dict[str, str]
) -> dict:
    """Take in a class's submissions.

    Each student's newest readable notebook is restored and written where nbgrader
    expects it. Files that are not used are copied to `aside/` in the course.

    Args:
        assignment: what was handed out.
        submissions: a folder or a zip, of any structure; a file belongs to the
            student whose id or full name stands in its path.
        students: names by id, as from `roster`.

    Returns:
        What was found for each student, by id; and under "" what belongs to
        nobody on the roster.

    Raises:
        ClassroomError: the assignment or the submissions are not there.
    """
    assignment.config()  # says so when there is no such assignment
    release = nbformat.read(assignment.release, as_version=4)
    found = {student: Found() for student in students}
    strangers = Found(status="unmatched")
    aside = assignment.course / "aside" / assignment.name
    shutil.rmtree(aside, ignore_errors=True)
    taken: dict[str, str] = {}
    for file in sorted(
        files_in(submissions), key=lambda file: (file.modified, file.name)
    ):
        student = owner(file.name, students)
        entry = found[student] if student else strangers
        content = b""
        try:
            content = file.read()
            if student is None:
                raise ValueError("it names nobody on the roster")
            notebook, notes = restore(parse(content), release)
        except (ValueError, OSError, zipfile.BadZipFile, RuntimeError) as error:
            reason = f"{file.name}: {error}"
            entry.notes.append(reason)
            if entry.status == "missing":
                entry.status, entry.file = "unreadable", file.name
            _put_aside(aside, file, content if file.size <= LARGEST else b"")
            continue
        if student in taken:
            entry.notes = [note for note in entry.notes if note.startswith("older")]
            entry.notes.append(f"older submission not used: {taken[student]}")
        taken[student] = file.name
        text = nbformat.writes(notebook, version=4)
        entry.status, entry.file = "collected", file.name
        entry.notes += notes
        entry.digest = hashlib.sha256(text.encode()).hexdigest()
        path = assignment.submitted(student)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    for student, entry in found.items():
        if entry.status != "collected":  # nothing of an earlier collection is graded
            assignment.submitted(student).unlink(missing_ok=True)
    assignment.collected.parent.mkdir(parents=True, exist_ok=True)
    record = {
        "students": {
            student: {"name": students[student], **asdict(entry)}
            for student, entry in found.items()
        },
        "unmatched": strangers.notes,
    }
    assignment.collected.write_text(
        json.dumps(record, indent=1, ensure_ascii=False), encoding="utf-8"
    )
    return {**found, "": strangers}


def _put_aside(folder: Path, file: File, content: bytes) -> None:
    """Keep a copy under the file's own name, without its folders."""
    folder.mkdir(parents=True, exist_ok=True)
    name = re.sub(r"[^\w.() -]", "_", file.name.replace("/", "__"))
    if content:
        (folder / name[-150:]).write_bytes(content)
    else:
        (folder / f"{name[-150:]}.not-copied.txt").write_text(
            f"{file.name}: {file.size} bytes, empty or too large to copy\n"
        )


def record(assignment: Assignment) -> dict:
    """Read what `collect` wrote.

    Raises:
        ClassroomError: nothing was collected yet.
    """
    if not assignment.collected.is_file():
        raise ClassroomError(
            f"Nothing was collected for '{assignment.name}': run "
            f"python -m nnbook.classroom collect {assignment.name} SUBMISSIONS "
            f"--roster roster.csv --course {assignment.course}"
        )
    return json.loads(assignment.collected.read_text(encoding="utf-8"))
