import re
import tempfile

import pytest

from book.tools.contents import drafts

pytest_plugins = ["pytester"]


@pytest.fixture
def temporary(monkeypatch):
    """Give commands a folder for temporary files, whose name must be short."""
    with tempfile.TemporaryDirectory(prefix="class-") as folder:
        monkeypatch.setenv("TMPDIR", folder)
        yield folder


def pytest_collection_modifyitems(items):
    """Skip what asks something of a draft, with the reason."""
    for path, reason in drafts().items():
        name = path.with_suffix("").as_posix()
        for item in items:
            about = item.callspec.params.values() if hasattr(item, "callspec") else ()
            if any(re.search(rf"{name}(\.\w+)?$", str(value)) for value in about):
                item.add_marker(pytest.mark.skip(f"{name} is a draft, {reason}"))


def pytest_terminal_summary(terminalreporter):
    """Print what tests measured, also when they passed and ran in parallel."""
    for report in terminalreporter.stats.get("passed", []):
        for name, value in report.user_properties:
            terminalreporter.write_line(f"{name}: {value}")
