"""Build the site with the newest Sphinx, MyST-NB and theme, without Jupyter Book.

    python -m book.tools.newest PYTHON

PYTHON is the interpreter of an environment that has them. Jupyter Book 1.x is in
maintenance: should a new Sphinx be needed, the same sources must still give the
same site, from the configuration that `jupyter-book config sphinx` writes.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from book.tools.contents import CONTENTS

FOLDER = Path("_build/newest")
SOURCES = ["book", "notebooks", "nnbook", "_config.yml"]


def configure(folder: Path) -> None:
    """Copy the sources into a folder, and write Sphinx's configuration there."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name in SOURCES:
        copy = shutil.copytree if Path(name).is_dir() else shutil.copy
        copy(name, folder / name)
    folder = folder.resolve()
    jupyter_book = Path(sys.executable).with_name("jupyter-book")
    command = [jupyter_book, "config", "sphinx", folder, "--toc", folder / CONTENTS]
    path = {"PYTHONPATH": str(folder)}
    subprocess.run(command, env=os.environ | path, check=True, capture_output=True)
    configuration = folder / "conf.py"
    text = configuration.read_text(encoding="utf-8")
    text, dropped = re.subn(r"'jupyter_book', ", "", text)
    if dropped != 1:
        sys.exit(f"{configuration} does not list 'jupyter_book' once: look at it.")
    local = "import sys\nsys.path[:0] = ['.', 'book/_ext']\n"
    configuration.write_text(local + text, encoding="utf-8")


def main(arguments: list[str]) -> None:
    """Build; the exit status is Sphinx's."""
    (python,) = arguments
    source = FOLDER / "source"
    configure(source)
    command = [Path(python).absolute(), "-m", "sphinx", "-b", "html", "-q", "-W"]
    command += ["--keep-going", ".", Path("..", "html")]
    shutil.rmtree(FOLDER / "html", ignore_errors=True)
    sys.exit(subprocess.run(command, cwd=source, check=False).returncode)


if __name__ == "__main__":
    main(sys.argv[1:])
