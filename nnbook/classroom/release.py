"""Release a master exercise notebook: nbgrader knows it, students get theirs."""

import shutil
from pathlib import Path

from nbgrader.converters import GenerateAssignment
from nbgrader.utils import capture_log

from nnbook.classroom.course import Assignment, ClassroomError, create


def release(master: Path, course: Path) -> Assignment:
    """Copy a master into a course, and build its student edition there.

    Args:
        master: the exercise notebook with its solutions.
        course: the course's folder, which is made when there is none.

    Returns:
        The assignment; its `release` is the file to hand out.

    Raises:
        ClassroomError: the master cannot be read, or nbgrader refuses it.
    """
    if master.suffix != ".ipynb" or not master.is_file():
        raise ClassroomError(
            f"{master} is no notebook: name a master exercise notebook"
        )
    create(course)
    assignment = Assignment(course.resolve(), master.stem)
    assignment.source.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(master, assignment.source)
    converter = assignment.converter(GenerateAssignment, ".", assignment.config())
    result = capture_log(converter)
    if not result["success"]:
        assignment.source.unlink()
        raise ClassroomError(f"nbgrader refuses {master}:\n{result['log']}")
    return assignment
