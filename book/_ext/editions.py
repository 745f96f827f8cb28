"""What only a published site has: its address, and buttons that open Colab.

`book.tools.publish` sets the two environment variables. Without them the pages
hold nothing that leads to an address which was not given.
"""

import os

from docutils import nodes
from sphinx.util.docutils import SphinxDirective


class Published(SphinxDirective):
    """`{published}`: its content stands on a published site alone."""

    has_content = True

    def run(self):
        """Return the content, or nothing."""
        return self.parse_content_to_nodes() if self.config.nnbook_address else []


def colab_button(app, doctree, docname):
    """Put a link to the Colab edition into the line under a notebook's title."""
    if not app.config.nnbook_colab or not docname.startswith("notebooks/"):
        return
    uri = f"{app.config.nnbook_colab}/{docname.removeprefix('notebooks/')}.ipynb"
    line = next(
        (
            node
            for node in doctree.findall(nodes.paragraph)
            if "chapter-facts" in node["classes"]
        ),
        None,
    )
    if line is None:
        title = next(doctree.findall(nodes.title))
        line = nodes.paragraph(classes=["chapter-facts"])
        title.parent.insert(title.parent.index(title) + 1, line)
    else:
        line += nodes.Text(" · ")
    line += nodes.reference(text="Open in Colab", refuri=uri, classes=["colab"])


def set_address(app, config):
    """Tell Sphinx where the site will stand."""
    if config.nnbook_address:
        config.html_baseurl = f"{config.nnbook_address}/"


def setup(app):
    """Register with Sphinx."""
    # Pages are written anew when one of these changes.
    for name in ("nnbook_address", "nnbook_colab"):
        app.add_config_value(name, os.environ.get(name.upper(), ""), "env")
    app.add_directive("published", Published)
    app.connect("config-inited", set_address)
    app.connect("doctree-resolved", colab_button, priority=600)  # after the claims'
    return {"parallel_read_safe": True, "parallel_write_safe": True}
