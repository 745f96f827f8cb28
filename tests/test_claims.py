import json
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnbook import check, claim
from nnbook.claims import CHECK, CLAIM, format_number, statements

HOLD = [
    (0.9, {"above": 0.5}),
    (0.1, {"below": 0.5}),
    (0.3, {"above": 0.1, "below": 0.5}),
    (0.51, {"close_to": 0.5, "tolerance": 0.02}),
    (1.0, {"close_to": 1, "tolerance": 0}),
    ([0.8, 0.9], {"above": 0.5}),
    (np.float32(0.9), {"above": 0.5}),
    (8, {"above": 7}),
    (True, {}),
    ([True, True], {}),
    (np.True_, {}),
]
BREAK = [
    (0.5, {"above": 0.5}),
    (0.5, {"below": 0.5}),
    (0.6, {"above": 0.1, "below": 0.5}),
    (0.05, {"above": 0.1, "below": 0.5}),
    (0.53, {"close_to": 0.5, "tolerance": 0.02}),
    ([0.9, 0.4], {"above": 0.5}),
    ([0.1, 0.6], {"below": 0.5}),
    (float("nan"), {"above": 0.5}),
    (float("nan"), {"below": 0.5}),
    (float("nan"), {"close_to": 0.5, "tolerance": 9}),
    ([0.9, float("nan")], {"above": 0.5}),
    (float("inf"), {"above": 0.5}),
    (-float("inf"), {"below": 0.5}),
    (0.9, {"above": float("nan")}),
    (False, {}),
    ([True, False], {}),
]
SENSELESS = [
    (0.9, {}),
    (True, {"above": 0.5}),
    ([], {"above": 0.5}),
    ("0.9", {"above": 0.5}),
    (None, {}),
    (0.9, {"tolerance": 0.5, "above": 0.1}),
    (0.9, {"close_to": 0.5, "tolerance": 1, "above": 0.1}),
]


@pytest.mark.parametrize("state", [claim, check])
@pytest.mark.parametrize(("value", "bound"), HOLD)
def test_statement_that_holds_is_shown(state, value, bound, capsys):
    state("It holds", value, **bound)
    assert "It holds" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("state", "words"),
    [(claim, "BROKEN CLAIM: It holds\n  measured"), (check, "BROKEN CHECK: It holds")],
)
@pytest.mark.parametrize(("value", "bound"), BREAK)
def test_broken_statement_raises(state, words, value, bound, capsys):
    with pytest.raises(AssertionError, match=words):
        state("It holds", value, **bound)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("state", [claim, check])
@pytest.mark.parametrize(("value", "bound"), SENSELESS)
def test_senseless_call_is_refused(state, value, bound):
    with pytest.raises((TypeError, ValueError), match="It holds"):
        state("It holds", value, **bound)


def test_a_claim_needs_tolerance_and_words_for_its_runs():
    with pytest.raises(ValueError, match="belong together"):
        claim("It holds", 0.9, close_to=0.5)
    with pytest.raises(ValueError, match="over= needs a word"):
        claim("It holds", [0.9, 0.8], above=0.5, over=" ")


def test_a_count_is_checked_for_equality():
    check("61,706 weights", 61706, close_to=61706)
    with pytest.raises(AssertionError, match="61705; bound: 61706"):
        check("61,706 weights", 61705, close_to=61706)


def test_message_has_sentence_measurement_and_bound():
    with pytest.raises(AssertionError) as error:
        claim("Dropout helps", [0.02, 0.08], above=0.05)
    assert str(error.value) == (
        "BROKEN CLAIM: Dropout helps\n"
        "  measured mean 0.0500, from 0.0200 to 0.0800 over 2 seeds\n"
        "  bound: above 0.05"
    )


@pytest.fixture
def shown(monkeypatch):
    """Collect what statements display, as the outputs of a cell."""
    outputs = []

    def keep(statement):
        outputs.append({"data": json.loads(json.dumps(statement._repr_mimebundle_()))})

    monkeypatch.setattr("nnbook.claims.display", keep)
    return outputs


def test_a_claim_says_what_its_runs_run_over(shown):
    claim("Loss falls", [2.0, 1.0], below=3, over="epochs")
    claim("All agree", [True, True], over="tasks")
    claim("One run", 0.9, above=0.5, over="sizes")
    texts = [output["data"]["text/plain"].splitlines()[1] for output in shown]
    assert texts == [
        "  measured mean 1.50, from 1.00 to 2.00 over 2 epochs",
        "  measured true in 2 of 2 tasks",
        "  measured 0.900",
    ]
    figures = statements([{"outputs": shown}])
    assert [each["over"] for each in figures] == ["epochs", "tasks", None]
    assert [f"  measured {each['measured']}" for each in figures] == texts


def test_a_check_is_one_line_with_its_figures_as_json(shown):
    check("The gradients agree", [1e-7, 3e-6], below=1e-5)
    check("Shapes agree", [True, True])
    assert [output["data"]["text/plain"] for output in shown] == [
        "Checked: The gradients agree (from 1.00e-07 to 3.00e-06; bound: below 1e-05)",
        "Checked: Shapes agree",
    ]
    assert statements([{"outputs": shown}], CHECK)[0] == {
        "sentence": "The gradients agree",
        "measured": "from 1.00e-07 to 3.00e-06",
        "bound": "below 1e-05",
    }
    assert statements([{"outputs": shown}]) == []


def test_output_carries_the_figures_as_json(shown):
    claim("Dropout helps", [0.061111, 0.08], above=0.05)
    (bundle,) = [output["data"] for output in shown]
    assert bundle["text/plain"].startswith("Claim: Dropout helps\n  measured mean")
    assert bundle[CLAIM] == {
        "sentence": "Dropout helps",
        "measured": "mean 0.0706, from 0.0611 to 0.0800 over 2 seeds",
        "mean": 0.07056,
        "low": 0.06111,
        "high": 0.08,
        "runs": 2,
        "over": "seeds",
        "bound": "above 0.05",
    }


@given(st.lists(st.floats(-100, 100), min_size=1), st.floats(-100, 100))
def test_claim_holds_when_every_element_does(values, bound):
    try:
        claim("It holds", values, above=bound)
    except AssertionError:
        assert not all(value > bound for value in values)
    else:
        assert all(value > bound for value in values)


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (8, "8"),
        (np.int64(8), "8"),
        (8.0, "8.00"),
        (0.0, "0.00"),
        (0.97143, "0.971"),
        (0.012345, "0.0123"),
        (12.3456, "12.3"),
        (123.456, "123.5"),
        (0.0000123456, "1.23e-05"),
        (1.5e9, "1.50e+09"),
        (-0.5, "-0.500"),
        (float("nan"), "nan"),
    ],
)
def test_format_number(number, text):
    assert format_number(number) == text


@given(st.floats(-1e300, 1e300))
def test_a_float_is_written_as_a_decimal_close_to_it(number):
    text = format_number(number)
    assert "." in text
    assert float(text) == pytest.approx(number, rel=0.006)


def test_importing_nnbook_imports_neither_keras_nor_pyplot():
    code = (
        "import sys, nnbook, nnbook.data; "
        "print({'keras', 'matplotlib.pyplot', 'tensorflow'} & set(sys.modules))"
    )
    output = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert output.stdout == "set()\n"
