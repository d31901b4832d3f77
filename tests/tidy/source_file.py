# SPDX-License-Identifier: Apache-2.0
"""The files to check and their text with comments and strings blanked, line numbers kept."""

import os
import re
import subprocess

CPP_ENDINGS = (".cpp", ".h", ".c", ".cc", ".hpp")
SKIPPED_FOLDERS = {".git", "build", "__pycache__"}

_CPP_TOKEN = re.compile(
    r'(?P<comment>//(?:\\\n|[^\n])*|/\*.*?\*/)'
    r'|(?P<raw>\bu?8?[LuU]?R"(?P<mark>[^\s()\\]{0,16})\(.*?\)(?P=mark)")'
    r'|(?P<string>"(?:\\.|[^"\\\n])*")'
    r"|(?P<number>\b\d[\w.]*(?:'\w+)+)"
    r"|(?P<char>'(?:\\.|[^'\\\n])+')",
    re.DOTALL)
_TESTS = re.compile(r"(_test|_fuzz|_bench)\.(cpp|py)$|(_fixture|/fake_[a-z_]+)\.h$|(^|/)conftest\.py$")


class Finding:
    """`count` is what the ratchet holds: 1, or by how much a limit is exceeded."""

    def __init__(self, rule, path, line, message, count=1):
        self.rule, self.path, self.line = rule, path, line
        self.message, self.count = message, count

    def __str__(self):
        return f"{self.path}:{self.line}: {self.rule}: {self.message}"


class SourceFile:
    def __init__(self, path, text):
        self.path = path
        self.text = text
        self.lines = text.splitlines()
        self.name = path.rpartition("/")[2]
        self.is_cpp = path.endswith(CPP_ENDINGS)
        self.is_python = path.endswith(".py") or text.startswith("#!/usr/bin/python3")
        self.is_shell = path.endswith(".sh") or bool(re.match(r"#!\S*[/ ](ba)?sh\b", text))
        self.is_cmake = self.name == "CMakeLists.txt" or path.endswith(".cmake")
        in_tests = path.startswith(("tests/", "bench/"))
        self.is_test = in_tests or bool(_TESTS.search(path))
        # Comments blanked; and comments and the insides of strings blanked.
        self.code = blank(text, {"comment"}) if self.is_cpp else text
        self.bare = blank(text, {"comment", "raw", "string", "char"}) if self.is_cpp else text

    def line_of(self, offset):
        return self.text.count("\n", 0, offset) + 1

    def has_reason(self, line, word):
        """A comment `word: reason` on the line, or in the comment right above it."""
        reason = re.compile(r"(//|#).*\b" + word + r":\s*\w+")
        if reason.search(self.lines[line - 1]):
            return True
        above = line - 2
        while above >= 0 and re.match(r"\s*(//|#)", self.lines[above]):
            if reason.search(self.lines[above]):
                return True
            above -= 1
        return False


def blank(text, kinds):
    def replace(match):
        if match.lastgroup != "number" and any(match.group(kind) for kind in kinds):
            inner = re.sub(r"[^\n]", " ", match.group(0))
            if match.group("comment"):
                return inner
            return match.group(0)[0] + inner[1:-1] + match.group(0)[-1]
        return match.group(0)

    # The group `mark` is inside `raw`, so lastgroup can not be used to tell the kinds apart.
    return _CPP_TOKEN.sub(replace, text)


def tracked_paths(root):
    """Files that git knows or would add; outside of git, every file but builds."""
    command = ["git", "-C", root, "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    try:
        done = subprocess.run(command, capture_output=True, check=True)
        paths = set(done.stdout.decode().split("\0")) - {""}
    except (OSError, subprocess.CalledProcessError):
        paths = set()
    paths = paths or walked_paths(root)
    return sorted(path for path in paths if os.path.isfile(os.path.join(root, path)))


def walked_paths(root):
    paths = set()
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in folders if name not in SKIPPED_FOLDERS]
        paths |= {os.path.relpath(os.path.join(folder, name), root) for name in names}
    return paths


def read_sources(root):
    """Every text file; binary ones are left out."""
    sources = []
    for path in tracked_paths(root):
        with open(os.path.join(root, path), "rb") as file:
            data = file.read()
        if b"\0" not in data:
            sources.append(SourceFile(path, data.decode("utf-8", errors="replace")))
    return sources
