"""Compare a stored figure with a new one: by its size and what it looks like."""

import base64
import io

MAX_RESIZED = 0.05  # of the width and of the height
# A perceptual hash of 16 × 16 bits for each colour, and the share of bits that may
# differ in one of them. Measured over the book's figures: drawn again with other
# text rendering, without smooth edges or 4 % larger …; another figure of the same
# chapter …; see CONTRIBUTING.md.
HASH_SIZE, MAX_DISTANCE = 16, 0.12


def figures_differ(stored: str, new: str) -> str | None:
    """Say how two figures differ that should be one drawn twice, or return None.

    Args:
        stored: a PNG in base64, as a notebook holds it.
        new: another.
    """
    before, now = _image(stored), _image(new)
    for name, old, fresh in zip(
        ("width", "height"), before.size, now.size, strict=True
    ):
        if abs(fresh - old) > MAX_RESIZED * old:
            return f"the figure's {name} was {old} pixels and is {fresh}"
    distance = figure_distance(stored, new)
    if distance > MAX_DISTANCE:
        return (
            f"the figure looks different: {distance:.0%} of its fingerprint changed, "
            f"{MAX_DISTANCE:.0%} may"
        )
    return None


def figure_distance(stored: str, new: str) -> float:
    """Return the share of two figures' fingerprints that differs, in the worst colour."""
    import imagehash

    pairs = zip(_image(stored).split(), _image(new).split(), strict=True)
    hashes = [[imagehash.phash(band, HASH_SIZE) for band in pair] for pair in pairs]
    return max((old - new) / HASH_SIZE**2 for old, new in hashes)


def _image(png: str):
    from PIL import Image

    return Image.open(io.BytesIO(base64.b64decode(png))).convert("RGB")
