"""Claims: what a chapter says about a network, measured where it is said."""

from typing import Any

import numpy as np
from IPython.display import display
from numpy.typing import ArrayLike

MIME_TYPE = "application/vnd.nnbook.claim+json"


def claim(
    sentence: str,
    value: ArrayLike,
    *,
    above: float | None = None,
    below: float | None = None,
    close_to: float | None = None,
    tolerance: float | None = None,
) -> None:
    """Show a measured claim, or raise when it does not hold.

    The output carries the same figures as JSON under `MIME_TYPE`, from which
    tools list every claim of the book. First used in: perceptron.

    Args:
        sentence: what is claimed, as a reader should remember it.
        value: what was measured. A number, or an array of any shape with one
            element per run, of which each must keep to the bound. Without a
            bound: a truth, or an array of them.
        above: every element must be greater than this.
        below: every element must be smaller than this.
        close_to: every element must be within `tolerance` of this.
        tolerance: the largest absolute distance from `close_to`.

    Raises:
        AssertionError: the bound is broken, or a value is NaN or infinite.
        TypeError, ValueError: the call itself makes no sense, such as a
            number without a bound, or no values at all.
    """
    values = np.asarray(value)
    bounds = [bound for bound in (above, below, close_to) if bound is not None]
    if values.size == 0:
        raise ValueError(f"claim {sentence!r}: no values, so nothing was measured")
    if not (values.dtype == bool or np.issubdtype(values.dtype, np.number)):
        raise TypeError(f"claim {sentence!r}: {value!r} is neither number nor truth")
    if (values.dtype == bool) == bool(bounds):
        raise TypeError(
            f"claim {sentence!r}: a number needs above=, below= or close_to=, "
            "a truth takes none of them"
        )
    if (close_to is None) != (tolerance is None) or (
        close_to is not None and bounds[1:]
    ):
        raise ValueError(
            f"claim {sentence!r}: close_to= and tolerance= belong together, "
            "without above= or below="
        )

    kept = values if not bounds else np.isfinite(values)
    words = []
    if above is not None:
        kept = kept & (values > above)
        words.append(f"above {above:g}")
    if below is not None:
        kept = kept & (values < below)
        words.append(f"below {below:g}")
    if close_to is not None:
        kept = kept & (np.abs(values - close_to) <= tolerance)
        words.append(f"{close_to:g} ± {tolerance:g}")
    result = _Claim(sentence, values, " and ".join(words) or "true", bool(kept.all()))
    if not result.holds:
        raise AssertionError(str(result))
    display(result)


class _Claim:
    """One measured claim, as text for people and as JSON for tools."""

    def __init__(self, sentence: str, values: np.ndarray, bound: str, holds: bool):
        self.sentence, self.values = sentence, values
        self.bound, self.holds = bound, holds

    def __str__(self) -> str:
        values = self.values
        if values.dtype == bool:
            measured = str(bool(values.all())).lower()
            if values.size > 1:
                measured = f"{values.sum()} of {values.size} true"
        elif values.size == 1:
            measured = format_number(values.item())
        else:
            low, high = format_number(values.min()), format_number(values.max())
            mean = format_number(float(values.mean()))
            measured = f"mean {mean}, from {low} to {high} in {values.size} runs"
        verdict = "Claim" if self.holds else "BROKEN CLAIM"
        return (
            f"{verdict}: {self.sentence}\n  measured {measured}\n  bound: {self.bound}"
        )

    __repr__ = __str__

    def _repr_mimebundle_(self, **_) -> dict[str, Any]:
        # Four digits: enough for a table, few enough to be the same each run.
        mean, low, high = (
            float(f"{number:.4g}")
            for number in (self.values.mean(), self.values.min(), self.values.max())
        )
        figures = {
            "sentence": self.sentence,
            "mean": mean,
            "low": low,
            "high": high,
            "runs": self.values.size,
            "bound": self.bound,
        }
        return {"text/plain": str(self), MIME_TYPE: figures}


def format_number(number: float) -> str:
    """Write a number with three significant digits, and floats as decimals.

    A float always keeps its decimal point: the book's tests compare decimal
    numbers within a tolerance and integers exactly. First used in: perceptron.

    Args:
        number: an integer or a float.

    Returns:
        `"8"` for 8, `"8.0"` for 8.0, `"0.0123"` and `"1.23e-05"`.
    """
    if isinstance(number, int | np.integer):
        return str(number)
    if not np.isfinite(number):
        return str(float(number))
    if number != 0 and not 1e-4 <= abs(number) < 1e6:
        return f"{number:.2e}"
    digits = 2 if number == 0 else max(1, 2 - int(np.floor(np.log10(abs(number)))))
    return f"{number:.{digits}f}" if abs(number) < 100 else f"{number:.1f}"
