"""A book of one lesson, which holds each thing that the site shows in its own way."""

import base64
import contextlib
import io
import shutil
from pathlib import Path
from unittest import mock

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_output
from PIL import Image

from book.tools.build import SITE, build
from book.tools.run import METADATA
from nnbook import check, claim

ROOT = Path(__file__).parents[1]
PAGE = "notebooks/small/lesson"
FOLD = '# Figure: <two> boundaries & their normals\nhidden_machinery = "as it is"'
FOLD_NAME = "Code · Figure: <two> boundaries & their normals"
ANSWER = "The second. It was asked for."
CONTENTS = f"""\
format: jb-book
root: book/index
chapters:
  - file: {PAGE}
  - file: book/ledger
  - file: book/mutations
"""


def said(statement, *arguments, **bounds):
    """Return the output that a claim or a check leaves."""
    with mock.patch("nnbook.claims.display") as display:
        statement(*arguments, **bounds)
    return new_output("display_data", display.call_args[0][0]._repr_mimebundle_())


def lesson():
    """Write the lesson: checks and claims in turn, a fold, a figure, an answer."""
    picture = io.BytesIO()
    Image.new("RGB", (300, 120), "white").save(picture, "png")
    figure = {"image/png": base64.b64encode(picture.getvalue()).decode()}
    statements = [
        said(check, "The layer has as many weights as drawn", 12, close_to=12),
        said(claim, "Zeal helps on every task", [0.5, 0.75], above=0.4, over="tasks"),
        said(check, "Ours equals <the> library's", True),
        said(claim, "A network learned", 0.9, above=0.5),
    ]
    cells = [
        new_markdown_cell("# A lesson\n\nOne sentence."),
        new_code_cell("plain = 1"),
        new_code_cell(
            FOLD,
            outputs=[new_output("display_data", figure)],
            metadata={
                "tags": ["hide-input"],
                "mystnb": {"image": {"alt": "A white rectangle without anything"}},
            },
        ),
        new_code_cell("said = 2", outputs=statements),
        new_markdown_cell(
            "> **Predict.** Which?\n>\n> - one\n> - two\n\n<details><summary>Commit, "
            f"then reveal</summary>\n\n{ANSWER}\n\n</details>"
        ),
    ]
    return nbformat.v4.new_notebook(cells=cells, metadata=METADATA)


def build_small_book(folder, quoted="A network learned"):
    """Build the book below a folder, with the real one's looks; return its site.

    Its landing page quotes the claim that has this sentence.
    """
    for name in ("_ext", "_static", "_templates"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / "book" / name, folder / "book" / name, ignore=ignored)
    shutil.copy(ROOT / "_config.yml", folder)
    for path in (ROOT / "book").glob("*.csv"):
        shutil.copy(path, folder / "book")
    for name in ("ledger", "mutations"):
        shutil.copy(ROOT / f"book/{name}.md", folder / "book")
    (folder / "book/references.bib").touch()
    landing = f"# A small book\n\n```{{stored-claim}} {PAGE}\n{quoted}\n```\n"
    (folder / "book/index.md").write_text(landing)
    (folder / "book/_toc.yml").write_text(CONTENTS)
    (folder / PAGE).parent.mkdir(parents=True)
    nbformat.write(lesson(), folder / f"{PAGE}.ipynb")
    with contextlib.chdir(folder):
        build(SITE)
    return folder / SITE
