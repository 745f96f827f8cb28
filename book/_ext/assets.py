"""Make the built site light, and let it ask no other host for anything.

MathJax comes from a pinned package, and only the two parts of it that pages
load; Jupyter Book's thebe, which fetches itself from a server, is left out.
Figures are stored with a palette: a third of the size, and no difference to see.
"""

import shutil
from importlib.metadata import distribution
from pathlib import Path

from PIL import Image

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


def shrink_figures(app, exception):
    """Give each figure a palette of 256 colours."""
    for path in (Path(app.outdir) / "_images").glob("*.png"):
        with Image.open(path) as image:
            if image.mode != "P":
                image.convert("RGB").quantize(
                    256, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE
                ).save(path)


def drop_unused(app, pagename, templatename, context, doctree):
    """Take thebe's files off every page, and MathJax off one without mathematics."""
    names = ["thebe"]
    # Sphinx 7 asks the landing page's whole table of contents for mathematics, and
    # from 8.2 on it keeps the answer elsewhere: the page itself says it in all of them.
    if 'class="math' not in context.get("body", ""):
        names.append("mathjax")
    for kind in ("script_files", "css_files"):
        context[kind] = [
            file
            for file in context.get(kind, [])
            if not any(
                name in f"{file.filename} {file.attributes}".lower() for name in names
            )
        ]


def fold_sidebar(app, pagename, templatename, context, doctree):
    """Fold the sidebar's parts but the current one, and name its folds.

    Forty chapters in one list would hide where the reader is; the theme's own folds,
    a chapter's for its exercises, are nameless.
    """
    generate = context.get("generate_toctree_html")
    if not generate:
        return

    def folded(*arguments, **options):
        tree = generate(*arguments, **options)
        for fold in tree.select("li > details > summary"):
            chapter = fold.find_parent("li").find("a").get_text(strip=True)
            fold["aria-label"] = f"Exercises for: {chapter}"
        for caption in tree.select("p.caption"):
            pages = caption.find_next_sibling("ul")
            part = caption.wrap(tree.new_tag("details", attrs={"class": "part"}))
            if "current" in pages["class"]:
                part["open"] = ""
            part.append(pages)
            caption.name = "summary"
            del caption["role"], caption["aria-level"]
        return tree

    context["generate_toctree_html"] = folded


def one_search(app, config):
    """Leave the search button to the sidebar: the theme repeats it in a bar above."""
    config.html_theme_options["navbar_persistent"] = []


def setup(app):
    """Register with Sphinx."""
    app.connect("config-inited", one_search)
    app.connect("html-page-context", drop_unused, priority=1000)
    app.connect("html-page-context", fold_sidebar, priority=1000)
    app.connect("build-finished", copy_mathjax)
    app.connect("build-finished", shrink_figures)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
