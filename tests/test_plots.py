import itertools

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


def ends_and_boxes(axes):
    """Draw; return where the lines end and their labels' boxes, in pixels."""
    axes.figure.draw_without_rendering()
    ends = [axes.transData.transform(line.get_xydata()[-1]) for line in axes.lines]
    return ends, [label.get_window_extent() for label in axes.texts]


@pytest.mark.parametrize("scale", ["linear", "log"])
@pytest.mark.parametrize("last", [[0.9, 0.91, 0.2, 0.9, 0.89], [1, 1], [0.3]])
def test_spread_labels_stand_apart_in_order_beside_their_lines(axes, last, scale):
    for position, end in enumerate(last):
        plots.spread(axes, [1, 2], np.array([[0.1, end]]), f"line {position}")
    axes.set(yscale=scale, ylim=(0.05, 1.001))  # the bounds change after the calls
    axes.figure.set_layout_engine("constrained")
    ends, boxes = ends_and_boxes(axes)
    order = sorted(range(len(last)), key=last.__getitem__)
    for lower, upper in itertools.pairwise(order):
        assert boxes[lower].y1 <= boxes[upper].y0 + 1e-6
    for (x, _), box in zip(ends, boxes, strict=True):
        assert 0 < box.x0 - x < 20
        assert box.x1 <= axes.figure.bbox.x1
        assert axes.bbox.y0 <= box.y0 + 1e-6 and box.y1 <= axes.bbox.y1 + 1e-6


def test_spread_moves_no_label_that_is_in_nobodys_way(axes):
    for end in (0, 0.5, 1):
        plots.spread(axes, [1, 2], np.array([[0, end]]), str(end))
    axes.set_ylim(-1, 2)
    ends, boxes = ends_and_boxes(axes)
    for (_, y), box in zip(ends, boxes, strict=True):
        assert abs((box.y0 + box.y1) / 2 - y) < 1


def test_spread_moves_labels_no_further_than_it_must(axes):
    for end in (0.5, 0.5):
        plots.spread(axes, [1, 2], np.array([[0, end]]), "both")
    (end, _), (lower, upper) = ends_and_boxes(axes)
    assert abs(lower.y1 - end[1]) < 1 and abs(upper.y0 - end[1]) < 1


def test_spread_leaves_no_room_for_labels_out_of_sight_or_empty(axes):
    for end, label in ((0.97, "seen"), (0.97, ""), (1.01, "outside")):
        plots.spread(axes, [1, 2], np.array([[0, end]]), label)
    axes.set_ylim(0, 1)
    (end, *_), (box, _) = ends_and_boxes(axes)
    assert abs((box.y0 + box.y1) / 2 - end[1]) < 1


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
