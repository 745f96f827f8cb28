"""Build the site to be published: with nnbook's wheel, Colab editions and a PDF.

    python -m book.tools.publish --repository OWNER/NAME [--branch NAME] [--url URL]

Colab opens notebooks from GitHub alone, so the published site stands in a branch
of the repository, and its buttons point there.
"""

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import nbformat

from book.tools.build import build
from book.tools.contents import CONTENTS, EXERCISES, listed_drafts
from book.tools.editions import chapters, masters
from book.tools.pdf import print_book
from book.tools.run import NOTEBOOKS, read
from nnbook.classroom.editions import student_edition

SITE = Path("_build/site")
PACKAGE = ("pyproject.toml", "README.md", "LICENSE", "nnbook")  # what a wheel needs
PDF = "neural-networks-executed.pdf"
LINK = re.compile(r"\]\((?!\w+:)([^)#\s]+)\.(?:ipynb|md)(#[^)\s]+)?\)")
INSTALL = """\
# The book's small helper package. All else is Colab's own, in Colab's versions.
%pip install --quiet {wheel}

from importlib.metadata import version

for name in ("nnbook", "keras", "tensorflow", "numpy", "matplotlib"):
    print(name, version(name))"""


def build_wheel(folder: Path) -> Path:
    """Build nnbook's wheel into a folder; the sources stay untouched."""
    with tempfile.TemporaryDirectory() as copy:
        for part in PACKAGE:
            source, target = Path(part), Path(copy, part)
            if source.is_dir():
                ignored = shutil.ignore_patterns("__pycache__")
                shutil.copytree(source, target, ignore=ignored)
            else:
                shutil.copy(source, target)
        command = [sys.executable, "-m", "uv", "build", "--wheel", "--quiet"]
        command += ["--no-build-isolation", "--out-dir", folder.resolve(), copy]
        subprocess.run(command, check=True)
    (wheel,) = folder.glob("*.whl")
    (folder / ".gitignore").unlink(missing_ok=True)
    return wheel


def colab_edition(path: Path, url: str, wheel: str) -> nbformat.NotebookNode:
    """Return a notebook for Colab, exercises without their solutions.

    Its first code cell installs the wheel, its links lead to the site, and cells
    tagged `hide-input` are forms, which show their title and open on a click.

    Args:
        path: the notebook, in `notebooks/`.
        url: the published site's address, without a slash at the end.
        wheel: the wheel's file name.
    """
    notebook = read(path)
    if path.stem.endswith(EXERCISES):
        notebook = student_edition(notebook)

    def absolute(match):
        target = (path.parent / match[1]).resolve().relative_to(Path.cwd())
        return f"]({url}/{target.as_posix()}.html{match[2] or ''})"

    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = LINK.sub(absolute, cell.source)
        elif "hide-input" in cell.metadata.get("tags", []):
            cell.source = f"# @title {cell.source.removeprefix('# ')}"
            cell.metadata["cellView"] = "form"
    first = next(i for i, c in enumerate(notebook.cells) if c.cell_type == "code")
    source = INSTALL.format(wheel=f"{url}/wheels/{wheel}")
    notebook.cells.insert(first, nbformat.v4.new_code_cell(source, id="install"))
    return notebook


def publish(repository: str, branch: str, url: str) -> None:
    """Build the site with everything that needs its address.

    Raises:
        SystemExit: a draft stands in the table of contents.
    """
    if found := listed_drafts():
        sys.exit(
            f"{CONTENTS} lists drafts, which are not published: "
            f"{', '.join(map(str, found))}. Finish them (make check NB=part/name says "
            "what they owe), or take them out of there."
        )

    def finish(site: Path) -> None:
        for folder in ("wheels", "colab"):  # of the last time
            shutil.rmtree(site / folder, ignore_errors=True)
        wheel = build_wheel(site / "wheels")
        for path in [*chapters(), *masters()]:
            target = site / "colab" / path.relative_to(NOTEBOOKS)
            target.parent.mkdir(parents=True, exist_ok=True)
            nbformat.write(colab_edition(path, url, wheel.name), target)
        print_book(site, site / PDF)
        # GitHub Pages would leave out folders that begin with an underscore.
        (site / ".nojekyll").touch()

    colab = f"https://colab.research.google.com/github/{repository}/blob/{branch}/colab"
    build(SITE, {"NNBOOK_ADDRESS": url, "NNBOOK_COLAB": colab}, finish)


def main(arguments: list[str]) -> None:
    """Check the address, then publish."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--repository", required=True, help="GitHub's owner/name")
    parser.add_argument("--branch", help="that holds the site (gh-pages)")
    parser.add_argument("--url", help="of the site (https://owner.github.io/name)")
    given = parser.parse_args(arguments)
    owner, _, name = given.repository.partition("/")
    if not re.fullmatch(r"[A-Za-z\d](-?[A-Za-z\d]){0,38}", owner) or not re.fullmatch(
        r"(?!\.\.?$)[\w.-]{1,100}", name, flags=re.ASCII
    ):
        sys.exit(
            f"'{given.repository}' is not a repository on GitHub: write owner/name, "
            "for example make site REPOSITORY=ada/networks."
        )
    branch = given.branch or "gh-pages"
    if not re.fullmatch(r"(?!.*(\.\.|//))[\w][\w./-]*(?<![/.])", branch):
        sys.exit(f"'{branch}' is not the name of a branch.")
    pages = f"{owner.lower()}.github.io"
    url = given.url or f"https://{pages}" + ("" if name == pages else f"/{name}")
    if not re.fullmatch(r"https?://[^\s/?#]+[^\s?#]*", url):
        sys.exit(f"'{url}' is not an address: it must begin with https://.")
    publish(given.repository, branch, url.rstrip("/"))
    print(f"The site for {url} is in {SITE}: put it into the branch {branch}.")


if __name__ == "__main__":
    main(sys.argv[1:])
