"""Mutations: each acts where it should, and is noticed, missed, or has no place."""

import asyncio
import base64
import csv
import io
import re
from pathlib import Path

import nbformat
import pytest
from jupyter_client import AsyncKernelManager
from PIL import Image
from small_book import said

from book.tools import mutate
from book.tools.editions import chapters
from book.tools.mutate import FINDING, MUTATIONS, NOTHING, NOTICED, SAME, Trial
from book.tools.run import METADATA, NOTEBOOKS, NotebookError, read
from nnbook import claim
from nnbook.claims import CHECK, CLAIM, statements

ROOT = Path(__file__).parents[1]
code = nbformat.v4.new_code_cell

SETUP = """
import numpy as np
import nnbook
from nnbook import check, claim
nnbook.setup(seed=0)
import keras
import tensorflow as tf
from keras import layers, ops
one = np.ones((2, 6, 4), "float32")
ramp = np.linspace(-1, 1, 48, dtype="float32").reshape(2, 6, 4)

def differs(a, b):
    return not np.allclose(a, b, atol=1e-6)

def seen_by(method, *arguments, **options):
    # the labels that the loss saw, in the order of the inputs
    seen = {}
    class Model(keras.Model):
        def call(self, x):
            return x
        def compute_loss(self, x, y, y_pred, sample_weight=None, training=True):
            if training:
                seen.update(zip(np.ravel(x), np.ravel(y)))
            return ops.sum(y_pred)
    model = Model()
    model.compile("sgd", run_eagerly=True)
    getattr(model, method)(*arguments, **options)
    return [seen[key] for key in sorted(seen)]

numbers = np.arange(8.0, dtype="float32")[:, None]
rows = tf.data.Dataset.from_tensor_slices((numbers, numbers)).batch(8)

def stepped(how):
    # where one step of SGD leads from w = 1 with the gradient 1
    w, optimizer = keras.Variable([1.0]), keras.optimizers.SGD(0.5)
    optimizer.build([w])
    if how == "apply_gradients":
        optimizer.apply_gradients([(ops.ones(1), w)])
    else:
        optimizer.apply([ops.ones(1)], [w])
    return float(w[0]), int(optimizer.iterations)

def fitted(optimizer):
    model = keras.Sequential([keras.Input((1,)), layers.Dense(
        1, use_bias=False, kernel_initializer="ones")])
    model.compile(optimizer, "mse")
    model.fit(numbers, 0 * numbers, verbose=0)
    return float(model.get_weights()[0][0, 0])

def curve(layer):
    return np.ravel(ops.convert_to_numpy(layer(ramp)))

def summed(merge, project=False, zeros="zeros"):
    # a block whose branch is zero
    x = inputs = keras.Input((4,))
    if project:
        x = layers.Dense(4, kernel_initializer="identity")(x)
    h = layers.Dense(4, "relu", kernel_initializer="identity")(inputs)
    h = layers.Dense(4, kernel_initializer=zeros)(h)
    model = keras.Model(inputs, merge(x, h))
    return ops.convert_to_numpy(model(one[:, 0])).max()

def first_sees_last(layer, **options):
    # whether the first of six outputs changes when the last input does
    x = ramp.copy()
    x[:, -1] = 0
    pair = [ops.convert_to_numpy(layer(a, a, **options)) for a in (ramp, x)]
    return differs(pair[0][:, 0], pair[1][:, 0])

causal = np.tril(np.ones((2, 6, 6), bool))

def relu(x):
    return np.maximum(x, 0)

def gradient(w):
    return {"w": [2 * w], "n": 3}

class Node:
    gradient = 0.0

def backwards(node, g=1.0):
    node.gradient = node.gradient + g
    return node.gradient

def moved_by(how, rate=0.5):
    w, b, x = 1.0, 1.0, 1.0
    if how == "-=":
        w -= rate * x
    elif how == "w - rate":
        w = w - rate * x
    elif how == "pairs":
        w, b = w - rate * x, b - rate * x
    elif how == "momentum":
        w = 0.5 * w - rate * x
    elif how == "perceptron":
        w = w + x
    return w + b

def moved_total(x=1.0):
    total, rows = 0.0, [1]
    total += x
    rows = rows + [2]
    return total

def positions(n):
    return np.arange(n) / n

def plain_or_not(x, branch, skip=1):
    return skip * x + branch
"""

# For each mutation, sentences that it must break and what they measure. Each is a
# place where the mutation acts. Nothing else may break.
PLACES = {
    "idle": {
        "fit moves a weight": "fitted('sgd') != 1",
        "apply moves a weight": "stepped('apply')[0] != 1",
        "apply_gradients moves one": "stepped('apply_gradients')[0] != 1",
    },
    "uphill": {
        "fit lowers a weight that is too large": "fitted('adam') <= 1",
        "A step goes against the gradient": "stepped('apply')[0] <= 1",
    },
    "labels": {
        "fit sees labels in their order":
            "seen_by('fit', numbers, numbers, verbose=0) == list(range(8))",
        "train_on_batch does":
            "seen_by('train_on_batch', numbers, numbers) == list(range(8))",
        "So does fit with a data set": "seen_by('fit', rows, verbose=0) == list(range(8))",
    },
    "linear": {
        "A dense layer bends": "differs(curve(layers.Dense(4, 'tanh', kernel_"
            "initializer='identity')), np.ravel(ramp))",
        "An activation layer bends":
            "differs(curve(layers.Activation('gelu')), np.ravel(ramp))",
        "A layer with a function bends": "differs(curve(layers.Activation("
            "keras.activations.relu)), np.ravel(ramp))",
        "The layer ReLU bends": "differs(curve(layers.ReLU()), np.ravel(ramp))",
        "The layer LeakyReLU bends":
            "differs(curve(layers.LeakyReLU()), np.ravel(ramp))",
        "ops.relu bends": "differs(ops.relu(ramp), ramp)",
        "keras.activations.elu bends": "differs(keras.activations.elu(ramp), ramp)",
        "A function of the chapter bends": "differs(relu(ramp), ramp)",
    },
    "regulariser": {
        "A kernel is penalised":
            "len(built(layers.Dense(2, kernel_regularizer='l2')).losses) == 1",
        "An output is penalised":
            "len(built(layers.ActivityRegularization(0.1)).losses) == 1",
        "Dropout drops": "differs(layers.Dropout(0.5)(one, training=True), one)",
        "Spatial dropout drops":
            "differs(layers.SpatialDropout1D(0.5, seed=0)(one, training=True), one)",
        "Noise is added": "differs(layers.GaussianNoise(1)(one, training=True), one)",
        "Images are moved": "differs(layers.RandomTranslation(0.4, 0.4, seed=0)("
            "ramp[..., None], training=True), ramp[..., None])",
        "A recurrent layer drops":
            "differs(*(dropping(one, training=t) for t in (True, False)))",
        "Weights decay without a gradient":
            "decayed(keras.optimizers.AdamW(0.1, weight_decay=0.5)) < 1",
    },
    "normalisation": {
        f"{name} normalises": f"differs(layers.{name}Normalization({groups})("
            "5 * ramp + 5, **training), 5 * ramp + 5)".replace(
                "**training", "training=True" if name == "Batch" else "")
        for name, groups in (("Batch", ""), ("Layer", ""), ("RMS", ""), ("Group", 2))
    },
    "shortcut": {
        "A block of zeros passes on, by Add":
            "summed(lambda x, h: layers.Add()([x, h])) > 0",
        "By the sign": "summed(lambda x, h: h + x) > 0",
        "By ops.add": "summed(ops.add) > 0",
        "By a projection": "summed(ops.add, project=True) > 0",
        "In NumPy": "plain_or_not(1, 0.0) > 0",
    },
    "order": {
        "A masked step is skipped": "not differs(*(recurrent(x) for x in padded))",
        "A mask that is given is used": "differs(recurrent.layers[-1](ramp), "
            "recurrent.layers[-1](ramp, mask=causal[:, 2]))",
        "An embedding masks zeros":
            "layers.Embedding(3, 2, mask_zero=True).compute_mask(one) is not None",
        "Nobody sees the future": "not first_sees_last(layers.MultiHeadAttention("
            "2, 4, seed=0), use_causal_mask=True)",
        "Nobody sees it with a mask of ours": "not first_sees_last("
            "layers.MultiHeadAttention(2, 4, seed=0), attention_mask=causal)",
        "Nor in ops": "not first_sees_last(lambda a, _: ops.dot_product_attention("
            "*[ops.reshape(a, (2, 6, 1, 4))] * 3, is_causal=True))",
        "Positions differ": "differs(*ops.convert_to_numpy("
            "layers.Embedding(6, 4)(ops.arange(6)))[:2])",
        "Positions of ours differ": "positions(3)[1] > 0",
    },
    "gradient": {
        "A gradient is right": "gradient(1.0)['w'] == [2.0]",
        "A tape's gradient is right": "backwards(Node()) == 1",
        "An update is right": "moved_by('-=') == 1.5",
        "Another is": "moved_by('w - rate') == 1.5",
        "Two at once are": "moved_by('pairs') == 1.0",
        "One with momentum is": "moved_by('momentum') == 1.0",
        "The perceptron's is": "moved_by('perceptron') == 3.0",
    },
    None: {
        "Steps are counted": "stepped('apply')[1] == 1",
        "Inputs stay with their rows": "len(seen_by('fit', numbers, numbers, "
            "verbose=0)) == 8",
        "Labels for validation stay": "seen_by('fit', numbers, numbers, verbose=0, "
            "validation_split=0.875) == [0]",
        "The softmax stays":
            "not differs(ops.sum(layers.Softmax()(ramp), axis=-1), one[..., 0])",
        "A sigmoid stays": "differs(curve(layers.Activation('sigmoid')), np.ravel(ramp))",
        "A ReLU in a loss stays": "hinge() == 0",
        "Dropout at rest drops nothing":
            "not differs(layers.Dropout(0.5)(one, training=False), one)",
        "Two sums of inputs are no shortcut":
            "added(lambda a, b: (layers.Dense(4, kernel_initializer='identity')(a), b))"
            " == 2",
        "Nor are two branches of one depth": "summed(lambda x, h: ops.add(h, h), "
            "zeros='identity') == 2 * summed(lambda x, h: h, zeros='identity')",
        "Words are no positions": "differs(*ops.convert_to_numpy("
            "layers.Embedding(6, 4)(np.array([3, 1]))))",
        "A total is no weight": "moved_total() == 1",
    },
}  # fmt: skip
MORE = """
def built(layer):
    layer(one)
    return layer

def decayed(optimizer):
    w = keras.Variable([1.0])
    optimizer.build([w])
    optimizer._apply_weight_decay([w])
    return w[0]

dropping = layers.LSTM(3, dropout=0.5, recurrent_dropout=0.5)
keras.utils.set_random_seed(0)
recurrent = keras.Sequential([layers.Masking(), layers.SimpleRNN(3)])
padded = ramp, np.concatenate([ramp, np.zeros((2, 2, 4), "float32")], axis=1)

def hinge():
    model = keras.Sequential([keras.Input((1,)), layers.Dense(
        1, kernel_initializer="zeros")])
    model.compile("sgd", lambda y, score: ops.relu(score - y))
    return model.evaluate(numbers, numbers + 1, verbose=0)

def added(parts):
    a, b = keras.Input((4,)), keras.Input((4,))
    model = keras.Model([a, b], layers.Add()([*parts(a, b)]))
    return ops.convert_to_numpy(model([one[:, 0], one[:, 0]])).max()
"""


def notebook(*sources):
    """Return a notebook of these cells, without outputs."""
    cells = [code(source) for source in sources]
    return nbformat.v4.new_notebook(cells=cells, metadata=METADATA)


@pytest.fixture(scope="module")
def kernel():
    """Give all tests one kernel: importing TensorFlow takes longer than they do."""
    manager = AsyncKernelManager(kernel_name="python3")
    yield manager
    asyncio.run(manager.shutdown_kernel(now=True))


def checks(mutation):
    """Return a cell with one check for each place of a mutation."""
    found = PLACES[mutation].items()
    return "\n".join(f"check({sentence!r}, bool({value}))" for sentence, value in found)


@pytest.mark.parametrize("mutation", MUTATIONS)
def test_a_mutation_acts_at_its_places(kernel, tmp_path, mutation):
    places = notebook(SETUP, MORE, checks(mutation), checks(None))
    trial = mutate.attempt(places, tmp_path, mutation, kernel=kernel)
    assert trial.raised == {}
    assert set(trial.noticed(CHECK)) == set(PLACES[mutation])
    assert trial.counts[mutation] > 0


def test_no_mutation_acts_when_none_is_named(kernel, tmp_path):
    places = notebook(SETUP, MORE, *map(checks, PLACES))
    trial = mutate.attempt(places, tmp_path, kernel=kernel)
    assert (trial.raised, trial.broken) == ({}, [])
    assert min(trial.counts.values()) > 0


# Verdicts

LEARNS = """
rng = np.random.default_rng(0)
X = rng.uniform(-1, 1, (256, 2)).astype("float32")
y = (X[:, 0] * X[:, 1] > 0).astype("float32")
inputs = keras.Input((2,))
x = layers.Dense(16, "tanh", kernel_regularizer="l2")(inputs)
h = layers.Dropout(0.1)(layers.BatchNormalization()(layers.Dense(16, "tanh")(x)))
outputs = layers.Dense(1)(layers.Add()([x, h]))
model = keras.Model(inputs, outputs)
model.compile(keras.optimizers.Adam(0.02),
              keras.losses.BinaryCrossentropy(from_logits=True),
              steps_per_execution=8)
model.fit(X, y[:, None], epochs=25, verbose=0)
right = np.mean((ops.convert_to_numpy(model(X))[:, 0] > 0) == y)
print(f"accuracy: {right:.4f}")
"""
NOTICES = "claim('A network learns what no line can', right, above=0.8)"
VACUOUS = "claim('A network gets something right', right, above=-1)"
IDLE_DROPOUT = "layers.Dropout(0.5)(one, training=True)\nprint('dropped')"
REST = "import sys\nif one := sys.modules.get('book.tools.mutations'): one.begin(None)"


@pytest.fixture(scope="module")
def tried(kernel, tmp_path_factory):
    """Return a function that stores a chapter's outputs and tries a mutation."""
    folder = tmp_path_factory.mktemp("tried")

    def try_one(mutation, *sources):
        chapter = notebook(SETUP, *sources)
        unbroken = notebook(REST)
        unbroken.cells += chapter.cells  # the same cells, which get their outputs
        mutate.client(unbroken, folder, km=kernel).execute()
        trial = mutate.attempt(chapter, folder, mutation, kernel=kernel)
        return trial, mutation and mutate.row(
            "part/name", mutation, trial, Trial(), chapter
        )

    return try_one


def test_a_noticing_claim_is_named_and_a_vacuous_one_is_not(tried):
    trial, row = tried("idle", LEARNS, VACUOUS, NOTICES)
    sentence = "A network learns what no line can"
    assert trial.noticed(CLAIM) == [sentence]
    assert row == ["part/name", "idle", NOTICED, "1 of 2", "0 of 0", sentence]
    report = mutate.report("idle", trial, Trial())
    assert report.startswith(f"{MUTATIONS['idle']}: {NOTICED} (acted ")
    assert f"claim broken: {sentence}" in report


def test_what_changes_outputs_and_breaks_nothing_is_a_finding(tried):
    trial, row = tried("labels", LEARNS, VACUOUS)
    assert (trial.broken, trial.raised) == ([], {})
    assert row[2:] == [FINDING, "0 of 1", "0 of 0", ""]


def test_what_changes_nothing_is_told_from_what_has_no_place(tried):
    trial, row = tried("regulariser", IDLE_DROPOUT)
    assert trial.counts["regulariser"] > 0
    assert row[2:] == [SAME, "0 of 0", "0 of 0", ""]
    trial, row = tried("shortcut", IDLE_DROPOUT)
    assert trial.counts["shortcut"] == 0
    assert row[2:] == [NOTHING, "", "", ""]


def test_a_cell_that_raises_notices_and_does_not_stop_the_run(tried):
    says = "check('It is right', gradient(1.0)['w'][0], close_to=2)"
    trial, row = tried("gradient", "assert gradient(1.0)['w'] == [2.0]", says)
    assert list(trial.raised.values()) == ["AssertionError: "]
    assert row[2:] == [NOTICED, "0 of 0", "1 of 1", "It is right"]


def test_a_cell_that_hangs_is_interrupted(tried, monkeypatch):
    tried(None, "imported = True")  # which takes longer than the cell is given
    monkeypatch.setattr(mutate, "BROKEN_TIMEOUT", 10)
    cell = "while gradient(1.0)['w'] != [2.0]: pass"
    trial, row = tried("gradient", cell, "print('after')")
    ((cell, what),) = trial.raised.items()
    assert what == "hung: interrupted"
    assert row[2:] == [NOTICED, "0 of 0", "0 of 0", f"The cell {cell} stops"]
    row[0], row[3:5] = "a/part", ["0 of 1", "0 of 1"]
    assert mutate.overview([row])[0].count("stops") == 1


def test_another_figure_is_a_change_and_a_warning_is_none():
    def shown(color):
        file = io.BytesIO()
        Image.new("RGB", (60, 40), color).save(file, "png")
        data = {"image/png": base64.b64encode(file.getvalue()).decode()}
        return nbformat.v4.new_output("display_data", data)

    stored, new = code("1", id="a"), code("1", id="a")
    warning = nbformat.v4.new_output("stream", name="stderr", text="careful")
    stored.outputs, new.outputs = [shown("white")], [warning, shown("white")]
    assert not mutate.differ(stored, new)
    new.outputs = [shown("red")]
    assert mutate.differ(stored, new)
    new.outputs = []
    assert mutate.differ(stored, new)


def test_what_differs_from_run_to_run_by_itself_is_no_finding():
    assert Trial(changed={"time"}).verdict("idle", Trial(changed={"time"})) == SAME
    assert Trial(changed={"time"}).verdict("idle", Trial()) == FINDING


# The command and the table


def test_the_overview_says_what_the_table_says(monkeypatch):
    monkeypatch.chdir(ROOT)
    with mutate.OVERVIEW.open(newline="", encoding="utf-8") as file:
        head, *lines = csv.reader(file)
    assert head == ["chapter", *MUTATIONS]
    assert lines == mutate.overview(list(mutate.stored().values()))


@pytest.fixture
def table(tmp_path, monkeypatch):
    """Put the table, and a chapter of one claim, into an empty folder."""
    monkeypatch.chdir(tmp_path)
    Path("book").mkdir()
    chapter = notebook("1")
    chapter.cells[0].outputs = [said(claim, "It learns", 2, above=1)]
    Path("notebooks/part").mkdir(parents=True)
    nbformat.write(chapter, "notebooks/part/name.ipynb")
    return mutate.TABLE


def trials(monkeypatch, **found):
    """Let the runs of a chapter show this, without a kernel."""
    asked = []

    def attempt(chapter, folder, mutation, on_cell):
        asked.append(mutation)
        return found[mutation or "unbroken"]

    monkeypatch.setattr(mutate, "attempt", attempt)
    return asked


def test_the_command_stores_each_verdict_and_keeps_what_a_person_wrote(
    table, monkeypatch, capsys
):
    counts = dict.fromkeys(MUTATIONS, 0) | {"idle": 2, "labels": 1}
    broken = [{"kind": CLAIM, "sentence": "It learns"}]
    asked = trials(
        monkeypatch,
        unbroken=Trial(counts=counts),
        idle=Trial(counts=counts, broken=broken),
        labels=Trial(counts=counts, changed={"a"}),
    )
    mutate.main(["part/name"])
    assert asked == [None, "idle", "labels"]  # the others have no place
    assert list(mutate.stored()) == [("part/name", name) for name in MUTATIONS]
    idle, _, labels, linear, *_ = mutate.stored().values()
    assert idle[2:] == [NOTICED, "1 of 1", "0 of 0", "It learns"]
    assert labels[2:] == [FINDING, "0 of 1", "0 of 0", ""]
    assert linear[2:] == [NOTHING, "", "", ""]
    head, line = mutate.OVERVIEW.read_text(encoding="utf-8").splitlines()
    assert head.split(",") == ["chapter", *MUTATIONS]
    assert line.split(",") == ["name", "1/1", "–", "none", *"––––––"]

    text = table.read_text(encoding="utf-8")
    explained = text.replace("0 of 1,0 of 0,", "0 of 1,0 of 0,the data have no labels")
    assert explained != text
    table.write_text(explained, encoding="utf-8")
    mutate.main(["part/name", "labels"])
    assert table.read_text(encoding="utf-8") == explained
    assert "No mutation broke: It learns" in capsys.readouterr().out

    trials(monkeypatch, unbroken=Trial(counts=counts), labels=Trial(counts=counts))
    mutate.main(["part/name", "labels"])  # another verdict needs another reason
    assert "the data have no labels" not in table.read_text(encoding="utf-8")


def test_a_chapter_that_breaks_by_itself_is_refused(table, monkeypatch):
    trials(monkeypatch, unbroken=Trial(raised={"a": "NameError"}))
    with pytest.raises(NotebookError, match="part/name.ipynb breaks by itself"):
        mutate.main(["part/name"])
    assert not table.exists()


@pytest.mark.parametrize("arguments", [[], ["part/name", "idel"]])
def test_the_command_says_what_it_takes(arguments):
    with pytest.raises(SystemExit, match="make mutate NB=.*(.|\n)*idle, uphill"):
        mutate.main(arguments)


def test_every_chapter_has_its_rows_and_they_name_what_it_says(monkeypatch):
    monkeypatch.chdir(ROOT)
    rows = list(mutate.stored().values())
    names = [mutate.name(path) for path in chapters()]
    wanted = [(name, text) for name in names for text in MUTATIONS]
    assert [(row[0], row[1]) for row in rows] == wanted, "make mutate NB=... is due"
    said_in = {
        name: {
            one["sentence"]
            for kind in (CLAIM, CHECK)
            for one in statements(read(NOTEBOOKS / f"{name}.ipynb").cells, kind)
        }
        for name in names
    }
    for name, broken, verdict, claims, checks, text in rows:
        if verdict == NOTICED and (claims[0], checks[0]) != ("0", "0"):
            assert text in said_in[name], f"{name}, {broken}: measure it again"
        if verdict == FINDING:
            assert text, f"{name}, {broken}: no claim notices, and no reason is given"


def test_the_page_explains_every_mutation():
    page = (ROOT / "book/mutations.md").read_text(encoding="utf-8")
    assert re.findall(r"^- \*\*(\w+)\*\*", page, re.MULTILINE) == list(MUTATIONS)


def test_a_chapter_gives_the_stored_verdict_again(monkeypatch):
    monkeypatch.chdir(ROOT)
    path = NOTEBOOKS / "foundations/perceptron.ipynb"
    chapter = read(path)
    trial = mutate.attempt(chapter, path.parent, "gradient")
    row = mutate.row("foundations/perceptron", "gradient", trial, Trial(), chapter)
    assert row == mutate.stored()[row[0], row[1]]
