import os
import subprocess
import sys

import keras
import numpy as np
import pytest

from nnbook import reinitialise, run_seeds

FRESH = """
import os, random, sys
import matplotlib, numpy
import nnbook

def draws(seed):
    nnbook.setup(seed)
    import keras
    return random.random(), numpy.random.rand(), float(keras.random.uniform(()))

assert draws(3) == draws(3) != draws(4)
assert os.environ["TF_ENABLE_ONEDNN_OPTS"] == "0"
assert os.environ["JAX_ENABLE_X64"] == "1"
assert not matplotlib.rcParams["axes.spines.top"]
"""
THREADS = """
import nnbook, threadpoolctl  # and with them NumPy
nnbook.setup()
import scipy.linalg, sklearn.ensemble
pools = threadpoolctl.threadpool_info()
assert {pool["user_api"] for pool in pools} == {"blas", "openmp"}
assert all(pool["num_threads"] == 1 for pool in pools), pools
"""
MANY = """
import nnbook
nnbook.setup()
import keras
import numpy as np
for units in range(1, 8):
    model = keras.Sequential([keras.Input((units,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse", steps_per_execution=2)
    model.fit(np.zeros((4, units)), np.zeros((4, 1)), batch_size=2, verbose=0)
"""
LATE = """
import tensorflow, nnbook
nnbook.setup()
"""


def run(code):
    environment = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith(("TF_", "OMP_", "OPENBLAS_", "JAX_"))
    }
    arguments = [sys.executable, "-W", "always::UserWarning", "-c", code]
    return subprocess.run(
        arguments, capture_output=True, text=True, check=True, env=environment
    )


def test_setup_seeds_everything_in_silence():
    assert run(FRESH).stderr == ""


def test_setup_leaves_numerical_libraries_one_thread():
    run(THREADS)


def test_training_many_networks_brings_no_warning():
    result = run(MANY)
    assert result.stdout == result.stderr == ""


def test_setup_warns_when_it_comes_too_late():
    assert "Restart the kernel" in run(LATE).stderr


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


def test_a_reinitialised_model_trains_like_a_new_one():
    X = np.random.default_rng(0).normal(size=(60, 4))
    y = X[:, 0] ** 2

    def new_model():
        model = keras.Sequential(
            [
                keras.Input((4,)),
                keras.layers.Dense(8, "relu"),
                keras.layers.BatchNormalization(),
                keras.layers.Dense(1),
            ]
        )
        model.compile(keras.optimizers.Adam(0.03), "mse")
        return model

    def trained(model, seed):
        keras.utils.set_random_seed(seed)
        reinitialise(model)
        model.fit(X, y, batch_size=20, epochs=2, verbose=0)
        return np.concatenate([weight.ravel() for weight in model.get_weights()])

    used = new_model()
    others = trained(used, seed=1), trained(used, seed=2)
    again = trained(used, seed=1)
    np.testing.assert_array_equal(again, trained(new_model(), seed=1))
    np.testing.assert_array_equal(again, others[0])
    assert np.abs(again - others[1]).max() > 0.1
    assert float(used.optimizer.learning_rate) == pytest.approx(0.03)


def test_a_reinitialised_model_compiles_its_first_step_once():
    calls = []

    class Seen(keras.layers.Layer):
        def call(self, x):
            calls.append(x.shape)
            return x

    inputs = keras.Input((4,))
    model = keras.Model(inputs, keras.layers.Dense(1)(Seen()(inputs)))
    model.compile("adam", "mse", steps_per_execution=2)
    reinitialise(model)
    calls.clear()
    model.fit(np.zeros((8, 4)), np.zeros(8), batch_size=2, verbose=0)
    assert len(calls) == 1
