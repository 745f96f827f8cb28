"""Plots that chapters share. Everything else is plain Matplotlib in the chapter."""

from collections.abc import Callable, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap


def decision_regions(
    axes: Axes,
    score: Callable[[np.ndarray], np.ndarray],
    X: np.ndarray,
    y: np.ndarray,
) -> None:
    """Draw labelled points over the two sides of a model's decision boundary.

    First used in: perceptron.

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

    The label stands at the end of the line. First used in: perceptron.

    Args:
        axes: where to draw.
        x: positions, shape (positions,).
        values: one row per run, shape (runs, positions).
        label: names the line.
    """
    mean = np.mean(values, axis=0)
    (line,) = axes.plot(x, mean)
    color = line.get_color()
    axes.fill_between(
        x, np.min(values, axis=0), np.max(values, axis=0), color=color, alpha=0.2, lw=0
    )
    axes.annotate(
        label,
        (x[-1], mean[-1]),
        xytext=(7, 0),
        textcoords="offset points",
        va="center",
        color=color,
    )


def image_row(images: Sequence[np.ndarray], titles: Sequence[str]) -> None:
    """Show greyscale images side by side, dark ink on white.

    First used in: perceptron.

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
