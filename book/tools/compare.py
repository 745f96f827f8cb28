"""Compare a notebook's stored output with a new one, numbers as numbers.

Text is read as a list of words, integers, decimal numbers, durations and
signs. Words, integers and signs must be equal; decimal numbers must have the
same sign and agree within a tolerance; durations are recognised by their unit
and not compared; spaces do not count.
"""

import json
import re
from dataclasses import dataclass

DURATION = r"(?<![\w.])\d+(?:\.\d+)?\s?(?:ns|µs|us|ms|s|min|seconds?|minutes?)(?!\w)"
TOKEN = re.compile(
    rf"""
      (?P<duration>{DURATION})
    | (?P<version>\d+(?:\.\d+){{2,}})
    | (?P<decimal>(?:(?<![\w.)\]])[-+−])?(?:\d+\.\d*(?:[eE][-+]?\d+)?|\.\d+(?:[eE][-+]?\d+)?
        |\d+[eE][-+]?\d+)(?!\w))
    | (?P<integer>(?:(?<![\w.)\]])[-+−])?\d+)
    | (?P<word>[^\W\d]\w*)
    | (?P<sign>\S)
    """,
    re.VERBOSE,
)


@dataclass(frozen=True)
class Tolerance:
    """How far two decimal numbers may be apart: the larger of both counts.

    Their signs must be the same, unless the numbers scatter around zero.
    """

    absolute: float = 0.02
    relative: float = 0.05
    across_zero: bool = False

    def allows(self, stored: float, new: float) -> bool:
        """Say whether a new number may stand for the stored one."""
        if stored and new and (stored < 0) != (new < 0) and not self.across_zero:
            return False
        return abs(new - stored) <= max(self.absolute, self.relative * abs(stored))


def difference(stored: object, new: object, tolerance: Tolerance) -> str | None:
    """Describe the first difference that counts, or return None.

    Args:
        stored: text, or a JSON value.
        new: what stands in its place now.
        tolerance: how far decimal numbers may be apart.
    """
    stored_tokens, new_tokens = _tokens(stored), _tokens(new)
    for (kind, old), (new_kind, now) in zip(stored_tokens, new_tokens, strict=False):
        if kind == new_kind == "duration":
            continue
        if kind == new_kind == "decimal":
            # "100." may be an integer that ends a sentence: then it must be equal.
            whole = old.endswith(".") and now.endswith(".")
            if old == now or not whole and tolerance.allows(_number(old), _number(now)):
                continue
            return (
                f"{old} became {now} (tolerance: {tolerance.absolute:g}, or "
                f"{tolerance.relative:g} of the stored number)"
            )
        if (kind, old) != (new_kind, now):
            return f"{old!r} became {now!r}"
    if len(stored_tokens) > len(new_tokens):
        return f"{stored_tokens[len(new_tokens)][1]!r} is missing at the end"
    if len(stored_tokens) < len(new_tokens):
        return f"{new_tokens[len(stored_tokens)][1]!r} is new at the end"
    return None


def differ_in_durations_only(stored: object, new: object) -> bool:
    """Say whether two values are the same but for their durations."""
    return re.sub(DURATION, "", as_text(stored)) == re.sub(DURATION, "", as_text(new))


def as_text(value: object) -> str:
    """Turn an output into text: text as it is, JSON with its keys in order."""
    if isinstance(value, str):
        return value
    return json.dumps(value, sort_keys=True, ensure_ascii=False)


def _tokens(value: object) -> list[tuple[str, str]]:
    return [(match.lastgroup, match[0]) for match in TOKEN.finditer(as_text(value))]


def _number(text: str) -> float:
    return float(text.replace("−", "-"))
