"""Make the built site ask no other host for anything.

MathJax comes from a pinned package, and only the two parts of it that pages
load; Jupyter Book's thebe, which fetches itself from a server, is left out.
"""

import shutil
from importlib.metadata import distribution
from pathlib import Path

MATHJAX = ("tex-mml-chtml.js", "output/chtml/fonts/woff-v2")


def copy_mathjax(app, exception):
    """Copy MathJax beside the site's other static files."""
    package = distribution("sphinx-mathjax-offline")
    source = Path(package.locate_file("sphinx-mathjax-offline/static/mathjax"))
    target = Path(app.outdir) / "_static" / "mathjax"
    if exception or target.exists():
        return
    for part in MATHJAX:
        copy = shutil.copytree if (source / part).is_dir() else shutil.copy
        (target / part).parent.mkdir(parents=True, exist_ok=True)
        copy(source / part, target / part)


def drop_thebe(app, pagename, templatename, context, doctree):
    """Take thebe's files off the page."""
    for kind in ("script_files", "css_files"):
        context[kind] = [
            file
            for file in context.get(kind, [])
            if "thebe" not in f"{file.filename} {file.attributes}".lower()
        ]


def setup(app):
    """Register with Sphinx."""
    app.connect("html-page-context", drop_thebe, priority=1000)
    app.connect("build-finished", copy_mathjax)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
