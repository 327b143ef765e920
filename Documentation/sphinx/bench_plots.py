# SPDX-License-Identifier: GPL-2.0
"""The bench-plots directive: shows the plots that "make bench" has made."""
import glob
import os

from docutils import nodes
from docutils.parsers.rst import Directive


class BenchPlots(Directive):
    """Shows the plots in bench_out, or how to make them."""

    def run(self):
        env = self.state.document.settings.env
        directory = os.path.abspath(env.config.bench_out)
        plots = sorted(glob.glob(os.path.join(directory, '*.svg')))
        if not plots:
            return [self.paragraph('No plots were found when these pages were built. Run ',
                                   nodes.literal(text='make bench'), ' and then ',
                                   nodes.literal(text='make docs'), '.')]
        made = []
        for plot in plots:
            env.note_dependency(plot)
            # Sphinx takes a path that begins with "/" as relative to its source.
            uri = '/' + os.path.relpath(plot, env.srcdir)
            name = os.path.splitext(os.path.basename(plot))[0]
            made.append(nodes.figure('', nodes.image(uri=uri, alt=name),
                                     nodes.caption(text=name)))
        return made

    def paragraph(self, *parts):
        paragraph = nodes.paragraph()
        for part in parts:
            paragraph += nodes.Text(part) if isinstance(part, str) else part
        return paragraph


def setup(app):
    app.add_config_value('bench_out', '', 'env')
    app.add_directive('bench-plots', BenchPlots)
    return {'version': '1', 'parallel_read_safe': True}
