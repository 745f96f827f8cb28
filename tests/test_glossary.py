"""The glossary and the notation say what the chapters do.

A chapter defines a term where it sets it in bold, or in its title: the glossary
must name the first that does. Where none does, it must name the first that links
the term to the glossary; where none does that either, the first that uses it. A
chapter that refers to the named one in the same paragraph does not count as first.
A chapter of the second edition links to the glossary where it first uses a term
that it defines.
"""

import re
from pathlib import Path
from typing import NamedTuple

import keras
import nbformat
import numpy as np
import pytest
from keras import layers

BOOK = Path(__file__).parents[1] / "book"
# Words that the book no longer uses for what has a standard name.
PRIVATE = re.compile(
    r"\b(slopes?|bends?|bent|blame|nudg\w+|heaps?|crowds?|judges?|prices?|cures?"
    r"|strokes?|heed\w*|turned|silen\w+|the start|first weights)\b"
)
LAST_SECTIONS = re.compile(
    r"^## (?:Recall|Exercises|Where to go on|References)\b", re.MULTILINE
)
SECOND_EDITION = re.compile(r"^## Where to go on\b", re.MULTILINE)


class Term(NamedTuple):
    """An entry of the glossary."""

    name: str
    definition: str
    label: str
    page: str  # relative to the book's root, with its suffix

    def forms(self):
        """Return the term without brackets, what they hold, and what is in italics."""
        name, *short = re.split(r"[()]", self.name)
        forms = [name, *short, *re.findall(r"\*([^*]+)\*", self.definition)]
        return [form.strip() for form in forms if form.strip()]

    def pattern(self):
        """Return what finds the term in any form, singular or plural."""
        forms = "|".join(
            r"[\s-]+".join(map(re.escape, re.split(r"[\s-]+", form)))
            for form in self.forms()
        )
        return re.compile(rf"(?<![\w-])(?:{forms})(?:e?s)?(?![\w-])", re.IGNORECASE)


class Page(NamedTuple):
    """A chapter or a prose page of the book."""

    path: str
    cells: list[str]  # its Markdown

    def is_chapter(self):
        return self.path.endswith(".ipynb")

    def is_second_edition(self):
        return bool(SECOND_EDITION.search("\n\n".join(self.cells)))

    def paragraphs(self, folds=False):
        """Return the running text: no title, headings, questions, code or formulas."""
        cells = [
            cell
            for cell in self.cells[1:]
            if not cell.startswith("## What you will see")
        ]
        text = LAST_SECTIONS.split("\n\n".join(cells))[0]
        if not folds:
            text = re.sub(r"^>.*$", "", text, flags=re.MULTILINE)
            text = re.sub(r"<details>.*?</details>", "", text, flags=re.DOTALL)
        text = re.sub(r"^```.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE)
        text = re.sub(r"\$\$.*?\$\$|\$[^$\n]+\$|`[^`\n]+`", "", text, flags=re.DOTALL)
        text = re.sub(r"^#+ .*$", "", text, flags=re.MULTILINE)
        return [part for part in re.split(r"\n\s*\n", text) if part.strip()]

    def defines(self, term):
        """Say whether the page sets the term in bold, or has it as its title."""
        title = self.cells[0].splitlines()[0].removeprefix("# ")
        text = without_links("\n\n".join(self.paragraphs()))
        marked = [title, *re.findall(r"\*\*([^*\n]+)\*\*", text)]
        return any(term.pattern().fullmatch(words.strip(" .:")) for words in marked)

    def links(self, term, elsewhere=""):
        """Say whether it links the term to the glossary, and not to a page besides."""
        parts = [part for part in self.paragraphs() if links_in(part, term)]
        return any(not elsewhere or elsewhere not in part for part in parts)

    def first_use(self, term, folds=False):
        """Return the first paragraph that uses the term, or None."""
        parts = self.paragraphs(folds)
        uses = (part for part in parts if term.pattern().search(without_links(part)))
        return next(uses, None)


def without_links(text):
    """Keep a link's text; a bold link is bold."""
    return re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", text)


def entries(text):
    """Read the glossary."""
    found = re.findall(r"^(\S.*)\n: (.*) \[([^\]]+)\]\(([^)]+)\)$", text, re.MULTILINE)
    return [
        Term(*entry, link.removeprefix("../") if "/" in link else f"book/{link}")
        for *entry, link in found
    ]


def pages():
    """Read the book's prose pages and chapters, in order."""
    names = re.findall(r"file: (\S+)", (BOOK / "_toc.yml").read_text(encoding="utf-8"))
    found = []
    for name in names:
        path = BOOK.parent / f"{name}.ipynb"
        if path.exists() and not name.endswith("_exercises"):
            cells = nbformat.read(path, as_version=4).cells
            markdown = [cell.source for cell in cells if cell.cell_type == "markdown"]
            found.append(Page(f"{name}.ipynb", markdown))
        elif name in ("book/using", "book/teaching"):
            text = path.with_suffix(".md").read_text(encoding="utf-8")
            found.append(Page(f"{name}.md", text.split("\n\n")))
    return found


def wrong_attributions(terms, book):
    """Yield a sentence for each term whose page the glossary names wrongly."""
    order = [page.path for page in book]
    for term in terms:
        if term.page not in order:
            yield f"{term.name}: there is no {term.page} in the table of contents"
            continue
        place, name = order.index(term.page), Path(term.page).name
        bold = [page.path for page in book if page.defines(term)]
        linked = [
            page.path
            for page in book
            if page.links(term, elsewhere="" if page.path == term.page else name)
        ]
        first, *_ = [*bold[:1], *linked[:1], None]
        if first and first != term.page:
            how = "bold" if bold else "a link to the glossary"
            yield f"{term.name}: not {term.page}, {first} is the first with {how}"
        elif not first and not book[place].first_use(term, folds=True):
            yield f"{term.name}: {term.page} does not use any of {term.forms()}"
        elif not first:
            for page in filter(Page.is_chapter, book[:place]):
                use = page.first_use(term)
                if use and name not in use:
                    yield (
                        f"{term.name}: {term.page} has it neither in bold nor linked, "
                        f"and {page.path} uses it before: {use[:60]!r}"
                    )


def links_in(text, term):
    """List the links to the glossary whose text is the term."""
    linked = re.findall(r"\[([^\]]*)\]\([^)]*glossary\.md[^)]*\)", text)
    return [words for words in linked if term.pattern().fullmatch(words.strip("*"))]


def missing_links(terms, book):
    """Yield a sentence for each term that a new chapter defines without a link."""
    for page in filter(Page.is_second_edition, book):
        for term in terms:
            use = page.first_use(term) if term.page == page.path else None
            if use and not links_in(use, term):
                yield f"{page.path}: '{term.name}' without a link in {use[:60]!r}"


@pytest.fixture(scope="module")
def glossary():
    return (BOOK / "glossary.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def book():
    return pages()


def test_every_entry_is_read(glossary):
    assert len(entries(glossary)) == glossary.count("\n: ") > 150


def test_terms_stand_once_and_in_order(glossary):
    names = [term.name.casefold().replace("²", "2") for term in entries(glossary)]
    assert names == sorted(set(names))


def test_no_form_belongs_to_two_terms(glossary):
    forms = [form.casefold() for term in entries(glossary) for form in term.forms()]
    twice = {form for form in forms if forms.count(form) > 1}
    assert not twice


def test_definitions_use_standard_words(glossary):
    found = {
        term.name: match[0]
        for term in entries(glossary)
        if (match := PRIVATE.search(term.definition))
    }
    assert not found


def test_a_page_has_one_label(glossary):
    pairs = {(term.label, term.page) for term in entries(glossary)}
    assert len(pairs) == len({page for _, page in pairs})


def test_the_glossary_names_the_page_that_defines_a_term(glossary, book):
    found = list(wrong_attributions(entries(glossary), book))
    assert not found, "\n".join(found)


def test_new_chapters_link_to_the_glossary_at_first_use(glossary, book):
    found = list(missing_links(entries(glossary), book))
    assert not found, "\n".join(found)


def test_the_claim_that_is_explained_stands_in_the_book():
    (shown,) = re.findall(
        r"```\n(Claim: .*?)\n```", (BOOK / "using.md").read_text("utf-8"), re.DOTALL
    )
    texts = [
        output.get("data", {}).get("text/plain")
        for path in BOOK.parent.glob("notebooks/*/*.ipynb")
        for cell in nbformat.read(path, as_version=4).cells
        for output in cell.get("outputs", [])
    ]
    assert shown in texts


LOSS = Term("Loss", "What training minimises.", "One", "one.ipynb")
FIRST, SECOND = "one.ipynb", "two.ipynb"


def small(first, second):
    """Return a book of two chapters with these texts below their titles."""
    return [
        Page(FIRST, ["# One", "## What you will see\n\nA loss.", *first]),
        Page(SECOND, ["# Two", *second]),
    ]


GOOD = [
    small(["The **loss** is small."], ["The loss, the **loss**."]),
    small(["A **[loss](../../book/glossary.md)**."], []),
    small(["A [loss](../../book/glossary.md)."], ["A [loss](../../book/glossary.md)."]),
    small(["Losses are small."], ["The loss."]),
]
WRONG = [
    small([], ["The **loss** is small."]),
    [Page(FIRST, ["# One", "A loss."]), Page(SECOND, ["# Losses"])],
    small(["A loss."], ["The **losses**: small."]),
    small(["A loss."], ["A [loss](../../book/glossary.md)."]),
    small(["## A loss"], []),
    small(["The `loss` and $loss$."], ["The loss."]),
    small(["A loss-free, lossy day."], []),
    small(["Nothing.", "## References\n\nThe loss."], []),
    small(["> **Predict.** A loss?"], ["A **loss**.\n\n"]),
]


@pytest.mark.parametrize("book", GOOD)
def test_right_attribution_passes(book):
    assert not list(wrong_attributions([LOSS], book))


@pytest.mark.parametrize("book", WRONG)
def test_wrong_attribution_is_refused(book):
    assert list(wrong_attributions([LOSS], book))


def test_a_page_outside_the_book_is_refused():
    assert list(wrong_attributions([LOSS._replace(page="three.ipynb")], GOOD[0]))


@pytest.mark.parametrize(
    ("use", "right"),
    [
        ("The loss.", False),
        ("The [loss](../../book/glossary.md).", False),
        ("The [loss](../../book/glossary.md): see [below](two.ipynb).", True),
        ("The loss has [a chapter](two.ipynb).", True),
        ("The loss has [a chapter](three.ipynb).", False),
        ("No word of it.", True),
    ],
)
def test_earlier_chapters_point_forward(use, right):
    book = small([use], ["The loss is small."])
    assert right != any(wrong_attributions([LOSS._replace(page=SECOND)], book))


@pytest.mark.parametrize(
    ("texts", "right"),
    [
        (["A [loss](../../book/glossary.md) is small.", "The loss."], True),
        (["A loss is small.", "A [loss](../../book/glossary.md)."], False),
        (["A loss is [small](../../book/glossary.md)."], False),
        (["A [loss](../../book/notation.md)."], False),
        (["Nothing of the kind."], True),
    ],
)
def test_the_link_stands_at_first_use(texts, right):
    book = small([*texts, "## Where to go on\n\nFar."], [])
    assert right != any(missing_links([LOSS], book))
    assert not list(missing_links([LOSS], small(texts, [])))  # not revised yet


def test_other_forms_count():
    term = Term("Freezing (FR)", "Weights are *frozen*.", "One", FIRST)
    assert term.forms() == ["Freezing", "FR", "frozen"]
    for text in ("Frozen weights.", "freezing", "FR"):
        assert term.pattern().search(text)
    assert not term.pattern().search("unfrozen")


# Notation


def rows(text, title):
    """Return the body of the first table below a heading, cell by cell."""
    section = text.split(f"## {title}\n")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


@pytest.fixture(scope="module")
def notation():
    return (BOOK / "notation.md").read_text(encoding="utf-8")


def twice(table):
    """Return what stands more than once in a table's first column or its second."""
    columns = zip(*(row[:2] for row in table), strict=True)
    return [cell for column in columns for cell in column if column.count(cell) > 1]


def test_a_symbol_has_one_row_and_one_meaning(notation):
    table = rows(notation, "Symbols")
    assert len(table) > 40
    assert not twice(table)
    # One symbol in a row, and no second meaning in its cell.
    assert all(re.fullmatch(r"\$[^$]+\$", symbol) for symbol, *_ in table)
    assert all(re.fullmatch(r"`[^`]+`", code) for _, code, _ in table)


def test_two_meanings_are_noticed():
    table = [["$p$", "`p`", "probability"], ["$q$", "`q`", "rate"]]
    assert not twice(table)
    assert twice([*table, ["$p$", "`rate`", "probability of dropout"]]) == ["$p$"] * 2
    assert twice([*table, ["$r$", "`p`", "probability of dropout"]]) == ["`p`"] * 2


@pytest.mark.parametrize(
    ("symbol", "word"),
    {
        r"$\lambda$": "penalty",
        r"$\sigma(z)$": "sigmoid",
        "$p$": "probabilities",
        r"$\eta$": "learning rate",
        r"$\delta$": "pre-activations",
        "$L$": "loss",
        "$Z$": "pre-activations",
        "$H$": "hidden",
        "$W$": "(inputs, units)",
    }.items(),
)
def test_symbols_of_all_chapters(notation, symbol, word):
    (meaning,) = (row[2] for row in rows(notation, "Symbols") if row[0] == symbol)
    assert word in meaning


SIZES = {
    "inputs": 5,
    "channels": 5,
    "units": 7,
    "filters": 7,
    "height": 2,
    "width": 3,
    "steps": 4,
    "multiplier": 6,
    "tokens": 11,
}
LAYERS = {
    "Dense": (lambda: layers.Dense(7), (5,)),
    "Conv1D": (lambda: layers.Conv1D(7, 4), (9, 5)),
    "Conv2D": (lambda: layers.Conv2D(7, (2, 3)), (9, 9, 5)),
    "Conv2DTranspose": (lambda: layers.Conv2DTranspose(7, (2, 3)), (9, 9, 5)),
    "DepthwiseConv2D": (
        lambda: layers.DepthwiseConv2D((2, 3), depth_multiplier=6),
        (9, 9, 5),
    ),
    "SeparableConv2D": (
        lambda: layers.SeparableConv2D(7, (2, 3), depth_multiplier=6),
        (9, 9, 5),
    ),
    "BatchNormalization": (layers.BatchNormalization, (9, 9, 5)),
    "Embedding": (lambda: layers.Embedding(11, 7), (9,)),
    "SimpleRNN": (lambda: layers.SimpleRNN(7), (9, 5)),
    "LSTM": (lambda: layers.LSTM(7), (9, 5)),
    "GRU": (lambda: layers.GRU(7), (9, 5)),
}


def test_weights_have_the_shapes_of_the_table(notation):
    table = dict(rows(notation, "Weights"))
    assert set(table) == {f"`{name}`" for name in LAYERS}
    for name, (make, shape) in LAYERS.items():
        said = [
            tuple(np.atleast_1d(eval(shape, {}, SIZES)))
            for shape in re.findall(r"\(([^)]+)\)", table[f"`{name}`"])
        ]
        layer = make()
        keras.Sequential([keras.Input(shape), layer])
        assert said == [weight.shape for weight in layer.weights if weight.ndim], name


def test_gates_lie_in_the_order_that_the_table_says(notation):
    """The one gate that stays away from 0 gives itself away in the output."""
    table = dict(rows(notation, "Weights"))
    orders = {
        name: re.search("order (.*)", table[f"`{name}`"])[1].split(", ")
        for name in ("LSTM", "GRU")
    }
    x, state = np.zeros((1, 1, 1)), [np.full((1, 1), 0.5)] * 2
    large = 50.0

    def output(name, open_gates):
        layer = getattr(layers, name)(1)
        layer.build((1, 1, 1))
        kernel, recurrent, bias = (np.zeros(w.shape) for w in layer.weights[:3])
        bias[..., :] = [
            large if gate in open_gates else -large for gate in orders[name]
        ]
        layer.set_weights([kernel, recurrent, bias])
        states = state if name == "LSTM" else state[:1]
        return float(np.squeeze(layer(x, initial_state=states)))

    # The old cell kept and shown; the candidate written and shown; nothing shown.
    assert output("LSTM", {"forget", "output"}) == pytest.approx(np.tanh(0.5))
    assert output("LSTM", {"input", "candidate", "output"}) == pytest.approx(np.tanh(1))
    assert output("LSTM", {"input", "candidate", "forget"}) == pytest.approx(0)
    # An open update gate keeps the state, a closed one writes the candidate.
    assert output("GRU", {"update"}) == pytest.approx(0.5)
    assert output("GRU", {"candidate"}) == pytest.approx(1)


def test_the_note_on_the_first_edition_stands_as_long_as_it_is_needed(notation, book):
    chapters = [page for page in book if page.path.startswith("notebooks/")]
    needed = not all(map(Page.is_second_edition, chapters))
    assert ('without a section "Where to go on"' in notation) == needed
