import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_digits

from nnbook import data


def test_digits_are_scikit_learns():
    X_train, X_test, y_train, y_test = data.digits(seed=0)
    X, y = load_digits(return_X_y=True)
    assert (len(X_train), len(X_test)) == (1257, 540)
    together = np.concatenate([X_train, X_test])
    assert (np.sort(together.sum(axis=1) * 16) == np.sort(X.sum(axis=1))).all()
    assert together.min() == 0 and together.max() == 1
    assert (np.bincount(np.concatenate([y_train, y_test])) == np.bincount(y)).all()


def test_digits_of_some_classes():
    _, _, y_train, y_test = data.digits(seed=0, classes=(3, 8))
    assert set(y_train) == set(y_test) == {3, 8}


def test_digits_refuses_what_is_no_digit():
    with pytest.raises(ValueError, match="from 0 to 9"):
        data.digits(seed=0, classes=(3, 10))


def test_split_depends_on_the_seed_alone():
    first, again, other = data.digits(0), data.digits(0), data.digits(1)
    assert all((a == b).all() for a, b in zip(first, again, strict=True))
    assert not (first[0] == other[0]).all()


def test_split_keeps_the_classes_in_proportion_and_loses_nothing():
    X, y = np.arange(100)[:, None], np.repeat([0, 1], [80, 20])
    X_train, X_test, y_train, y_test = data.split(X, y, seed=3)
    assert sorted([*X_train[:, 0], *X_test[:, 0]]) == list(range(100))
    assert y_train.mean() == y_test.mean() == 0.2


def test_standardise_uses_the_training_set_alone():
    rng = np.random.default_rng(0)
    X, y = rng.normal(5, 3, size=(200, 4)), np.repeat([0, 1], 100)
    raw_train, raw_test, _, _ = data.split(X, y, seed=0)
    X_train, X_test, _, _ = data.split(X, y, seed=0, standardise=True)
    mean, spread = raw_train.mean(axis=0), raw_train.std(axis=0)
    np.testing.assert_allclose(X_train, (raw_train - mean) / spread)
    np.testing.assert_allclose(X_test, (raw_test - mean) / spread)


@settings(deadline=None)
@given(st.integers(1, 200), st.floats(0, 0.5), st.integers(0, 2**32), st.integers(1, 6))
def test_separable_keeps_its_promises(examples, margin, seed, dimensions):
    X, y, normal = data.separable(examples, margin, seed, dimensions)
    assert X.shape == (examples, dimensions) and y.shape == (examples,)
    assert np.linalg.norm(normal) == pytest.approx(1)
    assert np.linalg.norm(X, axis=1).max() <= 1
    assert (y * (X @ normal) >= margin).all()
    assert set(y) <= {-1, 1}


def test_separable_fills_the_disc_evenly():
    X, _, _ = data.separable(20_000, 0, seed=0)
    # Uniform in the disc: a quarter of the points within half the radius.
    assert np.mean(np.linalg.norm(X, axis=1) < 0.5) == pytest.approx(0.25, abs=0.015)


@pytest.mark.parametrize(("margin", "dimensions"), [(-0.1, 2), (1, 2), (0.9, 200)])
def test_separable_refuses_a_margin_without_room(margin, dimensions):
    with pytest.raises(ValueError, match="margin"):
        data.separable(10, margin, seed=0, dimensions=dimensions)
