import gzip
import hashlib
import json
import os
from pathlib import Path

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_digits

from nnbook import data, downloads


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


def test_glyphs_are_ink_on_paper_and_equally_often():
    images, labels = data.glyphs("ABz09", 103, seed=1)
    assert images.shape == (103, 28, 28) and images.dtype == "float32"
    assert images.min() == 0 and 0.9 < images.max() <= 1
    assert sorted(np.bincount(labels)) == [20, 20, 21, 21, 21]
    assert (images.reshape(103, -1).max(axis=1) > 0.4).all()
    frame = np.concatenate([images[:, [0, -1]].ravel(), images[:, :, [0, -1]].ravel()])
    assert frame.mean() < 0.01  # characters stay on the paper


def test_glyphs_depend_on_the_seed_alone():
    first, again, other = (data.glyphs("AB", 20, seed)[0] for seed in (0, 0, 1))
    assert (first == again).all() and not (first == other).all()


def test_glyphs_shift_as_far_as_told():
    def spread(shift):
        images, _ = data.glyphs("O", 200, seed=0, shift=shift)
        columns = np.tensordot(images.sum(axis=1), np.arange(28), 1)
        return np.std(columns / images.sum(axis=(1, 2)))

    assert spread(0) < 0.5  # a few italic letters lean out of their box
    assert spread(6) == pytest.approx(6 / np.sqrt(3), rel=0.15)


def test_glyphs_of_a_class_differ_and_classes_differ_more():
    images, labels = data.glyphs("LT", 300, seed=0, shift=0)
    inside = images[labels == 0][:100] - images[labels == 0].mean(axis=0)
    between = images[labels == 0].mean(axis=0) - images[labels == 1].mean(axis=0)
    assert np.linalg.norm(inside, axis=(1, 2)).min() > 1
    assert np.linalg.norm(between) > 2


def test_glyphs_are_distorted_as_far_as_told(monkeypatch):
    every_face, _ = data.glyphs("I", 1500, seed=0, shift=0)
    monkeypatch.setattr(data, "_FACES", ("DejaVuSans",))  # whose I is a bar
    images, _ = data.glyphs("I", 1500, seed=0, shift=0)
    ink = images.sum(axis=(1, 2))
    weights = images / ink[:, None, None]
    pixels = np.moveaxis(np.indices((28, 28)), 0, -1)
    centres = np.einsum("nij,ijk->nk", weights, pixels)
    away = pixels - centres[:, None, None]
    covariance = np.einsum("nij,nijk,nijl->nkl", weights, away, away)
    lengths, axes = np.linalg.eigh(covariance)
    angles = np.rad2deg(np.arctan(axes[:, 1, 1] / axes[:, 0, 1]))

    np.testing.assert_allclose(centres.mean(axis=0), 13.5, atol=0.4)
    turned, sheared = 20 / np.sqrt(3), np.rad2deg(0.2) / np.sqrt(3)
    assert np.std(angles) == pytest.approx(np.hypot(turned, sheared), rel=0.08)
    lengths = np.sqrt(lengths[:, 1])
    assert np.std(lengths) / np.mean(lengths) == pytest.approx(0.2 / 3**0.5, rel=0.1)
    grey = np.mean((images > 0.05) & (images < 0.95))
    assert grey / np.mean(images > 0.05) > 0.5  # edges are smooth

    def variation(ink):
        return np.std(ink) / np.mean(ink)

    assert variation(every_face.sum(axis=(1, 2))) > 1.5 * variation(ink)


@pytest.mark.parametrize("characters", ["", "AA", "A B", "é", "١"])
def test_glyphs_refuses_what_the_typefaces_lack(characters):
    with pytest.raises(ValueError, match="different ASCII letters and digits"):
        data.glyphs(characters, 10, seed=0)


def write_archive(folder, **changes):
    """Write a tiny archive like MNIST's; return its digest and its arrays."""
    arrays = {
        "x_train": np.arange(12, dtype="uint8").reshape(3, 2, 2),
        "y_train": np.arange(3, dtype="uint8"),
        "x_test": np.ones((1, 2, 2), "uint8"),
        "y_test": np.zeros(1, "uint8"),
    }
    digest = hashlib.sha256(b"".join(a.tobytes() for a in arrays.values())).hexdigest()
    np.savez(folder / "mnist.npz", **(arrays | changes))
    return digest, arrays


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("NNBOOK_DATA", str(tmp_path))
    digest, _ = write_archive(tmp_path)
    monkeypatch.setitem(downloads._SHA256, "mnist", digest)
    return tmp_path


def test_mnist_comes_from_the_folder(folder):
    (x_train, y_train), (x_test, y_test) = data.mnist()
    assert x_train.shape == (3, 2, 2) and y_train.tolist() == [0, 1, 2]
    assert x_test.shape == (1, 2, 2) and y_test.tolist() == [0]


def test_a_missing_file_is_named_with_both_ways_to_get_it(folder):
    (folder / "mnist.npz").unlink()
    with pytest.raises(
        FileNotFoundError, match="mnist.npz there, or unset NNBOOK_DATA"
    ):
        data.mnist()


@pytest.mark.parametrize("length", [0, 10, 300])
def test_a_truncated_file_is_refused_by_name(folder, length):
    path = folder / "mnist.npz"
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(ValueError, match="mnist.npz is truncated"):
        data.mnist()


@pytest.mark.parametrize(
    "change",
    [
        {"y_train": np.array([0, 1, 3], "uint8")},
        {"x_test": np.zeros((1, 2, 2), "uint8")},
    ],
)
def test_other_data_is_refused_by_name(folder, change):
    write_archive(folder, **change)
    with pytest.raises(
        ValueError, match="mnist.npz is truncated, or does not hold the published data"
    ):
        data.mnist()


def test_pickled_arrays_are_refused(folder):
    write_archive(folder, y_train=np.array([{}], dtype=object))
    with pytest.raises(ValueError, match="mnist.npz is truncated, or no mnist.npz"):
        data.mnist()


def test_without_a_folder_keras_downloads(monkeypatch):
    monkeypatch.delenv("NNBOOK_DATA", raising=False)
    monkeypatch.setattr(keras.datasets.mnist, "load_data", lambda: "from Keras")
    assert data.mnist() == "from Keras"


def test_without_folder_and_network_both_ways_are_named(monkeypatch):
    def no_network():
        raise OSError("URL fetch failure")

    monkeypatch.delenv("NNBOOK_DATA", raising=False)
    monkeypatch.setattr(keras.datasets.mnist, "load_data", no_network)
    with pytest.raises(FileNotFoundError, match="internet.*NNBOOK_DATA"):
        data.mnist()


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist"])
def test_the_published_data_is_accepted(name):
    if not (Path(os.environ.get("NNBOOK_DATA", "missing")) / f"{name}.npz").exists():
        pytest.skip(f"needs {name}.npz in NNBOOK_DATA")
    (x_train, y_train), (x_test, y_test) = getattr(data, name)()
    assert x_train.shape == (60_000, 28, 28) and x_test.shape == (10_000, 28, 28)
    first_three = {"mnist": [5923, 6742, 5958], "fashion_mnist": [6000] * 3}
    assert np.bincount(y_train).tolist()[:3] == first_three[name]
    assert len(y_test) == 10_000


def write_photographs(folder, examples):
    """Write photographs, each of one number, with classes in a circle."""
    x = np.arange(examples, dtype="uint8").repeat(12).reshape(examples, 2, 2, 3)
    arrays = {
        "x_train": x,
        "y_train": np.arange(examples, dtype="uint8") % 10,
        "x_test": x[:2],
        "y_test": np.array([7, 3], "uint8"),
    }
    np.savez(folder / "cifar10_30k.npz", **arrays)
    return hashlib.sha256(b"".join(a.tobytes() for a in arrays.values())).hexdigest()


@pytest.fixture
def photographs(tmp_path, monkeypatch):
    monkeypatch.setenv("NNBOOK_DATA", str(tmp_path))
    monkeypatch.setitem(downloads._SHA256, "cifar10", write_photographs(tmp_path, 30))
    return tmp_path / "cifar10_30k.npz"


def test_cifar10_comes_from_the_folder_whole_and_in_its_order(photographs):
    (X, y), (X_test, y_test) = data.cifar10()
    assert X.shape == (30, 2, 2, 3) and X[:, 0, 0, 0].tolist() == list(range(30))
    assert y.tolist() == [*range(10)] * 3
    assert X_test.shape == (2, 2, 2, 3) and y_test.tolist() == [7, 3]


def test_missing_photographs_are_named_with_both_ways_to_get_them(photographs):
    photographs.unlink()
    with pytest.raises(
        FileNotFoundError, match="cifar10_30k.npz there, or unset NNBOOK_DATA"
    ):
        data.cifar10()


@pytest.mark.parametrize("length", [0, 10, 300])
def test_truncated_photographs_are_refused_by_name(photographs, length):
    photographs.write_bytes(photographs.read_bytes()[:length])
    with pytest.raises(ValueError, match="cifar10_30k.npz is truncated"):
        data.cifar10()


def test_other_photographs_are_refused_by_name(photographs):
    write_photographs(photographs.parent, 20)
    with pytest.raises(
        ValueError, match="30k.npz is truncated, or does not hold the published data"
    ):
        data.cifar10()


def test_of_keras_photographs_the_first_of_each_class_are_taken(monkeypatch):
    numbers = np.arange(20_030)
    X = numbers.repeat(3).reshape(-1, 1, 1, 3)
    y = (numbers % 10).astype("uint8")[:, None]  # as Keras has them
    monkeypatch.delenv("NNBOOK_DATA", raising=False)
    monkeypatch.setattr(
        keras.datasets.cifar10, "load_data", lambda: ((X, y), (X[:4], y[:4]))
    )
    (X, y), (X_test, y_test) = data.cifar10()
    assert X.shape == (20_000, 1, 1, 3) and (X[:, 0, 0, 0] == numbers[:20_000]).all()
    assert np.bincount(y).tolist() == [2000] * 10
    assert X_test.shape == (4, 1, 1, 3) and y_test.tolist() == [0, 1, 2, 3]


def test_photographs_without_folder_and_network_name_both_ways(monkeypatch):
    def no_network():
        raise OSError("URL fetch failure")

    monkeypatch.delenv("NNBOOK_DATA", raising=False)
    monkeypatch.setattr(keras.datasets.cifar10, "load_data", no_network)
    with pytest.raises(FileNotFoundError, match="cifar10_30k.npz.*NNBOOK_DATA"):
        data.cifar10()


def test_the_published_photographs_are_accepted():
    folder = Path(os.environ.get("NNBOOK_DATA", "missing"))
    if not (folder / "cifar10_30k.npz").exists():
        pytest.skip("needs cifar10_30k.npz in NNBOOK_DATA")
    (X, y), (X_test, y_test) = data.cifar10()
    assert X.shape == (20_000, 32, 32, 3) and X_test.shape == (10_000, 32, 32, 3)
    assert np.bincount(y).tolist() == [2000] * 10
    assert np.bincount(y_test).tolist() == [1000] * 10
    # What is known of the whole test set: the mean of each channel over 255.
    means = X_test.mean(axis=(0, 1, 2)) / 255
    np.testing.assert_allclose(means, [0.4942, 0.4851, 0.4504], atol=1e-4)


AIRLINE = b'"Month","Passengers"\r\n"1949-01",112\r\n"1949-02",118\r\n"1949-03",132'


@pytest.fixture
def airline(tmp_path, monkeypatch):
    monkeypatch.setenv("NNBOOK_DATA", str(tmp_path))
    digest = hashlib.sha256(np.array([112, 118, 132], "<i8")).hexdigest()
    monkeypatch.setitem(downloads._SHA256, "airline_passengers", digest)
    path = tmp_path / "airline_passengers.csv"
    path.write_bytes(AIRLINE)
    return path


def test_airline_passengers_come_from_the_folder(airline):
    passengers = data.airline_passengers()
    assert passengers.tolist() == [112, 118, 132] and passengers.dtype == "int64"


@pytest.mark.parametrize("ends", [b"\n", b"\r\n", b"\r\n\r\n"])
def test_airline_passengers_do_not_depend_on_the_ends_of_lines(airline, ends):
    airline.write_bytes(AIRLINE.replace(b"\r\n", ends[-2:]) + ends)
    assert len(data.airline_passengers()) == 3


def test_a_missing_airline_file_is_named_with_both_ways_to_get_it(airline):
    airline.unlink()
    with pytest.raises(
        FileNotFoundError, match="airline_passengers.csv there, or unset NNBOOK_DATA"
    ):
        data.airline_passengers()


@pytest.mark.parametrize("length", [-4, 10, 40, len(AIRLINE) - 17, len(AIRLINE) - 1])
def test_a_truncated_airline_file_is_refused_by_name(airline, length):
    airline.write_bytes(AIRLINE[:length])
    with pytest.raises(ValueError, match="airline_passengers.csv (is trunc|does not)"):
        data.airline_passengers()


@pytest.mark.parametrize(
    "text", [b"", b"\xff\xfe", b"<html>\n<p>Not found</p>", b"a\nb,c"]
)
def test_what_is_no_table_of_passengers_is_refused_by_name(airline, text):
    airline.write_bytes(text)
    with pytest.raises(ValueError, match="airline_passengers.csv (is trunc|does not)"):
        data.airline_passengers()


def test_other_passengers_are_refused_by_name(airline):
    airline.write_bytes(AIRLINE.replace(b"118", b"119"))
    with pytest.raises(
        ValueError, match="csv is truncated, or does not hold the published data"
    ):
        data.airline_passengers()


def test_without_a_folder_the_airline_passengers_are_downloaded(airline, monkeypatch):
    monkeypatch.delenv("NNBOOK_DATA")
    asked = []

    def urlopen(url, timeout):
        asked.append(url)
        return airline.open("rb")

    monkeypatch.setattr(downloads.urllib.request, "urlopen", urlopen)
    assert data.airline_passengers().tolist() == [112, 118, 132]
    assert asked == [downloads._AIRLINE]
    airline.write_bytes(AIRLINE.replace(b"118", b"119"))
    with pytest.raises(ValueError, match="https.*or does not hold the published data"):
        data.airline_passengers()


def test_without_folder_and_network_both_ways_to_the_airline_are_named(monkeypatch):
    def no_network(url, timeout):
        raise OSError("no route to host")

    monkeypatch.delenv("NNBOOK_DATA", raising=False)
    monkeypatch.setattr(downloads.urllib.request, "urlopen", no_network)
    with pytest.raises(FileNotFoundError, match="internet.*NNBOOK_DATA"):
        data.airline_passengers()


def test_the_published_airline_passengers_are_accepted():
    folder = Path(os.environ.get("NNBOOK_DATA", "missing"))
    if not (folder / "airline_passengers.csv").exists():
        pytest.skip("needs airline_passengers.csv in NNBOOK_DATA")
    passengers = data.airline_passengers()
    assert passengers.shape == (144,) and passengers[[0, -1]].tolist() == [112, 432]


REVIEWS = [
    ("test", 0, "Bad.<br /><br />Isn't it?"),
    ("train", 1, "GOOD (very_good) 'film'"),
    ("train", 0, "Boring; don't!"),
]


@pytest.fixture
def reviews(tmp_path, monkeypatch):
    """Write a tiny file like IMDB's; return its path."""
    monkeypatch.setenv("NNBOOK_DATA", str(tmp_path))
    lines = [
        json.dumps({"split": split, "label": label, "text": text})
        for split, label, text in REVIEWS
    ]
    content = "\n".join(lines).encode()
    digest = hashlib.sha256(content).hexdigest()
    monkeypatch.setitem(downloads._SHA256, "imdb", digest)
    path = tmp_path / "imdb_50k.jsonl.gz"
    path.write_bytes(gzip.compress(content))
    return path


def test_imdb_comes_from_the_folder_as_plain_words(reviews):
    (texts_train, y_train), (texts_test, y_test) = data.imdb()
    found = sorted(zip(texts_train, y_train.tolist(), strict=True))
    assert found == [("boring don't", 0), ("good very good film", 1)]
    assert (texts_test, y_test.tolist()) == (["bad isn't it"], [0])


def test_missing_reviews_are_named_with_both_ways_to_get_them(reviews):
    reviews.unlink()
    with pytest.raises(
        FileNotFoundError, match="imdb_50k.jsonl.gz there, or unset NNBOOK_DATA"
    ):
        data.imdb()


@pytest.mark.parametrize("length", [0, 5, 60, -1])
def test_truncated_reviews_are_refused_by_name(reviews, length):
    reviews.write_bytes(reviews.read_bytes()[:length])
    with pytest.raises(ValueError, match="imdb_50k.jsonl.gz (is truncated|does not)"):
        data.imdb()


def test_other_reviews_are_refused_by_name(reviews):
    reviews.write_bytes(gzip.compress(b'{"split": "train", "label": 1, "text": ""}'))
    with pytest.raises(
        ValueError,
        match="imdb_50k.jsonl.gz is truncated, or does not hold the published data",
    ):
        data.imdb()


def test_without_a_folder_reviews_are_decoded_from_keras(monkeypatch):
    def load_data(start_char, oov_char, index_from):
        assert (start_char, oov_char, index_from) == (None, None, 0)
        return ([[1, 3, 3, 2, 4]], [1]), ([[4, 1]], [0])

    index = {"good": 1, "film": 2, "br": 3, "isn't": 4}
    monkeypatch.delenv("NNBOOK_DATA", raising=False)
    monkeypatch.setattr(keras.datasets.imdb, "load_data", load_data)
    monkeypatch.setattr(keras.datasets.imdb, "get_word_index", lambda: index)
    (texts_train, y_train), (texts_test, y_test) = data.imdb()
    assert (texts_train, y_train.tolist()) == (["good film isn't"], [1])
    assert (texts_test, y_test.tolist()) == (["isn't good"], [0])


def test_reviews_without_folder_and_network_name_both_ways(monkeypatch):
    def no_network(**_):
        raise OSError("URL fetch failure")

    monkeypatch.delenv("NNBOOK_DATA", raising=False)
    monkeypatch.setattr(keras.datasets.imdb, "load_data", no_network)
    with pytest.raises(FileNotFoundError, match="internet.*NNBOOK_DATA"):
        data.imdb()


def test_the_published_reviews_are_accepted():
    folder = Path(os.environ.get("NNBOOK_DATA", "missing"))
    if not (folder / "imdb_50k.jsonl.gz").exists():
        pytest.skip("needs imdb_50k.jsonl.gz in NNBOOK_DATA")
    (texts_train, y_train), (texts_test, y_test) = data.imdb()
    assert len(texts_train) == len(texts_test) == 25_000
    assert np.bincount(y_train).tolist() == np.bincount(y_test).tolist() == [12_500] * 2
    assert 0.45 < y_train[:2000].mean() < 0.55
    assert not any(set(text) & set("<>/.,_!A") for text in texts_train)


@pytest.fixture
def plays(tmp_path, monkeypatch):
    monkeypatch.setenv("NNBOOK_DATA", str(tmp_path))
    path = tmp_path / "tiny_shakespeare.txt"
    path.write_bytes(b"First Citizen:\nSpeak, speak.\n")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    monkeypatch.setitem(downloads._SHA256, "tiny_shakespeare", digest)
    return path


def test_shakespeare_comes_from_the_folder(plays):
    assert data.tiny_shakespeare() == "First Citizen:\nSpeak, speak.\n"


def test_missing_plays_are_named_with_both_ways_to_get_them(plays):
    plays.unlink()
    wanted = "tiny_shakespeare.txt there, or unset NNBOOK_DATA"
    with pytest.raises(FileNotFoundError, match=wanted):
        data.tiny_shakespeare()


@pytest.mark.parametrize("content", [b"", b"First Citizen:\nSpeak", b"\xff\x00"])
def test_truncated_or_other_plays_are_refused_by_name(plays, content):
    plays.write_bytes(content)
    with pytest.raises(
        ValueError, match="tiny_shakespeare.txt is truncated, or does not"
    ):
        data.tiny_shakespeare()


def test_without_a_folder_the_plays_are_downloaded_and_checked(plays, monkeypatch):
    monkeypatch.delenv("NNBOOK_DATA")
    asked = []

    def get_file(name, origin, file_hash):
        asked.append((name, origin, file_hash))
        return str(plays)

    monkeypatch.setattr(keras.utils, "get_file", get_file)
    assert data.tiny_shakespeare().startswith("First Citizen")
    [(_, origin, file_hash)] = asked
    assert (
        origin.startswith("https://")
        and file_hash == downloads._SHA256["tiny_shakespeare"]
    )


def test_plays_without_folder_and_network_both_ways_are_named(monkeypatch):
    def no_network(*args, **kwargs):
        raise OSError("URL fetch failure")

    monkeypatch.delenv("NNBOOK_DATA", raising=False)
    monkeypatch.setattr(keras.utils, "get_file", no_network)
    with pytest.raises(FileNotFoundError, match="internet.*NNBOOK_DATA"):
        data.tiny_shakespeare()


def test_the_published_plays_are_accepted():
    folder = Path(os.environ.get("NNBOOK_DATA", "missing"))
    if not (folder / "tiny_shakespeare.txt").exists():
        pytest.skip("needs tiny_shakespeare.txt in NNBOOK_DATA")
    text = data.tiny_shakespeare()
    assert len(text) == 1_115_394 and len(set(text)) == 65
