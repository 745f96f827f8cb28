"""Benchmarks, from a folder that the reader names or from where they are published."""

import gzip
import hashlib
import json
import os
import re
import urllib.request
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

Pair = tuple[np.ndarray, np.ndarray]
Texts = tuple[list[str], np.ndarray]

# SHA-256 of what the published files hold: of arrays and of unpacked or plain text
# the bytes, of the passengers 64-bit integers.
_SHA256 = {
    "mnist": "06b0d1f124c4e5fa796686ade41a9b778edacc8622f2195a352ef479ad44fc16",
    "fashion_mnist": "ca3ab2a37f845e1b8ae23cab1b51749a3011ba3bf1d9016176d75cbaabac376f",
    "cifar10": "c27bc734b1007dae7b3d9740fe9985bff80ce5ecd7f4d47f4ef47e17d1ef5c9a",
    "imdb": "6dfcbadb5331b86aaaf2f87925cb6c1d7cabeab48b4d950b44a1a6609942c661",
    "tiny_shakespeare": "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed",
    "airline_passengers": "34e7c49378d5331e3cfd25db57e6a162ff8d55991565b31052f0d8b3c8ec13e4",
}
_SHAKESPEARE = (
    "https://storage.googleapis.com/download.tensorflow.org/data/shakespeare.txt"
)
_AIRLINE = (
    "https://raw.githubusercontent.com/jbrownlee/Datasets/master/airline-passengers.csv"
)


def mnist() -> tuple[Pair, Pair]:
    """Load MNIST, from the folder named in `NNBOOK_DATA` or through Keras.

    Source: Y. LeCun, L. Bottou, Y. Bengio and
    P. Haffner, "Gradient-based learning applied to document recognition", 1998.

    Returns:
        (X_train, y_train), (X_test, y_test): images, uint8 of shape
        (60000, 28, 28) and (10000, 28, 28), and their digits, uint8.

    Raises:
        FileNotFoundError: the data is neither in the folder nor to be had from
            Keras; the message says both ways to get it.
        ValueError: the file in the folder is truncated, or holds other data.
    """
    return _images("mnist")


def fashion_mnist() -> tuple[Pair, Pair]:
    """Load Fashion-MNIST, from the folder named in `NNBOOK_DATA` or through Keras.

    Source: H. Xiao, K. Rasul and R. Vollgraf,
    "Fashion-MNIST: a novel image dataset for benchmarking machine learning
    algorithms", 2017.

    Returns:
        (X_train, y_train), (X_test, y_test): images, uint8 of shape
        (60000, 28, 28) and (10000, 28, 28), and their classes, uint8: T-shirt,
        trouser, pullover, dress, coat, sandal, shirt, sneaker, bag, ankle boot.

    Raises:
        FileNotFoundError, ValueError: as for `mnist`.
    """
    return _images("fashion_mnist")


def cifar10() -> tuple[Pair, Pair]:
    """Load 20,000 training photographs and the test set of CIFAR-10.

    The folder named in `NNBOOK_DATA` holds them as `cifar10_30k.npz`: 2,000
    training photographs of each class, drawn at random, and the whole test set in
    an order of its own. Keras has all 50,000; of these the first 2,000 of each
    class are taken, in their order. So the training photographs are others than
    those in the folder, and what is trained on them differs a little; the test
    photographs are the same. Source: A. Krizhevsky, "Learning
    multiple layers of features from tiny images", 2009.

    Returns:
        (X_train, y_train), (X_test, y_test): photographs, uint8 of shape
        (20000, 32, 32, 3) and (10000, 32, 32, 3), and their classes, uint8:
        airplane, automobile, bird, cat, deer, dog, frog, horse, ship, truck.

    Raises:
        FileNotFoundError, ValueError: as for `mnist`.
    """
    (X, y), (X_test, y_test) = _images("cifar10", "cifar10_30k.npz")
    y, y_test = np.ravel(y), np.ravel(y_test)  # Keras has them in a column
    kept = [np.flatnonzero(y == label)[:2000] for label in range(10)]
    kept = np.sort(np.concatenate(kept))
    return (X[kept], y[kept]), (X_test, y_test)


def imdb() -> tuple[Texts, Texts]:
    """Load IMDB's film reviews, from the folder named in `NNBOOK_DATA` or by Keras.

    Both ways give words in lower case between single spaces, without
    punctuation except apostrophes and without line breaks. The folder's file
    `imdb_50k.jsonl.gz` holds one JSON object a line: `split`, `label`, `text`.
    The reviews come in an order that mixes the classes, not the same both ways.
    Source: A. Maas and others, "Learning word vectors
    for sentiment analysis", 2011.

    Returns:
        (texts_train, y_train), (texts_test, y_test): 25,000 reviews each, and
        whether they praise the film (1) or not (0), uint8.

    Raises:
        FileNotFoundError, ValueError: as for `mnist`.
    """
    path = _in_folder("imdb_50k.jsonl.gz")
    if path is None:
        return _decoded_reviews()
    try:
        with gzip.open(path) as file:
            content = file.read()
    except (EOFError, OSError, zlib.error) as error:
        raise ValueError(f"{path} is truncated, or no {path.name}: {error}") from None
    _check("imdb", path, content)
    reviews = [json.loads(line) for line in content.splitlines()]
    np.random.default_rng(0).shuffle(reviews)  # the file has them class by class
    parts = [[r for r in reviews if r["split"] == part] for part in ("train", "test")]
    train, test = (
        (
            [_plain_words(review["text"]) for review in part],
            np.array([review["label"] for review in part], dtype="uint8"),
        )
        for part in parts
    )
    return train, test


def _decoded_reviews() -> tuple[Texts, Texts]:
    from keras.datasets import imdb

    parts = _downloaded(
        "imdb_50k.jsonl.gz",
        lambda: imdb.load_data(start_char=None, oov_char=None, index_from=0),
    )
    index = _downloaded("imdb_50k.jsonl.gz", imdb.get_word_index)
    words = {number: word for word, number in index.items()}
    train, test = (
        (
            [_plain_words(" ".join(words[number] for number in x)) for x in reviews],
            np.asarray(labels, dtype="uint8"),
        )
        for reviews, labels in parts
    )
    return train, test


def _plain_words(text: str) -> str:
    # A line break is "<br />" in the file and the word "br" in Keras' version.
    words = re.findall(r"\w(?:[\w']*\w)?", text.lower().replace("_", " "))
    return " ".join(word for word in words if word != "br")


def tiny_shakespeare() -> str:
    """Load a million characters of Shakespeare's plays.

    They come from the folder named in `NNBOOK_DATA` or are downloaded. First
    used in: rnn. Source: A. Karpathy, "The unreasonable effectiveness of
    recurrent neural networks", 2015.

    Returns:
        The text: 1,115,394 characters, 65 different ones.

    Raises:
        FileNotFoundError: the text is neither in the folder nor to be
            downloaded; the message says both ways to get it.
        ValueError: the file in the folder is truncated, or another text.
    """
    path = _in_folder("tiny_shakespeare.txt")
    if path is None:
        import keras

        digest = _SHA256["tiny_shakespeare"]
        path = _downloaded(
            "tiny_shakespeare.txt",
            lambda: keras.utils.get_file(
                "tiny_shakespeare.txt", _SHAKESPEARE, file_hash=digest
            ),
        )
    content = Path(path).read_bytes()
    _check("tiny_shakespeare", path, content)
    return content.decode()


def airline_passengers() -> np.ndarray:
    """Load the airline passengers of 1949 to 1960, from `NNBOOK_DATA` or the web.

    Source: G. E. P. Box and G. M. Jenkins, "Time
    Series Analysis: Forecasting and Control", 1970, series G.

    Returns:
        Passengers of international airlines in thousands, one number for each
        month, int64 of shape (144,).

    Raises:
        FileNotFoundError: the data is neither in the folder nor to be had from
            the web; the message says both ways to get it.
        ValueError: the file is truncated, or holds other data.
    """
    origin = _in_folder("airline_passengers.csv")
    if origin is None:
        origin, text = _AIRLINE, _downloaded("airline_passengers.csv", _fetch_airline)
    else:
        text = origin.read_bytes()
    try:
        months = text.decode("ascii").split()[1:]  # the first line is the header
        passengers = np.array([int(month.split(",")[1]) for month in months], "int64")
    except (IndexError, ValueError, OverflowError):
        raise ValueError(
            f"{origin} is truncated, or no table of months and passengers"
        ) from None
    _check("airline_passengers", origin, passengers.astype("<i8"))
    return passengers


def _fetch_airline() -> bytes:
    with urllib.request.urlopen(_AIRLINE, timeout=30) as answer:
        return answer.read(100_000)


def _images(name: str, file: str | None = None) -> tuple[Pair, Pair]:
    file = file or f"{name}.npz"
    path = _in_folder(file)
    if path is None:
        import keras

        dataset = getattr(keras.datasets, name)
        return _downloaded(file, lambda: dataset.load_data())
    names = ("x_train", "y_train", "x_test", "y_test")
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = [archive[name] for name in names]
    except (EOFError, KeyError, OSError, ValueError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path} is truncated, or no {path.name}: {error}") from None
    _check(name, path, *map(np.ascontiguousarray, arrays))
    x_train, y_train, x_test, y_test = arrays
    return (x_train, y_train), (x_test, y_test)


def _in_folder(file: str) -> Path | None:
    folder = os.environ.get("NNBOOK_DATA")
    if not folder:
        return None
    path = Path(folder) / file
    if not path.is_file():
        raise FileNotFoundError(
            f"There is no {path}. Put {file} there, or unset NNBOOK_DATA so that it is "
            "downloaded."
        )
    return path


def _downloaded(file: str, download: Callable[[], Any]) -> Any:
    try:
        return download()
    except Exception as error:  # Keras' get_file raises bare exceptions
        raise FileNotFoundError(
            f"{file} could not be downloaded. Connect to the internet, or set "
            "NNBOOK_DATA to a folder that holds it."
        ) from error


def _check(name: str, origin: Path | str, *parts: bytes | np.ndarray) -> None:
    found = hashlib.sha256()
    for part in parts:
        found.update(part)
    if found.hexdigest() != _SHA256[name]:
        raise ValueError(
            f"{origin} is truncated, or does not hold the published data: get it again"
        )
