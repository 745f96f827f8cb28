"""Reproducible runs: a chapter's setup, and an experiment over several seeds."""

import logging
import os
import sys
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import threadpoolctl

if TYPE_CHECKING:
    import keras

# Measured: with oneDNN off, four printed digits are the same across thread
# counts and older CPUs; with it on they are not. NumPy's sums differ with the
# number of BLAS threads too, and these, waiting for work, took as many CPU
# seconds as a whole chapter; PyTorch is ten times slower with more than one. JAX
# alone turns double precision into single, unless it is told not to: layers compute
# in single precision all the same.
_ENVIRONMENT = {
    "TF_ENABLE_ONEDNN_OPTS": "0",
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "JAX_ENABLE_X64": "1",
}


def _is_no_retracing(record: logging.LogRecord) -> bool:
    # TensorFlow warns of whoever compiles many networks, as chapters do on purpose.
    return "tf.function retracing" not in record.getMessage()


def setup(seed: int = 0) -> None:
    """Make a chapter reproducible and give its figures the book's style.

    Call it before Keras is imported.

    Args:
        seed: seeds Python's, NumPy's and Keras' random numbers.

    Warns:
        UserWarning: TensorFlow was imported before, so its settings come too
            late and the last digits may differ from the book's.
    """
    set_before = all(os.environ.get(key) == _ENVIRONMENT[key] for key in _ENVIRONMENT)
    if "tensorflow" in sys.modules and not set_before:
        warnings.warn(
            "Keras was imported before nnbook.setup(): your numbers may differ "
            "from the book's in the last digits. Restart the kernel and run "
            "this cell first to get the same.",
            stacklevel=2,
        )
    os.environ.update(_ENVIRONMENT)
    threadpoolctl.threadpool_limits(1)  # for libraries that were imported before
    import keras
    import matplotlib.pyplot as plt

    logging.getLogger("tensorflow").addFilter(_is_no_retracing)
    keras.utils.set_random_seed(seed)
    plt.style.use(Path(__file__).with_name("nnbook.mplstyle"))


def run_seeds(
    experiment: Callable[[int], Any], seeds: Iterable[int] = range(5)
) -> np.ndarray | dict[Any, np.ndarray]:
    """Run an experiment once for each seed and stack what it returns.

    Python's, NumPy's and Keras' random numbers are seeded before each run.

    Args:
        experiment: called with a seed (int); returns a number, an array, or a
            dict of them that has the same keys on every run.
        seeds: the seeds, at least one.

    Returns:
        An array of shape (seeds, *shape of one result), or a dict of them.

    Raises:
        ValueError: there are no seeds, or the runs' results differ in their
            keys or shapes.
    """
    import keras

    results = []
    for seed in seeds:
        keras.utils.set_random_seed(seed)
        results.append(experiment(seed))
    if not results:
        raise ValueError("run_seeds needs at least one seed")
    if not isinstance(results[0], dict):
        return np.stack(results)
    if any(result.keys() != results[0].keys() for result in results):
        raise ValueError("run_seeds: the experiment's keys differ between seeds")
    return {key: np.stack([result[key] for result in results]) for key in results[0]}


def reinitialise(model: "keras.Model") -> None:
    """Give a compiled model new random weights and an optimizer without memory.

    Training it then equals training a model built anew, and is several times
    quicker, because nothing is compiled again. Before the first training it
    builds the optimizer: a step that has to do so is compiled twice.

    Args:
        model: a compiled Sequential or functional model; its learning rate
            stays as it is.
    """
    import keras

    if not model.optimizer.built:
        model.optimizer.build(model.trainable_variables)
    model.set_weights(keras.models.clone_model(model).get_weights())
    for variable in model.optimizer.variables:
        if variable.name != "learning_rate":
            variable.assign(keras.ops.zeros(variable.shape, variable.dtype))
