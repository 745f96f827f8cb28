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

import nnbook
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
    made = workshop / "_build/html"
    if target.exists() and not made.exists():
        shutil.copytree(target, made)  # Sphinx writes what has changed
    jupyter_book = Path(sys.executable).with_name("jupyter-book")
    command = [jupyter_book, "build", ".", "--toc", CONTENTS]
    command += ["--path-output", workshop, "-W", "-n", "--keep-going", "-q"]
    # Sphinx does not ask whether our extensions have changed since the last build.
    code = [*Path("book/_ext").glob("*.py"), *Path(nnbook.__file__).parent.glob("*.py")]
    index = made / "index.html"
    if index.exists() and index.stat().st_mtime < max(p.stat().st_mtime for p in code):
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
    remove_old_pages(made)
    finish(made)
    old = target.with_name(f"{target.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if target.exists():
        target.rename(old)
    made.rename(target)
    shutil.rmtree(old, ignore_errors=True)


def remove_old_pages(site: Path) -> None:
    """Remove the pages of a site that have left the table of contents."""
    listed = set(contents())
    for folder in (site, site / "_sources"):
        for top in ("book", NOTEBOOKS):
            for page in sorted((folder / top).rglob("*.*")):
                if page.relative_to(folder).with_suffix("").as_posix() not in listed:
                    page.unlink()


def main() -> None:
    """Build the site for reading on this machine."""
    build(SITE)
    page = (SITE / "index.html").resolve()
    print(f"The book is in {SITE}. Open {page.as_uri()}, or run `make serve`.")


if __name__ == "__main__":
    main()
