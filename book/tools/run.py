"""Execute notebooks in a fresh kernel and store their outputs.

    python -m book.tools.run [NOTEBOOK ...]

The only way outputs enter a notebook, each run with the stamp of what it ran. A
notebook is written when all its cells have run, or not at all; a run that brings
nothing new changes no byte.
"""

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import ValidationError
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from book.tools.compare import differ_in_durations_only
from book.tools.contents import NOTEBOOKS
from book.tools.stamps import is_recorded, stamp, stored_stamp

CELL_TIMEOUT = 1800  # seconds, in every tool: recorded cells train for minutes
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


class NotebookError(Exception):
    """A notebook that cannot be read or run; the message says where and why."""


def read(path: Path) -> nbformat.NotebookNode:
    """Read a notebook in the current format.

    Raises:
        NotebookError: the file is missing or not a valid notebook.
    """
    try:
        notebook = nbformat.read(path, as_version=4)
        nbformat.validate(notebook)
    except FileNotFoundError:
        raise NotebookError(f"{path}: there is no such notebook") from None
    except (
        ValueError,
        TypeError,
        LookupError,
        AttributeError,
        ValidationError,
    ) as error:
        reason = str(error).strip().splitlines()[0]
        raise NotebookError(f"{path} is not a valid notebook: {reason}") from None
    return notebook


def named(text: str) -> Path:
    """Return the path of a notebook that is named by it, or as PART/NAME."""
    if text.endswith(".ipynb"):
        return Path(text)
    return NOTEBOOKS / f"{text.removeprefix('notebooks/')}.ipynb"


def client(
    notebook: nbformat.NotebookNode, folder: Path, **options: Any
) -> NotebookClient:
    """Prepare a kernel for a notebook, as all the book's tools run them.

    Args:
        notebook: gets the outputs and execution counts.
        folder: the kernel's working folder.
        **options: more of nbclient's, or others.
    """
    settings = {
        "timeout": CELL_TIMEOUT,
        "kernel_name": "python3",
        "resources": {"metadata": {"path": str(folder)}},
        "extra_arguments": ["--log-level=ERROR"],
        "record_timing": False,
        "coalesce_streams": True,
    }
    return NotebookClient(notebook, **settings | options)


def execute(
    notebook: nbformat.NotebookNode,
    path: Path,
    on_cell: Callable[[int], None] = lambda executed: None,
) -> None:
    """Run all cells in order in a fresh kernel and keep what they print.

    Args:
        notebook: gets the outputs and execution counts.
        path: where it lies; its folder is the kernel's working folder.
        on_cell: called with the number of code cells run so far.

    Raises:
        NotebookError: a cell raised, took too long or killed its kernel.
    """
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    for cell in cells:
        cell.outputs, cell.execution_count = [], None
    position = 0

    def begin(cell, cell_index):
        nonlocal position
        position = cells.index(cell)

    runner = client(
        notebook,
        path.parent,
        on_cell_execute=begin,
        on_cell_executed=lambda **_: on_cell(position + 1),
    )
    try:
        runner.execute()
    except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
        raise NotebookError(
            f"{path}: code cell {position + 1} failed, the file is unchanged\n\n"
            f"{cells[position].source}\n\n{error}"
        ) from None


def normalise(notebook: nbformat.NotebookNode, stored: nbformat.NotebookNode) -> None:
    """Drop what says nothing about the book, keep what only timing changed, and stamp.

    Args:
        notebook: a freshly executed notebook, changed in place.
        stored: the same notebook as it was before.
    """
    new, before = stamp(notebook), stored_stamp(stored)
    if any(map(is_only_recorded, notebook.cells)):
        new["recorded"] = before.get("recorded", "never")
    notebook.metadata = nbformat.from_dict(METADATA | {"nnbook": new})
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    for cell, before in zip(notebook.cells, stored.cells, strict=True):
        for key in ("execution", "collapsed", "ExecuteTime"):
            cell.metadata.pop(key, None)
        if cell.cell_type == "code" and (
            is_only_recorded(cell)
            or differ_in_durations_only(before.outputs, cell.outputs)
        ):
            cell.outputs = before.outputs


def is_only_recorded(cell: nbformat.NotebookNode) -> bool:
    """Say whether a cell belongs to a benchmark whose data is not at hand.

    Such a cell does nothing without `NNBOOK_DATA`; its stored output stays.
    """
    return is_recorded(cell) and "NNBOOK_DATA" not in os.environ


def write(notebook: nbformat.NotebookNode, path: Path) -> bool:
    """Write a notebook whole or not at all; say whether the file changed."""
    text = nbformat.writes(notebook, version=4) + "\n"
    if path.exists() and path.read_text(encoding="utf-8") == text:
        return False
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.write_text(text, encoding="utf-8")
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    return True


def run(path: Path, on_cell: Callable[[int], None] = lambda executed: None) -> bool:
    """Execute one notebook and store its outputs; say whether the file changed.

    Raises:
        NotebookError: it cannot be read or run. The file is untouched.
    """
    stored = read(path)
    notebook = nbformat.from_dict(stored)
    execute(notebook, path, on_cell)
    normalise(notebook, stored)
    return write(notebook, path)


def main(arguments: list[str]) -> None:
    """Run the notebooks named, or all of them, with a progress bar each."""
    paths = [named(name) for name in arguments] or sorted(NOTEBOOKS.rglob("*.ipynb"))
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns) as progress:
        for path in paths:
            started = time.perf_counter()
            cells = sum(cell.cell_type == "code" for cell in read(path).cells)
            task = progress.add_task(str(path), total=cells)

            def advance(executed, task=task):
                progress.update(task, completed=executed)

            changed = run(path, advance)
            seconds = time.perf_counter() - started
            verdict = "outputs stored" if changed else "nothing changed"
            progress.console.print(f"{path}: {verdict}, {seconds:.0f} s")


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except NotebookError as error:
        sys.exit(str(error))
