"""List the notebooks that `make test` runs: what changed, and some others in turn.

    python -m book.tools.due

A notebook whose stamp no longer fits is due, and so is a tenth of the others,
three at least; the commit decides which. Paths go to standard output, what is
left out is said on standard error.
"""

import hashlib
import subprocess
import sys
from datetime import date
from pathlib import Path

from book.tools.contents import drafts
from book.tools.run import NOTEBOOKS, read
from book.tools.stamps import stamp, stored_stamp

SHARE, LEAST = 10, 3  # one in ten, and at least three


def due(paths: list[Path], commit: str) -> tuple[list[Path], list[Path]]:
    """Return the notebooks whose stamp no longer fits, and a sample of the others.

    Args:
        paths: the notebooks to choose from.
        commit: decides the sample: any text.
    """
    changed = [path for path in paths if not fits(path)]
    others = [path for path in paths if path not in changed]
    others.sort(key=lambda path: hashlib.sha256(f"{commit} {path}".encode()).digest())
    return changed, sorted(others[: max(LEAST, -(-len(others) // SHARE))])


def fits(path: Path) -> bool:
    """Say whether a notebook's outputs come from its code and from this nnbook."""
    notebook = read(path)
    try:
        return stored_stamp(notebook) == stamp(notebook)
    except SyntaxError:
        return False  # running it says where


def commit() -> str:
    """Return the commit that is checked out; today's date outside a repository."""
    command = ["git", "rev-parse", "HEAD"]
    try:
        git = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:  # no git on this machine
        return date.today().isoformat()
    return git.stdout.strip() or date.today().isoformat()


def main() -> None:
    """Print what is due, a path each line."""
    paths = [
        path for path in sorted(NOTEBOOKS.rglob("*.ipynb")) if path not in drafts()
    ]
    changed, sample = due(paths, commit())
    print(*changed, *sample, sep="\n")
    print(
        f"Running {len(changed) + len(sample)} of {len(paths)} notebooks: "
        f"{len(changed)} whose stamp no longer fits, {len(sample)} of the others in "
        f"turn. Not run: {len(drafts())} drafts, and what make test-all runs too.",
        file=sys.stderr,
    )


if __name__ == "__main__":
    main()
