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
import yaml
from small_book import FOLD_NAME, PAGE, build_small_book

from book.tools import build
from book.tools.contents import CONTENTS, contents
from nnbook.claims import CHECK, CLAIM, statements

ROOT = Path(__file__).parents[1]
SITE = Path(os.environ.get("SITE") or build.SITE)  # make test-newest has another
PAGES = [ROOT / SITE / f"{name}.html" for name in contents()]
NOTEBOOKS = [name for name in contents() if name.startswith("notebooks/")]
EXERCISES = [name for name in NOTEBOOKS if name.endswith("_exercises")]
KEYS = ("sentence", "measured", "bound")
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


def stored(name, kind):
    """Read a chapter's claims or checks from its notebook."""
    notebook = nbformat.read(ROOT / f"{name}.ipynb", as_version=4)
    return statements(notebook.cells, kind)


def plain(found):
    """Undo HTML's escapes."""
    return [tuple(map(html.unescape, groups)) for groups in found]


@pytest.mark.parametrize("name", CHAPTERS)
def test_chapters_show_their_claims_as_cards(name):
    page = read(ROOT / SITE / f"{name}.html")
    shown = re.findall(
        r'<div class="claim output[^>]* id="claim-(\d+)">\n'
        r'<p class="claim-claim"><strong>Claim: </strong>(.*)</p>\n'
        r'<p class="claim-measured"><strong>measured: </strong>(.+)</p>\n'
        r'<p class="claim-bound"><strong>bound: </strong>(.+)</p>\n</div>',
        page.text,
    )
    assert plain(shown) == [
        (str(number), claim["sentence"], claim["measured"], claim["bound"])
        for number, claim in enumerate(stored(name, CLAIM), start=1)
    ]
    assert f">{len(shown)} claims</a> · runs in " in page.text
    assert CLAIM not in page.text and CHECK not in page.text


def test_the_landing_page_quotes_a_claim_as_it_is_stored():
    text = read(ROOT / SITE / "book/index.html").text
    quoted = re.findall(
        r'<div class="line"><strong>Claim</strong>: (.*)</div>\n'
        r'<div class="line"><strong>measured</strong>: (.*)</div>\n'
        r'<div class="line"><strong>bound</strong>: (.*)</div>',
        text,
    )
    (quotation,) = plain(quoted)
    claims = [claim for name in CHAPTERS for claim in stored(name, CLAIM)]
    assert quotation in [tuple(claim[key] for key in KEYS) for claim in claims]


def test_the_landing_figures_are_their_pages_own():
    source = (ROOT / "book/index.md").read_text(encoding="utf-8")
    wanted = re.findall(r"^```\{stored-figure\} (\S+) (\S+)$", source, re.MULTILINE)
    shown = {Path(load).name for load in read(PAGES[0]).loads if "_images/" in load}
    assert wanted
    assert shown == {f"{page.replace('/', '-')}-{cell}.png" for page, cell in wanted}


def test_a_quotation_of_no_claim_stops_the_build(tmp_path):
    with pytest.raises(SystemExit, match="does not claim 'Zeal hurts'"):
        build_small_book(tmp_path, quoted="Zeal hurts")


@pytest.mark.parametrize("name", CHAPTERS)
def test_chapters_show_their_checks_as_lines(name):
    text = read(ROOT / SITE / f"{name}.html").text
    lines = r'<p class="check output[^>]* id="check-(\d+)">Checked: (.*)</p>'
    checks = stored(name, CHECK)
    shown = plain(re.findall(lines, text))
    assert len(shown) == len(checks) == text.count("Checked: ")
    for position, (check, (number, line)) in enumerate(zip(checks, shown, strict=True)):
        assert int(number) == position + 1
        assert line.startswith(check["sentence"])
        assert line.endswith(f"bound: {check['bound']})") or check["bound"] == "true"


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_pages_fold_what_is_tagged_under_its_first_comment(name):
    notebook = nbformat.read(ROOT / f"{name}.ipynb", as_version=4)
    firsts = [
        (cell.source.partition("\n")[0].removeprefix("# "),)
        for cell in notebook.cells
        if "hide-input" in cell.metadata.get("tags", [])
    ]
    folds = r'<details class="code-fold"><summary>Code · (.*)</summary>'
    text = read(ROOT / SITE / f"{name}.html").text
    assert plain((fold,) for fold in re.findall(folds, text)) == firsts


def test_ledger_holds_every_claim_and_every_check_in_order():
    text = read(ROOT / SITE / "book/ledger.html").text
    for kind, word in ((CLAIM, "claim"), (CHECK, "check")):
        rows = re.findall(
            rf'href="([^"]*#{word}-\d+)">(.*)</a></p></td>\n'
            r"<td><p>(.*)</p></td>\n<td><p>(.*)</p></td>",
            text,
        )
        assert plain(rows) == [
            (f"../{name}.html#{word}-{number}", *map(said.get, KEYS))
            for name in CHAPTERS
            for number, said in enumerate(stored(name, kind), start=1)
        ]
    claims = sum(len(stored(name, CLAIM)) for name in CHAPTERS)
    assert f"<td><p>the book</p></td>\n<td><p>{claims}</p></td>" in text


def test_claims_checks_and_folds_of_a_small_book(tmp_path):
    site = build_small_book(tmp_path)
    page, ledger = read(site / f"{PAGE}.html"), read(site / "book/ledger.html")
    anchors = r'<\w+ class="(?:claim|check) output[^>]* id="([^"]*)">'
    assert re.findall(anchors, page.text) == [
        "check-1",
        "claim-1",
        "check-2",
        "claim-2",
    ]
    assert (
        ">Checked: The layer has as many weights as drawn (12; bound: 12)</p>"
        in page.text
    )
    assert ">Checked: Ours equals &lt;the&gt; library's</p>" in page.text
    assert "</strong>mean 0.625, from 0.500 to 0.750 over 2 tasks</p>" in page.text
    assert ">2 claims</a>" in page.text
    assert f"<summary>{html.escape(FOLD_NAME)}</summary>" in page.text
    source = site / "_sources" / f"{PAGE}.ipynb"
    assert source.read_bytes() == (tmp_path / f"{PAGE}.ipynb").read_bytes()
    claims, _, checks = ledger.text.partition('<section id="checks">')
    assert claims.count(f"{PAGE}.html#claim-") == 2 and "#check-" not in claims
    assert checks.count(f"{PAGE}.html#check-") == 2 and "#claim-" not in checks
    assert "<td><p>the book</p></td>\n<td><p>2</p></td>" in claims
    assert {"check-1", "check-2"} <= page.ids


@pytest.mark.parametrize(
    ("name", "figures"),
    [("foundations/perceptron", ["perceptron"]), ("vision/cnn", ["kernel", "digit"])],
)
def test_live_figures_stand_on_their_pages_with_their_scripts(name, figures):
    page = read(ROOT / SITE / f"notebooks/{name}.html")
    for figure in figures:
        assert f"live-{figure}" in page.ids
    scripts = [Path(load.partition("?")[0]).stem for load in page.loads]
    assert [one for one in scripts if one in ("live", *figures)] == ["live", *figures]


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_the_sidebar_opens_the_current_part_alone(path):
    fold = r'<details class="part" open=""><summary [^>]*><span [^>]*>(.*?)</span>'
    opened = [html.unescape(one) for one in re.findall(fold, read(path).text)]
    page = path.relative_to(ROOT / SITE).with_suffix("").as_posix()
    table = yaml.safe_load((ROOT / CONTENTS).read_text(encoding="utf-8"))
    current = [
        part["caption"]
        for part in table["parts"]
        for chapter in part["chapters"]
        if page in [one["file"] for one in (chapter, *chapter.get("sections", []))]
    ]
    assert opened == current


def test_a_page_without_mathematics_loads_none():
    assert not any("mathjax" in load for load in read(PAGES[0]).loads)


def test_mathematics_is_local():
    page = read(ROOT / SITE / "notebooks/foundations/perceptron.html")
    assert any("mathjax/tex-mml-chtml.js" in load for load in page.loads)
    fonts = ROOT / SITE / "_static/mathjax/output/chtml/fonts/woff-v2"
    assert len(list(fonts.iterdir())) > 20
