"""What `make mutate` breaks, one thing at a time, in the kernel of a chapter.

`begin(name)` stands in a cell before the chapter's first. It patches Keras, and
rewrites each cell's code before it runs, so that every mutation is at its place
in every run and counts how often it could act; only the one that is named acts.
Nothing is read from the chapter's file, and nothing is written to it.

A count is of calls: a training step that TensorFlow compiles is called once or
twice, however often it runs.
"""

import ast
import functools
import re
from collections import Counter
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from IPython import get_ipython
from IPython.display import display
from keras.src import activations, regularizers
from keras.src.layers.rnn.dropout_rnn_cell import DropoutRNNCell
from keras.src.ops.numpy import Add

import nnbook
from book.tools.mutate import BROKEN, COUNTED
from nnbook.claims import CHECK, CLAIM

# Sigmoid and softmax stay: they are gates and outputs. So does softplus, a loss.
HIDDEN = {
    *("relu", "relu6", "leaky_relu", "elu", "selu", "celu", "gelu", "silu", "swish"),
    *("mish", "tanh", "hard_tanh", "hard_silu", "hard_swish", "softsign"),
}
NOISE = {"Dropout", "AlphaDropout", "GaussianDropout", "GaussianNoise"} | {
    f"SpatialDropout{dimensions}D" for dimensions in (1, 2, 3)
}
NORMS = ("Batch", "Layer", "Group", "RMS")
MASKS = {"mask", "query_mask", "value_mask", "key_mask", "attention_mask"}

# How functions and numbers of a from-scratch part are called, and what is no
# gradient of ours although it is called so.
GRADIENT = re.compile(
    r"^(?!.*(gap|check|error|keras|differences|by_))(.*_)?"
    r"(grad|gradients?|slopes?|backward|backprop|through_time|d[A-Zbhwx]\d?)($|_)"
)
RATE = re.compile(r"(^|_)(rate|lr|eta)($|_)")
WEIGHT = re.compile(r"(w|W|b|weights?|gradient)\d?")
POSITION = re.compile(r"(^|_)(position(s|al)?|sinusoids?)($|_)")
SHORTCUT = re.compile(r"(^|_)(skip|shortcut|residual)($|_)", re.IGNORECASE)

active: str | None = None
counts: Counter[str] = Counter()
losses_open = 0


def begin(name: str | None) -> None:
    """Let one mutation act in all cells that follow, or none."""
    global active
    active = name
    counts.clear()


def end() -> None:
    """Show how often each mutation could act since `begin`."""
    display({"text/plain": str(counts), COUNTED: dict(counts)}, raw=True)


def acts(name: str) -> bool:
    """Count a place where a mutation could act, and say whether it does."""
    counts[name] += 1
    return active == name


def replace(owner: Any, attribute: str, new: Any) -> None:
    """Put a function in another's place; it gets the other as first argument."""
    original = getattr(owner, attribute)

    @functools.wraps(original)
    def replacement(*args, **kwargs):
        return new(original, *args, **kwargs)

    setattr(owner, attribute, replacement)


# Claims and checks


def record(kind, original, sentence, *args, **kwargs):
    """Note that a statement is broken, and go on."""
    try:
        original(sentence, *args, **kwargs)
    except AssertionError as error:
        figures = {"kind": kind, "sentence": sentence}
        display({"text/plain": str(error), BROKEN: figures}, raw=True)


# The optimizer: `fit`, `apply`, `apply_gradients` and `stateless_apply` meet here


def step(original, optimizer, gradients, variables):
    """Do nothing, or go uphill; steps are counted either way."""
    if acts("idle"):
        return
    if acts("uphill"):
        gradients = [-gradient for gradient in gradients]
    original(optimizer, gradients, variables)


# Labels


def shuffled(y, split=0.0):
    """Permute labels by a fixed seed, without those that `fit` splits off."""

    def shuffle(part):
        learned = int(np.ceil(len(part) * (1 - split)))
        order = np.random.default_rng(0).permutation(learned)
        return np.concatenate([np.asarray(part)[order], part[learned:]])

    return keras.tree.map_structure(shuffle, y)


def fit(original, model, x=None, y=None, *args, **kwargs):
    """Shuffle arrays as a whole, a tf.data set within its batches."""
    if y is not None and acts("labels"):
        y = shuffled(y, kwargs.get("validation_split") or 0.0)
    if isinstance(x, tf.data.Dataset) and acts("labels"):
        x = x.map(lambda x, y, *rest: (x, keras.random.shuffle(y, seed=0), *rest))
    return original(model, x, y, *args, **kwargs)


# Activations


def activation(original, identifier):
    """Give a layer that asks for a hidden activation the identity."""
    found = original(identifier)
    name = getattr(found, "__name__", "")
    return activations.linear if name in HIDDEN and acts("linear") else found


def activate(original, x, *args, **kwargs):
    """Return what comes in, outside a loss."""
    return x if not losses_open and acts("linear") else original(x, *args, **kwargs)


def activate_layer(original, layer, inputs, *args, **kwargs):
    """Return what comes in."""
    return inputs if acts("linear") else original(layer, inputs, *args, **kwargs)


def loss(original, *args, **kwargs):
    """Mark that a loss is computed, whose ReLU is not a hidden one."""
    global losses_open
    losses_open += 1
    try:
        return original(*args, **kwargs)
    finally:
        losses_open -= 1


# Regularisers: penalties, weight decay, dropout, noise and augmentation


def penalty(original, identifier):
    """Ask for no penalty."""
    found = original(identifier)
    return None if found is not None and acts("regulariser") else found


def decay(original, optimizer, variables):
    """Let no weight decay."""
    if not (optimizer.weight_decay and acts("regulariser")):
        original(optimizer, variables)


def noise(original, layer, inputs, *args, **kwargs):
    """Add no noise during training; a call without `training` is none."""
    training = args[0] if args else kwargs.get("training")
    if training and acts("regulariser"):
        return inputs
    return original(layer, inputs, *args, **kwargs)


def dropped(original, cell, inputs, rate):
    """Drop nothing within a recurrent layer."""
    return original(cell, inputs, 0.0 if acts("regulariser") else rate)


# Normalisation


def normalise(original, layer, inputs, *args, **kwargs):
    """Return what comes in; γ and β stay, and nothing reaches them."""
    if acts("normalisation"):
        return inputs
    return original(layer, inputs, *args, **kwargs)


# Shortcuts: of two tensors that are added and come from a common one, the branch
# is the one with more operations behind it


def origins(tensor, found):
    """Note each operation behind a tensor, with how many lie behind it."""
    operation, index, _ = tensor._keras_history
    node = operation._inbound_nodes[index]
    if node not in found:
        behind = [origins(source, found) for source in node.input_tensors]
        found[node] = 1 + max(behind, default=0)
    return found[node]


def connect(original, layer, *args, **kwargs):
    """Remember on a symbolic addition which of its inputs is the branch."""
    tensors = keras.tree.flatten(args)
    if len(tensors) == 2 and all(hasattr(one, "_keras_history") for one in tensors):
        behind = [{}, {}]
        depths = [origins(*pair) for pair in zip(tensors, behind, strict=True)]
        if behind[0].keys() & behind[1].keys() and depths[0] != depths[1]:
            layer.branch_at = int(np.argmax(depths))
    return original(layer, *args, **kwargs)


def add(original, layer, *args):
    """Return the branch alone."""
    if hasattr(layer, "branch_at") and acts("shortcut"):
        return keras.tree.flatten(args)[layer.branch_at]
    return original(layer, *args)


# Masks and positions


def unmasked(original, layer, inputs):
    """Let a masking layer mask nothing."""
    return inputs if acts("order") else original(layer, inputs)


def no_mask(original, layer, *args, **kwargs):
    """Let a layer that makes a mask make none."""
    mask = original(layer, *args, **kwargs)
    return None if mask is not None and acts("order") else mask


def call_layer(original, layer, *args, **kwargs):
    """Take away each mask that a layer is called with."""
    for name in MASKS & kwargs.keys():
        if kwargs[name] is not None and acts("order"):
            kwargs[name] = None
    if kwargs.get("use_causal_mask") and acts("order"):
        kwargs["use_causal_mask"] = False
    return original(layer, *args, **kwargs)


def attend(original, *args, **kwargs):
    """Let attention written with `keras.ops` see everything."""
    for name, off in (("mask", None), ("is_causal", False)):
        if kwargs.get(name) is not None and acts("order"):
            kwargs[name] = off
    return original(*args, **kwargs)


def embed(original, layer, inputs):
    """Give all positions one embedding: they are the numbers from 0 in order."""
    known = not isinstance(inputs, keras.KerasTensor)
    numbers = tf.get_static_value(inputs) if known else None
    counted = numbers is not None and np.array_equal(
        np.ravel(numbers), np.arange(np.size(numbers))
    )
    outputs = original(layer, inputs)
    return 0 * outputs if counted and acts("order") else outputs


# The chapter's own code, before it runs


def scaled(value: Any, factor: float) -> Any:
    """Multiply all floating-point numbers in a value; zero takes integers too."""
    if type(value) in (list, tuple):
        return type(value)([scaled(part, factor) for part in value])
    if isinstance(value, dict):
        return {key: scaled(part, factor) for key, part in value.items()}
    kind = str(getattr(value, "dtype", type(value)))
    is_number = "float" in kind or factor == 0 and "int" in kind
    return value * factor if is_number else value


FACTORS = {"gradient": 1.5, "shortcut": 0, "order": 0}


def broken_value(name: str, value: Any) -> Any:
    """Return a value as a mutation leaves it; cells are rewritten to call this."""
    return scaled(value, FACTORS[name]) if acts(name) else value


def broken_function(name: str) -> Any:
    """Decorate a function with a mutation; cells are rewritten to use this."""

    def decorate(function):
        @functools.wraps(function)
        def broken(*args, **kwargs):
            if name == "linear":
                return activate(function, *args, **kwargs)
            return broken_value(name, function(*args, **kwargs))

        return broken

    return decorate


def names_in(node: ast.AST) -> set[str]:
    """List the names and attributes in an expression."""
    return {getattr(part, "id", getattr(part, "attr", "")) for part in ast.walk(node)}


def says(node: ast.AST, *patterns: re.Pattern) -> bool:
    """Say whether a name in an expression fits one of the patterns."""
    return any(one.search(name) for one in patterns for name in names_in(node))


def is_sum(node: ast.AST) -> bool:
    """Say whether an expression is a sum or a difference."""
    return isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Sub)


class Rewrite(ast.NodeTransformer):
    """Put calls of mutations into a cell: at functions, updates and shortcuts."""

    def visit_FunctionDef(self, node):
        """Break the results of gradients, activations and positions."""
        self.generic_visit(node)
        kinds = {"gradient": GRADIENT, "order": POSITION}
        found = [kind for kind, name in kinds.items() if name.search(node.name)]
        for kind in found + ["linear"] * (node.name in HIDDEN):
            call = f"__broken_function__({kind!r})"
            node.decorator_list.append(ast.parse(call, mode="eval").body)
        return node

    def visit_Assign(self, node):
        """Break what a weight is moved by, as in `w = w - rate * gradient`."""
        self.generic_visit(node)
        target = node.targets[0]
        if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
            for pair in zip(target.elts, node.value.elts, strict=False):
                self.update(*pair)
        else:
            self.update(target, node.value)
        return node

    def visit_AugAssign(self, node):
        """Break the same in `w -= rate * gradient`."""
        self.generic_visit(node)
        if self.is_update(node.target, node.op, node.value):
            node.value = self.broken("gradient", node.value)
        return node

    def visit_BinOp(self, node):
        """Break `skip * x + branch`."""
        self.generic_visit(node)
        if isinstance(node.op, ast.Add):
            for side, other in (("left", node.right), ("right", node.left)):
                value = getattr(node, side)
                named = says(value, SHORTCUT) and not is_sum(value)
                if named or getattr(other, "id", "") == "branch":
                    setattr(node, side, self.broken("shortcut", value))
        return node

    def update(self, target, value):
        """Break the right side of a sum on whose left the target stands."""
        again = is_sum(value) and names_in(target) & names_in(value.left)
        if again and self.is_update(target, value.op, value.right):
            value.right = self.broken("gradient", value.right)

    @staticmethod
    def is_update(target, operator, moved):
        """Say whether a weight is moved: downhill, or by a rule that adds."""
        if isinstance(moved, ast.List | ast.ListComp | ast.Constant):
            return False
        name = getattr(target, "attr", getattr(target, "id", ""))
        to_weight = bool(WEIGHT.fullmatch(name))
        if isinstance(operator, ast.Sub):
            return to_weight or says(moved, RATE, GRADIENT)
        return isinstance(operator, ast.Add) and to_weight

    @staticmethod
    def broken(name, value):
        """Wrap an expression in a call of `broken_value`."""
        call = ast.parse(f"__broken_value__({name!r})", mode="eval").body
        call.args.append(value)
        return call


def install() -> None:
    """Put all mutations in their places, once in a kernel."""
    for name, kind in (("claim", CLAIM), ("check", CHECK)):
        replace(nnbook, name, functools.partial(record, kind))
    optimizer = keras.optimizers.Optimizer
    replace(optimizer, "_backend_apply_gradients", step)
    replace(optimizer, "_apply_weight_decay", decay)
    for method in ("fit", "train_on_batch"):
        replace(keras.Model, method, fit)
    replace(keras.Model, "compute_loss", loss)
    replace(activations, "get", activation)
    for module in (keras.ops, keras.activations):
        for name in HIDDEN & vars(module).keys():
            replace(module, name, activate)
    for name in ("ReLU", "LeakyReLU", "PReLU", "ELU"):
        replace(getattr(keras.layers, name), "call", activate_layer)
    replace(regularizers, "get", penalty)
    # At rest a random crop cuts out the middle: it is more than noise.
    random = {name for name in vars(keras.layers) if name.startswith("Random")}
    for name in NOISE | random - {"RandomCrop"}:
        replace(getattr(keras.layers, name), "call", noise)
    replace(DropoutRNNCell, "_create_dropout_mask", dropped)
    for name in NORMS:
        replace(getattr(keras.layers, f"{name}Normalization"), "call", normalise)
    for addition in (keras.layers.Add, Add):
        replace(addition, "symbolic_call", connect)
        replace(addition, "call", add)
    replace(keras.layers.Masking, "call", unmasked)
    for masking in (keras.layers.Masking, keras.layers.Embedding):
        replace(masking, "compute_mask", no_mask)
    replace(keras.layers.Embedding, "call", embed)
    replace(keras.layers.Layer, "__call__", call_layer)
    replace(keras.ops, "dot_product_attention", attend)
    shell = get_ipython()
    shell.push(
        {"__broken_value__": broken_value, "__broken_function__": broken_function}
    )
    shell.ast_transformers.append(Rewrite())


install()
