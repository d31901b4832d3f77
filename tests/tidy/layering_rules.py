# SPDX-License-Identifier: Apache-2.0
"""Dependencies point down only: on #includes and on CMake links."""

import re

from layers import (FREE_FOLDERS, LAYERS, LIBRARIES, STANDARD_HEADERS, TEST_INCLUDES,
                    TEST_LIBRARIES, layer_of, target_name)
from source_file import Finding

_INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"\n]+)[>"]', re.MULTILINE)
_LAYER_CALL = re.compile(r"\bslotway_layer\(\s*(\w+)([^)]*)\)")
_LAYER_TARGET = re.compile(r"\bslotway_[a-z_]+\b")
_REDIS_WORDS = re.compile(
    r"(?i:(?<!p)redis(?![tc])|valkey)"
    r"|(?:(?<![A-Za-z])(?:sentinel|shards?|replicas?)|Sentinel|Shards?|Replicas?)(?![a-z])")
_TARGETS = {target_name(layer): layer for layer in LAYERS}


def check(sources):
    findings = []
    reachable = reachable_layers(sources)
    for source in sources:
        layer = layer_of(source.path)
        if source.is_cpp and layer:
            findings += check_includes(source, layer, reachable)
        if source.name == "CMakeLists.txt" and layer:
            findings += check_links(source, layer)
        if source.is_cpp and layer == "runtime":
            findings += check_redis_words(source)
    return findings


def check_includes(source, layer, reachable):
    is_test = source.is_test
    findings = []
    for match in _INCLUDE.finditer(source.code):
        reason = include_problem(match.group(2), match.group(1) == '"', layer, is_test, reachable)
        if reason:
            line = source.line_of(match.start(2))
            findings.append(Finding("layering", source.path, line, reason))
    return findings


def include_problem(included, is_quoted, layer, is_test, reachable):
    """Why `layer` may not include it, or None."""
    owner = layer_of(included) if is_quoted else None
    if owner:
        if owner == layer:
            return None
        if owner not in LAYERS[layer][0]:
            return f"{layer} must not include {included}"
        if owner not in reachable.get(layer, set()):
            return f"{layer} includes {included}, but its CMakeLists.txt does not link {owner}"
        return None
    if included in STANDARD_HEADERS:
        return None
    if is_test and included.startswith(tuple(TEST_INCLUDES)):
        return None
    names = LAYERS[layer][1] + (TEST_LIBRARIES if is_test else [])
    if any(included.startswith(tuple(LIBRARIES[name][0] or ["\0"])) for name in names):
        return None
    if is_quoted:
        return f'"{included}" is no path from the top of the tree'
    return f"{layer} must not use <{included}>"


def check_links(source, layer):
    """Every slotway_* target and library named in a layer's CMakeLists.txt."""
    findings = []
    for match in _LAYER_TARGET.finditer(source.text):
        owner = _TARGETS.get(match.group(0))
        if owner and owner != layer and owner not in LAYERS[layer][0]:
            findings.append(link_finding(source, match.start(), layer, owner))
    for call in _LAYER_CALL.finditer(source.text):
        words = call.group(2).split()
        for word, role in roles_of(words):
            if not link_is_allowed(layer, word, role):
                findings.append(link_finding(source, call.start(), layer, word))
        if target_name(layer) != "slotway_" + call.group(1):
            message = f"slotway_layer({call.group(1)}) stands in no folder of tests/tidy/layers.py"
            findings.append(Finding("layering", source.path, source.line_of(call.start()), message))
    return findings


def roles_of(words):
    """(word, DEPS or LIBS) of a slotway_layer() call; UNITY links nothing."""
    role = None
    for word in words:
        if word in ("DEPS", "LIBS"):
            role = word
        elif word != "UNITY":
            yield word, role


def link_is_allowed(layer, word, role):
    if role == "DEPS":
        return _TARGETS.get("slotway_" + word) in LAYERS[layer][0]
    return any(word in LIBRARIES[name][1] for name in LAYERS[layer][1])


def link_finding(source, offset, layer, what):
    return Finding("layering", source.path, source.line_of(offset), f"{layer} must not link {what}")


def reachable_layers(sources):
    """Layer -> layers its CMake target links, directly or not. Missing: nothing is known of it."""
    direct = {}
    for source in sources:
        layer = layer_of(source.path)
        if source.name != "CMakeLists.txt" or not layer:
            continue
        named = {_TARGETS.get(match) for match in _LAYER_TARGET.findall(source.text)}
        for call in _LAYER_CALL.finditer(source.text):
            named |= {_TARGETS.get("slotway_" + word)
                      for word, role in roles_of(call.group(2).split()) if role == "DEPS"}
        direct[layer] = named - {None}
    return {layer: closure(layer, direct) for layer in direct}


def closure(layer, direct):
    found, pending = set(), [layer]
    while pending:
        for below in direct.get(pending.pop(), set()) - found:
            found.add(below)
            pending.append(below)
    return found


def check_redis_words(source):
    """The runtime knows how a process runs, not what it serves."""
    return [
        Finding("runtime-knows-redis", source.path, number, f"'{match.group(0)}' in runtime/")
        for number, line in enumerate(source.lines, 1)
        for match in _REDIS_WORDS.finditer(line)
    ]


def table_problems():
    """Arrows of the table that run in a circle or to nowhere, and siblings that meet."""
    problems = []
    for layer, (below, libraries) in LAYERS.items():
        allowed = {name: set(layers) for name, (layers, _) in LAYERS.items()}
        if layer in closure(layer, allowed):
            problems.append(f"{layer} is below itself")
        problems += [f"{layer}: no layer {name}" for name in below if name not in LAYERS]
        problems += [f"{layer}: no library {name}" for name in libraries if name not in LIBRARIES]
        problems += [f"{layer} uses {name}" for name in below
                     if {layer.split("/")[0], name.split("/")[0]} == {"proxy", "storage"}]
    return problems + [f"{name} is a layer" for name in FREE_FOLDERS if name in LAYERS]
