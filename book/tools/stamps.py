"""Stamp a notebook with what its outputs come from, so that neither drifts.

A stamp lies in the notebook's metadata under `nnbook`, as hashes of

- `code`: its cells of code, with their tags and tolerances;
- `recorded`: the code of a benchmark's cells, which run only where the data is;
- `under`: the modules of nnbook that it imports, directly or not, the style of
  its figures, and the lock of the environment.

The contract refuses a notebook whose first two no longer fit. Whatever does not
fit is run again by `make test`.
"""

import ast
import hashlib
import json
import tempfile
from functools import lru_cache
from modulefinder import ModuleFinder
from pathlib import Path

import nbformat

ROOT = Path(__file__).parents[2]
ALWAYS = [ROOT / "requirements.txt", ROOT / "nnbook/nnbook.mplstyle"]


def stamp(notebook: nbformat.NotebookNode) -> dict[str, str]:
    """Return the stamp of a notebook whose outputs have just been stored.

    Args:
        notebook: its outputs and its old stamp do not count.
    """
    code, recorded = [], []
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        (recorded if is_recorded(cell) else code).append([cell.id, cell.source])
        metadata = cell.metadata
        code.append([sorted(metadata.get("tags", [])), metadata.get("nbval", {})])
    stamps = {"code": _hash(code), "under": under(notebook)}
    return stamps | ({"recorded": _hash(recorded)} if recorded else {})


def is_recorded(cell: nbformat.NotebookNode) -> bool:
    """Say whether a cell belongs to a benchmark."""
    return "recorded" in cell.metadata.get("tags", [])


def stored_stamp(notebook: nbformat.NotebookNode) -> dict[str, str]:
    """Return the stamp that a notebook carries, empty if it was never run."""
    return dict(notebook.metadata.get("nnbook", {}))


def under(notebook: nbformat.NotebookNode) -> str:
    """Hash what a notebook's code runs under."""
    imports = [
        ast.unparse(node)
        for cell in notebook.cells
        if cell.cell_type == "code"
        for node in ast.walk(ast.parse(cell.source))
        if isinstance(node, ast.Import | ast.ImportFrom)
    ]
    files = [*ALWAYS, *modules("\n".join(imports))]
    return _hash(
        [
            [file.relative_to(ROOT).as_posix(), file.read_text(encoding="utf-8")]
            for file in files
        ]
    )


@lru_cache
def modules(imports: str) -> list[Path]:
    """List the files of nnbook that these lines import, directly or not."""
    finder = ModuleFinder(path=[str(ROOT)])
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder, "imports.py")
        script.write_text(imports, encoding="utf-8")
        finder.run_script(str(script))
    files = [Path(module.__file__ or "") for module in finder.modules.values()]
    return sorted(file for file in files if file.is_relative_to(ROOT / "nnbook"))


def _hash(value: object) -> str:
    text = json.dumps(value, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
