"""Gradients through the backend, against calculus and finite differences."""

import numpy as np
import pytest
from scipy.optimize import check_grad

import nnbook.backend


def test_gradients_of_each_argument():
    from keras import ops

    x, y = np.array([1.0, 2.0]), np.array([[3.0]], "float32")
    value, (dx, dy, unused) = nnbook.backend.gradients(
        lambda x, y, z: ops.sum(x**2) + ops.sum(ops.cast(y, "float64")) ** 3, x, y, x
    )
    assert value == 32 and isinstance(value, float)
    np.testing.assert_allclose(dx, [2, 4])
    np.testing.assert_allclose(dy, [[27]])
    np.testing.assert_array_equal(unused, [0, 0])
    assert (dx.dtype, dy.dtype) == (np.float64, np.float32)


def test_gradients_by_a_models_weights_equal_finite_differences():
    import keras
    from keras import layers, ops

    model = keras.Sequential(
        [keras.Input((4, 2), dtype="float64")]
        + [layers.GRU(3, dtype="float64"), layers.Dense(1, dtype="float64")]
    )
    X = np.random.default_rng(0).normal(size=(5, 4, 2))
    weights = model.get_weights()
    ends = np.cumsum([weight.size for weight in weights])[:-1]

    def loss(*weights):
        out, _ = model.stateless_call(weights, model.non_trainable_variables, X)
        return ops.mean(ops.square(out))

    def gradients(flat):
        parts = np.split(flat, ends)
        shaped = [part.reshape(w.shape) for part, w in zip(parts, weights, strict=True)]
        value, slopes = nnbook.backend.gradients(loss, *shaped)
        return value, np.concatenate([slope.ravel() for slope in slopes])

    flat = np.concatenate([weight.ravel() for weight in weights])
    distance = check_grad(lambda w: gradients(w)[0], lambda w: gradients(w)[1], flat)
    assert distance < 1e-6


def test_gradients_of_a_row_lookup():
    from keras import ops

    _, (slope,) = nnbook.backend.gradients(
        lambda table: ops.sum(ops.take(table, [1, 1], axis=0)), np.zeros((3, 2))
    )
    np.testing.assert_array_equal(slope, [[0, 0], [2, 2], [0, 0]])


def test_a_result_that_is_no_scalar_is_refused():
    with pytest.raises(ValueError, match="scalar result, not one of shape"):
        nnbook.backend.gradients(lambda x: x, np.ones(2))
