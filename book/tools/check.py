"""Say in seconds what a chapter still owes, one sentence a line.

    python -m book.tools.check PART/NAME [SECONDS]

It changes nothing. What takes longer, `make test` asks for: that a new run gives the
stored outputs.
"""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

import nbformat
from myst_parser.mdit_to_docutils.base import default_slugify

from book.tools import backends, contract
from book.tools.bench import TABLE, stored
from book.tools.contents import (
    CONTENTS,
    DRAFT,
    chapter_of,
    contents,
    exercises_of,
    is_marked,
)
from book.tools.editions import chapters
from book.tools.exercises import WRONG_ANSWERS
from book.tools.new import LANDING
from book.tools.run import NotebookError, named, read

SECONDS = 30  # for the checks of the exercises
SLOT = re.compile(r"SLOT\b.*")


def problems(chapter: Path, seconds: float = SECONDS) -> Iterator[str]:
    """Yield what a chapter and its exercises still owe, a sentence each."""
    exercises = exercises_of(chapter)
    notebooks = {}
    for path in (chapter, exercises):
        try:
            notebooks[path] = read(path)
        except NotebookError as error:
            yield f"{error}."
    for path, notebook in notebooks.items():
        is_chapter = path == chapter
        rules = contract.chapter_rules(path) if is_chapter else contract.EXERCISE_RULES
        for sentence in kept(notebook, rules):
            yield f"{path.stem}: {sentence}."
        for sentence in broken_links(path, notebook):
            yield f"{path.stem}: {sentence}."
    yield from spread(chapter)
    yield from lint(notebooks)
    yield from places(chapter)
    if exercises in notebooks:
        yield from answers(exercises, seconds)
    for path in [*notebooks, WRONG_ANSWERS / f"{chapter.stem}.toml"]:
        for place, slot in slots(path):
            yield f"{place}: fill in {slot}"
    for path in notebooks:
        if is_marked(path):
            yield (
                f"{path.stem}: last of all, take the tag '{DRAFT}' off the first "
                "cell: from then on the tests ask for all of this."
            )


def kept(notebook: nbformat.NotebookNode, rules: list) -> Iterator[str]:
    """Yield how a notebook breaks rules of the contract."""
    for rule in rules:
        try:
            yield from rule(notebook)
        except SyntaxError as error:
            yield f"a cell is not Python: {error.text or error}".strip()
        except (LookupError, AttributeError, TypeError) as error:
            yield f"the rule {rule.__name__} cannot make sense of it: {error!r}"


def spread(chapter: Path) -> Iterator[str]:
    """Yield how the book, with this chapter, breaks a rule of the whole book."""
    notebooks = []
    for path in sorted({chapter, *chapters()}):
        try:
            notebooks.append(read(path))
        except NotebookError:
            continue  # its own check says so
    for sentence in contract.right_options_are_spread(notebooks):
        yield f"The whole book: {sentence}."


def lint(paths) -> Iterator[str]:
    """Yield what ruff says of notebooks."""
    command = [sys.executable, "-m", "ruff", "check", "--quiet"]
    command += ["--output-format=concise", *paths]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    for line in (result.stdout + result.stderr).splitlines():
        yield f"ruff: {line.removesuffix('.')}."


def broken_links(path: Path, notebook: nbformat.NotebookNode) -> Iterator[str]:
    """Yield the relative links in a notebook's Markdown that lead nowhere."""
    listed = {*contents(), path.with_suffix("").as_posix()}
    for link in re.findall(r"\]\(([^)\s]+)\)", contract.prose(notebook)):
        parts = urlsplit(link)
        if parts.scheme:
            continue
        target = path.parent / unquote(parts.path) if parts.path else path
        try:
            page = target.resolve().relative_to(Path.cwd())
        except ValueError:
            yield f"the link {link} leads out of the book"
            continue
        if not page.is_file():
            yield f"the link {link} leads to no file"
        elif page.with_suffix("").as_posix() not in listed:
            yield f"the link {link} leads to a page that is not in {CONTENTS}"
        elif parts.fragment and unquote(parts.fragment) not in anchors(page):
            yield f"the link {link} leads to no heading of that page"


def anchors(page: Path) -> set[str]:
    """List the anchors of a page's headings, down to the third level."""
    text = page.read_text(encoding="utf-8")
    if page.suffix == ".ipynb":
        cells = read(page).cells
        text = "\n\n".join(c.source for c in cells if c.cell_type == "markdown")
    text = re.sub(r"^```.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE)
    found = set()
    for heading in re.findall(r"^#{1,3} (.+)$", text, flags=re.MULTILINE):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        slug = default_slugify(re.sub(r"[*`]", "", plain))
        number = 1
        while slug in found:
            slug, number = f"{slug}-{number}", number + 1
        found.add(slug)
    return found


def places(chapter: Path) -> Iterator[str]:
    """Yield where else in the book a chapter and its exercises are missing."""
    listed, exercises = contents(), exercises_of(chapter)
    page, below = (p.with_suffix("").as_posix() for p in (chapter, exercises))
    if listed.count(page) != 1:
        yield f"{CONTENTS}: '{page}' stands there {listed.count(page)} times, not once."
    elif below not in listed or listed.index(below) != listed.index(page) + 1:
        yield f"{CONTENTS}: '{below}' does not stand below its chapter."
    lines = LANDING.read_text(encoding="utf-8").splitlines()
    links = [line for line in lines if f"](../{chapter.as_posix()})" in line]
    if not links:
        yield f"{LANDING}: no line leads to {chapter}."
    for slot in SLOT.findall("\n".join(links)):
        yield f"{LANDING}: fill in {slot}"
    if chapter.exists() and f"]({exercises.name})" not in chapter.read_text("utf-8"):
        yield f"{chapter.stem}: no link leads to {exercises.name}."
    name = contract.name(chapter)
    if name not in stored():
        yield f"{TABLE}: {name} has no row: make bench NB={name} measures it."
    row = backends.stored().get(name, {})
    for backend, column in backends.BACKENDS.items():
        if not row.get(column):
            yield (
                f"{backends.TABLE}: {name} has no word on {column}: "
                f"make test-backend BACKEND={backend} NB={name} finds it."
            )


def answers(exercises: Path, seconds: float) -> Iterator[str]:
    """Yield what is wrong with answers and checks, as far as time allows."""
    command = [sys.executable, "-m", "book.tools.exercises", exercises]
    try:
        result = subprocess.run(
            command, capture_output=True, text=True, timeout=seconds, check=False
        )
        output = result.stdout
        if result.returncode:
            output += f"the checks cannot be run: {result.stderr.splitlines()[-1]}\n"
    except subprocess.TimeoutExpired as error:
        output = (error.stdout or b"").decode()
        print(
            f"The exercises were tried for {seconds:.0f} s only: more with "
            f"make check NB={contract.name(chapter_of(exercises))} LIMIT=600.",
            file=sys.stderr,
        )
    for line in output.splitlines():
        yield f"{exercises.stem}: {line}"


def slots(path: Path) -> Iterator[tuple[str, str]]:
    """Yield each slot of a file that is not filled in yet, as (where, what)."""
    if path.suffix != ".ipynb":
        if path.exists():
            for slot in SLOT.findall(path.read_text(encoding="utf-8")):
                yield str(path), slot
        return
    for cell in read(path).cells:
        alt = cell.metadata.get("mystnb", {}).get("image", {}).get("alt", "")
        for slot in SLOT.findall(f"{cell.source}\n{alt}"):
            yield f"{path.stem}: {cell.id}", slot


def main(arguments: list[str]) -> None:
    """Print what a chapter owes; the exit status says whether it owes anything."""
    text, seconds = [*arguments, "", ""][:2]
    if not text:
        sys.exit("Name a chapter: NB=part/name.")
    chapter = chapter_of(named(text))
    if not chapter.is_file():
        sys.exit(f"{chapter}: there is no such chapter. Name one: NB=part/name.")
    owed = False
    for sentence in problems(chapter, float(seconds or SECONDS)):
        print(sentence, flush=True)
        owed = True
    if not owed:
        print(f"{chapter} and its exercises owe nothing.", file=sys.stderr)
    sys.exit(owed)


if __name__ == "__main__":
    main(sys.argv[1:])
