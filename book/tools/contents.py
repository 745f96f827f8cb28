"""Say what stands in the book, and which notebooks are drafts.

    python -m book.tools.contents

names the drafts in one line, or says nothing when there are none.
"""

import json
from pathlib import Path

import yaml

CONTENTS, NOTEBOOKS = Path("book/_toc.yml"), Path("notebooks")
EXERCISES = "_exercises"  # how the name of an exercise notebook ends
DRAFT = "draft"  # the tag on a draft's first cell


def contents() -> list[str]:
    """List the pages of the table of contents, in order, without suffixes."""

    def pages(node):
        if isinstance(node, list):
            for child in node:
                yield from pages(child)
        elif isinstance(node, dict):
            for key, child in node.items():
                if key in ("root", "file"):
                    yield str(child)
                else:
                    yield from pages(child)

    return list(pages(yaml.safe_load(CONTENTS.read_text(encoding="utf-8"))))


def exercises_of(chapter: Path) -> Path:
    """Return the path of a chapter's exercise notebook."""
    return chapter.with_name(f"{chapter.stem}{EXERCISES}.ipynb")


def chapter_of(path: Path) -> Path:
    """Return the path of the chapter to which a notebook belongs."""
    return path.with_name(f"{path.stem.removesuffix(EXERCISES)}.ipynb")


def drafts() -> dict[Path, str]:
    """List the notebooks that nothing is asked of yet, each with the reason.

    A draft is not in the table of contents, or its first cell carries the tag
    `draft`. The exercises of a draft are drafts.
    """
    listed, found = set(contents()), {}
    for path in sorted(NOTEBOOKS.rglob("*.ipynb")):
        if path.with_suffix("").as_posix() not in listed:
            found[path] = f"not in {CONTENTS}"
        elif is_marked(path):
            found[path] = f"tagged '{DRAFT}'"
    for path in sorted(NOTEBOOKS.rglob(f"*{EXERCISES}.ipynb")):
        if chapter_of(path) in found:
            found.setdefault(path, f"the chapter is {found[chapter_of(path)]}")
    return dict(sorted(found.items()))


def listed_drafts() -> list[Path]:
    """List the drafts in the table of contents: they are seen, but not published."""
    listed = contents()
    return [p for p in drafts() if p.with_suffix("").as_posix() in listed]


def is_marked(path: Path) -> bool:
    """Say whether a notebook's first cell is tagged; not where it cannot be read."""
    try:
        first = json.loads(path.read_text(encoding="utf-8"))["cells"][0]
        return DRAFT in first["metadata"].get("tags", [])
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return False


def main() -> None:
    """Name the drafts in one line."""
    if found := drafts():
        names = "; ".join(f"{path} ({reason})" for path, reason in found.items())
        print(f"Drafts, of which nothing is asked yet: {names}.")


if __name__ == "__main__":
    main()
