"""Put figures that the reader can work with below the chapters' own figures.

Each gets its numbers from the chapter: data drawn by the same call, or weights
that a cell left in its output. Without scripts the page shows nothing of it.
"""

import json
from importlib.metadata import distribution
from pathlib import Path

import nbformat
import numpy as np
from docutils import nodes
from sphinx.errors import ExtensionError

from nnbook import data
from nnbook.live import MIME_TYPE


def perceptron(notebook):
    """Return the points of the chapter's first figure."""
    X, y, _ = data.separable(60, margin=0.05, seed=12)
    return {"X": X.tolist(), "y": y.tolist()}


def kernel(notebook):
    """Return a letter of the chapter's, as pixels from 0 to 9 for mental sums."""
    images, _ = data.glyphs("R", 1, seed=0, shift=3)
    return {"image": (9 * images[0]).round().astype(int).tolist()}


def digit(notebook):
    """Return the weights that the chapter left in its outputs, and ten digits."""
    weights = [
        output.data[MIME_TYPE]
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if MIME_TYPE in output.get("data", {})
    ]
    if len(weights) != 1:
        raise ExtensionError(f"The CNN chapter publishes {len(weights)} networks.")
    # The first ten of scikit-learn's digits are 0 to 9; to import it takes seconds.
    package = distribution("scikit-learn")
    path = package.locate_file("sklearn/datasets/data/digits.csv.gz")
    digits = np.loadtxt(path, dtype=int, delimiter=",", max_rows=10)
    return {"weights": weights[0], "digits": digits[:, :-1].tolist()}


# Page: the cell below whose output the figure stands, and its numbers.
FIGURES = {
    "notebooks/foundations/perceptron": [("watch", perceptron)],
    "notebooks/vision/cnn": [("edge-letter", kernel), ("pocket", digit)],
}


def place(app, doctree, docname):
    """Put each figure's numbers below its cell, where its script will find them."""
    if docname not in FIGURES:
        return
    notebook = nbformat.read(Path(app.env.doc2path(docname)), as_version=4)
    ids = [cell.id for cell in notebook.cells]
    for cell_id, numbers in FIGURES[docname]:
        cells = [
            node
            for node in doctree.findall(nodes.container)
            if node.get("nb_element") == "cell_code"
            and ids[node["cell_index"]] == cell_id
        ]
        if not cells:
            raise ExtensionError(f"{docname} has no code cell {cell_id!r}.")
        cell = cells[0]
        script = json.dumps(numbers(notebook), separators=(",", ":"))
        name = numbers.__name__
        figure = (
            f'<div class="live" id="live-{name}" role="group" hidden>'
            f'<script type="application/json">{script}</script></div>'
        )
        cell.parent.insert(
            cell.parent.index(cell) + 1, nodes.raw("", figure, format="html")
        )


def load_scripts(app, pagename, templatename, context, doctree):
    """Load each figure's script, and what they share, on its page alone."""
    names = [numbers.__name__ for _, numbers in FIGURES.get(pagename, [])]
    for name in ["live", *names] if names else []:
        app.add_js_file(f"live/{name}.js", loading_method="defer")


def setup(app):
    """Register with Sphinx."""
    app.connect("doctree-resolved", place)
    app.connect("html-page-context", load_scripts)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
