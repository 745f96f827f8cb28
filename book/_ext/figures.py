"""Show a figure from a notebook's stored outputs, made small, on a prose page."""

import base64
import io
from pathlib import Path

import nbformat
from docutils import nodes
from PIL import Image
from sphinx.util.docutils import SphinxDirective

FOLDER = "_build/figures"  # within the sources, where Sphinx looks for images


class StoredFigure(SphinxDirective):
    """`{stored-figure} PAGE CELL`: the figure of that cell, with its alt text."""

    required_arguments = 2

    def run(self):
        """Write the figure to a file, and return its image node."""
        page, cell_id = self.arguments
        path = Path(self.env.srcdir) / f"{page}.ipynb"
        self.env.note_dependency(str(path))
        for cell in nbformat.read(path, as_version=4).cells:
            for output in cell.get("outputs", []):
                figure = output.get("data", {}).get("image/png")
                if cell.id == cell_id and figure:
                    # Cells of two pages may have the same id.
                    name = f"{page.replace('/', '-')}-{cell_id}.png"
                    file = Path(self.env.srcdir) / FOLDER / name
                    file.parent.mkdir(parents=True, exist_ok=True)
                    with Image.open(io.BytesIO(base64.b64decode(figure))) as image:
                        image.thumbnail((280, 280))
                        few = image.convert("RGB").quantize(32)  # half the weight
                        few.save(file, optimize=True)
                    alt = cell.metadata.mystnb.image.alt
                    return [nodes.image(uri=f"/{FOLDER}/{file.name}", alt=alt)]
        raise self.error(f"{path} has no figure in a cell {cell_id!r}")


def setup(app):
    """Register with Sphinx."""
    app.add_directive("stored-figure", StoredFigure)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
