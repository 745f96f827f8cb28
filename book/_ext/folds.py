"""Name what a folded cell holds.

MyST-NB folds the code of cells tagged `hide-input`. Its own summary has a label for
screen readers that hides the words; here it is the cell's first comment.
"""

from html import escape

from docutils import nodes
from myst_nb.sphinx_ import HideCodeCellNode


def open_fold(translator, node):
    """Begin the fold."""
    source = node.next_node(nodes.literal_block).astext()
    holds = escape(source.partition("\n")[0].removeprefix("# "))
    translator.body.append(
        f'<details class="code-fold"><summary>Code · {holds}</summary>\n'
    )


def close_fold(translator, node):
    """End the fold."""
    translator.body.append("</details>\n")


def setup(app):
    """Register with Sphinx."""
    app.add_node(HideCodeCellNode, override=True, html=(open_fold, close_fold))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
