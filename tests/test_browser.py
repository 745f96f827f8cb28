"""The built site in Chromium, as readers meet it: `make test-browser`.

Pages come from a server on this machine that compresses, as web servers do.
"""

import gzip
import mimetypes
import shutil
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import sync_playwright

from book.tools.build import SITE, contents

ROOT = Path(__file__).parents[1]
SCREENSHOTS = ROOT / "_build/screenshots"
PAGES = [*contents(), "genindex", "search"]
PERCEPTRON = "notebooks/foundations/perceptron"
LANDING_KILOBYTES, PAGE_KILOBYTES, FIRST_PAINT = 400, 1000, 1000  # the last in ms
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


class Handler(BaseHTTPRequestHandler):
    """Serve the site, compressed."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        file = ROOT / SITE / unquote(urlsplit(self.path).path).lstrip("/")
        body = file.read_bytes() if file.is_file() else b""
        self.send_response(200 if file.is_file() else 404)
        kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
        self.send_header("Content-Type", kind)
        if kind.startswith("text/") or "javascript" in kind or "svg" in kind:
            body = gzip.compress(body, 6)
            self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """Say nothing."""


@pytest.fixture(scope="module")
def site():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


@pytest.fixture(scope="module")
def browser():
    path = next(filter(None, map(shutil.which, NAMES)), None)
    assert path, "There is no Chromium: install it (on Debian: apt install chromium)."
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path, args=["--no-sandbox", "--disable-gpu"]
        )
        yield browser
        browser.close()


@pytest.fixture
def visit(browser):
    """Return a function that opens a page and watches it; at the end all was well."""
    problems, contexts = [], []

    def open_page(url, width=1280, mode="light", **options):
        context = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=mode, **options
        )
        contexts.append(context)
        page = context.new_page()
        own = url.partition("://")[2].partition("/")[0]
        page.on("pageerror", lambda error: problems.append(f"{url}: {error}"))
        page.on(
            "console",
            lambda message: (
                message.type in ("error", "warning")
                and problems.append(f"{url}: {message.text}")
            ),
        )
        page.on(
            "request",
            lambda request: (
                urlsplit(request.url).scheme in ("http", "https")
                and urlsplit(request.url).netloc != own
                and problems.append(f"{url} asks for {request.url}")
            ),
        )
        page.goto(url, wait_until="networkidle")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert problems == []


@pytest.mark.parametrize("mode", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_page_is_accessible(visit, site, name, mode):
    page = visit(f"{site}/{name}.html", mode=mode)
    results = Axe().run(page, options={"preload": False})
    assert results.violations_count == 0, results.generate_report()
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"{Path(name).name}-{mode}.jpeg", full_page=True)


@pytest.mark.parametrize("name", PAGES)
def test_page_fits_a_phone(visit, site, name):
    page = visit(f"{site}/{name}.html", width=390)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"{Path(name).name}-phone.jpeg", full_page=True)


@pytest.mark.parametrize("name", contents())
def test_page_is_light_and_quick(visit, site, name, record_property):
    page = visit(f"{site}/{name}.html")
    files = page.evaluate(
        """() => [...performance.getEntriesByType("navigation"),
                  ...performance.getEntriesByType("resource")]
            .map((file) => [Math.round(file.transferSize / 1000), file.name])"""
    )
    largest = sorted(files, reverse=True)[:5]
    total = sum(size for size, _ in files)
    limit = LANDING_KILOBYTES if name == contents()[0] else PAGE_KILOBYTES
    assert total < limit, f"{total} kB, the largest: {largest}"
    paint = min(first_paint(page) for _ in range(3))
    record_property("kilobytes, first paint in ms", (total, round(paint)))
    print(f"{name}: {total} kB, first paint after {paint:.0f} ms, {largest[:2]}")
    assert paint < FIRST_PAINT


def first_paint(page):
    """Load the page again; return milliseconds until something is seen."""
    page.reload(wait_until="load")
    page.wait_for_function("performance.getEntriesByType('paint').length > 0")
    return page.evaluate("performance.getEntriesByType('paint')[0].startTime")


@pytest.mark.parametrize("name", ["book/index", PERCEPTRON, "book/ledger"])
def test_page_opens_from_a_file(visit, name):
    page = visit((ROOT / SITE / f"{name}.html").as_uri())
    assert page.locator("article h1").inner_text().strip("#\n")


def finds_novikoff(page):
    page.locator("#search-results li a").first.wait_for()
    return "perceptron" in page.locator("#search-results").inner_text().lower()


def test_search_finds_a_word(visit, site):
    assert finds_novikoff(visit(f"{site}/search.html?q=novikoff"))


def test_search_finds_a_word_in_files(browser):
    # Unwatched: from files the browser refuses excerpts of the pages, and says so.
    page = browser.new_page()
    page.goto((ROOT / SITE / "search.html").as_uri() + "?q=novikoff")
    assert finds_novikoff(page)
    page.close()


def test_a_prediction_is_made_with_the_mouse_and_remembered(visit, site):
    page = visit(f"{site}/{PERCEPTRON}.html")
    question = page.locator(".predict").first
    button, reveal = question.get_by_role("button"), page.locator("details").first
    assert button.is_disabled() and reveal.get_attribute("open") is None
    question.get_by_role("radio").nth(1).check()
    button.click()
    assert reveal.get_attribute("open") is not None
    count = page.locator(".predict").count()
    made = f"1 of {count} predictions made"
    assert made in page.locator(".chapter-facts").inner_text()
    page.reload()
    assert question.get_by_role("radio").nth(1).is_checked()
    assert question.get_by_role("radio").first.is_disabled()
    assert made in page.locator(".chapter-facts").inner_text()
    button.click()  # take it back
    assert f"0 of {count}" in page.locator(".chapter-facts").inner_text()
    page.reload()
    assert button.is_disabled()


def test_a_prediction_is_made_with_the_keyboard(visit, site):
    page = visit(f"{site}/{PERCEPTRON}.html")
    question = page.locator(".predict").first
    assert question.get_by_role("group").count() == 1  # a fieldset with its legend
    question.get_by_role("radio").first.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert question.get_by_role("radio").nth(1).is_checked()
    assert page.locator("details").first.get_attribute("open") is not None


def test_without_scripts_the_list_the_fold_and_the_claims_remain(visit, site):
    page = visit(f"{site}/{PERCEPTRON}.html", java_script_enabled=False)
    question = page.locator("blockquote", has_text="Predict.").first
    assert question.locator("li").count() >= 2
    assert page.locator("details summary").first.is_visible()
    assert page.locator(".claim").first.is_visible()
    page = visit(f"{site}/book/ledger.html", java_script_enabled=False)
    assert page.locator("table.claims tbody tr").last.is_visible()


def test_ledger_is_filtered_and_sorted(visit, site):
    page = visit(f"{site}/book/ledger.html")
    rows = page.locator("table.claims tbody tr")
    total = rows.count()
    page.get_by_label("Show claims that contain").fill("novikoff's  bound")
    shown = [row for row in rows.all() if row.is_visible()]
    assert 0 < len(shown) < total
    assert all("novikoff" in row.inner_text().lower() for row in shown)
    status = page.locator(".ledger-filter [role=status]")
    assert status.inner_text() == f"{len(shown)} of {total}"
    page.get_by_label("Show claims that contain").fill("")
    table = page.locator("table.claims").first
    for order in ("ascending", "descending"):
        table.get_by_role("button", name="claim").click()
        head = table.locator("th").first
        assert head.get_attribute("aria-sort") == order
        sentences = table.locator("tbody tr td:first-child").all_inner_texts()
        ends = [sentences[0][0], sentences[-1][0]]
        assert ends == sorted(ends, reverse=order == "descending")
        assert ends[0] != ends[1]
