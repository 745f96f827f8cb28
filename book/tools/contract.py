"""What every chapter and every exercise notebook must keep to.

A rule is a function that takes a notebook and yields one sentence for each
violation; its docstring says what it asks for.
"""

import ast
import itertools
import re
from collections import Counter

import nbformat

from book.tools.compare import decimals
from book.tools.run import NOTEBOOKS
from book.tools.stamps import is_recorded, stamp, stored_stamp
from nnbook.claims import CHECK, CLAIM, statements
from nnbook.live import MIME_TYPE as WEIGHTS

MAX_LINES, MAX_WIDTH = 30, 76
MAX_CHECK_LINES = 50  # messages take room
MAX_FIGURE, MAX_NOTEBOOK = 80_000, 1_000_000  # bytes
MAX_WORDS, MAX_VISIBLE_LINES, MAX_CELLS = 3200, 380, 40
MIN_PREDICTIONS, MAX_FOLD_NAME = 2, 60
# How far a cell may widen its comparison without saying why; numbers that may cross
# zero are small against the largest that the cell prints, by this factor.
MAX_TOLERANCES = {"absolute": 0.1, "relative": 0.2, "across_zero": 0.03, "figure": 0.1}
MIN_LARGER, MIN_WHY = 3, 5  # 5 words
WORDS_A_MINUTE, LINES_A_MINUTE = 200, 25
# Headings in this order; each is a pattern that one heading must match.
SECTIONS = [
    "What you will see",
    "Setup",
    "The problem",
    "The idea",
    ".*Keras",
    "From scratch",
    "Why it works",
    "Myths and pitfalls",
    "When ",
    "The real thing",
    "What we saw",
    "Recall",
    "Exercises",
    "Where to go on",
    "References",
]
# Chapters of the first edition, which keep its rules until they are revised. The
# list only shrinks.
UNREVISED = [
    "foundations/overfitting",
    "foundations/training",
    "generative/gan",
    "sequences/forecasting",
    "sequences/lstm_gru",
    "sequences/rnn",
    "vision/landmarks",
    "vision/resnet",
    "vision/transfer_learning",
]
FIRST_EDITION_SECTIONS = [
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
# Words of the first edition, each with the standard term. An underscore ends a
# word, so that names in code are found too.
RETIRED = {
    r"slopes?(?! of (a|the|this|that|each|its) (\w+ )?line)": "gradient, derivative",
    r"blam(e[ds]?|ing)": "gradient",
    r"nudg(e[ds]?|ing)": "small change, finite difference",
    r"strokes?": "multiply-accumulates (MACs)",
    r"heed(s|ed|ing)?": "attend to, depend on",
    r"ben[dt]s?|bending": "activation function, nonlinearity",
    r"(zero|random|orthogonal|chrono|glorot|good|bad|better|worse) starts?": (
        "initialisation"
    ),
    r"reads? (the )?(digits?|letters?|glyphs?|garments?|photographs?)": "classify",
    r"turned(?! (out|on|off|in|into|to|down|up|around))": "transposed, rotated",
    r"heaps?": "cluster, mode",
    r"crowds?": "set of examples, distribution",
    r"(a|the) judges?": "classifier, evaluator",
    r"prices? on|priced|too dear": "penalty, cost",
    r"cure[ds]?": "remedy, fix",
    r"(\d+|one|each|every|per|first|last) pass(es)?(?! (through|over))": "epoch",
    r"in the mean(?=[,.;:])": "on average",
    r"shall": "will, must",
    r"whoever": "anyone who",
    r"(leave|leaves|leaving|left)( \w+){1,3} away": "leave out, remove",
}
ORDINALS = ["first", "second", "third", "fourth"]
PORTABLE_TAGS = {"br", "details", "kbd", "sub", "summary", "sup"}


def code_cells(notebook):
    """List the cells of code."""
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def prose(notebook):
    """Return all Markdown without its fenced and inline code and its formulas."""
    text = "\n\n".join(c.source for c in notebook.cells if c.cell_type == "markdown")
    text = re.sub(r"^```[a-z]*\n.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE)
    return re.sub(r"`[^`\n]+`|\$\$.*?\$\$|\$[^$]+\$", "", text, flags=re.DOTALL)


def words(notebook):
    """Count the words of all Markdown."""
    return sum(
        len(cell.source.split())
        for cell in notebook.cells
        if cell.cell_type == "markdown"
    )


def tagged(cell, tag):
    """Say whether a cell carries a tag."""
    return tag in cell.metadata.get("tags", [])


def visible_lines(notebook):
    """List the lines of code that are not folded, without empty ones."""
    return [
        line
        for cell in code_cells(notebook)
        if not tagged(cell, "hide-input")
        for line in cell.source.splitlines()
        if line.strip()
    ]


def outputs(notebook):
    """Return cell, output and the output's data by MIME type."""
    return [
        (cell, output, output.get("data", {}))
        for cell in code_cells(notebook)
        for output in cell.outputs
    ]


def is_valid(notebook):
    """A notebook is valid nbformat 4.5."""
    if (notebook.nbformat, notebook.nbformat_minor) != (4, 5):
        yield f"format {notebook.nbformat}.{notebook.nbformat_minor}, not 4.5"
    try:
        nbformat.validate(notebook)
    except nbformat.ValidationError as error:
        yield f"not a valid notebook: {error.message}"


def ids_are_there_and_unique(notebook):
    """Every cell has an id of its own: links, answers and figures are found by it."""
    counts = Counter(cell.get("id") for cell in notebook.cells)
    for name, count in counts.items():
        if name is None or count > 1:
            yield f"{count} cells with id {name}"


def counts_run_from_one(notebook):
    """Execution counts run from one: all outputs come from one run in order."""
    counts = [cell.execution_count for cell in code_cells(notebook)]
    if counts != list(range(1, len(counts) + 1)):
        yield f"execution counts are {counts}: run the notebook with make run"


def outputs_belong_to_the_code(notebook):
    """Outputs come from a run of the code, tags and tolerances that stand there."""
    carried, true = stored_stamp(notebook), stamp(notebook)
    if carried.get("code") != true["code"]:
        yield "code, tags or tolerances have changed since the last make run"
    if carried.get("recorded") != true.get("recorded"):
        yield "recorded cells have changed since the last make run with NNBOOK_DATA"


def nothing_went_wrong(notebook):
    """No output holds an error, a warning or anything written to stderr."""
    for cell, output, _ in outputs(notebook):
        if output.output_type == "error" or output.get("name") == "stderr":
            yield f"{cell.id}: stored error or stderr output"
        elif "WARNING:" in output.get("text", ""):
            yield f"{cell.id}: a stored warning"


def no_absolute_paths(notebook):
    """Neither code nor outputs name a path of some machine."""
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
    """No line of code ends with a semicolon, which nbval's comparison does not know."""
    for cell in code_cells(notebook):
        if re.search(r";\s*$", cell.source, flags=re.MULTILINE):
            yield f"{cell.id}: a line ends with a semicolon"


def outputs_are_compared(notebook):
    """No tag or comment keeps an output from being compared; a wide tolerance says why."""
    for cell in code_cells(notebook):
        marks = [
            tag
            for tag in cell.metadata.get("tags", [])
            if re.match(r"nbval|pytest-validate|raises-exception", tag.lower())
        ]
        comment = r"^\s*#[#\s]*((?:NBVAL|PYTEST_VALIDATE)_\w+)"
        marks += re.findall(comment, cell.source, flags=re.MULTILINE)
        for mark in marks:
            yield f"{cell.id}: {mark} would keep its outputs from being compared"
        if "nbval" in cell.metadata:
            yield from (f"{cell.id}: {reason}" for reason in _tolerance_is_fair(cell))


def _tolerance_is_fair(cell):
    settings = cell.metadata["nbval"]
    for key in settings.keys() - {*MAX_TOLERANCES, "why"}:
        yield f"nbval's metadata has no {key!r}, only {', '.join(MAX_TOLERANCES)} and why"
    sizes = {key: size for key, size in settings.items() if key in MAX_TOLERANCES}
    for key, size in sizes.items():
        if isinstance(size, bool) or not isinstance(size, int | float) or size < 0:
            yield f"{key} is a size, such as 0.01, not {size!r}"
            return
    if len(str(settings.get("why", "")).split()) >= MIN_WHY:
        return
    for key, size in sizes.items():
        if size > MAX_TOLERANCES[key]:
            yield (
                f"{key} {size:g} is more than {MAX_TOLERANCES[key]:g}: say in five words "
                "or more why, in the same metadata, as 'why'"
            )
    largest = max(map(abs, decimals(cell.outputs)), default=0)
    if MIN_LARGER * sizes.get("across_zero", 0) > largest:
        yield (
            f"numbers up to {sizes['across_zero']:g} may cross zero where the largest "
            f"is {largest:g}: print differences that say something, or say why"
        )


def images_are_small_pngs(notebook):
    """Figures are PNGs of at most 80 kB, drawn by code."""
    for cell, _, data in outputs(notebook):
        for kind, value in data.items():
            if kind.startswith("image/") and kind != "image/png":
                yield f"{cell.id}: {kind} output, only PNG is allowed"
            elif kind == "image/png" and len(value) * 3 / 4 > MAX_FIGURE:
                yield f"{cell.id}: a figure of {len(value) * 3 // 4000} kB"
    if any("attachments" in cell for cell in notebook.cells):
        yield "a Markdown cell has attachments"


def notebook_is_small(notebook):
    """A notebook weighs at most 1 MB."""
    size = len(nbformat.writes(notebook).encode())
    if size > MAX_NOTEBOOK:
        yield f"{size // 1000} kB, more than {MAX_NOTEBOOK // 1000}"


def figures_have_alt_text(notebook):
    """Every figure has an alternative text of five words or more that says what is seen."""
    for cell, _, data in outputs(notebook):
        if "image/png" not in data:
            continue
        alt = cell.metadata.get("mystnb", {}).get("image", {}).get("alt", "")
        if len(alt.split()) < 5 or re.search(r"\.(png|svg|ipynb)\b|/", alt):
            yield (
                f"{cell.id}: alt text {alt!r} does not say what is seen: put five "
                "words or more into the cell's metadata, mystnb.image.alt"
            )


def cells_are_short(notebook, most=MAX_LINES):
    """A cell has at most 30 lines, a line at most 76 characters."""
    for cell in code_cells(notebook):
        lines = cell.source.splitlines()
        if len(lines) > most:
            yield f"{cell.id}: {len(lines)} lines"
        width = max(map(len, lines), default=0)
        if width > MAX_WIDTH:
            yield f"{cell.id}: a line of {width} characters"


def sections_are_there(notebook, sections=SECTIONS):
    """The sections of a chapter stand there in their order."""
    headings = re.findall(r"^## (.+)$", prose(notebook), flags=re.MULTILINE)
    remaining = iter(headings)
    for section in sections:
        if not any(re.match(section, heading) for heading in remaining):
            yield f"no section '{section}' where it belongs; found {headings}"
            return


def headings_step_down_one_by_one(notebook):
    """There is one first-level heading, and no level is skipped below it."""
    levels = [
        len(h) for h in re.findall(r"^(#+) ", prose(notebook), flags=re.MULTILINE)
    ]
    if levels[:1] != [1] or levels.count(1) != 1:
        yield "the notebook must begin with its one first-level heading"
    for above, below in itertools.pairwise(levels):
        if below > above + 1:
            yield f"a heading of level {below} follows one of level {above}"


def setup_comes_first(notebook):
    """The first cell of code calls nnbook.setup()."""
    cells = code_cells(notebook)
    if not cells or "nnbook.setup(" not in cells[0].source:
        yield "the first code cell must call nnbook.setup()"


def claims_are_made(notebook, least=8, most=20):
    """A chapter makes 8 to 20 claims, and the output of each is stored."""
    made = len(statements(notebook.cells, CLAIM))
    if not least <= made <= most:
        yield f"{made} claims, not {least} to {most}: what no network can fail is a check"
    for cell in code_cells(notebook):
        for kind, name in ((CLAIM, "claim"), (CHECK, "check")):
            call = rf"^\s*{name}\("
            calls = len(re.findall(call, cell.source, flags=re.MULTILINE))
            shown = len(statements([cell], kind))
            if shown < calls:
                yield f"{cell.id}: {calls} {name}s in the code, {shown} in the output"


def predictions(notebook):
    """List the predictions as (options, position of the right one).

    The key is the ordinal with which the revealed text begins: "The second. …".
    The position counts from 0; it is None where there is no such ordinal.
    """
    text = "\n\n".join(c.source for c in notebook.cells if c.cell_type == "markdown")
    found = []
    for block in text.split("> **Predict.**")[1:]:
        question, _, revealed = block.partition(
            "<summary>Commit, then reveal</summary>"
        )
        options = len(re.findall(r"^> - ", question, flags=re.MULTILINE))
        key = re.match(rf"\s*The ({'|'.join(ORDINALS)})\b", revealed)
        found.append((options, ORDINALS.index(key[1]) if key else None))
    return found


def predictions_are_asked(notebook):
    """A chapter asks for two predictions or more, each with a fold that reveals."""
    text = prose(notebook)
    asked = text.count("> **Predict.**")
    folds = text.count("<summary>Commit, then reveal</summary>")
    if asked < MIN_PREDICTIONS or asked != folds:
        yield f"{asked} predictions with {folds} folds to reveal"


def predictions_have_a_key(notebook):
    """A prediction has three or four options, and its answer says "The second."."""
    for number, (options, right) in enumerate(predictions(notebook), start=1):
        if options not in (3, 4):
            yield f"prediction {number} has {options} options, not three or four"
        if right is None or right >= options:
            yield (
                f"prediction {number}: the revealed text must begin with 'The first.', "
                "'The second.' …, which names one of the options"
            )


def right_options_are_spread(notebooks):
    """Over the book no position holds more than 45 % of right options, none under 10 %.

    Args:
        notebooks: all chapters. Predictions without a key do not count.
    """
    counts = Counter(
        right
        for notebook in notebooks
        for _, right in predictions(notebook)
        if right is not None
    )
    total = sum(counts.values())
    for position, ordinal in enumerate(ORDINALS):
        share = counts[position] / max(total, 1)
        if not 0.1 <= share <= 0.45:
            yield (
                f"the {ordinal} option is right in {counts[position]} of {total} "
                "predictions, which is not 10 to 45 %: move some options"
            )


def chapter_is_short(notebook):
    """A chapter has at most 3,200 words, 380 visible lines and 40 cells of code."""
    for what, count, most in (
        ("words", words(notebook), MAX_WORDS),
        ("visible lines of code", len(visible_lines(notebook)), MAX_VISIBLE_LINES),
        ("cells of code", len(code_cells(notebook)), MAX_CELLS),
    ):
        if count > most:
            yield f"{count} {what}, more than {most}: shorten, fold or split"


def reading_time_is_stated(notebook):
    """The first cell says "about 25 minutes to read", within a third of the truth."""
    minutes = words(notebook) / WORDS_A_MINUTE
    minutes += len(visible_lines(notebook)) / LINES_A_MINUTE
    stated = re.search(r"\b(\d+) minutes to read\b", notebook.cells[0].source)
    if not stated:
        yield "the first cell does not say 'about N minutes to read'"
    elif abs(int(stated[1]) - minutes) > minutes / 3:
        yield f"{stated[1]} minutes to read are stated, {minutes:.0f} is about right"


def opening_says_what_is_seen(notebook):
    """Three to five bullets say what you will see."""
    opening = prose(notebook).partition("## What you will see")[2].partition("\n## ")[0]
    bullets = len(re.findall(r"^- ", opening, flags=re.MULTILINE))
    if not 3 <= bullets <= 5:
        yield f"{bullets} bullets say what you will see, not three to five"


def keras_is_shown(notebook):
    """Visible code compiles with metrics, fits with validation data, and evaluates.

    Where the training loop is the lesson, a model with a train_step and metrics of
    its own is compiled and fitted. Recorded cells do not count: they are not run.
    """
    cells = [
        cell.source
        for cell in code_cells(notebook)
        if not tagged(cell, "hide-input") and not tagged(cell, "recorded")
    ]
    nodes = [node for source in cells for node in ast.walk(ast.parse(source))]
    classes = [node for node in nodes if isinstance(node, ast.ClassDef)]
    own = {
        item.name
        for node in classes
        for item in node.body
        if isinstance(item, ast.FunctionDef)
    }
    steps = [
        ("compile", [] if "train_step" in own else ["metrics"]),
        ("fit", [] if "train_step" in own else ["validation_data", "validation_split"]),
    ]
    if "train_step" not in own:
        steps.append(("evaluate", []))
    elif "metrics" not in own:
        yield "a class with a train_step has no metrics"
    calls = [
        (ast.unparse(node.func.value), node.func.attr, {k.arg for k in node.keywords})
        for node in nodes
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    ]
    models = {model for model, *_ in calls}
    for model in models:
        if all(
            any(
                (model, method) == call[:2] and (not given or call[2] & set(given))
                for call in calls
            )
            for method, given in steps
        ):
            return
    chain = ", ".join(
        f"{method}({' or '.join(given)})" if given else method
        for method, given in steps
    )
    yield f"no model goes through {chain} in cells that are visible and run"


def diagram_is_drawn(notebook):
    """A cell tagged 'diagram' draws the mechanism."""
    drawn = [
        cell
        for cell, _, data in outputs(notebook)
        if "image/png" in data and tagged(cell, "diagram")
    ]
    if not drawn:
        yield "no cell tagged 'diagram' has a figure"


def control_and_bug_are_shown(notebook):
    """One heading begins "Control:" and one "Bug:"."""
    for word in ("Control", "Bug"):
        count = len(re.findall(rf"^#+ {word}: \w", prose(notebook), flags=re.MULTILINE))
        if count != 1:
            yield f"{count} headings of the form '### {word}: …', not one"


def folds_are_named(notebook):
    """A cell tagged 'hide-input' begins by saying in at most 60 characters what it holds."""
    for cell in code_cells(notebook):
        first = cell.source.partition("\n")[0]
        if tagged(cell, "hide-input") and not re.fullmatch(
            rf"# \w.{{0,{MAX_FOLD_NAME - 1}}}", first
        ):
            yield (
                f"{cell.id}: a folded cell begins with a comment of at most "
                f"{MAX_FOLD_NAME} characters that says what it holds, not {first!r}"
            )


def terms_are_standard(notebook):
    """Prose, code and figure labels use the field's words, not retired ones."""
    texts = [(cell.id, cell.source) for cell in code_cells(notebook)]
    texts.append(("prose", prose(notebook).partition("\n## References")[0]))
    for place, text in texts:
        for word, term in RETIRED.items():
            pattern = rf"(?<![a-z])({word})(?![a-z])"
            for match in re.finditer(pattern, text, flags=re.IGNORECASE):
                yield f"{place}: {match[0]!r} is retired; the standard term: {term}"


def markdown_is_portable(notebook):
    """Markdown reads well on the site, on GitHub and in Colab: no MyST, HTML or images."""
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
    """A benchmark's cells are tagged 'recorded', and its outputs are there."""
    for cell in code_cells(notebook):
        if is_recorded(cell) != ("run_benchmark" in cell.source):
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


def first_edition_sections_are_there(notebook):
    """The first edition's sections stand there in their order."""
    yield from sections_are_there(notebook, FIRST_EDITION_SECTIONS)


def first_edition_claims_are_made(notebook):
    """A chapter of the first edition makes six claims or more."""
    yield from claims_are_made(notebook, least=6, most=10_000)


COMMON_RULES = [
    is_valid,
    ids_are_there_and_unique,
    counts_run_from_one,
    outputs_belong_to_the_code,
    nothing_went_wrong,
    no_absolute_paths,
    no_trailing_semicolon,
    outputs_are_compared,
    images_are_small_pngs,
    notebook_is_small,
    figures_have_alt_text,
    headings_step_down_one_by_one,
    markdown_is_portable,
]
CHAPTER_RULES = [
    *COMMON_RULES,
    cells_are_short,
    setup_comes_first,
    predictions_are_asked,
    benchmarks_are_recorded,
    findings_are_shown,
    folds_are_named,
]
FIRST_EDITION_RULES = [
    first_edition_sections_are_there,
    first_edition_claims_are_made,
]
SECOND_EDITION_RULES = [
    sections_are_there,
    claims_are_made,
    predictions_have_a_key,
    chapter_is_short,
    reading_time_is_stated,
    opening_says_what_is_seen,
    keras_is_shown,
    diagram_is_drawn,
    control_and_bug_are_shown,
    terms_are_standard,
]


def name(path):
    """Return the name of a chapter: its part and its file, without a suffix."""
    return path.relative_to(NOTEBOOKS).with_suffix("").as_posix()


def chapter_rules(path):
    """List the rules that the chapter at this path must keep."""
    unrevised = name(path) in UNREVISED
    return [
        *CHAPTER_RULES,
        *(FIRST_EDITION_RULES if unrevised else SECOND_EDITION_RULES),
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
        yield (
            f"the kinds are {sorted({kind for _, kind, _ in tasks})}, "
            f"not all of {sorted(KINDS)}"
        )
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
    """A cell has at most 50 lines, a line at most 76 characters."""
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
