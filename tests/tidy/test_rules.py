# SPDX-License-Identifier: Apache-2.0
"""Tests assert something and wait for events, not for time."""

import ast
import re

from size_rules import line_at, matching_brace
from source_file import Finding

_TEST = re.compile(r"^(?:TYPED_)?TEST(?:_F|_P)?\s*\(\s*\w+\s*,\s*\w+\s*\)\s*\{", re.MULTILINE)
_ASSERTION = re.compile(
    r"\b(?:EXPECT|ASSERT)_[A-Z]+|\bFAIL\(\)|\bADD_FAILURE|\bSUCCEED\(\)|\bstatic_assert\b"
    r"|\b(?:Expect|Assert|Check|Verify|Require)\w*\s*\(")
_PYTHON_ASSERTION = re.compile(r"(?i)^_*(?:assert|expect|check|verify|require|fail|raises|wait)")
_SLEEP = re.compile(
    r"\bsleep_(?:for|until)\b|\b(?:u|nano|clock_nano)?sleep\s*\(|\btime\.sleep\b"
    r"|\bfrom time import\b.*\bsleep\b")
_SHELL_SLEEP = re.compile(r"(?:^|[;&|(]|\bdo\b|\bthen\b)\s*sleep\s+[\d.$]", re.MULTILINE)


def check(sources):
    findings = []
    for source in sources:
        if not source.is_test or source.path.startswith("tests/tidy/"):
            continue
        if source.is_cpp:
            findings += check_cpp_assertions(source)
        if source.is_python and source.name.endswith("_test.py"):
            findings += check_python_assertions(source)
        if not source.path.startswith("bench/"):
            findings += check_sleeps(source)
    return findings


def check_cpp_assertions(source):
    findings = []
    for match in _TEST.finditer(source.bare):
        body = source.bare[match.end():matching_brace(source.bare, match.end() - 1)]
        if not _ASSERTION.search(body):
            findings.append(no_assertion(source, line_at(source.bare, match.start())))
    return findings


def check_python_assertions(source):
    try:
        tree = ast.parse(source.text)
    except SyntaxError:
        return []  # size_rules tells it
    tests = [node for node in ast.walk(tree)
             if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
             and node.name.startswith("test_")]
    return [no_assertion(source, test.lineno) for test in tests if not python_asserts(test)]


def python_asserts(test):
    for node in ast.walk(test):
        if isinstance(node, (ast.Assert, ast.Raise)):
            return True
        if isinstance(node, ast.Call):
            called = node.func
            name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
            if _PYTHON_ASSERTION.match(name):
                return True
    return False


def no_assertion(source, line):
    return Finding("no-assertion", source.path, line, "a test that can not fail")


def check_sleeps(source):
    if source.is_cpp:
        text, pattern = source.bare, _SLEEP
    elif source.is_python:
        text, pattern = source.text, _SLEEP
    elif source.is_shell:
        text, pattern = source.text, _SHELL_SLEEP
    else:
        return []
    findings = []
    for match in pattern.finditer(text):
        line = source.line_of(match.end() - 1)
        if not source.has_reason(line, "poll"):
            message = "wait for an event; where there is only polling, say `poll: reason`"
            findings.append(Finding("sleep", source.path, line, message))
    return findings
