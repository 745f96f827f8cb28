"""Build the student editions of the exercise notebooks.

    python -m book.tools.editions

They go to `_build/student`, one for each `NAME_exercises.ipynb`, in the same
folders: without solutions and outputs, with stubs that raise. They are built,
never committed.
"""

from pathlib import Path

from book.tools.contents import EXERCISES, drafts
from book.tools.run import NOTEBOOKS, read, write
from nnbook.classroom.editions import student_edition

STUDENT = Path("_build/student")


def masters() -> list[Path]:
    """List the exercise notebooks, without drafts."""
    return sorted(set(NOTEBOOKS.rglob(f"*{EXERCISES}.ipynb")) - drafts().keys())


def chapters() -> list[Path]:
    """List the other notebooks, without drafts."""
    both = set(NOTEBOOKS.rglob("*.ipynb")) - set(NOTEBOOKS.rglob(f"*{EXERCISES}.ipynb"))
    return sorted(both - drafts().keys())


def build(folder: Path = STUDENT) -> list[Path]:
    """Write all student editions below a folder, and return their paths."""
    paths = []
    for master in masters():
        paths.append(folder / master.relative_to(NOTEBOOKS))
        paths[-1].parent.mkdir(parents=True, exist_ok=True)
        write(student_edition(read(master)), paths[-1])
    return paths


if __name__ == "__main__":
    print(f"{len(build())} student editions are in {STUDENT}.")
