"""Show what the notebooks claim and check: where it is said, and in a ledger.

Both are read from the JSON that `nnbook.claim` and `nnbook.check` left in the
stored outputs. A page's n-th claim has the anchor `claim-n`, its n-th check
`check-n`; to these the ledger links.
"""

import csv
from pathlib import Path

import nbformat
from docutils import nodes
from sphinx.errors import ExtensionError
from sphinx.util.docutils import SphinxDirective

from nnbook.claims import CHECK, CLAIM, statements

LEDGER = "book/ledger"
LINES = {"Claim": "sentence", "measured": "measured", "bound": "bound"}


class ledger(nodes.General, nodes.Element):
    """The place of the ledger's tables, filled when all pages are known."""


class ClaimLedger(SphinxDirective):
    """`{claim-ledger}`: tables of all claims, by chapter, and of all checks."""

    def run(self):
        """Mark the place."""
        return [ledger()]


class StoredClaim(SphinxDirective):
    """`{stored-claim} PAGE`: the claim of that page whose sentence is the content."""

    required_arguments = 1
    has_content = True

    def run(self):
        """Return the claim as a quotation."""
        (page,) = self.arguments
        path = Path(self.env.srcdir) / f"{page}.ipynb"
        self.env.note_dependency(str(path))
        sentence = " ".join(self.content)
        for claim in statements(nbformat.read(path, as_version=4).cells):
            if claim["sentence"] == sentence:
                lines = nodes.line_block()
                for name, key in LINES.items():
                    text = nodes.Text(f": {claim[key]}")
                    lines += nodes.line("", "", nodes.strong(text=name), text)
                return [nodes.block_quote("", lines)]
        raise self.error(f"{path} does not claim {sentence!r}")


def cells_of(app, docname):
    """Read a page's cells; a page that is no notebook has none."""
    path = Path(app.env.doc2path(docname))
    return nbformat.read(path, as_version=4).cells if path.suffix == ".ipynb" else []


def card(number, claim):
    """Build the node of one claim, which reads as text without a style sheet."""
    box = nodes.container(ids=[f"claim-{number}"], classes=["claim"])
    for name, key in LINES.items():
        line = nodes.paragraph(classes=[f"claim-{name.lower()}"])
        line += nodes.strong(text=f"{name}: ")
        line += nodes.Text(claim[key])
        box += line
    return box


def quiet_line(number, check):
    """Build the node of one check."""
    text = f"Checked: {check['sentence']}"
    if check["bound"] != "true":
        text += f" ({check['measured']}; bound: {check['bound']})"
    return nodes.paragraph(text=text, ids=[f"check-{number}"], classes=["check"])


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


def all_statements(app):
    """List (page, title, claims, checks) of all pages, in the book's order."""
    for page in [page for part in app.env.toctree_includes.values() for page in part]:
        cells = cells_of(app, page)
        claims, checks = (statements(cells, kind) for kind in (CLAIM, CHECK))
        yield page, app.env.titles[page].astext(), claims, checks


def ledger_tables(app, docname):
    """Build the counts, a section of claims for each chapter, and one of checks."""

    def link(text, uri):
        return [nodes.reference(text=text, refuri=uri, internal=True)]

    def rows(page, kind, said):
        uri = app.builder.get_relative_uri(docname, page)
        for number, figures in enumerate(said, start=1):
            sentence = link(figures["sentence"], f"{uri}#{kind}-{number}")
            yield [sentence, figures["measured"], figures["bound"]]

    def section(name, title, *content):
        return nodes.section("", nodes.title("", "", *title), *content, ids=[name])

    pages = list(all_statements(app))
    chapters = [page for page in pages if page[2]]
    total = sum(len(claims) for _, _, claims, _ in chapters)
    counts = [
        [link(title, f"#{nodes.make_id(page)}"), str(len(claims))]
        for page, title, claims, _ in chapters
    ]
    yield table(["chapter", "claims"], [*counts, ["the book", str(total)]], ["counts"])
    head = ["claim", "measured", "bound"]
    for page, title, claims, _ in chapters:
        heading = link(title, app.builder.get_relative_uri(docname, page))
        claimed = table(head, rows(page, "claim", claims), ["claims"])
        yield section(nodes.make_id(page), heading, claimed)
    checked = [
        [*row, title]
        for page, title, _, checks in pages
        for row in rows(page, "check", checks)
    ]
    head = ["check", "measured", "bound", "chapter"]
    yield section("checks", [nodes.Text("Checks")], table(head, checked, ["checks"]))


def show(doctree, cells, kind, draw):
    """Draw each statement of one kind in the place of its stored text."""
    outputs = [output for cell in cells for output in cell.get("outputs", [])]
    texts = [out.data["text/plain"] for out in outputs if kind in out.get("data", {})]
    blocks = iter(list(doctree.findall(nodes.literal_block)))
    said = zip(texts, statements(cells, kind), strict=True)
    for number, (text, figures) in enumerate(said, start=1):
        block = next((block for block in blocks if block.astext() == text), None)
        if block is None:
            raise ExtensionError(f"A page lacks a statement of its notebook: {text}")
        block.replace_self(draw(number, figures))


def show_statements(app, doctree, docname):
    """Show a page's claims and checks, and in the ledger's place its tables."""
    cells = cells_of(app, docname)
    show(doctree, cells, CLAIM, card)
    show(doctree, cells, CHECK, quiet_line)
    if claims := statements(cells):
        title = next(doctree.findall(nodes.title))
        line = facts(app, docname, len(claims))
        title.parent.insert(title.parent.index(title) + 1, line)
    for place in list(doctree.findall(ledger)):
        place.replace_self(list(ledger_tables(app, docname)))


def setup(app):
    """Register with Sphinx."""
    app.add_node(ledger)
    app.add_directive("claim-ledger", ClaimLedger)
    app.add_directive("stored-claim", StoredClaim)
    app.connect("doctree-resolved", show_statements)
    # The ledger is read from other pages' files: it is never up to date.
    app.connect("env-get-outdated", lambda *_: [LEDGER])
    return {"parallel_read_safe": True, "parallel_write_safe": True}
