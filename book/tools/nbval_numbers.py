"""A pytest plugin that makes nbval compare outputs as `book.tools.compare` does.

nbval itself looks neither at figures, nor at the kind and the order of outputs, nor
at anything within a tolerance; this plugin puts the book's comparison in its place.
A cell sets its own tolerance in its metadata: `{"nbval": {"absolute": 0.1}}`. The
recorded cells of a benchmark are compared only where `NNBOOK_DATA` says that its
data is at hand. Drafts are skipped, each with its reason.
"""

import os
from pathlib import Path

import pytest
from nbval.plugin import IPyNbCell, IPyNbFile

from book.tools.compare import Tolerance, outputs_difference
from book.tools.contents import CONTENTS, drafts
from book.tools.run import CELL_TIMEOUT, is_only_recorded


def pytest_configure(config):
    """Give each cell the time that it has in the authoring command."""
    config.option.nbval_cell_timeout = CELL_TIMEOUT


@pytest.hookimpl(tryfirst=True)
def pytest_make_collect_report(collector):
    """Skip a draft of the book, unless it is named itself."""
    if not (isinstance(collector, IPyNbFile) and CONTENTS.exists()):
        return
    named = [Path(name) for name in collector.config.args]
    path = Path(os.path.relpath(collector.path))
    if path in drafts() and path not in named:
        reason = f"Skipped: a draft, {drafts()[path]}"
        return pytest.CollectReport(
            collector.nodeid, "skipped", (str(path), 1, reason), []
        )


def pytest_itemcollected(item):
    """Give each cell the book's comparison, with the cell's tolerance."""
    if isinstance(item, IPyNbCell):
        tolerance = Tolerance(**item.cell.metadata.get("nbval", {}))

        def compare_outputs(new, stored):
            found = outputs_difference(stored, new, tolerance)
            item.comparison_traceback = [found]
            return found is None

        item.compare_outputs = compare_outputs
        if is_only_recorded(item.cell):
            item.options["check"] = False
