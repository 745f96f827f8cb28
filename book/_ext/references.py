"""Write the list of references as a plain list.

docutils gives its entries roles that no longer exist, and children that a list
may not have: screen readers stumble over both.
"""

from docutils import nodes


def list_plainly(app, doctree, docname):
    """Turn each run of citations into a bullet list with the same anchors."""
    for first in list(doctree.findall(nodes.citation)):
        if not first.parent:
            continue  # already in a list
        parent, start = first.parent, first.parent.index(first)
        entries = nodes.bullet_list(classes=["references"])
        while start < len(parent) and isinstance(parent[start], nodes.citation):
            citation = parent.pop(start)
            citation.parent = None
            text = [child for child in citation if not isinstance(child, nodes.label)]
            entries += nodes.list_item("", *text, ids=citation["ids"])
        parent.insert(start, entries)


def setup(app):
    """Register with Sphinx."""
    app.connect("doctree-resolved", list_plainly)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
