"""Turn a master exercise notebook into the edition that students get."""

import copy

from nbformat import NotebookNode
from nbgrader.preprocessors import (
    CheckCellMetadata,
    ClearHiddenTests,
    ClearOutput,
    ClearSolutions,
    ComputeChecksums,
    LockCells,
)

STUB = "raise NotImplementedError  # replace this line by your answer"


def student_edition(master: NotebookNode) -> NotebookNode:
    """Take solutions, hidden tests and outputs out of an exercise notebook.

    Args:
        master: a notebook with nbgrader's metadata and `### BEGIN SOLUTION`
            markers; it is left as it is.

    Returns:
        The notebook for students, where each solution is a stub that raises.

    Raises:
        RuntimeError, nbgrader's ValidationError: the markers or the metadata
            of the master are broken.
    """
    edition, resources = copy.deepcopy(master), {}
    for preprocessor in (
        LockCells(),
        ClearSolutions(code_stub={"python": STUB}),
        ClearOutput(),
        ClearHiddenTests(),
        CheckCellMetadata(),
        ComputeChecksums(),
    ):
        edition, resources = preprocessor.preprocess(edition, resources)
    return edition
