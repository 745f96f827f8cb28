"""What a chapter says, measured or checked where it is said."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from IPython.display import display
from numpy.typing import ArrayLike

CLAIM = "application/vnd.nnbook.claim+json"
CHECK = "application/vnd.nnbook.check+json"


def claim(
    sentence: str,
    value: ArrayLike,
    *,
    above: float | None = None,
    below: float | None = None,
    close_to: float | None = None,
    tolerance: float | None = None,
    over: str = "seeds",
) -> None:
    """Show a measured claim, or raise when it does not hold.

    A claim is something that a network could have failed. What follows from the
    code alone, such as that it equals a library's, is a `check`. The output
    carries the same figures as JSON under `CLAIM`, from which tools list every
    claim of the book.

    Args:
        sentence: what is claimed, as a reader should remember it.
        value: what was measured. A number, or an array of any shape with one
            element per run, of which each must keep to the bound. Without a
            bound: a truth, or an array of them.
        above: every element must be greater than this.
        below: every element must be smaller than this.
        close_to: every element must be within `tolerance` of this.
        tolerance: the largest absolute distance from `close_to`.
        over: what the elements run over, a plural: seeds, epochs, tasks, sizes,
            optimizers. A single number runs over nothing.

    Raises:
        AssertionError: the bound is broken, or a value is NaN or infinite.
        TypeError, ValueError: the call itself makes no sense, such as a
            number without a bound, or no values at all.
    """
    values, bound, holds = _judge(sentence, value, above, below, close_to, tolerance)
    if not over.strip():
        raise ValueError(f"claim {sentence!r}: over= needs a word, such as 'seeds'")
    if values.size == 1:
        measured = _spell(values.item())
    elif values.dtype == bool:
        measured = f"true in {values.sum()} of {values.size} {over}"
    else:
        low, mean, high = map(_spell, (values.min(), values.mean(), values.max()))
        measured = f"mean {mean}, from {low} to {high} over {values.size} {over}"
    lines = f"Claim: {sentence}\n  measured {measured}\n  bound: {bound}"
    if not holds:
        raise AssertionError(f"BROKEN CLAIM{lines.removeprefix('Claim')}")
    # Four digits: enough for a table, few enough to be the same each run.
    mean, low, high = (
        float(f"{number:.4g}") for number in (values.mean(), values.min(), values.max())
    )
    figures = {
        "sentence": sentence,
        "measured": measured,
        "bound": bound,
        "mean": mean,
        "low": low,
        "high": high,
        "runs": values.size,
        "over": over if values.size > 1 else None,
    }
    display(_Statement(lines, CLAIM, figures))


def check(
    sentence: str,
    value: ArrayLike,
    *,
    above: float | None = None,
    below: float | None = None,
    close_to: float | None = None,
    tolerance: float = 0,
) -> None:
    """Show in one line that code does what it should, or raise when it does not.

    For what no network could fail: our code equals the library's, a gradient its
    finite differences, a count its paper's. The output carries the same as JSON
    under `CHECK`.

    Args:
        sentence: what is checked.
        value: a number, or an array of any shape of which each element must keep
            to the bound. Without a bound: a truth, or an array of them.
        above: every element must be greater than this.
        below: every element must be smaller than this.
        close_to: every element must be within `tolerance` of this.
        tolerance: the largest absolute distance from `close_to`; 0 asks for
            equality, as a count does.

    Raises:
        AssertionError: the bound is broken, or a value is NaN or infinite.
        TypeError, ValueError: the call itself makes no sense, such as a
            number without a bound, or no values at all.
    """
    if close_to is None and tolerance:
        raise ValueError(f"check {sentence!r}: tolerance= goes with close_to=")
    values, bound, holds = _judge(
        sentence, value, above, below, close_to, None if close_to is None else tolerance
    )
    low, high = _spell(values.min()), _spell(values.max())
    measured = low if low == high else f"from {low} to {high}"
    line = f"Checked: {sentence} ({measured}; bound: {bound})"
    if values.dtype == bool:
        line = f"Checked: {sentence}"
    if not holds:
        raise AssertionError(f"BROKEN CHECK{line.removeprefix('Checked')}")
    figures = {"sentence": sentence, "measured": measured, "bound": bound}
    display(_Statement(line, CHECK, figures))


def statements(
    cells: Iterable[Mapping[str, Any]], kind: str = CLAIM
) -> list[dict[str, Any]]:
    """List what `claim` or `check` left in the stored outputs of a notebook.

    Args:
        cells: its cells, or some of them, as nbformat reads them.
        kind: `CLAIM` or `CHECK`.

    Returns:
        The figures of each statement, in order.
    """
    outputs = [output for cell in cells for output in cell.get("outputs", [])]
    data = [output.get("data", {}) for output in outputs]
    return [bundle[kind] for bundle in data if kind in bundle]


def _judge(sentence, value, above, below, close_to, tolerance):
    """Return the values as an array, the bound in words, and whether it holds."""
    values = np.asarray(value)
    bounds = [bound for bound in (above, below, close_to) if bound is not None]
    if values.size == 0:
        raise ValueError(f"{sentence!r}: no values, so nothing was measured")
    if not (values.dtype == bool or np.issubdtype(values.dtype, np.number)):
        raise TypeError(f"{sentence!r}: {value!r} is neither number nor truth")
    if (values.dtype == bool) == bool(bounds):
        raise TypeError(
            f"{sentence!r}: a number needs above=, below= or close_to=, "
            "a truth takes none of them"
        )
    if (close_to is None) != (tolerance is None) or (
        close_to is not None and bounds[1:]
    ):
        raise ValueError(
            f"{sentence!r}: close_to= and tolerance= belong together, "
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
        words.append(f"{close_to:g} ± {tolerance:g}" if tolerance else f"{close_to:g}")
    return values, " and ".join(words) or "true", bool(kept.all())


class _Statement:
    """One statement, as text for people and as JSON for tools."""

    def __init__(self, text: str, kind: str, figures: dict[str, Any]):
        self.text, self.kind, self.figures = text, kind, figures

    def __repr__(self) -> str:
        return self.text

    def _repr_mimebundle_(self, **_) -> dict[str, Any]:
        return {"text/plain": self.text, self.kind: self.figures}


def _spell(number: Any) -> str:
    """Write a truth or a number."""
    if isinstance(number, bool | np.bool_):
        return str(bool(number)).lower()
    return format_number(number)


def format_number(number: float) -> str:
    """Write a number with three significant digits, and floats as decimals.

    A float always keeps its decimal point: the book's tests compare decimal
    numbers within a tolerance and integers exactly.

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
