import tempfile

import pytest

pytest_plugins = ["pytester"]


@pytest.fixture
def temporary(monkeypatch):
    """Give commands a folder for temporary files, whose name must be short."""
    with tempfile.TemporaryDirectory(prefix="class-") as folder:
        monkeypatch.setenv("TMPDIR", folder)
        yield folder


def pytest_terminal_summary(terminalreporter):
    """Print what tests measured, also when they passed and ran in parallel."""
    for report in terminalreporter.stats.get("passed", []):
        for name, value in report.user_properties:
            terminalreporter.write_line(f"{name}: {value}")
