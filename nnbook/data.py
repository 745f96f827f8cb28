"""Data sets that chapters share: real ones from scikit-learn, and generated ones."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

Split = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def split(X: ArrayLike, y: ArrayLike, seed: int, standardise: bool = False) -> Split:
    """Split a data set into 70 % for training and 30 % for testing, by class.

    First used in: perceptron.

    Args:
        X: examples, shape (examples, features).
        y: classes, shape (examples,).
        seed: decides which example goes where.
        standardise: give each feature mean 0 and standard deviation 1 on the
            training set, and apply the same shift and scale to the test set.

    Returns:
        X_train, X_test, y_train, y_test.
    """
    from sklearn.model_selection import train_test_split
    from sklearn.preprocessing import StandardScaler

    X_train, X_test, y_train, y_test = train_test_split(
        X, y, test_size=0.3, stratify=y, random_state=seed
    )
    if standardise:
        scaler = StandardScaler().fit(X_train)
        X_train, X_test = scaler.transform(X_train), scaler.transform(X_test)
    return X_train, X_test, y_train, y_test


def digits(seed: int, classes: Sequence[int] = range(10)) -> Split:
    """Load scikit-learn's handwritten digits, split by `split`.

    First used in: perceptron. Source: E. Alpaydin and C. Kaynak, "Optical
    Recognition of Handwritten Digits", UCI Machine Learning Repository, 1998.

    Args:
        seed: decides which example goes where.
        classes: the digits to keep.

    Returns:
        X_train, X_test, y_train, y_test: images as rows of 64 pixels between
        0 and 1 (reshape to 8 × 8 to look at them), and their digits.

    Raises:
        ValueError: a class is not a digit.
    """
    from sklearn.datasets import load_digits

    if not set(classes) <= set(range(10)):
        raise ValueError(f"classes must be digits from 0 to 9, not {list(classes)}")
    X, y = load_digits(return_X_y=True)
    kept = np.isin(y, list(classes))
    return split(X[kept] / 16, y[kept], seed)


def separable(
    examples: int, margin: float, seed: int, dimensions: int = 2
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw points in the unit ball that a hyperplane through 0 separates.

    First used in: perceptron.

    Args:
        examples: how many points.
        margin: no point is closer than this to the hyperplane; from 0 to
            below 1.
        seed: decides the hyperplane and the points.
        dimensions: how many coordinates a point has.

    Returns:
        X, shape (examples, dimensions); y, -1 or 1, shape (examples,); and the
        unit vector normal to the hyperplane, shape (dimensions,).

    Raises:
        ValueError: the margin leaves next to no room for points.
    """
    if not 0 <= margin < 1:
        raise ValueError(f"margin must be from 0 to below 1, not {margin}")
    rng = np.random.default_rng(seed)
    normal = rng.normal(size=dimensions)
    normal /= np.linalg.norm(normal)
    X = np.empty((0, dimensions))
    for _ in range(1000):
        # The first d coordinates of a uniform point on the sphere in d + 2
        # dimensions are uniform in the ball in d dimensions.
        points = rng.normal(size=(2 * examples, dimensions + 2))
        points /= np.linalg.norm(points, axis=1, keepdims=True)
        points = points[:, :dimensions]
        X = np.concatenate([X, points[np.abs(points @ normal) >= margin]])
        if len(X) >= examples:
            X = X[:examples]
            return X, np.sign(X @ normal), normal
    raise ValueError(
        f"a margin of {margin} leaves too few points in {dimensions} dimensions"
    )
