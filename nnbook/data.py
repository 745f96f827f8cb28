"""Data sets that chapters share: from scikit-learn, generated, and for benchmarks."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from nnbook.downloads import (
    airline_passengers,
    cifar10,
    fashion_mnist,
    imdb,
    mnist,
    tiny_shakespeare,
)

__all__ = [
    "airline_passengers",
    "cifar10",
    "digits",
    "fashion_mnist",
    "glyphs",
    "imdb",
    "mnist",
    "separable",
    "split",
    "tiny_shakespeare",
]

Split = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]

# Typefaces that come with Matplotlib.
_FACES = (
    "DejaVuSans",
    "DejaVuSans-Bold",
    "DejaVuSans-Oblique",
    "DejaVuSansMono",
    "DejaVuSerif",
    "DejaVuSerif-Italic",
    "STIXGeneral",
    "STIXGeneralBol",
    "cmr10",
    "cmss10",
)


def split(X: ArrayLike, y: ArrayLike, seed: int, standardise: bool = False) -> Split:
    """Split a data set into 70 % for training and 30 % for testing, by class.

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

    Source: E. Alpaydin and C. Kaynak, "Optical
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


def glyphs(
    characters: str, examples: int, seed: int, shift: float = 3.0
) -> tuple[np.ndarray, np.ndarray]:
    """Draw letters and digits in ten typefaces, each distorted in its own way.

    Each image is turned by up to 20 degrees, sheared by up to 0.2, stretched
    by up to a fifth along each axis, and shifted. The typefaces come with
    Matplotlib.

    Args:
        characters: the classes; they are drawn equally often.
        examples: how many images.
        seed: decides typefaces, distortions and order.
        shift: the largest shift along each axis, in pixels.

    Returns:
        Images, float32 of shape (examples, 28, 28), from 0 (paper) to 1 (ink);
        and for each image the position of its character in `characters`.

    Raises:
        ValueError: no characters, one twice, or one that is neither an ASCII
            letter nor a digit.
    """
    import matplotlib
    from matplotlib.ft2font import FT2Font, LoadFlags
    from scipy.ndimage import affine_transform, gaussian_filter

    usable = characters.isascii() and characters.isalnum()
    if not usable or len(set(characters)) < len(characters):
        raise ValueError(
            f"characters must be different ASCII letters and digits, not {characters!r}"
        )
    rng = np.random.default_rng(seed)
    masters = np.zeros((len(_FACES), len(characters), 84, 84), "float32")
    for face, name in enumerate(_FACES):
        font = FT2Font(f"{matplotlib.get_data_path()}/fonts/ttf/{name}.ttf")
        font.set_size(60, 72)  # points of one pixel: capitals are about 43 high
        for i, character in enumerate(characters):
            font.set_text(character, flags=LoadFlags.NO_HINTING)
            font.draw_glyphs_to_bitmap()
            ink = np.asarray(font.get_image())
            top, left = (84 - np.array(ink.shape)) // 2
            height, width = ink.shape
            masters[face, i, top : top + height, left : left + width] = ink / 255
    # Three pixels become one, so what is finer than that must go first.
    masters = gaussian_filter(masters, sigma=(0, 0, 1.2, 1.2))

    labels = rng.permutation(np.arange(examples) % len(characters))
    faces = rng.integers(len(_FACES), size=examples)
    turn = np.deg2rad(rng.uniform(-20, 20, examples))
    shear = rng.uniform(-0.2, 0.2, examples)
    stretch = rng.uniform(0.8, 1.2, (examples, 2))
    move = rng.uniform(-shift, shift, (examples, 2))
    images = np.empty((examples, 28, 28), "float32")
    for i in range(examples):
        cos, sin = np.cos(turn[i]), np.sin(turn[i])
        # From a pixel of the image to a pixel of its master, three times as fine.
        matrix = 3 * np.array([[cos, -sin], [sin, cos]]) @ [[1, 0], [shear[i], 1]]
        matrix = matrix / stretch[i]
        offset = 41.5 - matrix @ (13.5 + move[i])
        images[i] = affine_transform(
            masters[faces[i], labels[i]], matrix, offset, output_shape=(28, 28), order=1
        )
    return np.clip(images, 0, 1), labels
