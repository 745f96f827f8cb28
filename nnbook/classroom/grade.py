"""Grade a class with nbgrader, each submission in a process and sandbox of its own.

A submission shares nothing with the others but the gradebook, to which only
nbgrader writes, outside of the sandbox. What has been graded is not graded again
unless the submission changed, so an interrupted run is simply started again.
"""

import asyncio
import contextlib
import ctypes
import json
import multiprocessing
import os
import random
import resource
import secrets
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import ClassVar

import nbformat
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from nbgrader import preprocessors
from nbgrader.converters import Autograde
from nbgrader.preprocessors.execute import UnresponsiveKernelError
from nbgrader.utils import capture_log

from nnbook.classroom import sandbox
from nnbook.classroom.collect import record
from nnbook.classroom.course import Assignment

# A process for each submission, forked from one that has imported all this already.
_PROCESSES = multiprocessing.get_context("forkserver")
_PROCESSES.set_forkserver_preload([__name__])
DIE_WITH_PARENT = 1  # PR_SET_PDEATHSIG, of Linux
LONGEST = 5000  # characters of an error's message, or of an entry of its traceback
GRACE = 60  # seconds beyond the limit, for all that is not the student's code


@dataclass
class Outcome:
    """How grading one submission ended.

    Attributes:
        student: the id.
        status: "graded" or "failed to grade".
        notes: what happened on the way, or why it failed.
        seconds: wall time.
        digest: of the submission that was graded.
    """

    student: str
    status: str = "failed to grade"
    notes: list[str] = field(default_factory=list)
    seconds: float = 0.0
    digest: str = ""


class CannotGradeError(Exception):
    """A submission that has no score, because its checks cannot be trusted."""


class Execute(preprocessors.Execute):
    """nbgrader's execution, with an eye on code that does not want to be graded."""

    limit: ClassVar[int] = 1_000_000  # bytes of output
    empty: ClassVar[list[tuple[str, str]]] = []  # stub and checks of questions
    notes: ClassVar[list[str]] = []

    def preprocess(self, notebook, resources, *arguments):
        """Execute a notebook, and make sure that its checks can still fail."""
        self.printed, self.cell_name = 0, "the first cell"
        canaries = [f"assert {secrets.token_hex(8)!r} == ''"]
        if self.empty:
            canaries += random.choice(self.empty)
        own = len(notebook.cells)
        notebook.cells += [nbformat.v4.new_code_cell(code) for code in canaries]
        try:
            notebook, resources = super().preprocess(notebook, resources, *arguments)
        except DeadKernelError:
            raise CannotGradeError(f"Python ended in {self.cell_name}") from None
        except (CellTimeoutError, UnresponsiveKernelError):
            raise CannotGradeError(
                f"{self.cell_name} took too long and could not be interrupted"
            ) from None
        # The stub between the two only defines a function.
        must_fail = [notebook.cells[own], *notebook.cells[own + 2 :]]
        del notebook.cells[own:]
        if not all(
            any(output.output_type == "error" for output in cell.outputs)
            for cell in must_fail
        ):
            raise CannotGradeError(
                "the checks were switched off: an empty answer passes"
            )
        return notebook, resources

    def on_cell_execute(self, cell, **_):
        """Remember where we are."""
        self.dropped = 0
        name = cell.metadata.get("nbgrader", {}).get("grade_id")
        self.cell_name = f"cell {name}" if name else "a cell of the student's own"

    def on_cell_executed(self, **details):
        """Note which cells were interrupted."""
        if details["execute_reply"]["content"].get("ename") == "CellTimeoutError":
            self.notes.append(
                f"{self.cell_name} was interrupted after {self.timeout} s"
            )
        super().on_cell_executed(**details)

    def process_message(self, message, cell, cell_index):
        """Take a kernel's output, as much of it as is allowed.

        Warnings go to stdout, since nbgrader takes all of stderr for a failure.
        Results are shown as displays are, since nbgrader takes a check's result
        for its points. Nothing that was printed is changed or taken back.
        """
        kind, content = message["msg_type"], message["content"]
        if kind in ("clear_output", "update_display_data") or kind.startswith("comm_"):
            return None
        if kind == "error":
            content["evalue"] = content["evalue"][:LONGEST]
            content["traceback"] = [line[:LONGEST] for line in content["traceback"]]
        elif kind in ("stream", "display_data", "execute_result"):
            data = content.get("data", {"text": content.get("text", "")})
            self.printed += sum(len(str(value)) for value in data.values())
            if self.printed > self.limit:
                self._drop()
                return None
            if content.get("name") == "stderr":
                content["name"] = "stdout"
            if kind == "execute_result":
                message["msg_type"] = message["header"]["msg_type"] = "display_data"
        return super().process_message(message, cell, cell_index)

    def _drop(self):
        """Note that output is dropped, and interrupt a cell that goes on and on."""
        note = f"more than {self.limit // 1000} kB printed, the rest was dropped"
        if note not in self.notes:
            self.notes.append(note)
        self.dropped += 1
        if self.dropped == 2:  # one may come from a cell that has ended
            self.interrupting = asyncio.ensure_future(self.km.interrupt_kernel())


def _empty_answers(assignment: Assignment) -> list[tuple[str, str]]:
    """List stub and checks of each question that asks for functions only.

    With the stub in place of an answer the checks must fail, which the book's
    tests make sure of: where they pass, somebody has switched them off.
    """
    cells = {
        cell.metadata.nbgrader.grade_id: cell.source
        for cell in nbformat.read(assignment.release, as_version=4).cells
        if cell.cell_type == "code" and "nbgrader" in cell.metadata
    }
    return [
        (source, cells[f"{name}-checks"])
        for name, source in cells.items()
        if f"{name}-checks" in cells and "\ndef " in source and "\nraise " not in source
    ]


def _work(assignment, student, limits, folder, protected):
    """Grade one submission; runs in a process of its own."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(DIE_WITH_PARENT, signal.SIGKILL)
    outcome = Outcome(student)
    log = assignment.course / "logs" / assignment.name / f"{student}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as file:  # also what the kernel says on its way
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    runtime = folder / "runtime"
    config = assignment.config()
    settings = config.Execute
    settings.timeout = limits.cell
    settings.iopub_timeout = 30  # what was printed is still on its way
    if protected:
        # A message of gigabytes must not take more memory here than there.
        most = limits.memory * 1_000_000
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
        sandbox.install(folder, runtime, limits)
        settings.kernel_name = sandbox.NAME
        config.KernelManager.transport = "ipc"
        config.KernelManager.ip = str(runtime / "k")
    os.environ["JUPYTER_PATH"] = str(folder)
    os.environ["JUPYTER_RUNTIME_DIR"] = tempfile.tempdir = str(runtime)
    os.environ["IPYTHONDIR"] = str(folder)
    steps = Autograde(config=config).autograde_preprocessors
    config.Autograde.autograde_preprocessors = [
        Execute if step is preprocessors.Execute else step for step in steps
    ]
    Execute.limit, Execute.empty = limits.output * 1000, _empty_answers(assignment)
    result = capture_log(assignment.converter(Autograde, student, config))
    outcome.notes = Execute.notes
    if result["success"]:
        outcome.status = "graded"
    else:
        log = result.get("log", "") + result.get("error", "")
        known = [line for line in log.splitlines() if CannotGradeError.__name__ in line]
        reason = (
            known[-1].partition(": ")[2] if known else "nbgrader failed, see the log"
        )
        outcome.notes.append(reason)
    print(result.get("log", ""), result.get("error", ""), flush=True)
    (folder / "outcome.json").write_text(json.dumps(asdict(outcome)), encoding="utf-8")


@dataclass
class _Job:
    student: str
    digest: str
    process: multiprocessing.Process
    folder: Path
    started: float

    def excess(self, limits: sandbox.Limits) -> str:
        """Say which limit was passed, if any."""
        if time.monotonic() - self.started > limits.total + GRACE:
            return f"it took longer than {limits.total} s"
        written = 0
        for folder, _, names in os.walk(self.folder):
            for name in names:
                with contextlib.suppress(OSError):  # it is gone meanwhile
                    size = os.lstat(os.path.join(folder, name)).st_size
                    written += max(size, 4096)  # an empty file takes room, too
        if written > limits.disk * 1_000_000:
            return f"it wrote more than {limits.disk} MB"
        return ""

    def end(self, reason: str) -> Outcome:
        """Stop the process, with all that it started, and read how it ended."""
        self.process.kill()
        self.process.join()
        path = self.folder / "outcome.json"
        outcome = Outcome(self.student, notes=[reason or "grading itself broke off"])
        if path.exists() and not reason:
            outcome = Outcome(**json.loads(path.read_text(encoding="utf-8")))
        shutil.rmtree(self.folder, ignore_errors=True)
        outcome.digest = self.digest
        outcome.seconds = round(time.monotonic() - self.started, 1)
        return outcome


def pending(assignment: Assignment) -> dict[str, str]:
    """Return the digest of each submission that is still to be graded, by student."""
    students = record(assignment)["students"]
    return {
        student: entry["digest"]
        for student, entry in students.items()
        if entry["status"] == "collected"
        and not (
            (outcome := read(assignment, student)) and outcome.digest == entry["digest"]
        )
    }


def read(assignment: Assignment, student: str) -> Outcome | None:
    """Read how grading a student's submission ended, or None before that."""
    path = assignment.graded(student)
    if not path.exists():
        return None
    return Outcome(**json.loads(path.read_text(encoding="utf-8")))


def grade(
    assignment: Assignment,
    limits: sandbox.Limits,
    jobs: int,
    protected: bool = True,
    students: dict[str, str] | None = None,
    on_outcome: Callable[[Outcome], None] = lambda outcome: None,
) -> list[Outcome]:
    """Grade submissions, several at a time.

    Args:
        assignment: collected before.
        limits: what each submission may use.
        jobs: how many to grade at the same time.
        protected: run each in the sandbox.
        students: digests of submissions by student, as from `pending`, which is
            also the default.
        on_outcome: called after each.

    Returns:
        How each of them ended.

    Raises:
        ClassroomError: nothing was collected, or there is no sandbox.
    """
    if protected:
        sandbox.check()
        sandbox.compile_packages()
    waiting = list((pending(assignment) if students is None else students).items())
    running: list[_Job] = []
    outcomes = []
    try:
        while waiting or running:
            while waiting and len(running) < jobs:
                running.append(_start(assignment, *waiting.pop(0), limits, protected))
            for job in list(running):
                reason = job.excess(limits)
                if reason or not job.process.is_alive():
                    running.remove(job)
                    outcomes.append(job.end(reason))
                    _save(assignment, outcomes[-1])
                    on_outcome(outcomes[-1])
            time.sleep(0.1)
    finally:
        for job in running:
            job.end("interrupted")
    return outcomes


def _start(assignment, student, digest, limits, protected) -> _Job:
    folder = Path(tempfile.mkdtemp(prefix="nnbook-"))
    (folder / "runtime").mkdir()
    assignment.graded(student).unlink(missing_ok=True)
    process = _PROCESSES.Process(
        target=_work, args=(assignment, student, limits, folder, protected)
    )
    process.start()
    return _Job(student, digest, process, folder, time.monotonic())


def _save(assignment: Assignment, outcome: Outcome) -> None:
    path = assignment.graded(outcome.student)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".part")
    temporary.write_text(json.dumps(asdict(outcome)), encoding="utf-8")
    os.replace(temporary, path)
