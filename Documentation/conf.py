# SPDX-License-Identifier: GPL-2.0
# Configuration of Sphinx, which scripts/docs runs.
import os
import re
import sys

top = os.path.abspath('..')
sys.path.insert(0, os.path.join(top, 'Documentation', 'sphinx'))


def api_version():
    """The version in include/hmm/version.h."""
    with open(os.path.join(top, 'include/hmm/version.h'), encoding='utf-8') as header:
        text = header.read()
    return '.'.join(re.search(r'#define HMM_MIRROR_VERSION_%s\s+(\d+)' % part, text).group(1)
                    for part in ('MAJOR', 'MINOR', 'PATCH'))


project = 'hmm-mirror'
author = 'the authors of hmm-mirror'
version = release = api_version()

extensions = ['kernel_doc', 'crossref', 'bench_plots']
root_doc = 'index'
source_suffix = '.rst'
exclude_patterns = ['sphinx']
primary_domain = 'c'
highlight_language = 'none'
nitpicky = False

# Set by scripts/docs.
kernel_doc_program = os.environ.get('KERNEL_DOC', 'kernel-doc')
bench_out = os.environ.get('BENCH_OUT') or os.path.join(top, 'bench-out')

html_theme = 'alabaster'
html_title = ' '.join(['hmm-mirror', release]).strip()
html_theme_options = {
    'description': 'A device mirrors the address space of a process',
    'fixed_sidebar': True,
    'page_width': '70em',
    'body_max_width': '50em',
}
html_sidebars = {'**': ['about.html', 'searchbox.html', 'navigation.html']}
html_show_copyright = False
html_show_sphinx = False
html_copy_source = False
