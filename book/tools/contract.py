"""What every chapter and every exercise notebook must keep to.

Each rule yields a sentence per violation.
"""

import ast
import itertools
import re
from collections import Counter

import nbformat

from nnbook.claims import CLAIM, statements
from nnbook.live import MIME_TYPE as WEIGHTS

MAX_LINES, MAX_WIDTH = 30, 76
MAX_CHECK_LINES = 50  # messages take room
MAX_FIGURE, MAX_NOTEBOOK = 80_000, 1_000_000  # bytes
MIN_CLAIMS, MIN_PREDICTIONS = 6, 2
# Headings in this order; each is a pattern that one heading must match.
SECTIONS = [
    "What you will see",
    "Setup",
    "The problem",
    "The idea",
    "From scratch",
    ".*Keras.*",
    "Myths and pitfalls",
    "When .*",
    "What we saw",
    "Recall",
    "Exercises",
    "References",
]
PORTABLE_TAGS = {"br", "details", "kbd", "sub", "summary", "sup"}


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def prose(notebook):
    """Return all Markdown without its fenced and inline code and its formulas."""
    text = "\n\n".join(c.source for c in notebook.cells if c.cell_type == "markdown")
    text = re.sub(r"^```[a-z]*\n.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE)
    return re.sub(r"`[^`\n]+`|\$\$.*?\$\$|\$[^$]+\$", "", text, flags=re.DOTALL)


def outputs(notebook):
    """Return cell, output and the output's data by MIME type."""
    return [
        (cell, output, output.get("data", {}))
        for cell in code_cells(notebook)
        for output in cell.outputs
    ]


def is_valid(notebook):
    if (notebook.nbformat, notebook.nbformat_minor) != (4, 5):
        yield f"format {notebook.nbformat}.{notebook.nbformat_minor}, not 4.5"
    try:
        nbformat.validate(notebook)
    except nbformat.ValidationError as error:
        yield f"not a valid notebook: {error.message}"


def ids_are_there_and_unique(notebook):
    counts = Counter(cell.get("id") for cell in notebook.cells)
    for name, count in counts.items():
        if name is None or count > 1:
            yield f"{count} cells with id {name}"


def counts_run_from_one(notebook):
    counts = [cell.execution_count for cell in code_cells(notebook)]
    if counts != list(range(1, len(counts) + 1)):
        yield f"execution counts are {counts}: run the notebook with make run"


def nothing_went_wrong(notebook):
    for cell, output, _ in outputs(notebook):
        if output.output_type == "error" or output.get("name") == "stderr":
            yield f"{cell.id}: stored error or stderr output"
        elif "WARNING:" in output.get("text", ""):
            yield f"{cell.id}: a stored warning"


def no_absolute_paths(notebook):
    path = re.compile(r"(?<![\w.:/<*])/(?:[\w.-]+/)+[\w.-]+|\b[A-Z]:\\\w")
    for cell in notebook.cells:
        texts = [cell.source] if cell.cell_type == "code" else []
        for output in cell.get("outputs", []):
            texts.append(output.get("text", ""))
            texts += [
                str(value)
                for kind, value in output.get("data", {}).items()
                if not kind.startswith("image/") and kind != WEIGHTS
            ]
        for match in filter(None, map(path.search, texts)):
            yield f"{cell.id}: absolute path {match[0]}"


def no_trailing_semicolon(notebook):
    for cell in code_cells(notebook):
        if re.search(r";\s*$", cell.source, flags=re.MULTILINE):
            yield f"{cell.id}: a line ends with a semicolon"


def images_are_small_pngs(notebook):
    for cell, _, data in outputs(notebook):
        for kind, value in data.items():
            if kind.startswith("image/") and kind != "image/png":
                yield f"{cell.id}: {kind} output, only PNG is allowed"
            elif kind == "image/png" and len(value) * 3 / 4 > MAX_FIGURE:
                yield f"{cell.id}: a figure of {len(value) * 3 // 4000} kB"
    if any("attachments" in cell for cell in notebook.cells):
        yield "a Markdown cell has attachments"


def notebook_is_small(notebook):
    size = len(nbformat.writes(notebook).encode())
    if size > MAX_NOTEBOOK:
        yield f"{size // 1000} kB, more than {MAX_NOTEBOOK // 1000}"


def figures_have_alt_text(notebook):
    for cell, _, data in outputs(notebook):
        if "image/png" not in data:
            continue
        alt = cell.metadata.get("mystnb", {}).get("image", {}).get("alt", "")
        if len(alt.split()) < 5 or re.search(r"\.(png|svg|ipynb)\b|/", alt):
            yield f"{cell.id}: alt text {alt!r} does not say what is seen"


def cells_are_short(notebook, most=MAX_LINES):
    for cell in code_cells(notebook):
        lines = cell.source.splitlines()
        if len(lines) > most:
            yield f"{cell.id}: {len(lines)} lines"
        width = max(map(len, lines), default=0)
        if width > MAX_WIDTH:
            yield f"{cell.id}: a line of {width} characters"


def sections_are_there(notebook):
    headings = re.findall(r"^## (.+)$", prose(notebook), flags=re.MULTILINE)
    remaining = iter(headings)
    for section in SECTIONS:
        if not any(re.match(section, heading) for heading in remaining):
            yield f"no section '{section}' where it belongs; found {headings}"
            return


def headings_step_down_one_by_one(notebook):
    levels = [
        len(h) for h in re.findall(r"^(#+) ", prose(notebook), flags=re.MULTILINE)
    ]
    if levels[:1] != [1] or levels.count(1) != 1:
        yield "the notebook must begin with its one first-level heading"
    for above, below in itertools.pairwise(levels):
        if below > above + 1:
            yield f"a heading of level {below} follows one of level {above}"


def setup_comes_first(notebook):
    cells = code_cells(notebook)
    if not cells or "nnbook.setup(" not in cells[0].source:
        yield "the first code cell must call nnbook.setup()"


def claims_are_made(notebook):
    made = len(statements(notebook.cells, CLAIM))
    if made < MIN_CLAIMS:
        yield f"{made} claims with a measured value, at least {MIN_CLAIMS} are needed"
    for cell in code_cells(notebook):
        calls = len(re.findall(r"^\s*claim\(", cell.source, flags=re.MULTILINE))
        shown = len(statements([cell], CLAIM))
        if shown < calls:
            yield f"{cell.id}: {calls} claims in the code, {shown} in the output"


def predictions_are_asked(notebook):
    text = prose(notebook)
    asked = text.count("> **Predict.**")
    folds = text.count("<summary>Commit, then reveal</summary>")
    if asked < MIN_PREDICTIONS or asked != folds:
        yield f"{asked} predictions with {folds} folds to reveal"


def markdown_is_portable(notebook):
    text = prose(notebook)
    source = "\n\n".join(c.source for c in notebook.cells if c.cell_type == "markdown")
    for tag in set(re.findall(r"</?([a-zA-Z][\w-]*)[^>]*>", text)) - PORTABLE_TAGS:
        yield f"HTML tag <{tag}>"
    if re.search(r"^\s*(```|~~~|:::+)\s*\{", source, flags=re.MULTILINE):
        yield "a MyST directive"
    if re.search(r"\{[\w:-]+\}`", source):
        yield "a MyST role"
    if re.search(r"^\([\w-]+\)=\s*$|^%\s|^\+\+\+", source, flags=re.MULTILINE):
        yield "a MyST target, comment or block break"
    if re.search(r"!\[[^\]]*\]\(", text):
        yield "an image in Markdown: draw it with code"
    if re.search(r"\\\(|\\\[|^\s*\\begin\{", text, flags=re.MULTILINE):
        yield "a formula outside dollar signs"


def benchmarks_are_recorded(notebook):
    for cell in code_cells(notebook):
        recorded = "recorded" in cell.metadata.get("tags", [])
        if recorded != ("run_benchmark" in cell.source):
            yield f"{cell.id}: the tag 'recorded' goes with 'run_benchmark'"
    cells = [c for c in code_cells(notebook) if "run_benchmark" in c.source]
    if cells and not any(cell.outputs for cell in cells[1:]):
        yield "the benchmark was never recorded: set NNBOOK_DATA, then make run"


def findings_are_shown(notebook):
    """Each decimal number of "What we saw" stands in code or, rounded, in an output."""
    decimal = r"(?<![\w.])\d+\.\d+(?:e[-+]\d+)?"
    texts = [cell.source for cell in code_cells(notebook)]
    for _, output, data in outputs(notebook):
        texts += [output.get("text", ""), data.get("text/plain", "")]
        texts.append(data.get("text/html", ""))
    shown = [float(number) for text in texts for number in re.findall(decimal, text)]
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            findings = cell.source.partition("## What we saw")[2].partition("\n## ")[0]
            for number in re.findall(decimal, findings):
                half_a_digit = 0.5001 * 10.0 ** -len(number.partition(".")[2])
                if all(abs(float(number) - value) > half_a_digit for value in shown):
                    yield f"{cell.id}: {number} stands in no output"


COMMON_RULES = [
    is_valid,
    ids_are_there_and_unique,
    counts_run_from_one,
    nothing_went_wrong,
    no_absolute_paths,
    no_trailing_semicolon,
    images_are_small_pngs,
    notebook_is_small,
    figures_have_alt_text,
    headings_step_down_one_by_one,
    markdown_is_portable,
]
RULES = [
    *COMMON_RULES,
    cells_are_short,
    sections_are_there,
    setup_comes_first,
    claims_are_made,
    predictions_are_asked,
    benchmarks_are_recorded,
    findings_are_shown,
]


KINDS = {"Predict", "Compute", "Repair", "Explain"}
TASK = r"^## (\d+)\. .+\n\n\*(\w+), (\d+) points?(?:, read by a person)?\.\*"


def graded(cell):
    """Return what nbgrader knows about a cell: a dict, empty for prose."""
    return cell.metadata.get("nbgrader", {})


def questions_are_complete(notebook):
    """Question N: its task, its answer `qN`, and the checks or a rubric."""
    tasks = re.findall(TASK, prose(notebook), flags=re.MULTILINE)
    if [number for number, *_ in tasks] != [str(n + 1) for n in range(len(tasks))]:
        yield f"the questions' numbers are {[number for number, *_ in tasks]}"
    if not 5 <= len(tasks) <= 8:
        yield f"{len(tasks)} questions of the form '## 1. Title', '*Kind, N points.*'"
    if {kind for _, kind, _ in tasks} != KINDS:
        yield f"the kinds are {sorted({kind for _, kind, _ in tasks})}"
    cells = {graded(cell).get("grade_id"): cell for cell in notebook.cells}
    for number, kind, points in tasks:
        names = (
            [f"q{number}"] if kind == "Explain" else [f"q{number}", f"q{number}-checks"]
        )
        found = [cells[name] for name in names if name in cells]
        order = [notebook.cells.index(cell) for cell in found]
        if len(found) < len(names) or order != sorted(order):
            yield f"question {number} needs the cells {names}, in this order"
        elif graded(found[-1]).get("points") != int(points):
            yield f"question {number}: the text says {points} points, the metadata not"
    total = sum(int(points) for *_, points in tasks)
    if f" {total} points" not in notebook.cells[0].source:
        yield f"the first cell does not say that there are {total} points"


def answers_are_marked(notebook):
    """An answer begins with its marker, and holds a solution."""
    for cell in notebook.cells:
        if graded(cell).get("solution"):
            name = graded(cell).grade_id
            code = cell.cell_type == "code"
            marker = f"# exercise: {name}\n" if code else f"*exercise: {name}*\n"
            begin = "### BEGIN SOLUTION" if code else "<!-- BEGIN SOLUTION -->"
            if not cell.source.startswith(marker):
                yield f"{cell.id}: an answer must begin with {marker!r}"
            if begin not in cell.source:
                yield f"{cell.id}: no solution behind {begin}"
        elif "SOLUTION" in cell.source:
            yield f"{cell.id}: a solution outside the answers"


def rubrics_add_up(notebook):
    """An answer that a person reads has a rubric worth its points."""
    for cell in notebook.cells:
        if cell.cell_type == "markdown" and graded(cell).get("solution"):
            points = re.findall(r"^- (\d+) points?: ", cell.source, flags=re.MULTILINE)
            if sum(map(int, points)) != graded(cell).get("points"):
                yield f"{cell.id}: the rubric has {points} points"


def cells_are_known_to_nbgrader(notebook):
    """Code is an answer, checks, or given: the last two are locked."""
    for cell in notebook.cells:
        details = graded(cell)
        if details and details.grade_id != cell.id:
            yield f"{cell.id}: nbgrader knows it as {details.grade_id}"
        if cell.cell_type == "code":
            if not details:
                yield f"{cell.id}: no nbgrader metadata"
            elif details.locked == details.solution:
                yield f"{cell.id}: what is no answer is locked, and an answer is not"
            elif details.grade and details.solution:
                yield f"{cell.id}: code is graded by checks in a cell of their own"


def checks_help(notebook):
    """Checks are asserts, each with a message; in the end they say so."""
    for cell in code_cells(notebook):
        if graded(cell).get("grade"):
            nodes = list(ast.walk(ast.parse(cell.source)))
            asserts = [node for node in nodes if isinstance(node, ast.Assert)]
            if len(asserts) < 2 or not all(node.msg for node in asserts):
                yield f"{cell.id}: {len(asserts)} asserts, or one without a message"
            texts = [output.get("text", "") for output in cell.outputs]
            question = graded(cell).grade_id.removesuffix("-checks")
            if not any(f"{question}: correct" in text for text in texts):
                yield f"{cell.id}: '{question}: correct' is not in its output"


def exercise_cells_are_short(notebook):
    yield from cells_are_short(notebook, MAX_CHECK_LINES)


EXERCISE_RULES = [
    *COMMON_RULES,
    exercise_cells_are_short,
    questions_are_complete,
    answers_are_marked,
    rubrics_add_up,
    cells_are_known_to_nbgrader,
    checks_help,
]
