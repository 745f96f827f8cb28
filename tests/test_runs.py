import os
import subprocess
import sys

import numpy as np
import pytest

from nnbook import run_seeds

SETUP = "import nnbook; nnbook.setup(seed=3); "


def run(code):
    environment = {
        key: value for key, value in os.environ.items() if not key.startswith("TF_")
    }
    return subprocess.run(
        [sys.executable, "-W", "always::UserWarning", "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env=environment,
    )


def test_setup_seeds_everything_and_stays_silent():
    draws = (
        "import random, numpy, keras; "
        "print(random.random(), numpy.random.rand(), float(keras.random.uniform(())))"
    )
    first, again = run(SETUP + draws), run(SETUP + draws)
    assert first.stdout == again.stdout
    assert first.stdout != run(SETUP.replace("3", "4") + draws).stdout
    assert "UserWarning" not in first.stderr


def test_setup_turns_onednn_off_and_sets_the_style():
    code = (
        "import os, matplotlib; print(os.environ['TF_ENABLE_ONEDNN_OPTS'], "
        "matplotlib.rcParams['axes.spines.top'])"
    )
    assert run(SETUP + code).stdout == "0 False\n"


def test_setup_warns_when_it_comes_too_late():
    late = run("import tensorflow; " + SETUP)
    assert "Restart the kernel" in late.stderr
    assert "Restart the kernel" not in run(SETUP + "nnbook.setup()").stderr


def test_run_seeds_stacks_numbers_arrays_and_dicts():
    assert (run_seeds(lambda seed: seed**2, range(3)) == [0, 1, 4]).all()
    assert run_seeds(lambda seed: np.zeros((2, 3))).shape == (5, 2, 3)
    results = run_seeds(lambda seed: {"a": seed, "b": [seed, 1]}, (7, 8))
    assert results["a"].tolist() == [7, 8]
    assert results["b"].tolist() == [[7, 1], [8, 1]]


def test_run_seeds_seeds_each_run():
    def draw(seed):
        return np.random.rand()

    first = run_seeds(draw)
    assert (first == run_seeds(draw)).all()
    assert len(set(first)) == 5


def test_run_seeds_refuses_what_cannot_be_stacked():
    with pytest.raises(ValueError, match="at least one seed"):
        run_seeds(lambda seed: 1, [])
    with pytest.raises(ValueError, match="keys differ"):
        run_seeds(lambda seed: {seed: 1})
    with pytest.raises(ValueError, match="same shape"):
        run_seeds(lambda seed: np.zeros(seed + 1))
