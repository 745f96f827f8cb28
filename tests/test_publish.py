"""What a published site has beside the pages. Its whole is built by test-browser."""

import os
import re
import shutil
import subprocess
import zipfile
from pathlib import Path

import nbformat
import pytest
import yaml
from small_book import FOLD, lesson

from book.tools import publish
from book.tools.run import NOTEBOOKS
from nnbook.classroom.editions import student_edition

ROOT = Path(__file__).parents[1]
URL = "https://ada.github.io/networks"
PATHS = sorted(NOTEBOOKS.rglob("*.ipynb"))


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (["networks"], "owner/name"),
        (["ada/"], "owner/name"),
        (["/networks"], "owner/name"),
        (["ada/net/works"], "owner/name"),
        (["ada lovelace/networks"], "owner/name"),
        (["-ada/networks"], "owner/name"),
        (["ada/.."], "owner/name"),
        (["https://github.com/ada/networks"], "owner/name"),
        (["ada/networks", "--branch", "a..b"], "branch"),
        (["ada/networks", "--branch", "/pages"], "branch"),
        (["ada/networks", "--url", "ada.github.io"], "https://"),
    ],
)
def test_a_malformed_address_is_refused(given, sentence, monkeypatch):
    monkeypatch.setattr(publish, "publish", lambda *_: pytest.fail("published"))
    with pytest.raises(SystemExit, match=sentence):
        publish.main([f"--repository={given[0]}", *given[1:]])


@pytest.mark.parametrize(
    ("given", "address"),
    [
        (
            ["Ada/net.works"],
            ("Ada/net.works", "gh-pages", "https://ada.github.io/net.works"),
        ),
        (
            ["ada/ada.github.io"],
            ("ada/ada.github.io", "gh-pages", "https://ada.github.io"),
        ),
        (
            ["a/b", "--branch", "site/v1", "--url", "http://localhost:8000/"],
            ("a/b", "site/v1", "http://localhost:8000"),
        ),
    ],
)
def test_the_address_is_completed(given, address, monkeypatch):
    published = []
    monkeypatch.setattr(publish, "publish", lambda *given: published.append(given))
    publish.main([f"--repository={given[0]}", *given[1:]])
    assert published == [address]


def test_make_asks_for_the_repository():
    result = subprocess.run(
        ["make", "site", "REPOSITORY="],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 2
    assert "make site REPOSITORY=owner/name" in result.stdout


def files():
    return {path: path.stat().st_mtime_ns for path in (ROOT / "nnbook").rglob("*.py")}


def test_the_wheel_holds_the_package_and_leaves_the_sources(tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    before, folders = files(), set(ROOT.iterdir())
    wheel = publish.build_wheel(tmp_path)
    assert list(tmp_path.iterdir()) == [wheel]
    names = zipfile.ZipFile(wheel).namelist()
    assert {"nnbook/claims.py", "nnbook/nnbook.mplstyle", "nnbook/py.typed"} <= {*names}
    assert not any("tests" in name or "__pycache__" in name for name in names)
    assert files() == before and set(ROOT.iterdir()) == folders


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_a_colab_edition_installs_the_wheel_first_and_changes_no_other_code(
    path, monkeypatch
):
    monkeypatch.chdir(ROOT)
    edition = publish.colab_edition(path, URL, "nnbook.whl")
    nbformat.validate(edition)
    install, *code = (c.source for c in edition.cells if c.cell_type == "code")
    assert f"%pip install --quiet {URL}/wheels/nnbook.whl\n" in install
    assert install.count("pip install") == 1
    stored = nbformat.read(path, as_version=4)
    if path.stem.endswith("_exercises"):
        stored = student_edition(stored)
    assert "SOLUTION" not in str(edition)
    assert [re.sub(r"\A# @title ", "# ", source) for source in code] == [
        c.source for c in stored.cells if c.cell_type == "code"
    ]
    forms = [c for c in edition.cells if c.metadata.get("cellView") == "form"]
    assert len(forms) == sum(
        "hide-input" in c.metadata.get("tags", []) for c in stored.cells
    )
    prose = "\n".join(c.source for c in edition.cells if c.cell_type == "markdown")
    assert not re.search(r"\]\(\.", prose)
    assert stored.cells[0] == edition.cells[0] or URL in edition.cells[0].source


def test_folded_cells_are_forms_in_colab_alone(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    path = NOTEBOOKS / "lesson.ipynb"
    path.parent.mkdir()
    nbformat.write(lesson(), path)
    stored = path.read_bytes()
    edition = publish.colab_edition(path, URL, "nnbook.whl")
    nbformat.validate(edition)
    forms = [c for c in edition.cells if "cellView" in c.metadata]
    assert [form.metadata.cellView for form in forms] == ["form"]
    assert forms[0].source == FOLD.replace("# Figure", "# @title Figure")
    assert path.read_bytes() == stored


def test_links_of_a_colab_edition_lead_to_the_site(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    path = NOTEBOOKS / "vision" / "a.ipynb"
    path.parent.mkdir(parents=True)
    cells = [
        nbformat.v4.new_markdown_cell(
            "[b](../foundations/b.ipynb#why) [c](c.ipynb) [d](../../book/d.md) "
            "[e](https://example.org/e.md)"
        ),
        nbformat.v4.new_code_cell("1"),
    ]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    edition = publish.colab_edition(path, URL, "nnbook.whl")
    assert edition.cells[0].source == (
        f"[b]({URL}/notebooks/foundations/b.html#why) "
        f"[c]({URL}/notebooks/vision/c.html) [d]({URL}/book/d.html) "
        "[e](https://example.org/e.md)"
    )


def test_wheels_and_editions_of_the_last_site_are_gone(tmp_path, monkeypatch):
    old = [tmp_path / "wheels/old.whl", tmp_path / "colab/part/gone.ipynb"]
    for path in old:
        path.parent.mkdir(parents=True)
        path.touch()
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(publish, "print_book", lambda *_: None)
    monkeypatch.setattr(publish, "build", lambda _, __, finish: finish(tmp_path))
    publish.publish("ada/networks", "gh-pages", URL)
    assert len(list(tmp_path.glob("wheels/*.whl"))) == 1
    assert not any(path.exists() for path in old)
    editions = {
        path.relative_to(tmp_path / "colab") for path in tmp_path.rglob("*.ipynb")
    }
    assert editions == {path.relative_to(NOTEBOOKS) for path in PATHS}


@pytest.mark.skipif(not shutil.which("git"), reason="there is no git")
def test_an_older_commit_does_not_replace_the_site_of_a_newer_one(tmp_path):
    workflow = yaml.safe_load((ROOT / ".github/workflows/publish.yml").read_text())
    script = workflow["jobs"]["site"]["steps"][-1]["run"]
    remote, clone = tmp_path / "remote", tmp_path / "clone"
    environment = os.environ | {
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_SYSTEM": os.devnull,
        **{f"GIT_{who}_NAME": "ada" for who in ("AUTHOR", "COMMITTER")},
        **{f"GIT_{who}_EMAIL": "ada@example.org" for who in ("AUTHOR", "COMMITTER")},
    }

    def git(*arguments, folder=clone):
        command = ["git", *arguments]
        return subprocess.run(
            command,
            cwd=folder,
            env=environment,
            check=True,
            capture_output=True,
            text=True,
        ).stdout.strip()

    git("init", "--quiet", "--bare", remote, folder=tmp_path)
    git("clone", "--quiet", remote, clone, folder=tmp_path)
    commits = []
    for name in ("older", "newer"):
        git("commit", "--quiet", "--allow-empty", "--message", name)
        commits.append(git("rev-parse", "HEAD"))
    older, newer = commits

    def published(commit):
        """Publish a site of one page, and return what then stands."""
        site = clone / "_build/site"
        shutil.rmtree(site, ignore_errors=True)
        site.mkdir(parents=True)
        (site / "index.html").write_text(commit)
        given = {"COMMIT": commit, "BRANCH": "gh-pages", "REMOTE": str(remote)}
        subprocess.run(
            ["bash", "-e", "-c", script],
            cwd=clone,
            env=environment | given,
            check=True,
            capture_output=True,
        )
        return git("show", "gh-pages:index.html", folder=remote)

    assert published(older) == older
    assert published(newer) == newer
    assert published(newer) == newer
    assert published(older) == newer
