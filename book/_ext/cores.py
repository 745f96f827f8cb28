"""Build pages on all cores: Jupyter Book's command does not pass Sphinx's option on."""

import os

# These work on the finished environment alone, or for LaTeX, and do not say so.
UNDECLARED = ("sphinx_jupyterbook_latex", "sphinx_multitoc_numbering")


def use_all_cores(app, config):
    """Set what `sphinx-build -j` sets; of these, one only hands pages to the others."""
    app.parallel = (os.cpu_count() or 1) + 1
    for name in UNDECLARED:
        if name in app.extensions:
            app.extensions[name].parallel_read_safe = True


def setup(app):
    """Register with Sphinx."""
    app.connect("config-inited", use_all_cores)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
