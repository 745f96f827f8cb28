"""Build the site from the notebooks' stored outputs.

    python -m book.tools.build

Warnings are errors, and what Sphinx would pass over is asked for first: that
every notebook can be read, and that every page stands in the table of contents.
A draft may be missing there.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from book.tools.contents import CONTENTS, contents, drafts
from book.tools.run import NOTEBOOKS, NotebookError, read

SITE = Path("_build/html")


def problems() -> list[str]:
    """Say in one sentence each what would spoil the site without a warning."""
    found = []
    listed = contents()
    sources = sorted([*Path("book").rglob("*.md"), *NOTEBOOKS.rglob("*.ipynb")])
    missing = {p for p in drafts() if p.with_suffix("").as_posix() not in listed}
    sources = [source for source in sources if source not in missing]
    names = {source.with_suffix("").as_posix(): source for source in sources}
    for name, source in names.items():
        if listed.count(name) != 1:
            found.append(
                f"{source} stands {listed.count(name)} times in {CONTENTS}: "
                f"list '{name}' there exactly once."
            )
    for name in listed:
        if name not in names:
            found.append(f"{CONTENTS} lists '{name}', but there is no such page.")
    for source in sources:
        if source.suffix == ".ipynb":
            try:
                read(source)
            except NotebookError as error:
                found.append(f"{error}. Restore it from git.")
    return found


def build(
    target: Path, addresses: dict[str, str] | None = None, finish=lambda site: None
) -> None:
    """Build the site elsewhere, and put it in its place when it is whole.

    Args:
        target: the site's folder, inside `_build`.
        addresses: environment variables for the extension `published`.
        finish: called with the folder of the new site before it is put in place.

    Raises:
        SystemExit: something is wrong, in a sentence or with Sphinx' own words.
            The site that stood there still stands.
    """
    found = problems()
    if found:
        sys.exit("\n".join(found))
    workshop = target.with_name(f"{target.name}-workshop")
    jupyter_book = Path(sys.executable).with_name("jupyter-book")
    command = [jupyter_book, "build", ".", "--toc", CONTENTS]
    command += ["--path-output", workshop, "-W", "-n", "--keep-going", "-q"]
    # Sphinx does not ask whether our extensions have changed since the last build.
    made = workshop / "_build/html/index.html"
    code = max(path.stat().st_mtime for path in Path("book/_ext").glob("*.py"))
    if made.exists() and made.stat().st_mtime < code:
        command.append("--all")
    result = subprocess.run(
        command,
        env=os.environ | (addresses or {}),
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode:
        log = result.stdout + result.stderr
        lines = [
            line for line in log.splitlines() if "WARNING" in line or "ERROR" in line
        ]
        sys.exit(
            "\n".join(lines or [log]) + "\nThe site was not built: see the lines above."
        )
    fresh, old = (target.with_name(f"{target.name}.{age}") for age in ("new", "old"))
    for folder in (fresh, old):
        shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(workshop / "_build/html", fresh)
    finish(fresh)
    if target.exists():
        target.rename(old)
    fresh.rename(target)
    shutil.rmtree(old, ignore_errors=True)


def main() -> None:
    """Build the site for reading on this machine."""
    build(SITE)
    page = (SITE / "index.html").resolve()
    print(f"The book is in {SITE}. Open {page.as_uri()}, or run `make serve`.")


if __name__ == "__main__":
    main()
