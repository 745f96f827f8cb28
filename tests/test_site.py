"""The built site, without a browser. `make test` builds it first."""

import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from book.tools.build import SITE, contents
from nnbook.claims import MIME_TYPE

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / SITE / f"{name}.html" for name in contents()]


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


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_links_and_files_are_there(path):
    page = Page(path)
    for link in [*page.links, *filter(None, page.loads)]:
        parts = urlsplit(link)
        if parts.scheme or link == "#":
            continue
        target = path.parent / unquote(parts.path) if parts.path else path
        assert target.exists(), link
        if parts.fragment and target.suffix == ".html":
            assert unquote(parts.fragment) in Page(target).ids, link


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_nothing_is_loaded_from_another_host(path):
    page = Page(path)
    assert [load for load in page.loads if urlsplit(load).netloc] == []


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_images_have_written_alt_text(path):
    for alt in Page(path).alts:
        assert len(alt.split()) >= 4 or alt.startswith("Logo"), alt


def test_chapters_show_their_claims_as_text():
    text = Page(ROOT / SITE / "notebooks/foundations/perceptron.html").text
    shown = re.findall(r"Claim: .*\n  measured .*\n  bound: ", text)
    assert len(shown) >= 6
    assert MIME_TYPE not in text


def test_mathematics_is_local():
    page = Page(ROOT / SITE / "notebooks/foundations/perceptron.html")
    assert any("mathjax/tex-mml-chtml.js" in load for load in page.loads)
    fonts = ROOT / SITE / "_static/mathjax/output/chtml/fonts/woff-v2"
    assert len(list(fonts.iterdir())) > 20
