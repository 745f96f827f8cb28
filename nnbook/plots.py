"""Plots that chapters share. Everything else is plain Matplotlib in the chapter."""

from collections.abc import Callable, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.text import Annotation, Text
from matplotlib.transforms import IdentityTransform
from scipy.optimize import isotonic_regression


def decision_regions(
    axes: Axes,
    score: Callable[[np.ndarray], np.ndarray],
    X: np.ndarray,
    y: np.ndarray,
) -> None:
    """Draw labelled points over the two sides of a model's decision boundary.

    Args:
        axes: where to draw.
        score: maps points, shape (points, 2), to scores, shape (points,);
            positive scores mean class 1.
        X: points, shape (examples, 2).
        y: classes -1 and 1, shape (examples,).
    """
    low, high = X.min(axis=0), X.max(axis=0)
    margin = 0.08 * (high - low)
    grid = np.meshgrid(
        *(
            np.linspace(*ends, 200)
            for ends in zip(low - margin, high + margin, strict=True)
        )
    )
    points = np.stack([axis.ravel() for axis in grid], axis=1)  # (points, 2)
    scores = np.reshape(score(points), grid[0].shape)
    regions = ListedColormap(["#dcebf5", "#fbe6d6"])
    axes.pcolormesh(*grid, scores > 0, cmap=regions, vmin=0, vmax=1, rasterized=True)
    if scores.min() < 0 < scores.max():
        axes.contour(*grid, scores, levels=[0], colors="black", linewidths=1.2)
    for label, marker, color in ((-1, "o", "C0"), (1, "s", "C1")):
        side = X[y == label]
        axes.scatter(*side.T, marker=marker, color=color, s=18, linewidths=0)
    axes.set(xticks=[], yticks=[])


def spread(axes: Axes, x: Sequence[float], values: np.ndarray, label: str) -> None:
    """Draw the mean over runs as a line and their range as a band.

    The label stands at the end of the line. Where lines of the same axes end close
    together, their labels are moved apart.

    Args:
        axes: where to draw.
        x: positions, shape (positions,).
        values: one row per run, shape (runs, positions).
        label: names the line; an empty one writes nothing.
    """
    mean = np.mean(values, axis=0)
    (line,) = axes.plot(x, mean)
    color = line.get_color()
    axes.fill_between(
        x, np.min(values, axis=0), np.max(values, axis=0), color=color, alpha=0.2, lw=0
    )
    if label:
        end = _EndLabel(
            label,
            (x[-1], mean[-1]),
            xytext=(7, 0),
            textcoords="offset points",
            va="center",
            color=color,
            transform=IdentityTransform(),  # as `axes.annotate` has it
            clip_on=False,
        )
        axes.add_artist(end)


class _EndLabel(Annotation):
    """A label at a line's end that makes room for the others of its axes.

    Where ends lie, and how high a label is, shows only when the figure is drawn.
    """

    def update_positions(self, renderer):
        """Stand beside the end, or as near to it as the other labels leave room."""
        labels = [
            label
            for label in self.axes.texts
            if isinstance(label, _EndLabel) and label._check_xy(renderer)
        ]
        ends = [self.axes.transData.transform(label.xy)[1] for label in labels]
        heights = [Text.get_window_extent(label, renderer).height for label in labels]
        number = labels.index(self)
        pixels = _apart(ends, heights, *self.axes.bbox.intervaly)[number] - ends[number]
        self.xyann = (7, pixels / renderer.points_to_pixels(1))
        super().update_positions(renderer)


def _apart(ends, heights, low, high):
    """Return centres nearest to the ends, where no two of these heights overlap."""
    order = np.argsort(ends, kind="stable")
    half = np.array(heights)[order] / 2
    # Without what lies below each label, not to overlap means not to fall.
    below = np.cumsum(2 * half) - half
    free = isotonic_regression(np.array(ends)[order] - below).x
    room = (low, high - 2 * half.sum())
    centres = np.empty(len(ends))
    centres[order] = np.clip(free, *room) + below
    return centres


def image_row(images: Sequence[np.ndarray], titles: Sequence[str]) -> None:
    """Show greyscale images side by side, dark ink on white.

    Args:
        images: arrays of shape (height, width), the larger the darker.
        titles: one for each image.
    """
    _, axes = plt.subplots(
        1, len(images), figsize=(0.9 * len(images), 1.2), squeeze=False
    )
    for ax, image, title in zip(axes[0], images, titles, strict=True):
        ax.imshow(image)
        ax.set_title(title, loc="center", fontsize=9, fontweight="normal")
        ax.set_axis_off()
