"""The built site in Chromium, as readers meet it: `make test-browser`.

Pages come from a server on this machine that compresses, as web servers do.
"""

import base64
import gzip
import mimetypes
import os
import re
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path
from urllib.parse import unquote, urlsplit

import nbformat
import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import sync_playwright
from pypdf import PdfReader
from scipy.ndimage import zoom
from scipy.signal import correlate2d
from small_book import ANSWER, FOLD_NAME, PAGE, build_small_book

import nnbook
from book.tools import publish
from book.tools.build import SITE
from book.tools.contents import contents, listed_drafts
from book.tools.editions import chapters, masters
from book.tools.pdf import chromium, print_pages, serving
from book.tools.run import NOTEBOOKS
from nnbook import data
from nnbook.live import MIME_TYPE as WEIGHTS

ROOT = Path(__file__).parents[1]
SCREENSHOTS = ROOT / "_build/screenshots"
PAGES = [*contents(), "genindex", "search"]
PERCEPTRON = "notebooks/foundations/perceptron"
CNN = "notebooks/vision/cnn"
# A page of each kind; a live figure, recorded benchmarks and folds are among them.
KINDS = ["book/index", "book/using", "book/glossary", "book/ledger", "genindex"]
KINDS += ["search", PERCEPTRON, CNN, f"{CNN}_exercises"]
SAMPLE = PAGES if os.environ.get("PAGES") == "all" else KINDS
DESKTOP, PHONE = 1280, 390  # pixels
LANDING_KILOBYTES, PAGE_KILOBYTES, FIRST_PAINT = 400, 1000, 1000  # the last in ms


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
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium(), args=["--no-sandbox", "--disable-gpu"]
        )
        yield browser
        browser.close()


@pytest.fixture
def visit(browser):
    """Return a function that opens a page and watches it; at the end all was well."""
    problems, contexts = [], []

    def open_page(url, width=DESKTOP, mode="light", **options):
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


@pytest.mark.parametrize("name", PAGES)
def test_page_is_accessible_light_and_never_cut_off(visit, site, name, record_property):
    page = visit(f"{site}/{name}.html")
    results = Axe().run(page, options={"preload": False})
    assert results.violations_count == 0, results.generate_report()
    index = page.locator("script[src*=searchindex]")
    assert index.count() == (name == "search")
    if name in contents():
        weight, largest = weigh(page)
        limit = LANDING_KILOBYTES if name == contents()[0] else PAGE_KILOBYTES
        assert weight < limit, f"{weight} kB, the largest: {largest}"
        record_property(name, f"{weight} kB, the largest: {largest}")
    page.set_viewport_size({"width": PHONE, "height": 900})
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE
    if name not in contents():
        return  # the index and the search are the theme's
    page.set_viewport_size({"width": DESKTOP, "height": 900})
    page.locator("details").evaluate_all("all => all.forEach(one => one.open = true)")
    cut = page.locator("pre, .text_html, .pst-scrollable-table-container").evaluate_all(
        """all => all.filter((one) => one.scrollWidth > one.clientWidth)
                  .map((one) => one.innerText)"""
    )
    assert cut == []


def weigh(page):
    """Return what a page and all it loads weigh in kB, and the largest files."""
    files = page.evaluate(
        """() => [...performance.getEntriesByType("navigation"),
                  ...performance.getEntriesByType("resource")]
            .map((file) => [Math.round(file.transferSize / 1000), file.name])"""
    )
    largest = sorted(files, reverse=True)[:3]
    return (
        sum(size for size, _ in files),
        ", ".join(f"{size} {Path(file).name}" for size, file in largest),
    )


@pytest.mark.parametrize("name", SAMPLE)
def test_page_is_quick_and_readable_in_the_dark(visit, site, name, record_property):
    """What takes long, on a page of each kind; `make test-browser PAGES=all` on all."""
    page = visit(f"{site}/{name}.html")
    paint = min(first_paint(page) for _ in range(3))
    record_property(name, f"first paint after {paint:.0f} ms")
    assert paint < FIRST_PAINT
    photograph(page, f"{Path(name).name}-light")
    page.set_viewport_size({"width": PHONE, "height": 900})
    photograph(page, f"{Path(name).name}-phone")
    page = visit(f"{site}/{name}.html", mode="dark")
    options = {"preload": False, "runOnly": ["color-contrast", "link-in-text-block"]}
    results = Axe().run(page, options=options)  # only the colours differ
    assert results.violations_count == 0, results.generate_report()
    photograph(page, f"{Path(name).name}-dark")


def photograph(page, name):
    """Store a picture of the whole page, for somebody to look at."""
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"{name}.jpeg", full_page=True)


def first_paint(page):
    """Load the page again; return milliseconds until something is seen."""
    page.reload(wait_until="load")
    page.wait_for_function("performance.getEntriesByType('paint').length > 0")
    return page.evaluate("performance.getEntriesByType('paint')[0].startTime")


@pytest.mark.parametrize("name", ["book/index", CNN])
def test_figures_stay_white_and_tables_dark_on_a_dark_page(visit, site, name):
    page = visit(f"{site}/{name}.html", mode="dark")
    looks = page.locator("article :is(.cell_output, .sd-card) img").evaluate_all(
        """all => all.map((image) => getComputedStyle(image))
                  .map((style) => [style.backgroundColor, style.filter])"""
    )
    assert looks
    assert all(look == ["rgb(255, 255, 255)", "none"] for look in looks)
    behind = page.locator(".text_html:not(.claim)").evaluate_all(
        "all => all.map((table) => getComputedStyle(table).backgroundColor)"
    )
    assert set(behind) <= {"rgba(0, 0, 0, 0)"}  # the page's own


@pytest.mark.parametrize("name", ["book/index", PERCEPTRON, CNN, "book/ledger"])
def test_page_opens_from_a_file(visit, name):
    page = visit((ROOT / SITE / f"{name}.html").as_uri())
    assert page.locator("article h1").inner_text().strip("#\n")
    assert all(figure.is_visible() for figure in page.locator(".live").all())


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


REVEAL = "article details:not(.code-fold)"


def test_a_prediction_is_made_with_the_mouse_and_remembered(visit, site):
    page = visit(f"{site}/{PERCEPTRON}.html")
    question = page.locator(".predict").first
    button, reveal = (
        question.get_by_role("button"),
        page.locator(REVEAL).first,
    )
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
    assert page.locator(REVEAL).first.get_attribute("open") is not None


def test_without_scripts_the_list_the_fold_and_the_claims_remain(visit, site):
    page = visit(f"{site}/{PERCEPTRON}.html", java_script_enabled=False)
    question = page.locator("blockquote", has_text="Predict.").first
    assert question.locator("li").count() >= 2
    assert page.locator("article details summary").first.is_visible()
    assert page.locator(".claim").first.is_visible()
    page = visit(f"{site}/book/ledger.html", java_script_enabled=False)
    assert page.locator("table.claims tbody tr").last.is_visible()


def test_ledger_is_filtered_and_sorted(visit, site):
    page = visit(f"{site}/book/ledger.html")
    rows = page.locator("table:is(.claims, .checks) tbody tr")
    total = rows.count()
    page.get_by_label("Show claims and checks that contain").fill("keras'  perceptron")
    shown = [row for row in rows.all() if row.is_visible()]
    assert 0 < len(shown) < total
    assert all("perceptron" in row.inner_text().lower() for row in shown)
    status = page.locator(".ledger-filter [role=status]")
    assert status.inner_text() == f"{len(shown)} of {total}"
    page.get_by_label("Show claims and checks that contain").fill("")
    sort_by_sentence(page.locator("table.claims").first, "claim")


def sort_by_sentence(table, name):
    """Sort a table of the ledger by its first column, up and down."""
    for order in ("ascending", "descending"):
        table.get_by_role("button", name=name).click()
        head = table.locator("th").first
        assert head.get_attribute("aria-sort") == order
        sentences = table.locator("tbody tr td:first-child").all_inner_texts()
        ends = [sentences[0][0], sentences[-1][0]]
        assert ends == sorted(ends, reverse=order == "descending")
        assert ends[0] != ends[1]


@pytest.fixture(scope="module")
def small_site(tmp_path_factory):
    return build_small_book(tmp_path_factory.mktemp("small"))


@pytest.fixture(scope="module")
def small(small_site):
    with serving(small_site) as address:
        yield address


def test_checks_are_filtered_and_sorted_in_their_own_table(visit, small):
    page = visit(f"{small}/book/ledger.html")
    words = page.get_by_label("Show claims and checks that contain")
    status = page.locator(".ledger-filter [role=status]")
    claims, checks = (page.locator(f"table.{name}") for name in ("claims", "checks"))
    words.fill("library")
    assert status.inner_text() == "1 of 4"
    assert [row.is_visible() for row in checks.locator("tbody tr").all()] == [0, 1]
    assert not claims.is_visible()
    words.fill("zeal")
    assert status.inner_text() == "1 of 4"
    assert claims.is_visible()
    assert not page.get_by_role("heading", name="Checks").is_visible()
    words.fill("")
    sort_by_sentence(checks, "check")
    sort_by_sentence(claims, "claim")
    page.get_by_role("link", name="a table of their own").click()
    assert page.evaluate("location.hash") == "#checks"
    checks.get_by_role("link", name="Ours equals").click()
    page.wait_for_url("**/lesson.html#check-2")
    assert page.locator("#check-2:target").is_visible()


@pytest.mark.parametrize("width", [DESKTOP, PHONE])
@pytest.mark.parametrize("mode", ["light", "dark"])
@pytest.mark.parametrize("name", [PAGE, "book/ledger"])
def test_small_book_is_accessible_folded_and_open(visit, small, name, mode, width):
    page = visit(f"{small}/{name}.html", mode=mode, width=width)
    for state in ("folded", "open"):
        results = Axe().run(page, options={"preload": False})
        assert results.violations_count == 0, results.generate_report()
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        photograph(page, f"small-{Path(name).name}-{mode}-{width}-{state}")
        page.locator("details").evaluate_all("all => all.map((one) => one.open = true)")


def folded(page):
    """Return the fold's summary, and the code it hides."""
    return page.locator(".code-fold > summary"), page.get_by_text("hidden_machinery")


@pytest.mark.parametrize("width", [DESKTOP, PHONE])
@pytest.mark.parametrize("mode", ["light", "dark"])
def test_a_fold_opens_with_the_mouse(visit, small, mode, width):
    summary, code = folded(visit(f"{small}/{PAGE}.html", mode=mode, width=width))
    assert summary.inner_text() == FOLD_NAME
    for shown in (False, True, False):
        assert code.is_visible() == shown
        summary.click()


def test_a_fold_opens_with_the_keyboard_and_says_what_it_holds(visit, small):
    page = visit(f"{small}/{PAGE}.html")
    summary, code = folded(page)
    tree = page.context.new_cdp_session(page).send("Accessibility.getFullAXTree")
    assert FOLD_NAME in [
        node["name"]["value"]
        for node in tree["nodes"]
        if node["role"]["value"].startswith("DisclosureTriangle")
    ]
    for _ in range(100):
        page.keyboard.press("Tab")
        if summary.evaluate("(node) => node === document.activeElement"):
            break
    for key in ("Enter", "Enter", "Space"):
        before = code.is_visible()
        page.keyboard.press(key)
        assert code.is_visible() != before
    style = summary.evaluate("(node) => getComputedStyle(node).outlineStyle")
    assert style != "none"


@pytest.mark.parametrize("scripts", [True, False])
def test_a_fold_opens_from_a_file(visit, small_site, scripts):
    address = (small_site / f"{PAGE}.html").as_uri()
    summary, code = folded(visit(address, java_script_enabled=scripts))
    assert not code.is_visible()
    summary.click()
    assert code.is_visible()


def test_a_check_is_a_line_without_a_card(visit, small):
    page = visit(f"{small}/{PAGE}.html")
    sizes = {}
    for name in ("claim", "check"):
        box = page.locator(f"#{name}-1")
        border, background, size = box.evaluate(
            """(node) => ["borderLeftWidth", "backgroundColor", "fontSize"]
                .map((name) => getComputedStyle(node)[name])"""
        )
        quiet = (border, background) == ("0px", "rgba(0, 0, 0, 0)")
        assert quiet == (name == "check")
        sizes[name] = float(size.removesuffix("px"))
    assert sizes["check"] < sizes["claim"]


def test_folds_are_printed_closed_and_answers_open(small_site):
    with ThreadPoolExecutor() as apart:  # from the browser of the other tests
        (sheets,) = apart.submit(print_pages, small_site, [PAGE]).result().values()
    text = " ".join(page.extract_text() for page in PdfReader(BytesIO(sheets)).pages)
    assert FOLD_NAME in text and ANSWER in text and "plain = 1" in text
    assert "hidden_machinery" not in text


def live(page, name):
    """Return a live figure and what it says."""
    figure = page.locator(f"#live-{name}")
    return figure, figure.locator("[role=status]")


def test_live_perceptron_makes_the_chapters_mistakes(visit, site):
    """Its mistakes are those of the rule in NumPy, on the same points."""
    X, y, _ = data.separable(60, margin=0.05, seed=12)
    w, mistakes, learned = np.zeros(2), 0, False
    while not learned:
        learned = True
        for point, label in zip(X, y, strict=True):
            if label * (w @ point) <= 0:
                w, mistakes, learned = w + label * point, mistakes + 1, False
    figure, status = live(
        visit(f"{site}/{PERCEPTRON}.html", reduced_motion="reduce"), "perceptron"
    )
    figure.get_by_role("button", name="Next mistake").click()
    assert status.inner_text().startswith("1 mistake made")
    figure.get_by_role("button", name="Run").click()
    text = status.inner_text()
    assert text.startswith(f"{mistakes} mistakes made, 0 of 60 points wrong. Learned.")
    allowed = int(re.search(r"Novikoff allows (\d+)", text)[1])
    R = np.linalg.norm(X, axis=1).max()
    directions = np.linspace(0, 2 * np.pi, 100_001)
    units = np.stack([np.cos(directions), np.sin(directions)])
    widest = np.min(y[:, None] * (X @ units), axis=0).max()
    assert abs(allowed - (R / widest) ** 2) < 1 + 1e-3 * allowed


def test_live_perceptron_is_dragged_and_moved_by_keys(visit, site):
    page = visit(f"{site}/{PERCEPTRON}.html", reduced_motion="reduce")
    figure, status = live(page, "perceptron")
    circle = figure.locator("svg [role=button][aria-label*=circle]").first
    square = figure.locator("svg [role=button][aria-label*=square]").first
    before = circle.get_attribute("aria-label")
    circle.focus()
    page.keyboard.press("ArrowUp")
    assert circle.get_attribute("aria-label") != before
    # A circle on top of a square: no line separates them, and it never ends.
    circle.scroll_into_view_if_needed()
    start, end = circle.bounding_box(), square.bounding_box()
    page.mouse.move(start["x"] + start["width"] / 2, start["y"] + start["height"] / 2)
    page.mouse.down()
    page.mouse.move(end["x"] + end["width"] / 2, end["y"] + end["height"] / 2, steps=5)
    page.mouse.up()
    assert "No line through the centre" in status.inner_text()
    figure.get_by_role("button", name="Run").click()
    assert status.inner_text().startswith("1000 mistakes made")
    figure.get_by_role("button", name="The chapter's points").click()
    assert status.inner_text().startswith("0 mistakes made")
    assert circle.get_attribute("aria-label") == before


def test_live_perceptron_moves_only_for_those_who_like_it(visit, site):
    figure, status = live(visit(f"{site}/{PERCEPTRON}.html"), "perceptron")
    figure.get_by_role("button", name="Run").click()
    assert "Learned" not in status.inner_text()  # one mistake after the other
    figure.get_by_text("Learned").wait_for()


def test_live_kernel_gives_the_correlation(visit, site):
    page = visit(f"{site}/{CNN}.html")
    figure, status = live(page, "kernel")
    image, _ = data.glyphs("R", 1, seed=0, shift=3)
    image = (9 * image[0]).round()

    def answers():
        return np.array(figure.evaluate("(figure) => figure.answers()"))

    edge = np.array([[-1, 0, 1]] * 3)
    np.testing.assert_allclose(answers(), correlate2d(image, edge, "valid"))
    figure.get_by_label("Start from").select_option("outline")
    figure.get_by_label("Weight in row 2, column 3").fill("0.5")
    outline = np.array([[-1, -1, -1], [-1, 8, 0.5], [-1, -1, -1]])
    np.testing.assert_allclose(answers(), correlate2d(image, outline, "valid"))
    figure.locator("canvas").last.focus()
    before = status.inner_text()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    assert status.inner_text() != before


@pytest.fixture(scope="module")
def pocket():
    """Rebuild the chapter's network with the weights that it left."""
    notebook = nbformat.read(ROOT / f"{CNN}.ipynb", as_version=4)
    cells = {cell.id: cell for cell in notebook.cells}
    nnbook.setup()
    import keras
    from keras import layers

    chapter = {"keras": keras, "layers": layers}
    exec(cells["pocket-network"].source, chapter)  # noqa: S102 (the book's own code)
    model = chapter["pocket_network"]()
    (published,) = [
        output.data[WEIGHTS]
        for output in cells["pocket"].outputs
        if WEIGHTS in output.get("data", {})
    ]
    weights = [
        np.frombuffer(base64.b64decode(array["float32"]), "<f4").reshape(array["shape"])
        for array in published
    ]
    assert sum(weight.nbytes for weight in weights) < 100_000
    model.set_weights(weights)
    return model


def test_live_digit_reads_as_keras_does(visit, site, pocket, record_property):
    figure, _ = live(visit(f"{site}/{CNN}.html"), "digit")
    if "NNBOOK_DATA" in os.environ:  # MNIST's own test digits
        _, (images, labels) = data.mnist()
        images, labels = images[:1000] / 255, labels[:1000]
    else:
        _, small, _, labels = data.digits(seed=0)
        images = np.zeros((len(small), 28, 28))
        images[:, 4:24, 4:24] = zoom(small.reshape(-1, 8, 8), (1, 2.5, 2.5), order=1)
    images = images[..., None].astype("float32")
    theirs = np.array(pocket(images, training=False))  # no random translation
    ours = figure.evaluate(
        "(figure, images) =>"
        " images.map((image) => figure.scores(Float32Array.from(image)))",
        images.reshape(-1, 784).tolist(),
    )
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-4)
    read = np.mean(theirs.argmax(axis=1) == labels)
    record_property("live digit", f"reads {read:.3f} of {len(labels)}")
    assert read > (0.97 if "NNBOOK_DATA" in os.environ else 0.6)


def test_live_digit_is_drawn(visit, site):
    page = visit(f"{site}/{CNN}.html")
    figure, status = live(page, "digit")
    figure.get_by_role("button", name="Clear").click()
    assert status.inner_text() == "The sheet is empty."
    sheet = figure.locator("canvas").first
    sheet.scroll_into_view_if_needed()
    box = sheet.bounding_box()

    def go(x, y, **options):
        page.mouse.move(
            box["x"] + x * box["width"], box["y"] + y * box["height"], **options
        )

    # A seven, small and in the corner, with the mouse.
    go(0.05, 0.1)
    page.mouse.down()
    go(0.3, 0.1, steps=5)
    go(0.15, 0.5, steps=8)
    page.mouse.up()
    assert status.inner_text() == "The network reads 7."
    centred = np.array(figure.evaluate("(figure) => [...figure.image()]"))
    figure.get_by_role("checkbox").uncheck()
    there = np.array(figure.evaluate("(figure) => [...figure.image()]"))
    rows, columns = np.nonzero(there.reshape(28, 28) > 0.5)
    assert rows.max() < 16 and columns.max() < 10  # where it was drawn
    rows, columns = np.nonzero(centred.reshape(28, 28) > 0.5)
    assert 18 <= np.ptp(rows) + 1 <= 20  # as high as MNIST's
    mass = centred.reshape(28, 28)
    middle = (mass.sum(axis=1) @ (np.arange(28) + 0.5)) / mass.sum()
    assert abs(middle - 14) < 0.2
    # A one, with the keys.
    figure.get_by_role("checkbox").check()
    figure.get_by_role("button", name="Clear").click()
    sheet.focus()
    for key in (" ", *["ArrowDown"] * 14, " "):
        page.keyboard.press(key)
    assert status.inner_text() == "The network reads 1."


@pytest.mark.parametrize("name", [PERCEPTRON, CNN])
def test_without_scripts_no_live_figure_is_in_the_way(visit, site, name):
    page = visit(f"{site}/{name}.html", java_script_enabled=False)
    assert page.locator(".live").count()
    assert not any(figure.is_visible() for figure in page.locator(".live").all())


def test_search_finds_chrono(visit, site):
    page = visit(f"{site}/search.html?q=chrono")
    page.locator("#search-results li a").first.wait_for()
    assert "LSTM" in page.locator("#search-results").inner_text()


@pytest.mark.parametrize("name", ["book/index", PERCEPTRON, CNN, "book/ledger"])
def test_focus_reaches_everything_and_is_seen(visit, site, name):
    """Tab visits each control once around, and each shows that it has the focus."""
    page = visit(f"{site}/{name}.html")
    wanted = page.evaluate(
        """() => [...document.querySelectorAll(
                "article a[href], article button, article input, article select," +
                "article summary, article [tabindex='0']")]
            .filter((node) => node.checkVisibility({ visibilityProperty: true }) && !node.disabled &&
                node.tabIndex >= 0 && node.type !== "radio")
            .map((node, i) => (node.dataset.wanted = i)).length"""
    )
    reached, hidden = set(), []
    page.evaluate("document.activeElement.blur()")
    for _ in range(wanted + 200):
        page.keyboard.press("Tab")
        number, seen, text = page.evaluate(
            """() => {
                const node = document.activeElement;
                const style = getComputedStyle(node);
                const seen = style.outlineStyle !== "none" || style.boxShadow !== "none";
                return [node.dataset.wanted, seen, node.outerHTML.slice(0, 100)];
            }"""
        )
        if number is not None:
            reached.add(number)
            if not seen:
                hidden.append(text)
        if len(reached) == wanted:
            break
    missed = page.evaluate(
        """(reached) => [...document.querySelectorAll("[data-wanted]")]
            .filter((node) => !reached.includes(node.dataset.wanted))
            .map((node) => node.outerHTML.slice(0, 100))""",
        list(reached),
    )
    assert (missed, hidden) == ([], [])


def test_nothing_moves_for_those_who_asked_for_rest(visit, site):
    page = visit(f"{site}/{PERCEPTRON}.html", reduced_motion="reduce")
    moving = page.evaluate(
        """() => [...document.querySelectorAll("*")].filter((node) => {
            const style = getComputedStyle(node);
            const seconds = [style.transitionDuration, style.animationDuration]
                .flatMap((times) => times.split(","))
                .map((time) => parseFloat(time) * (time.endsWith("ms") ? 0.001 : 1));
            return Math.max(...seconds) > 0.01;
        }).map((node) => node.outerHTML.slice(0, 100))"""
    )
    assert moving == []
    assert page.evaluate(
        "getComputedStyle(document.documentElement).scrollBehavior"
    ) == ("auto")


@pytest.mark.skipif(bool(listed_drafts()), reason="drafts are not published")
def test_published_site(record_property):
    """One test, since the site to publish is built once."""
    command = [sys.executable, "-m", "book.tools.publish", "--repository=ada/networks"]
    subprocess.run(command, cwd=ROOT, check=True)
    published = ROOT / publish.SITE
    check_that_chapters_open_in_colab(published)
    check_that_nothing_else_differs(published)
    record_property("PDF", f"{check_the_pdf(published)} pages")


def check_that_chapters_open_in_colab(published):
    for path in [*chapters(), *masters()]:
        name = path.relative_to(NOTEBOOKS).with_suffix("")
        text = (published / "notebooks" / f"{name}.html").read_text(encoding="utf-8")
        links = re.findall(
            r'href="https://colab.research.google.com/github/ada/networks/blob/gh-pages/'
            r'([^"]*)"',
            text,
        )
        assert links == [f"colab/{name}.ipynb"]
        edition = nbformat.read(published / links[0], as_version=4)
        url = re.search(
            r"https://ada.github.io/networks/(wheels/[\w.-]+whl)", str(edition)
        )[1]
        assert (published / url).is_file()


def check_that_nothing_else_differs(published):
    """The book on this machine leads to no address that was not given."""
    for path in sorted((ROOT / SITE).rglob("*.html")):
        text = path.read_text(encoding="utf-8")
        assert "colab.research.google.com/github" not in text, path
        assert "ada.github.io" not in text, path
    assert (published / ".nojekyll").is_file()
    assert {path.name for path in (ROOT / SITE).rglob("*.html")} == {
        path.name for path in published.rglob("*.html")
    }


def check_the_pdf(published):
    landing = (published / "book/index.html").read_text(encoding="utf-8")
    assert 'href="../neural-networks-executed.pdf"' in landing
    reader = PdfReader(published / publish.PDF)
    assert len(reader.outline) == len(contents())
    starts = [reader.get_destination_page_number(entry) for entry in reader.outline]
    assert starts == sorted(set(starts)) and starts[0] == 0
    chapter = contents().index(PERCEPTRON)
    first = reader.pages[starts[chapter]].extract_text()
    assert "perceptron tells two classes apart" in " ".join(first.split())
    text = " ".join(
        page.extract_text()
        for page in reader.pages[starts[chapter] : starts[chapter + 1]]
    )
    assert "the last few mistakes decide which weights we keep" in " ".join(
        text.split()
    )
    assert "The fourth. That good weights exist does not mean" in " ".join(
        text.split()
    )  # unfolded
    inner = 0
    for page in reader.pages:
        for entry in page.get("/Annots", []):
            link = entry.get_object()
            assert "127.0.0.1" not in str(link.get("/A"))
            inner += "/Dest" in link
    assert inner > len(contents())
    return len(reader.pages)
