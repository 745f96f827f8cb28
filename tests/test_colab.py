"""The Colab editions in an environment with Colab's versions: `make test-colab`.

Each runs from top to bottom, in an empty folder, with nothing of the book at hand
but what its first cell installs from a server on this machine.
"""

import json
import subprocess
import time
from pathlib import Path

import nbformat
import pytest

from book.tools.editions import chapters
from book.tools.pdf import serving
from book.tools.publish import build_wheel, colab_edition
from book.tools.run import CELL_TIMEOUT
from nnbook.claims import statements

PYTHON = Path(".venv-colab/bin/python").absolute()
COLABS_OWN = ("tensorflow", "keras", "numpy", "matplotlib", "scikit-learn", "scipy")
VERSIONS = f"""
import json
from importlib.metadata import version
print(json.dumps({{name: version(name) for name in {COLABS_OWN!r}}}))
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Serve a folder with the wheel; return the folder and its address."""
    folder = tmp_path_factory.mktemp("site")
    build_wheel(folder / "wheels")
    with serving(folder) as address:
        yield folder, address


def versions():
    return json.loads(subprocess.check_output([PYTHON, "-c", VERSIONS]))


def made_claims(notebook):
    """List the sentences of the claims that were made outside recorded cells."""
    cells = [
        cell
        for cell in notebook.cells
        if "recorded" not in cell.metadata.get("tags", [])
    ]
    return [figures["sentence"] for figures in statements(cells)]


@pytest.mark.parametrize("path", chapters(), ids=lambda path: path.stem)
def test_colab_edition_runs(path, site, tmp_path):
    folder, url = site
    (wheel,) = (folder / "wheels").glob("*.whl")
    edition = colab_edition(path, url, wheel.name)
    stored = made_claims(edition)
    for cell in edition.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    nbformat.write(edition, tmp_path / "edition.ipynb")
    stub = tmp_path / "google" / "colab"
    stub.mkdir(parents=True)
    (stub / "__init__.py").write_text(
        '"""Colab\'s own module, as far as it is met."""\n'
    )
    subprocess.run([PYTHON, "-m", "pip", "-q", "uninstall", "-y", "nnbook"], check=True)
    before, started = versions(), time.perf_counter()
    clean = {"HOME": str(tmp_path), "PATH": f"{PYTHON.parent}:/usr/bin:/bin"}
    command = [PYTHON, "-m", "jupyter", "execute", "--inplace", "edition.ipynb"]
    command.append(f"--timeout={CELL_TIMEOUT}")
    result = subprocess.run(
        command,
        cwd=tmp_path,
        env=clean | {"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    done = nbformat.read(tmp_path / "edition.ipynb", as_version=4)
    # A recorded cell's claims are not made where its data is missing.
    assert made_claims(done) == stored
    assert versions() == before
    install = next(cell for cell in done.cells if cell.id == "install")
    printed = "".join(output.get("text", "") for output in install.outputs)
    for name in ("nnbook", "keras", "tensorflow", "numpy", "matplotlib"):
        assert f"{name} {before.get(name, '0.1.0')}" in printed
    site_packages = PYTHON.parents[1] / "lib"
    assert list(site_packages.glob("python*/site-packages/nnbook/claims.py"))
    print(
        f"{path.stem}: {time.perf_counter() - started:.0f} s, {len(stored)} claims hold"
    )
