"""Show an exercise's starter, and fold its solution below it.

A master exercise notebook holds solutions between markers. Readers first see
what students get, the cell with a stub in place of the solution.
"""

import re
from pathlib import Path

import nbformat
from docutils import nodes

from nnbook.classroom.editions import student_edition

MARKER = re.compile(r"^\s*### (?:BEGIN|END) SOLUTION\n?", re.MULTILINE)


def fold_solutions(app, doctree):
    """Replace each master cell by its starter, with the solution in a fold."""
    path = Path(app.env.doc2path(app.env.docname))
    if not path.stem.endswith("_exercises"):
        return
    edition = student_edition(nbformat.read(path, as_version=4))
    starters = {
        cell.metadata.nbgrader.grade_id: cell.source
        for cell in edition.cells
        if cell.metadata.get("nbgrader", {}).get("solution")
    }
    for block in list(doctree.findall(nodes.literal_block)):
        if "### BEGIN SOLUTION" not in block.astext():
            continue
        question = block.astext().partition("\n")[0].removeprefix("# exercise: ")

        def code(text, language=block["language"]):
            return nodes.literal_block(text, text, language=language)

        block.replace_self(
            [
                code(starters[question]),
                nodes.raw("", "<details><summary>Solution</summary>", format="html"),
                code(MARKER.sub("", block.astext())),
                nodes.raw("", "</details>", format="html"),
            ]
        )


def setup(app):
    """Register with Sphinx."""
    app.connect("doctree-read", fold_solutions)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
