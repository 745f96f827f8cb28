"""Compare a notebook's stored outputs with new ones, numbers as numbers.

How many outputs there are, of which kinds and in which order, must be equal. Text
is read as lines of words, integers, decimal numbers and signs, and only decimal
numbers may differ, within a tolerance that fits their size. What a claim or check
says and asks for is exact, and so is every bound that is printed; spaces within a
line do not count.

Times are not compared. They are known by what stands around them: "took 3.1 s",
"3.1 s a run", "CPU time … 3.1 s", "in 3.1 s" at the end of a line, or a column of a
table whose heading says "time".
"""

import itertools
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from book.tools.figures import figures_differ
from nnbook.claims import CHECK, CLAIM
from nnbook.live import MIME_TYPE as WEIGHTS

# An absolute tolerance counts for numbers that are this many times as large, and a
# step of the last printed digit for numbers of this many steps.
LARGER, STEPS = 5, 4

UNIT = r"\s(?:ns|µs|us|ms|s|min|h)(?!\w)"
DURATION = rf"(?<![\w.,])\d+(?:\.\d+)?(?={UNIT})"
PHRASES = re.compile(
    rf"(?<=\btook ){DURATION}|{DURATION}(?={UNIT} a run\b)|(?<=\bin ){DURATION}(?={UNIT}$)",
    re.MULTILINE,
)
AFTER_CPU_TIME = re.compile(r"(?<=\bCPU time\b).+")
TABLE = re.compile(r"<table.*?</table>", re.DOTALL)
ROW = re.compile(r"<tr.*?</tr>", re.DOTALL)
TABLE_CELL = re.compile(r"(?<=>)[^<>]*(?=</t[dh]>)")

DIGITS = r"(?:\d{1,3}(?:,\d{3})+(?![\d,])|\d+)"
MINUS = r"(?:(?<![\w.)\]])[-+−])?"
TOKEN = re.compile(
    rf"""
      (?P<line>\n)
    | (?P<version>\d+(?:\.\d+){{2,}}\w*)
    | (?P<decimal>{MINUS}(?:{DIGITS}\.\d*(?:[eE][-+]?\d+)?
        |(?<!\w)\.\d+(?:[eE][-+]?\d+)?|\d+[eE][-+]?\d+)(?!\w))
    | (?P<word>\w*[^\W\d]\w*)
    | (?P<integer>{MINUS}{DIGITS})
    | (?P<sign>\S)
    """,
    re.VERBOSE,
)
LIMIT = r"[-+−]?\d[\d.,]*(?:e[-+]?\d+)?"
EXACT = re.compile(
    rf"""
      ^Claim:\ .*
    | ^Checked:\ .*(?=\ \([^()]*;\ bound:) | ^Checked:\ .*
    | \bbound:?\ {LIMIT}(?:\ ±\ {LIMIT})?
    | \b(?:above|below|at\ least|at\ most)\ {LIMIT}
    """,
    re.VERBOSE | re.MULTILINE,
)


@dataclass(frozen=True)
class Tolerance:
    """How far two decimal numbers may be apart; a cell's `nbval` metadata.

    Attributes:
        absolute: counts for numbers at least five times as large.
        relative: counts for all, as a share of the larger number.
        across_zero: numbers up to this size scatter around zero, and each may
            stand for each.
        figure: how much of a figure's fingerprint may differ.
        why: why a cell needs more than others; only people read it.
    """

    absolute: float = 0.02
    relative: float = 0.05
    across_zero: float = 0.0
    figure: float = 0.1
    why: str = ""

    def allows(self, stored: float, new: float, step: float = 0.0) -> bool:
        """Say whether a new number may stand for the stored one.

        Args:
            stored: a number.
            new: the number in its place.
            step: the last printed digit's: may always be taken by numbers of
                four steps or more, as rounding takes it.
        """
        size = max(abs(stored), abs(new))
        if stored == new or size <= self.across_zero:
            return True
        if stored and new and (stored < 0) != (new < 0):
            return False
        allowed = [self.relative * size]
        if size >= LARGER * self.absolute:
            allowed.append(self.absolute)
        if size >= STEPS * step:
            allowed.append(step)
        return abs(new - stored) <= max(allowed) * (1 + 1e-9)


def outputs_difference(
    stored: list[Mapping], new: list[Mapping], tolerance: Tolerance
) -> str | None:
    """Describe the first difference between a cell's outputs, or return None.

    Args:
        stored: its outputs, as nbformat has them.
        new: its outputs now. Both have their streams merged in the same way.
        tolerance: how far decimal numbers may be apart.
    """
    before, now = list(map(_kind, stored)), list(map(_kind, new))
    if before != now:
        return f"the outputs were {before or 'none'}, and are {now or 'none'}"
    for kind, old, fresh in zip(before, stored, new, strict=True):
        for mime_type, content, replacement in (
            ("text", old.get("text", ""), fresh.get("text", "")),
            *(
                (mime_type, content, fresh["data"][mime_type])
                for mime_type, content in old.get("data", {}).items()
            ),
        ):
            if mime_type == "image/png":
                found = figures_differ(content, replacement, tolerance.figure)
            elif mime_type == WEIGHTS:
                # Weights after a training run differ between processors.
                shapes = [
                    [array["shape"] for array in arrays]
                    for arrays in (content, replacement)
                ]
                found = difference(*shapes, tolerance)
            else:
                found = difference(content, replacement, tolerance)
            if found:
                return f"{kind}, {mime_type}: {found}"
    return None


def difference(stored: Any, new: Any, tolerance: Tolerance) -> str | None:
    """Describe the first difference that counts, or return None.

    Args:
        stored: text, or a JSON value.
        new: what stands in its place now.
        tolerance: how far decimal numbers may be apart.
    """
    if isinstance(stored, str) and isinstance(new, str):
        return _text_difference(stored, new, tolerance)
    if isinstance(stored, Mapping) and isinstance(new, Mapping):
        pairs = [(key, stored.get(key), new.get(key)) for key in {**stored, **new}]
    elif isinstance(stored, list) and isinstance(new, list):
        if len(stored) != len(new):
            return f"{len(stored)} values became {len(new)}"
        pairs = [("", *pair) for pair in zip(stored, new, strict=True)]
    elif isinstance(stored, float) and isinstance(new, float):
        # JSON has no NaN, but Python writes it.
        if str(stored) == str(new) or tolerance.allows(stored, new):
            return None
        return _too_far(stored, new, tolerance)
    else:
        return (
            None
            if (stored, type(stored)) == (new, type(new))
            else _changed(stored, new)
        )
    for key, old, now in pairs:
        exactly = key in ("sentence", "bound") and old != now
        found = _changed(old, now) if exactly else difference(old, now, tolerance)
        if found:
            return f"{key}: {found}" if key else found
    return None


def differ_in_durations_only(stored: Any, new: Any) -> bool:
    """Say whether two values, such as lists of outputs, are the same but for times."""
    return _without_durations(stored) == _without_durations(new)


def decimals(outputs: list[Mapping]) -> list[float]:
    """List the decimal numbers in a cell's text and in what its claims print."""
    texts = [
        text
        for output in outputs
        for text in (
            output.get("text", ""),
            output.get("data", {}).get("text/plain", ""),
        )
    ]
    return [
        _number(match["decimal"])
        for text in texts
        for match in TOKEN.finditer(text.replace("\\n", "\n"))
        if match["decimal"]
    ]


def _kind(output: Mapping) -> str:
    """Name an output's kind: "stream stdout", "display_data of image/png, text/plain"."""
    if "data" in output:
        return f"{output['output_type']} of {', '.join(sorted(output['data']))}"
    return f"{output['output_type']} {output.get('name', '')}".strip()


def _text_difference(stored, new, tolerance):
    stored_tokens, new_tokens = _tokens(stored), _tokens(new)
    for (kind, old), (new_kind, now) in zip(stored_tokens, new_tokens, strict=False):
        if old == now and kind == new_kind:
            continue
        # "100." may be an integer that ends a sentence: then it must be equal.
        whole = old.endswith(".") and now.endswith(".")
        if kind != "decimal" or new_kind != "decimal" or whole:
            return _changed(old, now)
        one, other = _number(old), _number(now)
        size = max(abs(one), abs(other))
        scientific = ["e" in text.lower() for text in (old, now)]
        if scientific[0] != scientific[1] and size > tolerance.across_zero:
            return f"{old} became {now}: written in another way"
        steps = [_step(text) for text in (old, now)]
        step = steps[0] if steps[0] == steps[1] else 0
        if not tolerance.allows(one, other, step):
            return _too_far(old, now, tolerance)
    if len(stored_tokens) > len(new_tokens):
        return f"{stored_tokens[len(new_tokens)][1]!r} is missing at the end"
    if len(stored_tokens) < len(new_tokens):
        return f"{new_tokens[len(stored_tokens)][1]!r} is new at the end"
    return None


def _changed(old, now):
    return f"{old!r} became {now!r}"


def _too_far(old, now, tolerance):
    return (
        f"{old} became {now} (tolerance: {tolerance.relative:g} of the number, or "
        f"{tolerance.absolute:g} from {LARGER * tolerance.absolute:g} on)"
    )


def _tokens(text: str) -> list[tuple[str, str]]:
    """List (kind, text) of each token; decimals of a claim or bound are "exact"."""
    text = _masked(text)
    spans = [match.span() for match in EXACT.finditer(text)]
    tokens = []
    for match in TOKEN.finditer(text):
        kind = match.lastgroup
        if any(begin <= match.start() < end for begin, end in spans):
            kind = "exact"
        tokens.append((kind, match[0]))
    return tokens


def _number(text: str) -> float:
    return float(text.replace("−", "-").replace(",", ""))


def _step(text: str) -> float:
    """Return the worth of a printed number's last digit."""
    digits, _, exponent = text.lower().partition("e")
    return 10.0 ** (int(exponent or 0) - len(digits.partition(".")[2]))


def _masked(text: str) -> str:
    """Put a sign in place of every time; its unit stays."""
    text = text.replace("\\n", "\n")  # a table is stored as HTML, and as its repr
    if not re.search(UNIT, text) or re.match("Claim: |Checked: ", text):
        return text
    text = PHRASES.sub("◷", text)
    text = AFTER_CPU_TIME.sub(lambda match: re.sub(DURATION, "◷", match[0]), text)
    return TABLE.sub(_masked_table, text)


def _masked_table(table: re.Match) -> str:
    columns: set[int] = set()

    def masked_row(row):
        columns_of_row = itertools.count()

        def masked_cell(cell):
            column = next(columns_of_row)
            if re.search(r"\btime\b", cell[0]) and "<th" in row[0]:
                columns.add(column)
            return re.sub(DURATION, "◷", cell[0]) if column in columns else cell[0]

        return TABLE_CELL.sub(masked_cell, row[0])

    return ROW.sub(masked_row, table[0])


def _without_durations(value: Any) -> Any:
    if isinstance(value, str):
        return _masked(value)
    if isinstance(value, Mapping):
        return {
            key: item if key in (CLAIM, CHECK) else _without_durations(item)
            for key, item in value.items()
        }
    if isinstance(value, list):
        return list(map(_without_durations, value))
    return value
