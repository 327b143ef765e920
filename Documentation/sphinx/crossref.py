# SPDX-License-Identifier: GPL-2.0
"""Turns names in text into links, so that pages need no markup for them.

``hmm_mirror_register()`` and ``struct hmm_mirror`` link to the API reference,
``locking.rst`` links to that page. A name that is not documented is not changed.
"""
import posixpath
import re

from docutils import nodes
from sphinx import addnodes
from sphinx.transforms import SphinxTransform

NAME = re.compile(r'\b(?:(?P<function>hmm_\w+)\(\)'
                  r'|struct (?P<struct>hmm_\w+)'
                  r'|(?P<page>(?:\w+/)?[\w-]+)\.rst)')

# A link within these would be nested, or would change an example.
NO_LINKS = (nodes.reference, nodes.literal_block, nodes.title, nodes.raw,
            addnodes.pending_xref, addnodes.desc_signature)


class NamesToLinks(SphinxTransform):
    default_priority = 700

    def apply(self, **kwargs):
        for text in list(self.document.findall(nodes.Text)):
            if not self.may_link(text):
                continue
            made = self.links(text)
            if made:
                text.parent.replace(text, made)

    def may_link(self, node):
        while node is not None:
            if isinstance(node, NO_LINKS):
                return False
            node = node.parent
        return True

    def links(self, text):
        """The nodes that replace a text; empty if the text contains no name."""
        made = []
        done = 0
        content = text.astext()
        for match in NAME.finditer(content):
            link = self.link(match)
            if link is None:
                continue
            if match.start() > done:
                made.append(nodes.Text(content[done:match.start()]))
            link += nodes.Text(match.group(0))
            made.append(link)
            done = match.end()
        if made and done < len(content):
            made.append(nodes.Text(content[done:]))
        return made

    def link(self, match):
        page = match.group('page')
        if page:
            return self.page_link(page)
        kind = 'func' if match.group('function') else 'struct'
        target = match.group('function') or match.group('struct')
        return addnodes.pending_xref('', refdomain='c', reftype=kind,
                                     reftarget=target, refexplicit=True,
                                     refwarn=False, refdoc=self.env.docname)

    def page_link(self, page):
        here = posixpath.dirname(self.env.docname)
        for target in (posixpath.join(here, page), page):
            if target in self.env.found_docs and target != self.env.docname:
                return addnodes.pending_xref('', refdomain='std', reftype='doc',
                                             reftarget='/' + target, refexplicit=True,
                                             refwarn=True, refdoc=self.env.docname)
        return None


def setup(app):
    app.add_transform(NamesToLinks)
    return {'version': '1', 'parallel_read_safe': True}
