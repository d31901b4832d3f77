# SPDX-License-Identifier: Apache-2.0
"""File sizes, function lengths, file names and the lines every file opens with.

Sizes count by how many lines a limit is exceeded, so that a large file may not grow either.
"""

import ast
import re

from source_file import Finding

FILE_LINES = {".h": 250, ".hpp": 250, ".cpp": 600, ".c": 600, ".cc": 600, ".py": 600, ".sh": 600}
FUNCTION_LINES = 70
BANNED_NAMES = {"util", "utils", "common", "helper", "helpers", "misc", "manager", "managers"}
LICENSE_LINE = "SPDX-License-Identifier: Apache-2.0"
# Braces that open a scope in which functions are defined.
_OPEN_SCOPE = re.compile(r'\b(namespace|class|struct|union)\b[^()=]*$|\bextern\s*"[^"]*"\s*$')
_STATEMENT_END = re.compile(r"[;{}]|\b(?:public|private|protected)\s*:(?!:)")


def check(sources):
    findings = []
    for source in sources:
        findings += check_file_size(source) + check_name(source) + check_opening(source)
        if source.is_cpp:
            findings += check_cpp_functions(source)
        elif source.is_python:
            findings += check_python_functions(source)
    return findings


def check_file_size(source):
    ending = "." + source.name.rpartition(".")[2] if "." in source.name else ""
    if not ending and source.is_python:
        ending = ".py"
    limit = FILE_LINES.get(ending)
    excess = len(source.lines) - limit if limit else 0
    if excess <= 0:
        return []
    message = f"{len(source.lines)} lines, the limit is {limit}"
    return [Finding("file-size", source.path, limit + 1, message, excess)]


def check_name(source):
    words = set(re.split(r"[/._-]", source.path.lower()))
    return [Finding("file-name", source.path, 1, f"'{word}' says nothing about what is inside")
            for word in sorted(words & BANNED_NAMES)]


def check_opening(source):
    findings = []
    is_source = source.is_cpp or source.is_python or source.is_shell or source.is_cmake
    if is_source or source.name == "Dockerfile":
        if not any(LICENSE_LINE in line for line in source.lines[:3]):
            findings.append(Finding("license-line", source.path, 1, f"no line '{LICENSE_LINE}'"))
    if source.path.endswith(".h") and "\n#pragma once\n" not in "\n" + source.code:
        findings.append(Finding("pragma-once", source.path, 1, "no line '#pragma once'"))
    return findings


def check_cpp_functions(source):
    return [long_function(source, first, last)
            for first, last in cpp_functions(source.bare) if last - first + 1 > FUNCTION_LINES]


def check_python_functions(source):
    try:
        tree = ast.parse(source.text)
    except SyntaxError as error:
        return [Finding("python-syntax", source.path, error.lineno or 1, str(error.msg))]
    functions = [node for node in ast.walk(tree)
                 if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]
    return [long_function(source, node.lineno, node.end_lineno) for node in functions
            if node.end_lineno - node.lineno + 1 > FUNCTION_LINES]


def long_function(source, first, last):
    lines = last - first + 1
    message = f"a function of {lines} lines, the limit is {FUNCTION_LINES}"
    return Finding("function-size", source.path, first, message, lines - FUNCTION_LINES)


def cpp_functions(bare):
    """(first line, last line) of every function at namespace or class scope.

    Braces decide: a brace after a parameter list opens a function, one after namespace, class,
    struct or union a scope to look into, any other (an initializer, an enum) is stepped over.
    """
    text = re.sub(r"^[ \t]*#(?:\\\n|[^\n])*", lambda match: re.sub(r"[^\n]", " ", match.group(0)),
                  bare, flags=re.MULTILINE)
    functions = []
    position, statement = 0, 0
    while True:
        match = _STATEMENT_END.search(text, position)
        if not match:
            return functions
        position = match.end()
        head = text[statement:match.start()]
        if head.count("(") > head.count(")"):  # inside a parameter list: a default, a for loop
            position = matching_brace(text, match.start()) if match.group(0) == "{" else position
            continue
        if match.group(0) != "{" or _OPEN_SCOPE.search(scope_head(head)):
            statement = position
            continue
        position = matching_brace(text, match.start())
        if re.compile(r"\s*[,{]").match(text, position) and re.search(r"\)[^()]*:", head):
            continue  # a member's braces in a constructor's list; the body is yet to come
        if opens_function(head):
            first = statement + len(head) - len(head.lstrip())
            functions.append((line_at(text, first), line_at(text, position - 1)))
            statement = position


def scope_head(head):
    """Without what misleads: `template <class T>` of a function, `alignas(64)` of a class."""
    return re.sub(r"\btemplate\s*<[^{};]*?>(?=\s*\w)|\balignas\s*\([^()]*\)", " ", head)


def opens_function(head):
    if "(" not in head:
        return False
    before_parameters = head[:head.index("(")]
    if "=" not in before_parameters or "operator" in before_parameters:
        return True
    return bool(re.search(r"=\s*\[[^\]]*\]\s*$", before_parameters))  # a named lambda


def matching_brace(text, start):
    depth = 0
    for match in re.compile(r"[{}]").finditer(text, start):
        depth += 1 if match.group(0) == "{" else -1
        if depth == 0:
            return match.end()
    return len(text)


def line_at(text, offset):
    return text.count("\n", 0, offset) + 1
