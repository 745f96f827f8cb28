import tempfile

import pytest

pytest_plugins = ["pytester"]


@pytest.fixture
def temporary(monkeypatch):
    """Give commands a folder for temporary files, whose name must be short."""
    with tempfile.TemporaryDirectory(prefix="class-") as folder:
        monkeypatch.setenv("TMPDIR", folder)
        yield folder
