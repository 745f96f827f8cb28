"""Run an exercise notebook's cells in this process, with answers put in.

    python -m book.tools.exercises NOTEBOOK

says in one sentence each what is wrong with its answers and checks.

A question's cells run in a copy of what the given cells define, and see nothing
of the other questions: so no answer can change what another question's checks say.
"""

import ast
import contextlib
import functools
import re
import sys
import textwrap
import tomllib
from collections import Counter
from pathlib import Path

import matplotlib
import numpy as np

from book.tools import run
from book.tools.contents import EXERCISES
from book.tools.run import NotebookError

matplotlib.use("agg")

WRONG_ANSWERS = Path("tests/wrong_answers")
REGION = re.compile(
    r"^([ \t]*)### BEGIN SOLUTION\n(.*?)^[ \t]*### END SOLUTION$",
    re.DOTALL | re.MULTILINE,
)
STUBS = ["raise", "return None", "return 0", "return the input", "pass"]


@functools.cache
def read(path):
    """Read a notebook once."""
    return run.read(path)


def source(path, grade_id):
    """Return the source of the cell that nbgrader knows by this name."""
    return next(
        cell.source
        for cell in read(path).cells
        if cell.metadata.get("nbgrader", {}).get("grade_id") == grade_id
    )


def questions(path):
    """List the questions that checks decide."""
    return [
        cell.metadata.nbgrader.grade_id
        for cell in read(path).cells
        if cell.cell_type == "code"
        and cell.metadata.get("nbgrader", {}).get("solution")
    ]


@functools.cache
def given(path):
    """Run the cells that are given, and return what they define."""
    names = {"__name__": path.stem}
    for cell in read(path).cells:
        details = cell.metadata.get("nbgrader", {})
        if cell.cell_type == "code" and not (
            details.get("solution") or details.get("grade")
        ):
            execute(cell.source, names, f"{path.stem} {cell.id}")
    return names


def execute(code, names, title):
    """Run a cell in these names; tracebacks call it by its title."""
    exec(compile(code, title, "exec"), names)  # noqa: S102, the cells are ours


def verdict(path, question, answer):
    """Return what the answer or its checks raise, or None when they pass.

    An answer that raises is followed by its checks, as in Jupyter; it counts
    as failed only when they fail, too.
    """
    names = {
        name: value.copy() if isinstance(value, np.ndarray) else value
        for name, value in given(path).items()
    }
    with contextlib.suppress(Exception):
        execute(answer, names, f"{path.stem} {question}")
    try:
        execute(
            source(path, f"{question}-checks"), names, f"{path.stem} {question}-checks"
        )
    except Exception as error:  # noqa: BLE001, a check may raise anything
        return error
    return None


def stubbed(answer, stub):
    """Replace each solution by a stub.

    In a function the stub is a statement. Elsewhere the names that the solution
    assigns get the value; with "pass", and with "return the input" where there is
    none, they get nothing.
    """
    tree = ast.parse(answer)

    def fill(match):
        indent, solution = match.groups()
        if indent:
            line = answer[: match.start()].count("\n") + 1
            function = [
                node
                for node in ast.walk(tree)
                if isinstance(node, ast.FunctionDef)
                and node.lineno <= line <= node.end_lineno
            ][-1]
            arguments = [argument.arg for argument in function.args.args]
            return indent + {
                "raise": "raise NotImplementedError",
                "return the input": f"return {arguments[0]}" if arguments else "pass",
            }.get(stub, stub)
        if stub == "raise":
            return "raise NotImplementedError"
        value = {"return None": "None", "return 0": "0"}.get(stub)
        if value is None:
            return "pass"
        targets = [
            name.id
            for node in ast.walk(ast.parse(textwrap.dedent(solution)))
            if isinstance(node, ast.Assign)
            for name in ast.walk(node.targets[0])
            if isinstance(name, ast.Name)
        ]
        return "\n".join(f"{name} = {value}" for name in targets)

    return REGION.sub(fill, answer)


def wrong_answers(path):
    """List the wrong answers to a notebook: question, mistake, hint, answer.

    Raises:
        NotebookError: their file is missing, or not as it should be.
    """
    file = WRONG_ANSWERS / f"{path.stem.removesuffix(EXERCISES)}.toml"
    try:
        entries = tomllib.loads(file.read_text(encoding="utf-8"))
        return [
            (question, entry["mistake"], entry["hint"], entry["answer"])
            for question, wrong in entries.items()
            for entry in wrong
        ]
    except FileNotFoundError:
        raise NotebookError(f"{file} is missing: it holds wrong answers") from None
    except (ValueError, TypeError, AttributeError) as error:
        raise NotebookError(f"{file} cannot be read: {error}") from None
    except KeyError as error:
        raise NotebookError(f"{file}: a wrong answer has no {error}") from None


def problems(path):
    """Say in one sentence each what is wrong with a notebook's answers and checks."""
    wrong = wrong_answers(path)
    counts = Counter(question for question, *_ in wrong)
    for question in sorted(counts.keys() - set(questions(path))):
        yield f"there are wrong answers to {question}, which checks do not decide"
    for question in questions(path):
        if counts[question] < 2:
            yield f"{question} has {counts[question]} wrong answers, not two or more"
    try:
        given(path)
    except Exception as error:  # noqa: BLE001, a cell may raise anything
        yield f"a given cell fails: {one_line(error)}"
        return
    for question in questions(path):
        answer = source(path, question)
        if error := verdict(path, question, answer):
            yield f"{question}: the checks refuse the book's answer: {one_line(error)}"
        for stub in STUBS:
            if not verdict(path, question, stubbed(answer, stub)):
                yield f"{question}: the checks pass '{stub}' in place of an answer"
    for question, mistake, hint, answer in wrong:
        if question not in questions(path):
            continue
        if not answer.startswith(f"# exercise: {question}\n"):
            yield f"{question}, '{mistake}': it does not begin '# exercise: {question}'"
        error = verdict(path, question, answer)
        if not error:
            yield f"{question}: the checks pass the wrong answer '{mistake}'"
        elif not isinstance(error, AssertionError) or hint not in str(error):
            yield f"{question}: '{mistake}' gets no hint '{hint}': {one_line(error)}"


def one_line(error):
    """Write an exception in one line."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}"


if __name__ == "__main__":
    said = sys.stdout
    with contextlib.redirect_stdout(None):  # what the cells print is not wanted
        try:
            for sentence in problems(Path(sys.argv[1])):
                print(f"{sentence}.", file=said, flush=True)
        except NotebookError as error:
            print(f"{error}.", file=said)
