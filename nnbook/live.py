"""Hand trained weights to the live figures of the book's pages."""

import base64
from typing import Any

import numpy as np
from IPython.display import display

MIME_TYPE = "application/vnd.nnbook.weights+json"


def publish_weights(weights: list[np.ndarray]) -> None:
    """Leave a network's weights in the output, for the page's live figure.

    Args:
        weights: as `model.get_weights()` returns them; stored as float32.

    Raises:
        ValueError: a weight is NaN or infinite.
    """
    if not all(np.isfinite(array).all() for array in weights):
        raise ValueError("a weight is not a finite number")
    display(_Weights(weights))


class _Weights:
    """Weights, as a line for people and as JSON for the page."""

    def __init__(self, weights: list[np.ndarray]):
        self.weights = weights

    def __repr__(self) -> str:
        count = sum(array.size for array in self.weights)
        return f"{count} weights for the live figure"

    def _repr_mimebundle_(self, **_) -> dict[str, Any]:
        arrays = [
            {
                "shape": list(array.shape),
                # Four bytes each, lowest first, as browsers' Float32Array reads them.
                "float32": base64.b64encode(array.astype("<f4").tobytes()).decode(),
            }
            for array in self.weights
        ]
        return {"text/plain": repr(self), MIME_TYPE: arrays}
