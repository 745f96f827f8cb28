"""Run chapters on another backend of Keras, and compare what they state.

    python -m book.tools.backends BACKEND [PART/NAME ...]

Every claim and check must hold there, and say the same sentences in the same order,
but for those that begin with "TensorFlow"; nothing else of the outputs is compared.
Benchmarks that are only recorded are not run. The table in the book gets the
verdicts: "holds", or the first cell that failed and why. A person may put the reason
into better words: they stay while it is that cell that fails.
"""

import csv
import os
import re
import resource
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbclient.exceptions import CellTimeoutError, DeadKernelError

from book.tools.contents import EXERCISES, contents, drafts
from book.tools.contract import code_cells, name
from book.tools.run import NOTEBOOKS, NotebookError, client, named, read
from book.tools.stamps import is_recorded
from nnbook.claims import CHECK, CLAIM, statements

ROOT = Path(__file__).parents[2]
BACKENDS = {"jax": "JAX", "torch": "PyTorch"}
TABLE = Path("book/backends.csv")
HOLDS = "holds"
COLUMNS = ["Chapter", *BACKENDS.values()]
LINK = re.compile(r"\[.+\]\(\.\./notebooks/(.+)\.ipynb\)")
ITS_OWN = "TensorFlow"  # how a sentence begins that is said of this backend alone
REASON = 60  # characters
COLOURS = re.compile(r"\x1b\[[\d;]*m")


@dataclass(frozen=True)
class Failure:
    """A cell that did not do on the backend what it does in the book."""

    cell: str
    reason: str

    def __str__(self) -> str:
        """Say it as the table does."""
        return f"{self.cell}: {self.reason}"


def failures(path: Path, backend: str) -> list[Failure]:
    """Run a notebook on a backend to its end; list the cells that failed, in order.

    Raises:
        NotebookError: the notebook cannot be read.
    """
    stored = read(path)
    notebook = nbformat.from_dict(stored)
    for cell in code_cells(notebook):
        cell.outputs, cell.execution_count = [], None
    ended: list[str] = []
    runner = client(
        notebook,
        path.parent,
        allow_errors=True,
        on_cell_executed=lambda cell, **_: ended.append(cell.id),
    )
    environment = {**os.environ, "KERAS_BACKEND": backend, "PYTHONPATH": str(ROOT)}
    environment.pop("NNBOOK_DATA", None)
    stopped = ""
    try:
        runner.execute(env=environment)
    except (CellTimeoutError, DeadKernelError) as error:
        stopped = type(error).__name__
    found = []
    for before, cell in zip(code_cells(stored), code_cells(notebook), strict=True):
        if stopped and cell.id not in ended:
            return [*found, Failure(cell.id, stopped)]
        found += compared(before, cell)
    return found


def compared(
    stored: nbformat.NotebookNode, new: nbformat.NotebookNode
) -> Iterator[Failure]:
    """Say whether a cell raised, or stated something else than before.

    Args:
        stored: the cell as the book shows it.
        new: the same, executed.
    """
    for output in new.outputs:
        if output.output_type == "error":
            yield Failure(new.id, shortened(f"{output.ename}: {output.evalue}"))
            return
    if not is_recorded(new) and sentences(stored) != sentences(new):
        yield Failure(new.id, "states something else")


def sentences(cell: nbformat.NotebookNode) -> list[list[str]]:
    """List the sentences of a cell's claims, and of its checks."""
    return [
        [
            said["sentence"]
            for said in statements([cell], kind)
            if not said["sentence"].startswith(ITS_OWN)
        ]
        for kind in (CLAIM, CHECK)
    ]


def shortened(text: str) -> str:
    """Return the first line of a text, at most as long as a reason may be."""
    line = COLOURS.sub("", text).strip().splitlines()[0]
    return line if len(line) <= REASON else f"{line[: REASON - 1].rstrip()}…"


def verdict(found: list[Failure], before: str) -> str:
    """Say for the table what was found; keep its words for the same cell."""
    if not found:
        return HOLDS
    return before if before.startswith(f"{found[0].cell}: ") else str(found[0])


def chapters() -> list[Path]:
    """List the chapters in the order of the book."""
    pages = (Path(f"{page}.ipynb") for page in contents())
    return [
        page
        for page in pages
        if NOTEBOOKS in page.parents and not page.stem.endswith(EXERCISES)
    ]


def link(path: Path) -> str:
    """Return the link to a chapter from the book's pages: its row's first word."""
    title = read(path).cells[0].source.splitlines()[0].removeprefix("# ")
    return f"[{title}](../{path.as_posix()})"


def stored() -> dict[str, dict[str, str]]:
    """Read the table: a row for each chapter, by its PART/NAME."""
    with TABLE.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return {LINK.fullmatch(row[COLUMNS[0]])[1]: row for row in rows}


def store(table: dict[str, dict[str, str]]) -> None:
    """Write the table, in the order of the book."""
    rows = [
        table[name(path)] | {COLUMNS[0]: link(path)}
        for path in chapters()
        if name(path) in table
    ]
    with TABLE.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def cpu_seconds() -> float:
    """Return the CPU time of the kernels that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def main(arguments: list[str]) -> int:
    """Run what is named, or all finished chapters; return how many no longer hold."""
    backend, *names = arguments or [""]
    if backend not in BACKENDS:
        raise NotebookError(f"Name a backend: {' or '.join(BACKENDS)}.")
    column, table, lost = BACKENDS[backend], stored(), 0
    finished = [path for path in chapters() if path not in drafts()]
    for path in map(named, names) if names else finished:
        began = cpu_seconds()
        found = failures(path, backend)
        spent = cpu_seconds() - began
        before = table.get(name(path), {}).get(column, "")
        now = verdict(found, before)
        lost += before == HOLDS != now
        print(f"{name(path)}: {now}, {spent:.0f} s of CPU", flush=True)
        for failure in found:
            print(f"    {failure}", flush=True)
        table.setdefault(name(path), {})[column] = now
        store(table)
    return lost


if __name__ == "__main__":
    try:
        sys.exit(min(1, main(sys.argv[1:])))
    except NotebookError as error:
        sys.exit(str(error))
