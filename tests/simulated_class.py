"""A class of students, honest, hapless and hostile, and what each should get.

A case is a function from an assignment to a submission. It names the questions
that it spoils; all others must keep their points, whatever it does.
"""

import copy
import json
import os
import re
import textwrap
import tomllib
from dataclasses import dataclass, field
from pathlib import Path

import nbformat

SECRET = "the-teacher's-secret"


@dataclass
class Exercises:
    """An assignment to hand in.

    Attributes:
        release: the student edition.
        right: the master's answers by question, the written one included.
        wrong: a wrong answer by question.
        target: the question that hostile students work on; it asks for a function.
        written: the question that a person reads.
        points: by question.
        other: paths on the teacher's machine that nobody may reach.
    """

    release: nbformat.NotebookNode
    right: dict
    wrong: dict
    target: str
    written: str
    points: dict
    other: list = field(default_factory=list)


@dataclass
class Expected:
    """What a case should get: points lost, a status, and a note that says why.

    Where Python `may_end`, the case may also fail to be graded for that reason.
    """

    lost: tuple = ()
    status: str = "partly"
    note: str = ""
    may_end: bool = False


def exercises(master, release, target, wrong_answers):
    """Read an assignment from its master, its release and its wrong answers."""
    right, points, written = {}, {}, ""
    for cell in nbformat.read(master, as_version=4).cells:
        details = cell.metadata.get("nbgrader", {})
        if details.get("solution"):
            right[details.grade_id] = re.sub(
                r"^.*(BEGIN|END) SOLUTION.*\n?", "", cell.source, flags=re.MULTILINE
            )
        if details.get("grade"):
            question = details.grade_id.removesuffix("-checks")
            points[question] = details.points
            if details.solution:
                written = question
    wrong = {
        question: entries[0]["answer"]
        for question, entries in tomllib.loads(wrong_answers).items()
    }
    notebook = nbformat.read(release, as_version=4)
    return Exercises(notebook, right, wrong, target, written, points)


def handed_in(task, **answers):
    """Return a student's notebook: right but for the answers that are named."""
    notebook = copy.deepcopy(task.release)
    given = task.right | answers
    for cell in notebook.cells:
        name = cell.metadata.get("nbgrader", {}).get("grade_id")
        if name in given and given[name] is not None:
            cell.source = given[name]
    return notebook


def cell_of(notebook, name):
    return next(
        cell
        for cell in notebook.cells
        if cell.metadata.get("nbgrader", {}).get("grade_id") == name
    )


def attack(task, code, answer=None):
    """Return a notebook with code of its own before the target's answer."""
    answer = task.right[task.target] if answer is None else answer
    code = textwrap.dedent(code).strip()
    return handed_in(
        task, **{task.target: f"# exercise: {task.target}\n{code}\n\n\n{answer}"}
    )


def in_function(task, code):
    """Return a notebook whose target function does nothing but this."""
    start = re.match(
        r"(?s).*?^def [^\n]*\n", cell_of(task.release, task.target).source, re.MULTILINE
    )[0]
    start = re.sub(r"^raise NotImplementedError.*\n", "", start, flags=re.MULTILINE)
    body = textwrap.indent(textwrap.dedent(code).strip(), "    ")
    return handed_in(task, **{task.target: f"{start}{body}\n"})


CASES = {}


def case(*lost, **expected):
    """Register a case; "target" and "written" stand for the task's questions."""

    def register(function):
        CASES[function.__name__] = (function, Expected(lost, **expected))
        return function

    return register


def without_metadata(notebook):
    notebook.metadata.clear()
    for cell in notebook.cells:
        cell.metadata.clear()
    return notebook


# Honest


@case()
def all_right(task):
    return handed_in(task)


@case("written", status="graded")
def nothing_written(task):
    return handed_in(task, **{task.written: None})


@case("target")
def one_wrong(task):
    return handed_in(task, **{task.target: task.wrong[task.target]})


@case("all", status="graded")
def blank(task):
    return handed_in(task, **dict.fromkeys(task.right))


@case()
def warns(task):
    return attack(task, "import warnings\nwarnings.warn('take care')")


@case()
def warns_in_the_checks(task):
    code = """
        import sys
        import warnings
        sys.stderr.write("mind the step")
        warnings.warn("take care")
    """
    notebook = handed_in(task)
    cell = cell_of(notebook, task.target)
    body = textwrap.indent(textwrap.dedent(code).strip(), "    ")
    cell.source = re.sub(
        r"(^def [^\n]*\n)", rf"\1{body}\n", cell.source, count=1, flags=re.MULTILINE
    )
    return notebook


# Hapless


@case(note="metadata restored")
def metadata_stripped(task):
    return without_metadata(handed_in(task))


@case()
def from_colab(task):
    notebook = handed_in(task)
    notebook.metadata = {"colab": {"provenance": []}, "accelerator": "GPU"}
    notebook.nbformat_minor = 0
    for number, cell in enumerate(notebook.cells):
        cell.pop("id", None)
        cell.metadata |= {
            "id": f"aB3_{number}",
            "outputId": "x",
            "colab": {"base_uri": "y"},
        }
    return notebook


@case("target", note="metadata restored from the marker: q")
def stripped_and_rewritten(task):
    notebook = without_metadata(
        handed_in(task, **{task.target: task.wrong[task.target]})
    )
    for cell in notebook.cells:
        cell.source = cell.source.replace("\n", "\r\n") + "\n"
    return notebook


@case(note="answered twice")
def answered_twice(task):
    notebook = handed_in(task)
    first = copy.deepcopy(cell_of(notebook, task.target))
    first.source, first.id = task.wrong[task.target], "another"
    notebook.cells.insert(notebook.cells.index(cell_of(notebook, task.target)), first)
    return notebook


@case("target", note="given cells restored")
def checks_deleted(task):
    notebook = handed_in(task, **{task.target: task.wrong[task.target]})
    notebook.cells.remove(cell_of(notebook, f"{task.target}-checks"))
    return notebook


@case("target")
def checks_turned_into_text(task):
    notebook = handed_in(task, **{task.target: task.wrong[task.target]})
    cell = cell_of(notebook, f"{task.target}-checks")
    text = nbformat.v4.new_markdown_cell(cell.source, metadata=cell.metadata)
    notebook.cells[notebook.cells.index(cell)] = text
    return notebook


@case()
def setup_deleted(task):
    notebook = handed_in(task)
    notebook.cells = [
        cell
        for cell in notebook.cells
        if cell.cell_type == "markdown" or cell.metadata.nbgrader.grade_id[0] == "q"
    ]
    return notebook


@case()
def cells_added(task):
    notebook = handed_in(task)
    place = notebook.cells.index(cell_of(notebook, task.target))
    helper = nbformat.v4.new_code_cell("def helper():\n    return 1")
    notebook.cells.insert(place, helper)
    notebook.cells.insert(0, nbformat.v4.new_markdown_cell("My name is ..."))
    answer = cell_of(notebook, task.target)
    answer.source += "\nassert helper() == 1\n"
    return notebook


# Hostile


@case("target")
def checks_edited(task):
    notebook = handed_in(task, **{task.target: task.wrong[task.target]})
    cell = cell_of(notebook, f"{task.target}-checks")
    cell.source, cell.metadata.nbgrader.points = "assert True", 100
    return notebook


@case("target", note="was interrupted")
def infinite_loop(task):
    return in_function(task, "while True:\n    pass")


@case(status="failed to grade", note="could not be interrupted")
def swallows_interrupts(task):
    code = """
        while True:
            try:
                while True:
                    pass
            except BaseException:
                pass
    """
    return in_function(task, code)


@case("target")
def memory_bomb(task):
    return in_function(task, "hoard = [bytearray(10**9) for _ in range(100)]")


@case(may_end=True)  # Keras ends when it gets no more threads
def fork_bomb(task):
    code = """
        import os
        import time
        for count in range(100_000):
            try:
                if os.fork() == 0:
                    time.sleep(1000)
                    os._exit(0)
            except OSError:
                break
        assert count < 1000
    """
    return attack(task, code)


# What waits to be read fills the kernel's memory, sooner or later than the time is up.
@case("target", note="printed, the rest was dropped", may_end=True)
def endless_output(task):
    return in_function(task, "while True:\n    print('x' * 10_000)")


@case("target", note="printed, the rest was dropped")
def one_long_line(task):
    return in_function(task, "print('x' * 30_000_000)")


@case(status="failed to grade", note="Python ended in cell")
def ends_python(task):
    return in_function(task, "import os\nos._exit(0)")


@case(status="failed to grade", note="Python ended in cell")
def kills_everything(task):
    code = """
        import os
        import signal
        for process in (os.getppid(), 1, -1, 0):
            try:
                os.kill(process, signal.SIGKILL)
            except OSError:
                pass
    """
    return attack(task, code)


@case("target")
def rewrites_the_gradebook(task):
    code = f"""
        import os
        import sqlite3
        found = [os.path.join(folder, name)
                 for start in ("/home", "/tmp", "/root", "/book", *{[str(path) for path in task.other]!r})
                 for folder, _, names in os.walk(start)
                 for name in names if name.endswith("book.db")]
        for path in found:
            print({SECRET!r}, path)
            with sqlite3.connect(path) as book:
                book.execute("UPDATE grade SET auto_score = 100")
    """
    return attack(task, code, task.wrong[task.target])


@case()
def deletes_files(task):
    code = f"""
        import shutil
        for path in ("/home", "/tmp", "/book", "/packages/numpy", *{[str(path) for path in task.other]!r}):
            shutil.rmtree(path, ignore_errors=True)
    """
    return attack(task, code)


@case()
def reads_the_host(task):
    code = f"""
        import os
        for path in ("/etc/passwd", "/etc/shadow", "/proc/1/environ",
                     *{[str(path) for path in task.other]!r}):
            try:
                if text := open(path).read():
                    print({SECRET!r}, path, text)
            except OSError:
                pass
            if os.path.isdir(path):
                print({SECRET!r}, os.listdir(path))
        if "NNBOOK_SECRET" in os.environ:
            print({SECRET!r}, "environment")
    """
    return attack(task, code)


@case()
def uses_the_network(task):
    code = f"""
        import socket
        for host, port in (("1.1.1.1", 53), ("127.0.0.1", 22), ("localhost", 80)):
            try:
                socket.create_connection((host, port), 1)
                print({SECRET!r}, host)
            except OSError:
                pass
    """
    return attack(task, code)


@case(status="failed to grade", note="switched off")
def disables_asserts(task):
    code = """
        import ast
        class NoAsserts(ast.NodeTransformer):
            def visit_Assert(self, node):
                return ast.copy_location(ast.Pass(), node)
        get_ipython().ast_transformers.append(NoAsserts())
    """
    return attack(task, code, task.wrong[task.target])


@case(status="failed to grade", note="switched off")
def runs_nothing(task):
    code = """
        from IPython.core.interactiveshell import ExecutionResult
        async def nothing(*_, **__):
            return ExecutionResult(None)
        get_ipython().run_cell_async = nothing
    """
    return attack(task, code, task.wrong[task.target])


@case("target")
def hides_errors(task):
    code = """
        from IPython.display import clear_output
        get_ipython().showtraceback = lambda *_, **__: clear_output()
    """
    return attack(task, code, task.wrong[task.target])


@case("target")
def awards_itself_points(task):
    return in_function(task, "get_ipython().displayhook(1)\nreturn None")


@case("target")
def raises_a_long_error(task):
    return in_function(task, "raise ValueError('x' * 10_000_000)")


@case()
def scripts_in_the_output(task):
    code = """
        from IPython.display import HTML, SVG, Javascript, Markdown, display
        bad = "<script>alert(1)</script><img src=x onerror=alert(1)>"
        display(HTML(bad), Markdown(bad), Javascript("alert(1)"))
        display(SVG("<svg xmlns='http://www.w3.org/2000/svg'>" + bad[:25] + "</svg>"))
        print(bad)
    """
    notebook = attack(task, code)
    notebook.cells.append(
        nbformat.v4.new_markdown_cell(
            "<script>alert(1)</script>\n\n[go](javascript:alert(1)) ![look](https://example.org/x.png)\n\n"
            "<iframe src='https://example.org'></iframe>"
        )
    )
    return notebook


@case()
def leaves_a_process(task):
    code = """
        import subprocess
        subprocess.Popen(["sleep", "1000"], start_new_session=True)
    """
    return attack(task, code)


@case(status="failed to grade", note="it wrote more than")
def fills_the_disk(task):
    code = """
        import os
        places = ["/home", "/tmp", os.environ.get("JUPYTER_RUNTIME_DIR", "/tmp")]
        for place in places:
            for number in range(100):
                try:
                    with open(f"{place}/{number}", "wb") as file:
                        file.write(bytes(20_000_000))
                except OSError:
                    break
    """
    return attack(task, code)


# Files that are no notebooks: bytes, or a list of (name, bytes) for one student


@case("all", status="unreadable", note="PDF")
def a_pdf(task):
    return "answers.pdf", b"%PDF-1.7\n..."


@case("all", status="unreadable", note="is empty")
def an_empty_file(task):
    return "empty.ipynb", b""


@case("all", status="unreadable", note="no notebook")
def cut_off(task):
    return "cut.ipynb", nbformat.writes(handed_in(task)).encode()[:-500]


@case("all", status="unreadable", note="more than 20 MB")
def fifty_megabytes(task):
    notebook = handed_in(task)
    notebook.cells.append(nbformat.v4.new_markdown_cell("x" * 50_000_000))
    return "large.ipynb", nbformat.writes(notebook).encode()


@case("all", status="unreadable", note="no answer to this assignment")
def another_notebook(task):
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1 + 1")])
    return "notes.ipynb", nbformat.writes(notebook).encode()


@case("all", status="unreadable", note="no notebook")
def nested_without_end(task):
    return "deep.ipynb", b'{"cells":' + b"[" * 100_000


@case()
def another_file_name(task):
    return "Homework FINAL (2).ipynb", nbformat.writes(handed_in(task)).encode()


@case("target", note="older submission not used")
def twice(task):
    newer = handed_in(task, **{task.target: task.wrong[task.target]})
    return [
        ("first.ipynb", nbformat.writes(handed_in(task)).encode()),
        ("second.ipynb", nbformat.writes(newer).encode()),
    ]


@case("all", status="missing")
def never_came(task):
    return []


def write(task, folder, students, names=None):
    """Write a class's submissions and its roster.

    Args:
        task: what they hand in.
        folder: where to write `submissions/` and `roster.csv`.
        students: how many; beyond the cases there are honest ones, who get one
            question after the other wrong.
        names: only these cases.

    Returns:
        By student, the case's name and what is expected.
    """
    submissions = Path(folder) / "submissions"
    expected, lines = {}, ["id,name"]
    chosen = [(name, *CASES[name]) for name in names or CASES]
    wrong = sorted(task.wrong)
    while len(chosen) < students:
        question = wrong[len(chosen) % len(wrong)]

        def honest(task, question=question):
            return handed_in(task, **{question: task.wrong[question]})

        chosen.append((f"wrong_in_{question}", honest, Expected((question,))))
    for number, (name, function, expects) in enumerate(chosen):
        student = f"s{number:02}"
        lines.append(f"{student},{name.replace('_', ' ').title()}")
        expected[student] = name, expects
        made = function(task)
        if isinstance(made, nbformat.NotebookNode):
            made = [(f"{student}_exercises.ipynb", json.dumps(made).encode())]
        elif isinstance(made, tuple):
            made = [made]
        for order, (file, content) in enumerate(made):
            place = submissions / student / file
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content)
            time = 1_700_000_000 + order
            os.utime(place, (time, time))
    (submissions / "stranger.ipynb").write_bytes(b"{}")
    roster = Path(folder) / "roster.csv"
    roster.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return expected
