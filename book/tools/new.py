"""Begin a chapter from the template.

    python -m book.tools.new PART/NAME "A title"

Writes both notebooks and the file of wrong answers, and a line each into the table
of contents and onto the landing page. The chapter is a draft. What its author has
to fill in is marked SLOT, which `book.tools.check` lists.
"""

import re
import sys
from pathlib import Path

import yaml

from book.tools.contents import CONTENTS, EXERCISES, exercises_of
from book.tools.exercises import WRONG_ANSWERS
from book.tools.run import NOTEBOOKS, NotebookError, named, read, write

TEMPLATE = Path(__file__).with_name("template")
LANDING = Path("book/index.md")
REFERENCE = "  - caption: Reference\n"  # new parts stand before this one
ROMAN = ["I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII"]


def new(text: str, title: str) -> list[Path]:
    """Write a chapter's first files; return what was written or changed.

    Args:
        text: the chapter's name, PART/NAME.
        title: its title.

    Raises:
        NotebookError: the name or the title will not do. Nothing is written.
    """
    chapter = named(text)
    part, name = chapter.parent.name, chapter.stem
    slug = r"[a-z][a-z0-9]*(_[a-z0-9]+)*"
    if chapter.parent.parent != NOTEBOOKS or not (
        re.fullmatch(slug, part) and re.fullmatch(slug, name)
    ):
        raise NotebookError(
            f"'{text}' is not a name for a chapter. Write NB=part/name, such as "
            "NB=vision/cnn: small letters, digits, and single underscores"
        )
    if name.endswith(EXERCISES):
        raise NotebookError(f"{name}: a name that ends in {EXERCISES} is for exercises")
    if not title.strip() or re.search(r"[\[\]\n`]", title):
        raise NotebookError(
            'Give the chapter a title: make new NB=part/name TITLE="A title", '
            "without brackets and backticks"
        )
    wrong = WRONG_ANSWERS / f"{name}.toml"
    taken = [
        path
        for path in [*NOTEBOOKS.rglob("*.ipynb"), wrong]
        if path.exists() and path.stem in (name, f"{name}{EXERCISES}")
    ]
    for path in sorted(taken):
        raise NotebookError(f"{path} exists already: choose another name")

    listed, landing = with_contents(part, name), with_landing(part, name, title.strip())
    fill = {"{{TITLE}}": title.strip(), "{{NAME}}": name}
    chapter.parent.mkdir(parents=True, exist_ok=True)
    for template, path in (("chapter", chapter), ("exercises", exercises_of(chapter))):
        notebook = read(TEMPLATE / f"{template}.ipynb")
        for cell in notebook.cells:
            for placeholder, value in fill.items():
                cell.source = cell.source.replace(placeholder, value)
        write(notebook, path)
    wrong.write_bytes((TEMPLATE / "wrong_answers.toml").read_bytes())
    CONTENTS.write_text(listed, encoding="utf-8")
    LANDING.write_text(landing, encoding="utf-8")
    return [chapter, exercises_of(chapter), wrong, CONTENTS, LANDING]


def parts() -> list[str]:
    """List the captions of the numbered parts."""
    book = yaml.safe_load(CONTENTS.read_text(encoding="utf-8"))
    return [part["caption"] for part in book["parts"] if part.get("numbered")]


def caption(part: str) -> str:
    """Write the caption of a new part, to be changed at will."""
    return f"{ROMAN[len(parts())]}. {part.replace('_', ' ').capitalize()}"


def with_contents(part: str, name: str) -> str:
    """Return the table of contents with a chapter at the end of its part."""
    lines = CONTENTS.read_text(encoding="utf-8").splitlines(keepends=True)
    page = f"{NOTEBOOKS}/{part}/{name}"
    entry = [
        f"      - file: {page}\n",
        "        sections:\n",
        f"          - file: {page}{EXERCISES}\n",
    ]
    place = after_last(lines, f"file: {NOTEBOOKS}/{part}/")
    if place is None:
        place = lines.index(REFERENCE)
        entry = [
            f"  - caption: {caption(part)}\n",
            "    numbered: 1\n",
            "    chapters:\n",
            *entry,
        ]
    return "".join([*lines[:place], *entry, *lines[place:]])


def with_landing(part: str, name: str, title: str) -> str:
    """Return the landing page with a chapter at the end of its part."""
    lines = LANDING.read_text(encoding="utf-8").splitlines(keepends=True)
    link = f"../{NOTEBOOKS}/{part}/{name}.ipynb"
    entry = [f"- [{title}]({link}): SLOT: what it shows, in one line.\n"]
    place = after_last(lines, f"](../{NOTEBOOKS}/{part}/", start="- [")
    if place is None:
        grid = lines.index("## The parts\n")
        place = lines.index("::::\n", grid)
        entry = [f":::{{grid-item-card}} {caption(part)}\n", *entry, ":::\n", "\n"]
    return "".join([*lines[:place], *entry, *lines[place:]])


def after_last(lines: list[str], text: str, start: str = "") -> int | None:
    """Return the place behind the last line that holds a text, or None."""
    found = [
        number
        for number, line in enumerate(lines)
        if text in line and line.startswith(start)
    ]
    return found[-1] + 1 if found else None


def main(arguments: list[str]) -> None:
    """Begin a chapter, and say what comes next."""
    text, title = [*arguments, "", ""][:2]
    for path in new(text, title):
        print(path)
    name = text.removeprefix(f"{NOTEBOOKS}/").removesuffix(".ipynb")
    print(f"Next: fill the slots, make run NB={name}, make check NB={name}.")
    print("CONTRIBUTING.md has the rules, and a small example of each kind of cell.")


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except NotebookError as error:
        sys.exit(f"{error}.")
