"""Gradients through the backend, against calculus and finite differences."""

from pathlib import Path

import nbformat
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


def test_gradients_of_lists_and_dicts_have_their_structure():
    from keras import ops

    point = {"W": [np.array([1.0, 2.0]), np.array(3.0)], "unused": np.ones(2)}
    value, (slopes, dx) = nnbook.backend.value_and_gradients(
        lambda p, x: ops.sum(p["W"][0] * x) * p["W"][1], point, np.array([4.0, 5.0])
    )
    assert float(value) == 42
    np.testing.assert_allclose(slopes["W"][0], [12, 15])
    np.testing.assert_allclose(slopes["W"][1], 14)
    np.testing.assert_allclose(slopes["unused"], [0, 0])
    np.testing.assert_allclose(dx, [3, 6])


def test_gradients_nest():
    from keras import ops

    def slope_squared(w, x):  # (dy/dx)² = (2wx)² for y = wx²
        _, (slope,) = nnbook.backend.value_and_gradients(lambda x: w * x**2, x)
        return slope**2

    nested = nnbook.backend.compiled(
        lambda w, x: nnbook.backend.value_and_gradients(slope_squared, w, x)
    )
    value, (dw, dx) = nested(3.0, 2.0)
    np.testing.assert_allclose([value, dw, dx], [144, 96, 144])
    assert ops.shape(dw) == ()


def test_a_penalty_on_slopes_equals_finite_differences():
    from keras import ops

    rng = np.random.default_rng(0)
    X, W, v = (rng.normal(size=shape) / 2 for shape in ((5, 2), (2, 4), (4, 1)))

    def penalty(W, v):
        def total(x):
            return ops.sum((x @ W) ** 2 @ v)

        _, (slopes,) = nnbook.backend.value_and_gradients(total, X)
        return ops.sum((ops.sqrt(ops.sum(slopes**2, axis=1)) - 1) ** 2)

    def value(flat):
        return nnbook.backend.gradients(penalty, flat[:8].reshape(2, 4), flat[8:, None])

    distance = check_grad(
        lambda flat: value(flat)[0],
        lambda flat: np.concatenate([slope.ravel() for slope in value(flat)[1]]),
        np.concatenate([W.ravel(), v.ravel()]),
    )
    assert distance < 1e-6


def test_compiled_loops_and_compiles_once_for_one_shape():
    import keras
    from keras import ops

    traced = []

    def power(x, exponent):
        traced.append(x)
        return ops.fori_loop(0, exponent, lambda i, y: y * x, ops.ones_like(x))

    run = nnbook.backend.compiled(power)
    found = [float(run(2.0, exponent)) for exponent in (3, 4, 5)]
    assert found == [8, 16, 32]
    if keras.backend.backend() != "torch":
        assert len(traced) == 1


def test_the_gan_chapters_step_runs_on_the_backend_at_hand():
    """Run it under KERAS_BACKEND=jax or torch to try it there."""
    import keras
    from keras import layers, ops

    chapter = Path(__file__).parents[1] / "notebooks/generative/gan.ipynb"
    needed = ["adam", "train-step", "rounds"]
    needed += ["ring", "network", "ring-game", "play-ring"]
    names = {"np": np, "keras": keras, "layers": layers, "ops": ops}
    names |= {"backend": nnbook.backend, "run_seeds": nnbook.run_seeds}
    for cell in nbformat.read(chapter, 4).cells:
        if cell.id in needed:
            exec(compile(cell.source, cell.id, "exec"), names)  # noqa: S102

    games, make_rounds = [], names["make_rounds"]
    names["make_rounds"] = lambda game: games.append(game) or make_rounds(game)
    kinds = {loss: (5, 0.5, loss, 1.0) for loss in names["LOSSES"]}
    played = names["play_ring"](kinds, critic_steps=2, pack=2, steps=2)
    assert all(np.isfinite(points).all() for points in played.values())
    # Only PyTorch refuses to multiply a NumPy array by a tensor.
    assert not any(isinstance(part, np.ndarray) for part in games[0].values())


@pytest.mark.parametrize(
    ("name", "steps"), [("tensorflow", 20), ("jax", 20), ("torch", 1)]
)
def test_pytorch_takes_one_step_at_a_time(name, steps, monkeypatch):
    import keras

    monkeypatch.setattr(keras.backend, "backend", lambda: name)
    assert nnbook.steps_per_execution(20) == steps
