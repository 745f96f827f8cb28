"""The built site, without a browser. `make test` builds it first."""

import functools
import html
import os
import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import nbformat
import pytest

from book.tools.build import SITE
from book.tools.contents import contents
from nnbook.claims import CLAIM, statements

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / SITE / f"{name}.html" for name in contents()]
NOTEBOOKS = [name for name in contents() if name.startswith("notebooks/")]
EXERCISES = [name for name in NOTEBOOKS if name.endswith("_exercises")]
CHAPTERS = [name for name in NOTEBOOKS if name not in EXERCISES]


class Page(HTMLParser):
    """Collect a page's anchors, links, loaded files and images without alt text."""

    def __init__(self, path):
        super().__init__()
        self.ids, self.links, self.loads, self.alts = set(), [], [], []
        self.text = path.read_text(encoding="utf-8")
        self.feed(self.text)

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        self.ids |= {values.get("id"), values.get("name")}
        if tag == "a" and "href" in values:
            self.links.append(values["href"])
        elif tag in ("script", "img", "iframe", "source"):
            self.loads.append(values.get("src") or "")
        elif tag == "link" and values.get("rel") in ("stylesheet", "icon", "preload"):
            self.loads.append(values["href"])
        if tag == "img":
            self.alts.append(values.get("alt") or "")


read = functools.cache(Page)


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_links_and_files_are_there(path):
    page = read(path)
    for link in [*page.links, *filter(None, page.loads)]:
        parts = urlsplit(link)
        if parts.scheme or link == "#":
            continue
        target = path.parent / unquote(parts.path) if parts.path else path
        assert target.exists(), link
        if parts.fragment and target.suffix == ".html":
            assert unquote(parts.fragment) in read(target.resolve()).ids, link


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_nothing_is_loaded_from_another_host(path):
    page = read(path)
    assert [load for load in page.loads if urlsplit(load).netloc] == []


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_images_have_written_alt_text(path):
    for alt in read(path).alts:
        assert len(alt.split()) >= 4 or alt.startswith("Logo"), alt


def test_landing_page_leads_to_every_page():
    body = read(ROOT / SITE / "book/index.html").text.partition("<article")[2]
    for name, page in zip(contents()[1:], PAGES[1:], strict=True):
        if name not in EXERCISES:
            assert f'href="{os.path.relpath(page, PAGES[0].parent)}"' in body, page


@pytest.mark.parametrize("name", EXERCISES)
def test_a_chapter_leads_to_its_exercises(name):
    chapter = ROOT / SITE / f"{name.removesuffix('_exercises')}.html"
    body = read(chapter).text.partition("<article")[2].partition("</article>")[0]
    assert f'href="{Path(name).name}.html"' in body


@pytest.mark.parametrize("name", EXERCISES)
def test_exercises_show_the_starter_and_fold_the_solution(name):
    page = re.sub(r"<[^>]+>", "", read(ROOT / SITE / f"{name}.html").text)
    notebook = nbformat.read(ROOT / f"{name}.ipynb", as_version=4)
    answers = sum("### BEGIN SOLUTION" in cell.source for cell in notebook.cells)
    text = read(ROOT / SITE / f"{name}.html").text
    assert text.count("<details><summary>Solution</summary>") == answers
    assert page.count("raise NotImplementedError") >= answers
    assert "BEGIN SOLUTION" not in page


@pytest.mark.parametrize("name", CHAPTERS)
def test_chapters_can_be_downloaded_as_notebooks(name):
    source = ROOT / SITE / "_sources" / f"{name}.ipynb"
    link = os.path.relpath(source, (ROOT / SITE / f"{name}.html").parent)
    assert link in read(ROOT / SITE / f"{name}.html").links
    assert source.read_bytes() == (ROOT / f"{name}.ipynb").read_bytes()


def stored_claims(name):
    """Read the sentences of a chapter's claims from its notebook."""
    notebook = nbformat.read(ROOT / f"{name}.ipynb", as_version=4)
    return [figures["sentence"] for figures in statements(notebook.cells)]


@pytest.mark.parametrize("name", CHAPTERS)
def test_chapters_show_their_claims_as_cards(name):
    page = read(ROOT / SITE / f"{name}.html")
    shown = re.findall(
        r'<div class="claim output[^>]* id="claim-\d+">\n'
        r'<p class="claim-claim"><strong>Claim: </strong>(.*)</p>\n'
        r'<p class="claim-measured"><strong>measured: </strong>.+</p>\n'
        r'<p class="claim-bound"><strong>bound: </strong>.+</p>\n</div>',
        page.text,
    )
    assert [html.unescape(sentence) for sentence in shown] == stored_claims(name)
    assert f">{len(shown)} claims</a> · runs in " in page.text
    assert CLAIM not in page.text


def test_ledger_holds_every_claim_in_order():
    text = read(ROOT / SITE / "book/ledger.html").text
    links = re.findall(r'href="([^"]*#claim-\d+)">(.*)</a></p></td>', text)
    assert [(link, html.unescape(sentence)) for link, sentence in links] == [
        (f"../{name}.html#claim-{number}", sentence)
        for name in CHAPTERS
        for number, sentence in enumerate(stored_claims(name), start=1)
    ]
    assert f"<td><p>{len(links)}</p></td>" in text


def test_mathematics_is_local():
    page = read(ROOT / SITE / "notebooks/foundations/perceptron.html")
    assert any("mathjax/tex-mml-chtml.js" in load for load in page.loads)
    fonts = ROOT / SITE / "_static/mathjax/output/chtml/fonts/woff-v2"
    assert len(list(fonts.iterdir())) > 20
