import matplotlib
import numpy as np
import pytest

matplotlib.use("agg")
import matplotlib.pyplot as plt

from nnbook import plots


@pytest.fixture
def axes():
    figure, axes = plt.subplots()
    yield axes
    plt.close(figure)


def test_decision_regions_colours_by_the_sign_of_the_score(axes):
    X, y = np.array([[-1.0, 0.0], [1.0, 1.0]]), np.array([-1, 1])
    plots.decision_regions(axes, lambda points: points[:, 0], X, y)
    regions, _, *points = axes.collections
    shading = regions.get_array().reshape(200, 200)
    assert not shading[:, :100].any() and shading[:, 100:].all()
    assert [len(side.get_offsets()) for side in points] == [1, 1]


def test_decision_regions_without_a_boundary_in_sight(axes):
    X, y = np.array([[-1.0, 0.0], [1.0, 1.0]]), np.array([1, 1])
    plots.decision_regions(axes, lambda points: np.ones(len(points)), X, y)
    assert axes.collections[0].get_array().all()


def test_spread_draws_mean_range_and_label(axes):
    plots.spread(axes, [1, 2], np.array([[1, 4], [3, 8]]), "loss")
    assert axes.lines[0].get_ydata().tolist() == [2, 6]
    band = axes.collections[0].get_paths()[0].vertices
    assert {(1, 1), (1, 3), (2, 4), (2, 8)} <= set(map(tuple, band))
    assert axes.texts[0].get_text() == "loss"
    assert axes.texts[0].get_color() == axes.lines[0].get_color()


def test_image_row_shows_each_image_under_its_title():
    plots.image_row([np.eye(8), np.ones((8, 8))], ["one", "two"])
    shown = plt.gcf().axes
    assert [axes.get_title() for axes in shown] == ["one", "two"]
    assert (shown[0].images[0].get_array() == np.eye(8)).all()
    plt.close()


def test_image_row_refuses_a_missing_title():
    with pytest.raises(ValueError):
        plots.image_row([np.eye(8), np.eye(8)], ["one"])
    plt.close()
