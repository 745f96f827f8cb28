"""A simulated class of sixty, on the real exercises: `make test-class`.

Every case first meets the small assignment, then the perceptron's and the CNN's
exercises. `NNBOOK_CLASS` sets how many students the last two have, by default 60
and, since TensorFlow takes its time, 20.
"""

import os
import time
from pathlib import Path

import pytest
from test_classroom import differences, run_class, small_class

ROOT = Path(__file__).parents[1]
HOSTILE_TO_KERAS = [
    "all_right",
    "one_wrong",
    "blank",
    "metadata_stripped",
    "from_colab",
    "checks_deleted",
    "infinite_loop",
    "swallows_interrupts",
    "memory_bomb",
    "fork_bomb",
    "endless_output",
    "ends_python",
    "rewrites_the_gradebook",
    "disables_asserts",
    "a_pdf",
    "never_came",
]


def test_every_case_on_a_small_assignment(tmp_path, temporary):
    assert small_class(tmp_path) == []


@pytest.mark.parametrize(
    ("notebook", "target", "students", "names"),
    [
        ("foundations/perceptron", "q2", 60, None),
        ("vision/cnn", "q2", 20, HOSTILE_TO_KERAS),
    ],
)
def test_a_class_hands_in(tmp_path, temporary, notebook, target, students, names):
    master = ROOT / f"notebooks/{notebook}_exercises.ipynb"
    wrong = ROOT / f"tests/wrong_answers/{Path(notebook).name}.toml"
    students = int(os.environ.get("NNBOOK_CLASS", students))
    started = time.perf_counter()
    task, expected, table, pages = run_class(
        tmp_path,
        master,
        master.stem,
        target,
        wrong.read_text(encoding="utf-8"),
        students,
        ["--cell", "30"],
        names,
    )
    seconds = time.perf_counter() - started
    print(f"{notebook}: {len(expected)} students in {seconds:.0f} s")
    for row in table:
        print(*row.values(), sep=" | ")
    assert list(differences(task, expected, table)) == []
    done = [row["id"] for row in table if row["status"] in ("graded", "partly")]
    assert sorted(pages) == sorted(done)
