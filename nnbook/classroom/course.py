"""A course's folder, laid out as nbgrader wants it, and its settings."""

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nbgrader.api import Gradebook
from nbgrader.coursedir import CourseDirectory
from traitlets.config import Config
from traitlets.config.loader import PyFileConfigLoader

from nnbook.classroom.editions import STUB

CONFIG = "nbgrader_config.py"
SETTINGS = f"""\
# Written by `python -m nnbook.classroom release`; nbgrader's own commands and its
# formgrader read it, too, when they are started in this folder.
c = get_config()  # noqa
c.CourseDirectory.root = {{root!r}}
# Several graders may write at once: each waits for the others.
c.CourseDirectory.db_url = {{database!r}}
c.ClearSolutions.code_stub = {{{{"python": {STUB!r}}}}}
c.OverwriteCells.add_missing_cells = True
c.HTMLExporter.sanitize_html = True
"""


class ClassroomError(Exception):
    """What the teacher must know and can mend; the message says how."""


@dataclass(frozen=True)
class Assignment:
    """One exercise notebook in a course's folder.

    Attributes:
        course: the folder.
        name: of the notebook, without its suffix, and of the assignment.
    """

    course: Path
    name: str

    @property
    def source(self) -> Path:
        """The master."""
        return self.course / "source" / self.name / f"{self.name}.ipynb"

    @property
    def release(self) -> Path:
        """The student edition."""
        return self.course / "release" / self.name / f"{self.name}.ipynb"

    def submitted(self, student: str) -> Path:
        """What a student handed in, restored."""
        return self.course / "submitted" / student / self.name / f"{self.name}.ipynb"

    def feedback(self, student: str) -> Path:
        """The page that a student gets back."""
        return self.course / "feedback" / student / self.name / f"{self.name}.html"

    @property
    def collected(self) -> Path:
        """What `collect` found out about each student."""
        return self.course / "collected" / f"{self.name}.json"

    def graded(self, student: str) -> Path:
        """How grading a student's notebook ended."""
        return self.course / "graded" / self.name / f"{student}.json"

    def config(self) -> Config:
        """Load the course's settings.

        Raises:
            ClassroomError: the assignment was never released in this course.
        """
        if not (self.course / CONFIG).is_file() or not self.source.is_file():
            raise ClassroomError(
                f"{self.course} holds no assignment '{self.name}'. Release it first: "
                f"python -m nnbook.classroom release path/to/{self.name}.ipynb "
                f"--course {self.course}"
            )
        return PyFileConfigLoader(CONFIG, path=str(self.course)).load_config()

    def converter(self, kind: type, student: str, config: Config) -> Any:
        """Return one of nbgrader's converters, set up for one student."""
        course = CourseDirectory(config=config)
        course.assignment_id, course.student_id = self.name, student
        return kind(coursedir=course, config=config, force=True)

    def gradebook(self) -> Gradebook:
        """Open the gradebook; use it in a `with` statement."""
        return Gradebook(self.config().CourseDirectory.db_url)


def create(course: Path) -> None:
    """Make a folder a course's folder, unless it is one already."""
    course.mkdir(parents=True, exist_ok=True)
    path = course / CONFIG
    if not path.exists():
        root = str(course.resolve())
        database = f"sqlite:///{root}/gradebook.db?timeout=120"
        # nbgrader calls the command `alembic`, which stands beside our Python.
        search = os.environ.get("PATH", os.defpath)
        os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{search}"
        try:
            Gradebook(database).close()
        finally:
            os.environ["PATH"] = search
        path.write_text(SETTINGS.format(root=root, database=database), encoding="utf-8")
