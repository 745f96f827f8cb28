"""A pytest plugin that makes nbval compare numbers as numbers.

nbval passes every stored and every new output through the cell's `sanitize`
before it asks whether the two are equal. This plugin hangs itself there. A cell
sets its own tolerance in its metadata:
`{"nbval": {"absolute": 0.1, "relative": 0.0}}`. The recorded cells of a benchmark
are compared only where `NNBOOK_DATA` says that its data is at hand. Drafts are
skipped, each with its reason.
"""

import os
from pathlib import Path

import pytest
from nbval.plugin import IPyNbCell, IPyNbFile

from book.tools.compare import Tolerance, as_text, difference
from book.tools.contents import CONTENTS, drafts
from book.tools.run import is_only_recorded
from nnbook.live import MIME_TYPE as WEIGHTS


class Output(str):
    """An output's text that is equal to others within a cell's tolerance."""

    tolerance: Tolerance

    def __eq__(self, other):
        """Compare within the tolerance."""
        return difference(self, other, self.tolerance) is None

    def __ne__(self, other):
        """Be the opposite of equality."""
        return not self == other

    __hash__ = str.__hash__


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
    """Give each cell its tolerance."""
    if isinstance(item, IPyNbCell):
        tolerance = Tolerance(**item.cell.metadata.get("nbval", {}))

        def sanitize(value):
            output = Output(as_text(value))
            output.tolerance = tolerance
            return output

        item.sanitize = sanitize
        # Weights after a training run differ between processors.
        item.parent.skip_compare = {*item.parent.skip_compare, WEIGHTS}
        if is_only_recorded(item.cell):
            item.options["check"] = False


def pytest_assertrepr_compare(op, left, right):
    """Say where two outputs differ."""
    if isinstance(left, Output):
        return [
            f"stored: {left}",
            f"new:    {right}",
            f"{difference(left, right, left.tolerance)}",
        ]
