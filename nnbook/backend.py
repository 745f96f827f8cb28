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
    `model.stateless_call(weights, [], x)` in the function. First used in: cnn.

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

    arrays = [np.asarray(argument) for argument in arguments]
    if keras.backend.backend() == "jax":
        import jax

        positions = tuple(range(len(arrays)))
        tensors = [ops.convert_to_tensor(array) for array in arrays]
        value, slopes = jax.value_and_grad(scalar, argnums=positions)(*tensors)
    elif keras.backend.backend() == "torch":
        import torch

        tensors = [ops.convert_to_tensor(a).clone().requires_grad_() for a in arrays]
        value = scalar(*tensors)
        slopes = torch.autograd.grad(value, tensors, allow_unused=True)
        slopes = [
            torch.zeros_like(tensor) if slope is None else slope
            for tensor, slope in zip(tensors, slopes, strict=True)
        ]
    else:
        import tensorflow as tf

        tensors = [tf.convert_to_tensor(array) for array in arrays]
        with tf.GradientTape() as tape:
            tape.watch(tensors)
            value = scalar(*tensors)
        slopes = tape.gradient(
            value, tensors, unconnected_gradients=tf.UnconnectedGradients.ZERO
        )
        slopes = [tf.convert_to_tensor(slope) for slope in slopes]  # sparse ones
    return float(value), [ops.convert_to_numpy(slope) for slope in slopes]
