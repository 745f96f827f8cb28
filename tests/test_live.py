"""Weights that a chapter leaves in its output for a live figure."""

import base64
import inspect
import json
import re
from pathlib import Path

import numpy as np
import pytest

from book._ext import live as figures
from book.tools.run import read
from nnbook import live


def published(weights, monkeypatch):
    shown = []
    monkeypatch.setattr(live, "display", shown.append)
    live.publish_weights(weights)
    (output,) = shown
    return output


def test_weights_come_back_as_they_were(monkeypatch):
    rng = np.random.default_rng(0)
    weights = [rng.normal(size=shape).astype("float32") for shape in ((3, 2, 4), (4,))]
    output = published([weights[0].transpose(), weights[1]], monkeypatch)
    data = json.loads(json.dumps(output._repr_mimebundle_()))
    assert data["text/plain"] == repr(output) == "28 weights for the live figure"
    for array, weight in zip(
        data[live.MIME_TYPE], [weights[0].transpose(), weights[1]], strict=True
    ):
        values = np.frombuffer(base64.b64decode(array["float32"]), "<f4")
        assert np.array_equal(values.reshape(array["shape"]), weight)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_weights_that_are_no_numbers_are_refused(bad, monkeypatch):
    with pytest.raises(ValueError, match="not a finite number"):
        published([np.ones(3), np.array([1, bad])], monkeypatch)


@pytest.mark.parametrize("page", figures.FIGURES)
def test_live_figures_draw_their_data_as_the_chapter_does(page):
    cells = read(Path(f"{page}.ipynb")).cells
    chapter = " ".join(" ".join(cell.source for cell in cells).split())
    for _, numbers in figures.FIGURES[page]:
        for call in re.findall(r"data\.\w+\([^()]+\)", inspect.getsource(numbers)):
            assert call in chapter
