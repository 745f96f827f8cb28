"""Every check passes the master, and can fail: on stubs and on likely mistakes."""

from collections import Counter

import pytest

from book.tools import exercises
from book.tools.contents import exercises_of
from book.tools.editions import build, chapters, masters
from book.tools.run import NotebookError, read

PATHS = masters()


def for_each(cases):
    """List a notebook's path with each of its cases; an unreadable one has none.

    Whatever is wrong with one notebook fails one of its own tests, below, and
    leaves the others' alone.
    """
    for path in PATHS:
        try:
            yield from ((path, case) for case in cases(path))
        except NotebookError:
            continue


CHECKED = list(for_each(exercises.questions))
WRONG = list(for_each(exercises.wrong_answers))


def name(value):
    """Name a test after the notebook, the question and the mistake."""
    if hasattr(value, "stem"):
        return value.stem.removesuffix("_exercises")
    return value.replace(" ", "_")


@pytest.mark.parametrize(("path", "question"), CHECKED, ids=name)
def test_the_master_passes_with_no_other_question_answered(path, question):
    answer = exercises.source(path, question)
    error = exercises.verdict(path, question, answer)
    if error:
        raise error


@pytest.mark.parametrize("stub", exercises.STUBS, ids=name)
@pytest.mark.parametrize(("path", "question"), CHECKED, ids=name)
def test_a_stub_fails(path, question, stub):
    answer = exercises.stubbed(exercises.source(path, question), stub)
    assert "BEGIN SOLUTION" not in answer
    assert exercises.verdict(path, question, answer), answer


@pytest.mark.parametrize(
    ("path", "question", "hint", "answer"),
    [
        pytest.param(path, question, hint, answer, id=f"{name(path)}-{question}-{says}")
        for path, (question, says, hint, answer) in WRONG
    ],
)
def test_a_wrong_answer_gets_the_hint_meant_for_it(path, question, hint, answer):
    assert answer.startswith(f"# exercise: {question}\n")
    error = exercises.verdict(path, question, answer)
    assert isinstance(error, AssertionError), error or "the checks passed it"
    assert hint in str(error)


@pytest.mark.parametrize("path", chapters(), ids=name)
def test_each_chapter_has_exercises(path):
    assert exercises_of(path) in PATHS


@pytest.mark.parametrize("path", PATHS, ids=name)
def test_each_question_has_two_wrong_answers(path):
    counts = Counter(question for question, *_ in exercises.wrong_answers(path))
    assert counts.keys() == set(exercises.questions(path))
    assert min(counts.values()) >= 2


def test_student_editions_hold_no_answer(tmp_path):
    paths = build(tmp_path)
    assert len(paths) == len(PATHS)
    for master, path in zip(PATHS, paths, strict=True):
        edition = read(path)
        assert len(edition.cells) == len(read(master).cells)
        for cell in edition.cells:
            assert not cell.get("outputs") and cell.get("execution_count") is None
            assert "SOLUTION" not in cell.source and "rubric" not in cell.source
            if cell.cell_type == "code" and cell.metadata.nbgrader.solution:
                assert "raise NotImplementedError" in cell.source
                assert cell.source.startswith("# exercise: q")
