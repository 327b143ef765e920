# SPDX-License-Identifier: GPL-2.0
"""The kernel-doc directive: renders kernel-doc comments of the sources.

    .. kernel-doc:: include/hmm/range.h src/core/*.c
       :names: hmm_mirror_range_register hmm_mirror_range_*

Paths are relative to the top of the tree. The page has the functions and
structures that match ``names``, in the order of the patterns. From a .c
file, only exported functions are rendered.

    .. kernel-doc:: include/hmm/pfn.h
       :doc: pfn entries

renders one "DOC:" section instead.

An exported function that no page renders causes a warning. So does a name in
include/hmm that has a kernel-doc comment and that no page renders.
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
MACRO = re.compile(r'``(\w+) \((.*)\)``$')
HEADING = re.compile(r'\*\*[A-Z]\w+\*\*$')
SINCE = re.compile(r'Since: (\S+)$')
COMMENT = re.compile(r'^/\*\*$', re.MULTILINE)
EXPORT = re.compile(r'^EXPORT_SYMBOL_GPL\((\w+)\);', re.MULTILINE)

# The output of kernel-doc for each file, by path and options.
rendered = {}

TOP = os.path.abspath(os.path.join(os.path.dirname(__file__), '../..'))


def object_name(kind, declaration):
    """The name that ``.. c:kind:: declaration`` declares."""
    if kind == 'function':
        return re.search(r'(\w+) *\(', declaration).group(1)
    return declaration.split()[0]


class Text:
    """The rst of one entry, with the line number in the source for each line."""

    def __init__(self, path):
        self.path = path
        self.lines = []

    def add(self, line, number):
        if line == '  };' and self.lines[-1][0].endswith(' {'):
            self.lines.append(('    /* private members only */', number))
        self.lines.append((line, number))

    def set_arguments(self, name, arguments):
        """kernel-doc puts the arguments of a macro on a line of their own."""
        number = self.lines[0][1]
        arguments = '(%s)' % arguments if arguments else ''
        self.lines[0] = ('.. c:macro:: ' + name + arguments, number)

    def tidied(self):
        """The lines without empty sections, and with "Since" at the end."""
        lines = []
        since = []
        heading = []
        for line, number in self.lines:
            found = SINCE.match(line)
            if found:
                since = [('', number), ('.. versionadded:: ' + found.group(1), number)]
            elif HEADING.match(line):
                # Replaces the previous heading if its section is empty.
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


def kernel_doc(env, path, *options):
    """Runs kernel-doc on a file once, and reports its warnings."""
    if (path, options) in rendered:
        return rendered[path, options]
    command = ['perl', env.config.kernel_doc_program, '-rst', '-enable-lineno',
               '-sphinx-version', sphinx.__version__, *options, path]
    result = subprocess.run(command, check=True, capture_output=True,
                            text=True, encoding='utf-8')
    for line in result.stderr.splitlines():
        if line:
            logger.warning('kernel-doc: %s', line)
    lines = rendered[path, options] = result.stdout.splitlines()
    return lines


def file_objects(env, path):
    """Splits the output of kernel-doc for a file by name: {name: Text}."""
    options = ['-no-doc-sections']
    if path.endswith('.c'):
        options.append('-export')
        wanted = exports(path)
    else:
        wanted = COMMENT.search(read(path))
    if not wanted:
        return {}

    known = {}
    text = None
    number = 1
    for line in kernel_doc(env, path, *options):
        lineno = LINENO.match(line)
        if lineno:
            number = int(lineno.group(1))
            continue
        declares = OBJECT.match(line)
        if declares:
            text = known[object_name(*declares.groups())] = Text(path)
        macro = MACRO.match(line)
        if macro and macro.group(1) in known:
            text.set_arguments(*macro.groups())
        elif text:
            text.add(line, number)
            number += 1
    return known


def read(path):
    with open(path, encoding='utf-8') as source:
        return source.read()


def exports(path):
    """The names that a .c file exports."""
    return EXPORT.findall(read(path))


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
            for path in found:
                self.env.note_dependency(path)
                yield path

    def doc_section(self, title):
        for path in self.paths():
            text = Text(path)
            number = 1
            for line in kernel_doc(self.env, path, '-function', title):
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
            known.update(file_objects(self.env, path))
        chosen = []
        for pattern in patterns:
            names = [name for name in known
                     if fnmatch.fnmatchcase(name, pattern) and name not in chosen]
            if not names:
                raise self.error('kernel-doc: nothing is named %s' % pattern)
            chosen += names
        return [known[name] for name in chosen]


def check_complete(app, env):
    """Warns of documented or exported names that are on no page."""
    on_pages = {entry[0] for entry in env.get_domain('c').get_objects()}
    sources = glob.glob(os.path.join(TOP, 'src/core/*.c'))
    sources += glob.glob(os.path.join(TOP, 'src/dropin/*.c'))
    headers = glob.glob(os.path.join(TOP, 'include/hmm/**/*.h'), recursive=True)
    wanted = [(path, exports(path)) for path in sorted(sources)]
    wanted += [(path, file_objects(env, path)) for path in sorted(headers)]
    for path, names in wanted:
        for name in names:
            if name not in on_pages:
                logger.warning('%s: no page below Documentation/api renders %s',
                               os.path.relpath(path, TOP), name)


def setup(app):
    app.add_config_value('kernel_doc_program', 'kernel-doc', 'env')
    app.add_directive('kernel-doc', KernelDoc)
    app.connect('env-check-consistency', check_complete)
    return {'version': '1', 'parallel_read_safe': False}
