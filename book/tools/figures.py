"""Compare a stored figure with a new one: by its size and by what it looks like."""

import base64
import io

import numpy as np

MAX_RESIZED = 0.05  # of the width and of the height
HASH_SIZE = 16  # bits in either direction, for each of red, green and blue
HUES = 12
LITTLE_INK = 0.003  # of the figure's area: a hue with less counts as this much
# A hue that halves is a curve that is gone. Measured over the book: figures drawn again
# with other text rendering or 4 % larger or smaller change by at most 0.1 (146 of 148),
# a curve less changes 41 of 49 by more, and two figures of a chapter differ by 0.29.
INK_WEIGHT = 0.25


def figures_differ(stored: str, new: str, tolerance: float) -> str | None:
    """Say how two figures differ that should be one, drawn twice, or return None.

    Args:
        stored: a PNG in base64, as a notebook holds it.
        new: another.
        tolerance: the share of the fingerprint that may differ.
    """
    if stored == new:
        return None
    before, now = image(stored), image(new)
    sides = zip(("width", "height"), before.size, now.size, strict=True)
    for name, old, fresh in sides:
        if abs(fresh - old) > MAX_RESIZED * old:
            return f"the figure's {name} was {old} pixels and is {fresh}"
    change = max(layout_change(before, now), INK_WEIGHT * ink_change(before, now))
    if change > tolerance:
        return f"the figure looks different, by {change:.2f} (tolerance: {tolerance:g})"
    return None


def layout_change(before, now) -> float:
    """Return the share of two images' perceptual hashes that differs: where things are."""
    import imagehash

    bands = zip(before.split(), now.split(), strict=True)
    hashes = [[imagehash.phash(band, HASH_SIZE) for band in pair] for pair in bands]
    return max(old - new for old, new in hashes) / HASH_SIZE**2


def ink_change(before, now) -> float:
    """Return the share of a hue, or of grey, that one of two images has alone: thin curves."""
    old, new = _ink(before), _ink(now)
    return np.max(np.abs(new - old) / np.maximum(LITTLE_INK, np.maximum(old, new)))


def _ink(image) -> np.ndarray:
    """Return how much of the area each hue covers, and last how much grey does."""
    hue, saturation, value = np.asarray(image.convert("HSV")).transpose(2, 0, 1) / 256
    coloured = saturation > 0.15
    position = hue[coloured] * HUES
    lower = position.astype(int)
    share = position - lower  # a hue between two counts for both
    ink = np.bincount(lower, (1 - share) * saturation[coloured], HUES)
    ink += np.bincount((lower + 1) % HUES, share * saturation[coloured], HUES)
    return np.append(ink, (1 - value)[~coloured].sum()) / hue.size


def image(png: str):
    """Return a PNG in base64 as an RGB image."""
    from PIL import Image

    return Image.open(io.BytesIO(base64.b64decode(png))).convert("RGB")
