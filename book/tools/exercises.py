"""Run an exercise notebook's cells in this process, with answers put in.

A question's cells run in a copy of what the given cells define, and see nothing
of the other questions: so no answer can change what another question's checks say.
"""

import ast
import contextlib
import functools
import re
import textwrap
import tomllib
from pathlib import Path

import matplotlib
import nbformat
import numpy as np

from book.tools.editions import masters

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
    return nbformat.read(path, as_version=4)


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
        if cell.cell_type == "code" and cell.metadata.nbgrader.solution
    ]


CHECKED = [(path, question) for path in masters() for question in questions(path)]


@functools.cache
def given(path):
    """Run the cells that are given, and return what they define."""
    names = {"__name__": path.stem}
    for cell in read(path).cells:
        details = cell.metadata.get("nbgrader", {})
        if cell.cell_type == "code" and not (details.solution or details.grade):
            execute(cell.source, names, f"{path.stem} {details.grade_id}")
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
    """List the wrong answers to a notebook: question, mistake, hint, answer."""
    name = path.stem.removesuffix("_exercises")
    with (WRONG_ANSWERS / f"{name}.toml").open("rb") as file:
        return [
            (question, entry["mistake"], entry["hint"], entry["answer"])
            for question, entries in tomllib.load(file).items()
            for entry in entries
        ]
