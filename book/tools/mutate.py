"""Break one thing in a chapter at a time, and say which claims notice.

    python -m book.tools.mutate NOTEBOOK [MUTATION ...]

For each mutation the chapter runs from start to end in a fresh kernel; a broken
claim or check is noted and stops nothing. The notebook is not touched, and recorded
benchmarks do not run. First comes a run in which nothing is broken: it shows which
mutations find nothing to break, and which outputs differ from run to run by
themselves. Each verdict is stored at once in the book's table, of which the
overview, one row for each chapter, is made.
"""

import csv
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
from jupyter_client import AsyncKernelManager
from nbclient.exceptions import DeadKernelError
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from book.tools.compare import Tolerance, outputs_difference
from book.tools.contract import name
from book.tools.run import NotebookError, client, named, read
from book.tools.stamps import is_recorded
from nnbook.claims import CHECK, CLAIM, statements

# The order in which they run, and in which they stand in the table.
MUTATIONS = {
    "idle": "the optimizer does nothing",
    "uphill": "the optimizer goes uphill",
    "labels": "training labels shuffled",
    "linear": "hidden activations linear",
    "regulariser": "regularisers removed",
    "normalisation": "normalisation removed",
    "shortcut": "shortcuts removed",
    "order": "masks and positions removed",
    "gradient": "own gradient off by half",
}
TABLE, OVERVIEW = Path("book/mutations.csv"), Path("book/mutations_overview.csv")
COLUMNS = ["chapter", "broken", "verdict", "claims", "checks", "first, or why none"]
NOTICED, FINDING, SAME, NOTHING = (
    "noticed",
    "not noticed",
    "changes nothing",
    "does not apply",
)
SHORT = {FINDING: "none", SAME: "same", NOTHING: "–"}
BROKEN = "application/vnd.nnbook.broken+json"
COUNTED = "application/vnd.nnbook.counted+json"
BROKEN_TIMEOUT = 300  # seconds a cell; whole chapters take less


@dataclass
class Trial:
    """What a run of a chapter showed, with one thing broken or none."""

    broken: list[dict[str, str]] = field(default_factory=list)  # kind and sentence
    raised: dict[str, str] = field(default_factory=dict)  # by cell, what it raised
    changed: set[str] = field(default_factory=set)  # cells with other outputs
    counts: dict[str, int] = field(default_factory=dict)  # how often each could act

    def noticed(self, kind: str) -> list[str]:
        """List the sentences of the claims, or of the checks, that broke."""
        return [one["sentence"] for one in self.broken if one["kind"] == kind]

    def verdict(self, mutation: str, unbroken: "Trial") -> str:
        """Say in a word what came of a mutation.

        A cell that raises stops the book's tests as a broken claim does.
        """
        if not self.counts.get(mutation, 1):
            return NOTHING
        if self.broken or self.raised:
            return NOTICED
        return FINDING if self.changed - unbroken.changed else SAME


def attempt(
    notebook: nbformat.NotebookNode,
    folder: Path,
    mutation: str | None = None,
    on_cell: Callable[[int], None] = lambda executed: None,
    kernel: AsyncKernelManager | None = None,
) -> Trial:
    """Run a chapter with one thing broken; the notebook given stays as it is.

    Args:
        notebook: the chapter with its stored outputs, to which others are compared.
        folder: the kernel's working folder.
        mutation: one of `MUTATIONS`, or None to break nothing.
        on_cell: called with the number of code cells run so far.
        kernel: a running one to use, and to leave running, instead of a fresh one.
    """
    root = str(Path(__file__).parents[2])
    begin = (
        f"import sys\nsys.path.append({root!r})\nimport nnbook\nnnbook.setup()\n"
        f"from book.tools import mutations\nmutations.begin({mutation!r})"
    )
    copy = nbformat.from_dict(notebook)
    for cell in copy.cells:
        if cell.cell_type == "code":
            cell.outputs = []
    first, last = map(nbformat.v4.new_code_cell, (begin, "mutations.end()"))
    copy.cells = [first, *copy.cells, last]
    trial, executed = Trial(), 0

    def executed_one(cell, cell_index, execute_reply):
        nonlocal executed
        executed += 1
        on_cell(executed)
        content = (execute_reply or {}).get("content", {})
        if content.get("status") == "error":
            trial.raised[cell.id] = f"{content['ename']}: {content['evalue']}"[:200]

    runner = client(
        copy,
        folder,
        km=kernel,
        timeout=BROKEN_TIMEOUT,
        interrupt_on_timeout=True,
        error_on_timeout={"ename": "hung", "evalue": "interrupted", "traceback": []},
        allow_errors=True,
        on_cell_executed=executed_one,
    )
    environment = {key: os.environ[key] for key in os.environ if key != "NNBOOK_DATA"}
    try:
        runner.execute(env=environment)
    except DeadKernelError:
        trial.raised["the kernel"] = "died"
    if first.id in trial.raised:
        raise NotebookError(f"The mutations do not load: {first.outputs}")
    trial.broken = statements(copy.cells, BROKEN)
    for counted in statements(copy.cells, COUNTED):
        trial.counts = dict.fromkeys(MUTATIONS, 0) | counted
    trial.changed = {
        stored.id
        for stored, new in zip(notebook.cells, copy.cells[1:-1], strict=True)
        if stored.cell_type == "code" and not is_recorded(stored)
        if differ(stored, new)
    }
    return trial


def differ(stored: nbformat.NotebookNode, new: nbformat.NotebookNode) -> bool:
    """Say whether a cell's outputs differ as `make test` would."""

    def said(cell):  # a warning of the broken code is no change of the chapter's
        return [output for output in cell.outputs if output.get("name") != "stderr"]

    tolerance = Tolerance(**stored.metadata.get("nbval", {}))
    return outputs_difference(said(stored), said(new), tolerance) is not None


def row(chapter: str, mutation: str, trial: Trial, unbroken: Trial, notebook) -> list:
    """Write a trial as a row of the table, without what a person adds."""
    verdict = trial.verdict(mutation, unbroken)
    if verdict == NOTHING:
        return [chapter, mutation, verdict, "", "", ""]
    own = [cell for cell in notebook.cells if not is_recorded(cell)]
    shares = [
        f"{len(trial.noticed(kind))} of {len(statements(own, kind))}"
        for kind in (CLAIM, CHECK)
    ]
    stops = [f"The cell {cell} stops" for cell in trial.raised]
    first = [*trial.noticed(CLAIM), *trial.noticed(CHECK), *stops, ""][0]
    return [chapter, mutation, verdict, *shares, first]


def stored() -> dict[tuple[str, str], list[str]]:
    """Read the table's rows, each by its chapter and what is broken."""
    if not TABLE.exists():
        return {}
    with TABLE.open(newline="", encoding="utf-8") as file:
        return {(one[0], one[1]): one for one in list(csv.reader(file))[1:]}


def store(new: list[str]) -> None:
    """Put a row into the table; what a person wrote about a verdict stays."""
    rows = stored()
    key = new[0], new[1]
    if key in rows and rows[key][2] == new[2] and not new[-1]:
        new = [*new[:-1], rows[key][-1]]
    rows[key] = new
    order = list(MUTATIONS)
    table = [rows[key] for key in sorted(rows, key=lambda k: (k[0], order.index(k[1])))]
    for path, lines in (
        (TABLE, [COLUMNS, *table]),
        (OVERVIEW, [["chapter", *MUTATIONS], *overview(table)]),
    ):
        with path.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file, lineterminator="\n").writerows(lines)


def overview(table: list[list[str]]) -> list[list[str]]:
    """Make a row for each chapter: how many claims and checks each mutation broke."""
    rows = {}
    for chapter, mutation, verdict, claims, checks, _ in table:
        line = rows.setdefault(chapter, dict.fromkeys(MUTATIONS, ""))
        if verdict == NOTICED:
            pairs = [share.split(" of ") for share in (claims, checks)]
            broken, all_ = (
                sum(map(int, column)) for column in zip(*pairs, strict=True)
            )
            verdict = f"{broken}/{all_}" if broken else "stops"
        line[mutation] = SHORT.get(verdict, verdict)
    return [[chapter.split("/")[-1], *line.values()] for chapter, line in rows.items()]


def report(mutation: str, trial: Trial, unbroken: Trial) -> str:
    """Describe a trial in full, for the person who runs it."""
    changed = len(trial.changed - unbroken.changed)
    verdict, acted = trial.verdict(mutation, unbroken), trial.counts.get(mutation)
    lines = [
        f"{MUTATIONS[mutation]}: {verdict} (acted {acted} times, {changed} cells changed)"
    ]
    for word, kind in (("claim", CLAIM), ("check", CHECK)):
        lines += [f"  {word} broken: {one}" for one in trial.noticed(kind)]
    lines += [f"  cell {cell}: {what}" for cell, what in trial.raised.items()]
    return "\n".join(lines)


def mutate(path: Path, mutations: list[str]) -> None:
    """Try mutations of a chapter, the whole list or some, and store the verdicts.

    Raises:
        NotebookError: it cannot be read, or its claims break when nothing is broken.
    """
    chapter = name(path)
    notebook = read(path)
    cells = sum(cell.cell_type == "code" for cell in notebook.cells) + 2
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns) as progress:

        def attempted(what, mutation=None):
            task = progress.add_task(f"{chapter}: {what}", total=cells)

            def advance(executed):
                progress.update(task, completed=executed)

            return attempt(notebook, path.parent, mutation, advance)

        def say(text):
            progress.console.print(text, markup=False, highlight=False, soft_wrap=True)

        unbroken = attempted("nothing broken")
        if unbroken.broken or unbroken.raised:
            raise NotebookError(
                f"{path} breaks by itself: {unbroken.broken} {unbroken.raised}"
            )
        noticed = set()
        # What finds nothing to break needs no run of its own.
        for mutation in sorted(mutations, key=lambda one: unbroken.counts[one] > 0):
            trial = unbroken
            if unbroken.counts[mutation]:
                trial = attempted(MUTATIONS[mutation], mutation)
            store(row(chapter, mutation, trial, unbroken, notebook))
            say(report(mutation, trial, unbroken))
            noticed |= {one["sentence"] for one in trial.broken}
        own = [cell for cell in notebook.cells if not is_recorded(cell)]
        for one in statements(own, CLAIM):
            if one["sentence"] not in noticed:
                say(f"No mutation broke: {one['sentence']}")


def main(arguments: list[str]) -> None:
    """Try all mutations of the chapter that is named first, or those that follow."""
    if not arguments or not set(arguments[1:]) <= MUTATIONS.keys():
        sys.exit(
            "Name a chapter, and mutations of it if not all: make mutate "
            f"NB=vision/resnet MUTATION=labels\nThere are: {', '.join(MUTATIONS)}."
        )
    mutate(named(arguments[0]), arguments[1:] or list(MUTATIONS))


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except NotebookError as error:
        sys.exit(str(error))
