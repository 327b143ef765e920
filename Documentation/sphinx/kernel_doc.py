# SPDX-License-Identifier: GPL-2.0
"""The kernel-doc directive: renders kernel-doc comments of the sources.

    .. kernel-doc:: include/hmm/range.h src/core/*.c
       :names: hmm_mirror_range_register hmm_mirror_range_*

Paths are relative to the top of the tree. The page has the functions and
structures that match ``names``, in the order of the patterns. Of a .c file
only exported functions are rendered.

    .. kernel-doc:: include/hmm/pfn.h
       :doc: pfn entries

renders one "DOC:" section instead.

An exported function that no page renders is a warning.
"""
import fnmatch
import glob
import os
import re
import subprocess

import sphinx
from docutils import nodes
from docutils.parsers.rst import Directive, directives
from docutils.statemachine import StringList
from sphinx.util import logging
from sphinx.util.nodes import nested_parse_with_titles

logger = logging.getLogger(__name__)

LINENO = re.compile(r'\.\. LINENO (\d+)$')
OBJECT = re.compile(r'\.\. c:(\w+):: (.*)$')
HEADING = re.compile(r'\*\*[A-Z]\w+\*\*$')
SINCE = re.compile(r'Since: (\S+)$')
EXPORT = re.compile(r'^EXPORT_SYMBOL_GPL\((\w+)\);', re.MULTILINE)

# What kernel-doc renders of each file, by its path and options.
rendered = {}

TOP = os.path.abspath(os.path.join(os.path.dirname(__file__), '../..'))


def object_name(kind, declaration):
    """The name that ``.. c:kind:: declaration`` declares."""
    if kind == 'function':
        return re.search(r'(\w+) *\(', declaration).group(1)
    return declaration.split()[0]


class Text:
    """The rst that one entry was rendered to, with its places in the source."""

    def __init__(self, path):
        self.path = path
        self.lines = []

    def add(self, line, number):
        self.lines.append((line, number))

    def tidied(self):
        """Without headings that nothing follows; "Since" at the end."""
        lines = []
        since = []
        heading = []
        for line, number in self.lines:
            found = SINCE.match(line)
            if found:
                since = [('', number), ('.. versionadded:: ' + found.group(1), number)]
            elif HEADING.match(line):
                # Replaces a heading before it that nothing follows.
                heading = [(line, number), ('', number)]
            else:
                if line:
                    lines += heading
                    heading = []
                lines.append((line, number))
        return lines + since

    def string_list(self):
        result = StringList()
        for line, number in self.tidied():
            result.append(line, self.path, number - 1)
        return result


class KernelDoc(Directive):
    required_arguments = 1
    final_argument_whitespace = True
    option_spec = {
        'names': directives.unchanged_required,
        'doc': directives.unchanged_required,
    }

    def run(self):
        self.env = self.state.document.settings.env
        try:
            if 'doc' in self.options:
                texts = self.doc_section(self.options['doc'])
            else:
                texts = self.objects(self.options.get('names', '*').split())
        except (OSError, subprocess.CalledProcessError) as error:
            raise self.error('kernel-doc: %s' % error)

        node = nodes.section()
        for text in texts:
            nested_parse_with_titles(self.state, text.string_list(), node)
        return node.children

    def paths(self):
        for pattern in self.arguments[0].split():
            found = sorted(glob.glob(os.path.join(TOP, pattern)))
            if not found:
                raise self.error('kernel-doc: no file matches %s' % pattern)
            yield from found

    def kernel_doc(self, path, *options):
        """Runs kernel-doc on a file, once; its warnings become ours."""
        self.env.note_dependency(path)
        if (path, options) in rendered:
            return rendered[path, options]
        command = ['perl', self.env.config.kernel_doc_program, '-rst',
                   '-enable-lineno', '-sphinx-version', sphinx.__version__,
                   *options, path]
        result = subprocess.run(command, check=True, capture_output=True,
                                text=True, encoding='utf-8')
        for line in result.stderr.splitlines():
            if line:
                logger.warning('kernel-doc: %s', line)
        lines = rendered[path, options] = result.stdout.splitlines()
        return lines

    def doc_section(self, title):
        for path in self.paths():
            text = Text(path)
            number = 1
            for line in self.kernel_doc(path, '-function', title):
                lineno = LINENO.match(line)
                if lineno:
                    number = int(lineno.group(1))
                else:
                    text.add(line, number)
                    number += 1
            if any(line for line, _ in text.lines):
                return [text]
        raise self.error('kernel-doc: no "DOC: %s"' % title)

    def objects(self, patterns):
        known = {}
        for path in self.paths():
            known.update(self.file_objects(path))
        chosen = []
        for pattern in patterns:
            names = [name for name in known
                     if fnmatch.fnmatchcase(name, pattern) and name not in chosen]
            if not names:
                raise self.error('kernel-doc: nothing is named %s' % pattern)
            chosen += names
        return [known[name] for name in chosen]

    def file_objects(self, path):
        """Splits what kernel-doc renders: {name: Text}."""
        options = ['-no-doc-sections']
        if path.endswith('.c'):
            options.append('-export')
            with open(path, encoding='utf-8') as source:
                if not EXPORT.search(source.read()):
                    return {}

        known = {}
        text = None
        number = 1
        for line in self.kernel_doc(path, *options):
            lineno = LINENO.match(line)
            if lineno:
                number = int(lineno.group(1))
                continue
            declares = OBJECT.match(line)
            if declares:
                text = known[object_name(*declares.groups())] = Text(path)
            if text:
                text.add(line, number)
                number += 1
        return known


def check_exports(app, env):
    """Warns of an exported function that is on no page."""
    documented = {entry[0] for entry in env.get_domain('c').get_objects()}
    for path in sorted(glob.glob(os.path.join(TOP, 'src/core/*.c'))):
        with open(path, encoding='utf-8') as source:
            for name in EXPORT.findall(source.read()):
                if name not in documented:
                    logger.warning('%s: no page below Documentation/api renders %s',
                                   os.path.relpath(path, TOP), name)


def setup(app):
    app.add_config_value('kernel_doc_program', 'kernel-doc', 'env')
    app.add_directive('kernel-doc', KernelDoc)
    app.connect('env-check-consistency', check_exports)
    return {'version': '1', 'parallel_read_safe': False}
