"""What the chapters of *Neural Networks, Executed* share.

Importing it imports neither Keras nor pyplot and changes no global state;
`nnbook.setup()`, the first call of every chapter, does both.
"""

from nnbook.backend import steps_per_execution
from nnbook.claims import check, claim
from nnbook.runs import reinitialise, run_seeds, setup

__all__ = [
    "check",
    "claim",
    "reinitialise",
    "run_seeds",
    "setup",
    "steps_per_execution",
]
