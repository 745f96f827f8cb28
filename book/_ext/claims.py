"""Show the claims in the notebooks' outputs: as cards, and all in a ledger.

Both are read from what `nnbook.claim` left in the stored outputs. A page's n-th
claim has the anchor `claim-n`, to which the ledger links.
"""

import csv
import re
from pathlib import Path

import nbformat
from docutils import nodes
from sphinx.util.docutils import SphinxDirective

CLAIM = re.compile(r"Claim: (.*)\n {2}measured (.*)\n {2}bound: (.*)\s*")
LEDGER = "book/ledger"


class ledger(nodes.General, nodes.Element):
    """The place of the ledger's tables, filled when all pages are known."""


class ClaimLedger(SphinxDirective):
    """`{claim-ledger}`: tables of all claims, by chapter."""

    def run(self):
        """Mark the place."""
        return [ledger()]


def claims_of(path):
    """List a notebook's claims in order, each as (sentence, measured, bound)."""
    notebook = nbformat.read(path, as_version=4)
    texts = (
        output.data.get("text/plain", "")
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if output.output_type in ("display_data", "execute_result")
    )
    return [match.groups() for text in texts if (match := CLAIM.fullmatch(text))]


def card(number, sentence, measured, bound):
    """Build the node of one claim, which reads as text without a style sheet."""
    box = nodes.container(ids=[f"claim-{number}"], classes=["claim"])
    for name, text in (("Claim", sentence), ("measured", measured), ("bound", bound)):
        line = nodes.paragraph(classes=[f"claim-{name.lower()}"])
        line += nodes.strong(text=f"{name}: ")
        line += nodes.Text(text)
        box += line
    return box


def facts(app, docname, count):
    """Build the line under a chapter's title: its claims and its run time."""
    line = nodes.paragraph(classes=["chapter-facts"])
    uri = app.builder.get_relative_uri(docname, LEDGER)
    target = f"{uri}#{nodes.make_id(docname)}"
    line += nodes.reference(text=f"{count} claims", refuri=target, internal=True)
    with (Path(app.srcdir) / "book/bench.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if f"notebooks/{row['notebook']}" == docname:
                line += nodes.Text(f" · runs in {row['wall s']} s on two CPU cores")
    return line


def table(head, rows, classes):
    """Build a table; a cell is a text or a list of nodes."""
    group = nodes.tgroup(cols=len(head))
    group += [nodes.colspec(colwidth=1) for _ in head]
    for part, lines in ((nodes.thead(), [head]), (nodes.tbody(), rows)):
        for cells in lines:
            row = nodes.row()
            for cell in cells:
                content = [nodes.Text(cell)] if isinstance(cell, str) else cell
                row += nodes.entry("", nodes.paragraph("", "", *content))
            part += row
        group += part
    return nodes.table("", group, classes=classes)


def all_claims(app):
    """List (page, title, claims) of all pages with claims, in the book's order."""
    pages = [page for part in app.env.toctree_includes.values() for page in part]
    paths = {page: Path(app.env.doc2path(page)) for page in pages}
    found = [
        (page, app.env.titles[page].astext(), claims_of(path))
        for page, path in paths.items()
        if path.suffix == ".ipynb"
    ]
    return [(page, title, claims) for page, title, claims in found if claims]


def ledger_tables(app, docname):
    """Build the counts by chapter, then a section of claims for each chapter."""
    chapters = all_claims(app)
    uris = {page: app.builder.get_relative_uri(docname, page) for page, *_ in chapters}

    def link(text, uri):
        return [nodes.reference(text=text, refuri=uri, internal=True)]

    total = sum(len(claims) for _, _, claims in chapters)
    counts = [
        [link(title, f"#{nodes.make_id(page)}"), str(len(claims))]
        for page, title, claims in chapters
    ]
    yield table(["chapter", "claims"], [*counts, ["the book", str(total)]], ["counts"])
    head = ["claim", "measured", "bound"]
    for page, title, claims in chapters:
        section = nodes.section(ids=[nodes.make_id(page)])
        section += nodes.title("", "", *link(title, uris[page]))
        rows = [
            [link(sentence, f"{uris[page]}#claim-{number}"), measured, bound]
            for number, (sentence, measured, bound) in enumerate(claims, start=1)
        ]
        section += table(head, rows, ["claims"])
        yield section


def show_claims(app, doctree, docname):
    """Turn a page's claims into cards, and the ledger's place into its tables."""
    number = 0
    for block in list(doctree.findall(nodes.literal_block)):
        if match := CLAIM.fullmatch(block.astext()):
            number += 1
            block.replace_self(card(number, *match.groups()))
    if number:
        title = next(doctree.findall(nodes.title))
        title.parent.insert(title.parent.index(title) + 1, facts(app, docname, number))
    for place in list(doctree.findall(ledger)):
        place.replace_self(list(ledger_tables(app, docname)))


def setup(app):
    """Register with Sphinx."""
    app.add_node(ledger)
    app.add_directive("claim-ledger", ClaimLedger)
    app.connect("doctree-resolved", show_claims)
    # The ledger is read from other pages' files: it is never up to date.
    app.connect("env-get-outdated", lambda *_: [LEDGER])
    return {"parallel_read_safe": True, "parallel_write_safe": True}
