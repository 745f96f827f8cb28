"""What Keras leaves to its backend: the only module that names one."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike


def gradients(
    function: Callable[..., Any], *arguments: ArrayLike
) -> tuple[Any, list[np.ndarray]]:
    """Differentiate a function that is written with `keras.ops`.

    The weights of a model are arguments like any other: pass them, and call
    `model.stateless_call(weights, [], x)` in the function.

    Args:
        function: called with one tensor for each argument; returns a scalar.
        *arguments: the points to differentiate at: floats of any shape, with
            their dtype kept.

    Returns:
        The function's value, a float; and its gradient by each argument, an
        array of the argument's shape. It is zero for one that is not used.

    Raises:
        ValueError: the function's result is not a scalar.
    """
    from keras import ops

    arrays = [np.asarray(argument) for argument in arguments]
    value, slopes = value_and_gradients(function, *arrays)
    return float(value), [ops.convert_to_numpy(slope) for slope in slopes]


def value_and_gradients(
    function: Callable[..., Any], *arguments: Any
) -> tuple[Any, tuple]:
    """Do what `gradients` does within a computation: tensors in, tensors out.

    It may stand in a function that is `compiled`, and in a function that is
    differentiated itself, which gives second derivatives.

    Args:
        function: called with the arguments as tensors; returns a scalar.
        *arguments: the points to differentiate at: tensors or arrays, or lists
            and dicts of them, such as the weights of a model.

    Returns:
        The function's value, and for each argument its gradient, a tensor or a
        list or dict of tensors like the argument.

    Raises:
        ValueError: the function's result is not a scalar.
    """
    import keras
    from keras import ops

    def scalar(*tensors):
        value = function(*tensors)
        if ops.shape(value) != ():
            raise ValueError(
                "gradients needs a function with a scalar result, not one of shape "
                f"{ops.shape(value)}: take its sum or mean"
            )
        return value

    arguments = keras.tree.map_structure(ops.convert_to_tensor, arguments)
    positions = tuple(range(len(arguments)))
    if keras.backend.backend() == "jax":
        import jax

        return jax.value_and_grad(scalar, argnums=positions)(*arguments)
    if keras.backend.backend() == "torch":
        import torch

        slopes, value = torch.func.grad_and_value(scalar, positions)(*arguments)
        return value, slopes
    import tensorflow as tf

    with tf.GradientTape() as tape:
        tape.watch(tf.nest.flatten(arguments))
        value = scalar(*arguments)
    slopes = tape.gradient(
        value, arguments, unconnected_gradients=tf.UnconnectedGradients.ZERO
    )
    return value, tf.nest.map_structure(tf.convert_to_tensor, slopes)  # sparse ones


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a function that is written with `keras.ops`, where the backend can.

    It is compiled at the first call, and again for arguments of other shapes,
    never for other values. TensorFlow and JAX compile it, PyTorch runs it as it
    is. On all three its Python loops run while it is compiled: a long one
    belongs in `ops.fori_loop`.

    Args:
        function: computes tensors from tensors and changes nothing else.

    Returns:
        The function, which now takes numbers, arrays and tensors, and lists and
        dicts of them, as tensors.
    """
    import keras
    from keras import ops

    if keras.backend.backend() == "jax":
        import jax

        run = jax.jit(function)
    elif keras.backend.backend() == "torch":
        import torch

        run = torch.no_grad()(function)
    else:
        import tensorflow as tf

        run = tf.function(function, autograph=False)
    return lambda *arguments: run(
        *keras.tree.map_structure(ops.convert_to_tensor, arguments)
    )


def steps_per_execution(steps: int) -> int:
    """Return how many training steps Keras can take in one go: 1 on PyTorch.

    For `model.compile(steps_per_execution=...)`, which changes nothing but the time
    that training takes; Keras refuses more than one on PyTorch.

    Args:
        steps: how many to take where the backend can.
    """
    import keras

    return 1 if keras.backend.backend() == "torch" else steps
