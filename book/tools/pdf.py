"""Print the built site, page by page, into one PDF.

The browser prints what it shows under the style sheet's `@media print`. Answers and
solutions are unfolded, the machinery in cells tagged `hide-input` is not. Links
between pages become links within the file, and chapters bookmarks.
"""

import contextlib
import functools
import io
import shutil
import sys
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import sync_playwright
from pypdf import PdfReader, PdfWriter
from pypdf.generic import ArrayObject, NameObject
from rich.progress import track

from book.tools.contents import contents

CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        """Say nothing."""


@contextlib.contextmanager
def serving(folder: Path) -> Iterator[str]:
    """Serve a folder on this machine; the address is without a slash at the end."""
    handler = functools.partial(_Quiet, directory=folder)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def chromium() -> str:
    """Return the path of Chromium or Chrome.

    Raises:
        SystemExit: there is none.
    """
    path = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if not path:
        sys.exit("There is no Chromium: install it (on Debian: apt install chromium).")
    return path


def print_pages(site: Path, names: list[str]) -> dict[str, bytes]:
    """Print pages of a built site.

    Args:
        site: its folder.
        names: the pages, without suffixes.
    """
    printed = {}
    with serving(site) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium(), args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page(color_scheme="light")
        for name in track(names, "Printing"):
            page.goto(f"{address}/{name}.html", wait_until="networkidle")
            page.evaluate(
                """async () => {
                    document.querySelectorAll("details:not(.code-fold)")
                        .forEach((fold) => (fold.open = true));
                    await window.MathJax?.startup?.promise;
                }"""
            )
            printed[name] = page.pdf(
                format="A4",
                print_background=True,
                margin=dict.fromkeys(("top", "bottom", "left", "right"), "18mm"),
            )
        browser.close()
    return printed


def bind(printed: dict[str, bytes]) -> PdfWriter:
    """Bind printed pages into one file, with bookmarks and inner links."""
    book, starts = PdfWriter(), {}
    for name, sheets in printed.items():
        reader = PdfReader(io.BytesIO(sheets))
        starts[f"/{name}.html"] = len(book.pages)
        title = reader.metadata.title.partition(" — ")[0]
        book.append(reader, outline_item=title, import_outline=False)
    for page in book.pages:
        for entry in page.get("/Annots", []):
            link = entry.get_object()
            address = urlsplit(link.get("/A", {}).get("/URI", ""))
            if address.hostname == "127.0.0.1":
                # Within a page the browser has set the links itself; others lead
                # to a page's start.
                del link["/A"]
                if address.path in starts:
                    first = book.pages[starts[address.path]].indirect_reference
                    link[NameObject("/Dest")] = ArrayObject([first, NameObject("/Fit")])
    return book


def print_book(site: Path, path: Path) -> None:
    """Print the whole book, in the order of its contents, into a file."""
    book = bind(print_pages(site, contents()))
    book.add_metadata({"/Title": "Neural Networks, Executed"})
    book.write(path)
