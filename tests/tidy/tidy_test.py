#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A check that can not fail is none: every rule must catch its violation, and spare its twin."""

import io
import contextlib
import glob
import json
import os
import re
import subprocess
import tempfile
import unittest

import layering_rules
import layers
import ratchet
import size_rules
import source_file
import text_rules
import tidy

HERE = os.path.dirname(os.path.abspath(__file__))
SPDX = "// SPDX-License-Identifier: Apache-2.0\n"
HEADER = SPDX + "#pragma once\n"
LINKS = {
    "protocol/CMakeLists.txt": "slotway_layer(protocol LIBS tl::expected)",
    "runtime/CMakeLists.txt": "slotway_layer(runtime LIBS PkgConfig::libuv)",
    "config/CMakeLists.txt": "slotway_layer(config DEPS runtime LIBS yaml-cpp)",
    "proxy/CMakeLists.txt": "target_link_libraries(slotway PRIVATE slotway_proxy_server)",
    "proxy/reply/CMakeLists.txt": "slotway_layer(proxy_reply DEPS protocol runtime config)",
    "proxy/backend/CMakeLists.txt": "slotway_layer(proxy_backend DEPS proxy_reply)",
    "proxy/routing/CMakeLists.txt": "slotway_layer(proxy_routing UNITY DEPS proxy_backend)",
    "proxy/client/CMakeLists.txt": "slotway_layer(proxy_client DEPS proxy_routing)",
    "proxy/server/CMakeLists.txt": "slotway_layer(proxy_server DEPS proxy_client)",
    "storage/types/CMakeLists.txt": "slotway_layer(storage_types DEPS protocol)",
    "storage/engine/CMakeLists.txt": "slotway_layer(storage_engine DEPS storage_types)",
    "storage/commands/CMakeLists.txt": "slotway_layer(storage_commands DEPS storage_engine)",
}


def lines(count):
    return "int x;\n" * count


def function(body_lines, head="void F() {"):
    return head + "\n" + "  Go();\n" * body_lines + "}\n"


# rule: [(path, text)] that it must catch.
VIOLATIONS = {
    "layering": [
        ("protocol/a.cpp", '#include "runtime/clock.h"\n'),
        ("protocol/a.cpp", "#include <uv.h>\n"),
        ("protocol/a.cpp", "#include <unistd.h>\n"),
        ("protocol/a.cpp", "#include <spdlog/spdlog.h>\n"),
        ("protocol/a.cpp", '#include "slot.h"\n'),
        ("protocol/a_test.cpp", '#include "runtime/clock.h"\n'),
        ("runtime/a.h", '#include "protocol/slot.h"\n'),
        ("runtime/a.h", "#  include <yaml-cpp/yaml.h>\n"),
        ("config/a.cpp", '#include "protocol/slot.h"\n'),
        ("config/a.cpp", "#include <uv.h>\n"),
        ("proxy/server/a.cpp", '#include "storage/engine/keyspace.h"\n'),
        ("storage/engine/a.cpp", '#include "proxy/routing/router.h"\n'),
        ("proxy/backend/a.cpp", '#include "proxy/routing/router.h"\n'),
        ("proxy/reply/a.cpp", '#include "proxy/backend/pool.h"\n'),
        ("proxy/routing/a.cpp", '#include "proxy/client/session.h"\n'),
        ("proxy/client/a.cpp", '#include "proxy/server/admin.h"\n'),
        ("proxy/client/a.cpp", '#include "proxy/tools/local.h"\n'),
        ("proxy/tools/a.cpp", '#include "proxy/backend/pool.h"\n'),
        ("proxy/client/a.cpp", "#include <uv.h>\n"),
        ("storage/types/a.cpp", '#include "storage/engine/keyspace.h"\n'),
        ("storage/types/a.cpp", '#include "runtime/clock.h"\n'),
        ("storage/memory/a.cpp", '#include "protocol/slot.h"\n'),
        ("storage/engine/a.cpp", '#include "storage/commands/context.h"\n'),
        ("storage/persistence/a.cpp", '#include "storage/commands/context.h"\n'),
        ("storage/commands/a.cpp", '#include "storage/cluster/state.h"\n'),
        ("storage/cluster/a.cpp", '#include "storage/replication/backlog.h"\n'),
        ("storage/replication/a.cpp", '#include "storage/cluster/state.h"\n'),
        ("storage/cluster/a.cpp", '#include "storage/scripting/lua.h"\n'),
        ("storage/scripting/a.cpp", '#include "storage/server/info.h"\n'),
        # Allowed by the table, but not linked.
        ("storage/engine/a.cpp", '#include "runtime/clock.h"\n'),
        ("protocol/CMakeLists.txt", "slotway_layer(protocol DEPS runtime)\n"),
        ("protocol/CMakeLists.txt", "slotway_layer(protocol LIBS PkgConfig::libuv)\n"),
        ("proxy/backend/CMakeLists.txt", "slotway_layer(proxy_backend\n  DEPS proxy_routing)\n"),
        ("proxy/backend/CMakeLists.txt", "target_link_libraries(x PUBLIC slotway_storage_types)\n"),
        ("storage/types/CMakeLists.txt", "slotway_layer(storage_types DEPS nowhere)\n"),
        ("storage/newroom/CMakeLists.txt", "slotway_layer(storage_newroom DEPS protocol)\n"),
    ],
    "runtime-knows-redis": [
        ("runtime/a.cpp", "// Waits for Redis.\n"),
        ("runtime/a.cpp", "int redis_port;\n"),
        ("runtime/a.cpp", "struct ShardLink;\n"),
        ("runtime/a.cpp", 'const char* role = "replica";\n'),
    ],
    "file-size": [
        ("proxy/server/a.cpp", lines(601)),
        ("proxy/server/a.h", lines(251)),
        ("tests/a.py", "x = 1\n" * 601),
        ("bench/run", "#!/usr/bin/python3\n" + "x = 1\n" * 601),
        ("run.sh", "true\n" * 601),
    ],
    "function-size": [
        ("proxy/server/a.cpp", function(69)),
        ("proxy/server/a.cpp", "namespace x {\nnamespace {\n" + function(69) + "}\n}\n"),
        ("proxy/server/a.cpp", function(69, "A::A(int b)\n    : b_{b},\n      c_(1) {")),
        ("proxy/server/a.cpp", function(69, "template <class T>\nauto F(T t) -> int {")),
        ("proxy/server/a.cpp", function(69, "bool operator==(const A&, const B&) {")),
        ("proxy/server/a.cpp", function(69, "const auto kRun = [](int) {")),
        ("proxy/server/a_test.cpp", function(69, "TEST(A, B) {").replace("Go", "EXPECT_TRUE")),
        ("proxy/server/a.h", "class A final : public B<int> {\n public:\n" + function(69) + "};\n"),
        ("proxy/server/a.cpp", "int k[] = {\n1,\n};\n" + function(69)),
        ("proxy/server/a.cpp", function(69, "void F(Limits limits = {}, int b = 0) {")),
        ("tests/a.py", "def f():\n" + "    pass\n" * 70),
    ],
    "file-name": [
        ("proxy/server/string_util.cpp", ""),
        ("proxy/common/a.h", ""),
        ("tests/helpers.py", ""),
        ("storage/server/client-manager.h", ""),
        ("scripts/misc.sh", ""),
    ],
    "license-line": [
        ("protocol/a.cpp", None),
        ("protocol/CMakeLists.txt", None),
        ("scripts/a.sh", None),
        ("tests/a.py", None),
        ("Dockerfile", None),
    ],
    "pragma-once": [("protocol/a.h", None)],
    "python-syntax": [("tests/a.py", "def f(:\n")],
    "note": [
        ("proxy/server/a.cpp", "// TODO: later\n"),
        ("README.md", "FIXME\n"),
        ("run.sh", "# XXX\n"),
        ("proxy/server/a.cpp", "// Enough for now.\n"),
    ],
    "machine": [
        ("README.md", "See /home/alice/src.\n"),
        ("tests/a.py", "x = '/Users/bob'\n"),
        ("scripts/a.sh", "cd /root/slotway\n"),
    ],
    "shared-ptr": [
        ("proxy/server/a.cpp", "std::shared_ptr<int> x;\n"),
        ("proxy/server/a.cpp", "// shared:\nstd::shared_ptr<int> x;\n"),
        ("proxy/server/a.cpp", "// shared: all of them\nint y;\nstd::shared_ptr<int> x;\n"),
        ("proxy/server/a.h", "class A : public std::enable_shared_from_this<A> {};\n"),
        ("proxy/server/a_test.cpp", "std::shared_ptr<int> x;\n"),
    ],
    "hidden-clock": [
        ("proxy/server/a.cpp", "auto t = std::chrono::steady_clock::now();\n"),
        ("proxy/server/a.cpp", "auto t = time(nullptr);\n"),
        ("proxy/server/a.cpp", "auto t = std::time(0);\n"),
        ("proxy/server/a.cpp", "time(&t);\n"),
        ("storage/engine/a.cpp", "gettimeofday(&tv, nullptr);\n"),
        ("runtime/timer.cpp", "clock_gettime(CLOCK_MONOTONIC, &ts);\n"),
        ("runtime/timer.cpp", "uv_hrtime();\n"),
    ],
    "hidden-random": [
        ("proxy/server/a.cpp", "int x = rand();\n"),
        ("proxy/server/a.cpp", "int x = std::rand();\n"),
        ("proxy/server/a.cpp", "srand(1);\n"),
        ("proxy/server/a.cpp", "std::random_device device;\n"),
        ("storage/engine/a.cpp", "std::mt19937_64 engine;\n"),
        ("runtime/token.cpp", "getrandom(p, 4, 0);\n"),
    ],
    "wire-literal": [
        ("proxy/server/a.cpp", 'out += "\\r\\n";\n'),
        ("proxy/server/a.cpp", 'Send("+OK");\n'),
        ("storage/commands/a.cpp", 'return "$-1\\r\\n";\n'),
        ("storage/commands/a.cpp", 'Append("$-1");\n'),
        ("storage/commands/a.cpp", 'Append("*2");\n'),
        ("storage/commands/a.cpp", 'Append("-ERR no");\n'),
        ("proxy/server/a.cpp", 'Send(":1\\r\\n");\n'),
        ("proxy/server/a.cpp", 'Send("_\\r\\n");\n'),
        ("proxy/server/a.cpp", 'Send("#t\\r\\n");\n'),
        ("proxy/server/a.cpp", 'Send("$3\\r\\nabc\\r\\n");\n'),
        ("proxy/server/a.cpp", 'Send("+any text\\r\\n");\n'),
    ],
    "slot-arithmetic": [
        ("proxy/routing/a.cpp", "int s = hash % 16384;\n"),
        ("proxy/routing/a.cpp", "int s = hash & 16383;\n"),
        ("storage/engine/a.cpp", "int s = hash & 0x3FFF;\n"),
        ("storage/engine/a.cpp", "auto s = Crc16(key);\n"),
        ("storage/engine/a.cpp", "auto s = crc16_update(key);\n"),
    ],
    "exception": [
        ("proxy/client/a.cpp", 'throw std::runtime_error("x");\n'),
        ("storage/main.cpp", "int main() try {\n} catch (const E& e) {\n}\n"),
        ("runtime/a.h", "try { F(); } catch (...) {}\n"),
    ],
    "stringly-dispatch": [
        ("proxy/client/a.cpp", 'if (command == "get") F();\n'),
        ("proxy/client/a.cpp", 'if ("GET" == cmd) F();\n'),
        ("proxy/client/a.cpp", 'if (args[0] == "mget") F();\n'),
        ("storage/server/a.cpp", 'if (EqualsIgnoreCase(command_name, "set")) F();\n'),
        ("storage/server/a.cpp", 'if (spec->name == "exec") F();\n'),
        ("proxy/client/a.cpp", 'if (x == "get") A();\nif (x == "set") B();\n'
                               'if (x == "del") C();\nif (x == "hget") D();\n'),
    ],
    "no-assertion": [
        ("protocol/a_test.cpp", "TEST(A, B) {\n  Go();\n}\n"),
        ("protocol/a_test.cpp", "TEST_F(A, B) {\n  // EXPECT_TRUE(x)\n  Go();\n}\n"),
        ("tests/a_test.py", "def test_a():\n    go()\n"),
    ],
    "sleep": [
        ("runtime/a_test.cpp", "std::this_thread::sleep_for(1s);\n"),
        ("runtime/a_test.cpp", "usleep(10);\n"),
        ("tests/a.py", "import time\ntime.sleep(1)\n"),
        ("tests/a.py", "from time import sleep\n"),
        ("tests/a.sh", "go; sleep 1\n"),
    ],
}

# What looks like a violation and is none.
INNOCENTS = [
    ("protocol/a.cpp", '#include "protocol/slot.h"\n#include <span>\n#include <tl/expected.hpp>\n'),
    ("protocol/a.cpp", '// #include "runtime/clock.h"\n'),
    ("protocol/a_test.cpp", "#include <gtest/gtest.h>\n#include <unistd.h>\n"),
    ("runtime/a.cpp", "#include <uv.h>\n#include <sys/socket.h>\n"),
    ("proxy/client/a.cpp", '#include "proxy/backend/pool.h"\n#include "runtime/clock.h"\n'),
    ("storage/commands/a.cpp", '#include "storage/types/listpack.h"\n'),
    ("proxy/main.cpp", '#include "proxy/server/server.h"\n'),
    ("tests/a.cpp", '#include "proxy/a.h"\n#include "storage/b.h"\n#include <uv.h>\n'),
    ("runtime/a.cpp", "// How slotway runs, sharded or predisposed.\n"),
    ("proxy/server/a.cpp", lines(600 - 1)),
    ("proxy/server/a.h", lines(250 - 2)),
    ("proxy/server/a.cpp", function(68)),
    ("proxy/server/a.cpp", "const Row kRows[] = {\n" + "{1},\n" * 100 + "};\n"),
    ("proxy/server/a.cpp", "enum class A {\n" + "kA,\n" * 100 + "};\n"),
    ("proxy/server/a.cpp", "struct A {\n" + function(30) + function(60) + "};\n"),
    ("proxy/server/a.cpp", "struct alignas(64) A {\n" + function(30) + function(60) + "};\n"),
    ("proxy/server/a.cpp", function(40) + "#if A {\n#endif\n" + function(40)),
    ("proxy/server/a.cpp", 'const char* b = "{";\nconst char c = \'{\';\n' + function(60)
     + "int million = 1'000'000;\n" + function(60)),
    ("proxy/server/a.cpp", 'auto text = R"x(\n{"a": {)x";\n' + function(60) + function(60)),
    ("storage/server/commonly_used.cpp", ""),
    ("proxy/server/a.cpp", "// TODOS and XXXXXX; for nowadays\n"),
    ("README.md", "Works with the tree in /opt, /etc/slotway and ~/home/x.\n"),
    ("proxy/server/a.cpp", "std::shared_ptr<int> x;  // shared: two workers read it\n"),
    ("proxy/server/a.cpp", "// shared: readers keep it\n// while it is replaced\n"
                           "std::shared_ptr<int> x;\n"),
    ("proxy/server/a.cpp", "// A shared_ptr would cost a lock.\n"),
    ("runtime/clock.cpp", "auto t = std::chrono::steady_clock::now();\n"),
    ("runtime/random.cpp", "std::random_device device;\n"),
    ("runtime/a_test.cpp", "auto t = std::chrono::steady_clock::now();\nstd::mt19937 r;\n"),
    ("proxy/server/a.cpp", "auto t = clock.time(nullptr);\nint expand(int);\nauto r = x.rand();\n"),
    ("protocol/a.cpp", 'out += "+OK\\r\\n";\nint s = Crc16(k) & 16383;\n'),
    ("runtime/http.cpp", 'out += "\\r\\n";\n'),
    ("proxy/server/a_test.cpp", 'Send("*1\\r\\n");\nint s = Crc16(k) & 16383;\n'),
    ("proxy/server/a.cpp", '// writes "+OK\\r\\n"\n'),
    ("proxy/server/a.cpp", 'Trim(text, " \\t\\r\\n");\n'),
    ("storage/server/a.cpp", 'Add("# Server\\r\\nrole:master\\r\\n");\n'),
    ("storage/server/a.cpp", "throw std::bad_alloc();\n"),
    ("storage/server/a.cpp", '// wire: INFO is text, and its lines end so\nout += "\\r\\n";\n'),
    ("proxy/routing/a.cpp", "int bytes = 16384;\nint x = a % 100;\n"),
    ("storage/commands/a.cpp", 'if (option == "get") A();\nif (option == "nx") B();\n'),
    ("storage/commands/a.cpp", 'if (op == "get") A();\nif (op == "set") B();\n'
                           'if (op == "incr") C();\n'),
    ("storage/commands/a.cpp", 'const Row rows[] = {{"get", Get}, {"set", Set}};\n'),
    ("protocol/a.cpp", 'if (command == "get") F();\n'),
    ("config/a.cpp", "try { F(); } catch (const E& e) {}\n"),
    ("proxy/client/a.cpp", 'int try_count;\nbool TryLater();\nLog("catch (it)");\n'),
    ("protocol/a_test.cpp", "TEST(A, B) {\n  if (x) {\n  }\n  EXPECT_EQ(1, 1);\n}\n"),
    ("protocol/a_test.cpp", "TEST_P(A, B) {\n  ExpectReply(GetParam());\n}\n"),
    ("tests/a_test.py", "def test_a(self):\n    self.assertEqual(1, 1)\n"),
    ("tests/a_test.py", "def test_a():\n    for x in y:\n        assert x\n"),
    ("tests/a.py", "time.sleep(0.01)  # poll: the server has no event for it\n"),
    ("tests/a.sh", 'echo "no sleep"\n'),
]


def license_of(path):
    return SPDX if path.endswith(source_file.CPP_ENDINGS) else SPDX.replace("//", "#")


def complete(rule, path, text):
    """The text as a file that breaks no other rule by being short."""
    if text is None:
        return "" if rule == "license-line" else license_of(path)
    if path.endswith(".md"):
        return text
    if text.startswith("#!"):
        shebang, _, rest = text.partition("\n")
        return shebang + "\n" + license_of(path) + rest
    return (HEADER if path.endswith(".h") else license_of(path)) + text


class Tree:
    """A directory with the given files, and CMake links as in the real tree."""

    def __init__(self, files, links=True):
        self.files = dict(files)
        if links:
            for path, text in LINKS.items():
                self.files.setdefault(path, license_of(path) + text + "\n")

    def __enter__(self):
        self.directory = tempfile.TemporaryDirectory(prefix="tidy-test-")
        root = self.directory.name
        for path, text in self.files.items():
            full = os.path.join(root, path)
            os.makedirs(os.path.dirname(full), exist_ok=True)
            with open(full, "w", encoding="utf-8") as file:
                file.write(text)
        return root

    def __exit__(self, *_):
        self.directory.cleanup()


def findings_in(path, text):
    with Tree({path: text}) as root:
        return tidy.findings_of(source_file.read_sources(root), root)


def run_tidy(root, *options):
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        status = tidy.main(["--root", root, *options])
    return status, output.getvalue()


class RulesTest(unittest.TestCase):
    def test_every_violation_is_caught_and_nothing_else(self):
        for rule, cases in VIOLATIONS.items():
            for path, text in cases:
                with self.subTest(rule=rule, path=path, text=(text or "")[:80]):
                    found = findings_in(path, complete(rule, path, text))
                    found = {one.rule for one in found if one.path == path}
                    allowed = {"license-line"} if rule == "pragma-once" else set()
                    self.assertEqual(found - allowed, {rule})

    def test_innocents_are_spared(self):
        for path, text in INNOCENTS:
            with self.subTest(path=path, text=text[:80]):
                found = findings_in(path, complete(None, path, text))
                self.assertEqual([str(one) for one in found], [])

    def test_every_rule_has_a_violation_here(self):
        named = set()
        for path in glob.glob(os.path.join(HERE, "*_rules.py")):
            with open(path, encoding="utf-8") as file:
                named |= set(re.findall(r'(?:Finding|matches)\(\s*"([a-z-]+)"', file.read()))
        self.assertEqual(named, set(VIOLATIONS))

    def test_line_numbers_are_right(self):
        found = findings_in("proxy/server/a.cpp", SPDX + "/*\n\n*/\nint x = rand();\n")
        self.assertEqual([one.line for one in found], [5])

    def test_excess_is_counted(self):
        found = findings_in("proxy/server/a.cpp", complete("", "a.cpp", lines(640)))
        self.assertEqual([one.count for one in found], [41])

    def test_the_place_of_this_tree_is_no_place_to_name(self):
        pattern = text_rules.machine_pattern("/builds/slotway")
        self.assertTrue(pattern.search("in /builds/other/x"))
        self.assertFalse(pattern.search("in /buildset/x or a/builds/x"))
        self.assertFalse(text_rules.machine_pattern("/tmp/slotway").search("in /tmp/x"))

    def test_names_come_from_the_rows_too(self):
        row = SPDX + '{.name = "newcommand"},\n'
        use = SPDX + 'if (command == "newcommand") F();\n'
        files = {"protocol/command_rows/a.cpp": row, "proxy/client/a.cpp": use}
        with Tree(files) as root:
            found = tidy.findings_of(source_file.read_sources(root), root)
        self.assertEqual([one.rule for one in found], ["stringly-dispatch"])


class TableTest(unittest.TestCase):
    def test_the_table_is_sound(self):
        self.assertEqual(layering_rules.table_problems(), [])

    def test_a_circle_is_told(self):
        layers.LAYERS["protocol"][0].append("proxy/server")
        try:
            self.assertIn("protocol is below itself", layering_rules.table_problems())
        finally:
            layers.LAYERS["protocol"][0].remove("proxy/server")

    def test_longest_folder_owns_a_file(self):
        for path, owner in [("proxy/main.cpp", "proxy"), ("proxy/client/a.h", "proxy/client"),
                            ("protocol/command_rows/a.cpp", "protocol"), ("tests/a.cpp", None)]:
            self.assertEqual(layers.layer_of(path), owner)


class FunctionsTest(unittest.TestCase):
    def test_lines_of_functions(self):
        text = ("namespace a {\nint x = 1;\nvoid F(int b,\n       int c) {\n  if (b) {\n  }\n}\n"
                "int k[] = {1};\nA::A() : a_{1} {\n  Go();\n}\nstruct B {\n  int G() const {\n"
                "    return 1;\n  }\n};\n}\n")
        spans = size_rules.cpp_functions(text)
        self.assertIn((3, 7), spans)
        self.assertIn((13, 15), spans)
        self.assertTrue(any(last == 11 for _, last in spans))


class RatchetTest(unittest.TestCase):
    def tree(self, count, allowed):
        text = SPDX + "int x = rand();\n" * count
        files = {"proxy/server/a.cpp": text, tidy.RATCHET: json.dumps(allowed)}
        return Tree(files)

    def test_at_the_ratchet_is_well(self):
        with self.tree(2, {"hidden-random": {"proxy/server/a.cpp": 2}}) as root:
            self.assertEqual(run_tidy(root)[0], 0)

    def test_above_fails_and_shows_where(self):
        with self.tree(3, {"hidden-random": {"proxy/server/a.cpp": 2}}) as root:
            status, output = run_tidy(root)
        self.assertEqual(status, 1)
        self.assertIn("proxy/server/a.cpp:4: hidden-random", output)

    def test_below_fails_until_lowered(self):
        with self.tree(1, {"hidden-random": {"proxy/server/a.cpp": 2}}) as root:
            status, output = run_tidy(root)
            self.assertEqual(status, 1)
            self.assertIn("--lower", output)
            self.assertEqual(run_tidy(root, "--lower")[0], 0)
            self.assertEqual(ratchet.load(os.path.join(root, tidy.RATCHET)),
                             {"hidden-random": {"proxy/server/a.cpp": 1}})

    def test_lower_never_raises(self):
        with self.tree(3, {"hidden-random": {"proxy/server/a.cpp": 2}}) as root:
            self.assertEqual(run_tidy(root, "--lower")[0], 1)
            self.assertEqual(ratchet.load(os.path.join(root, tidy.RATCHET)),
                             {"hidden-random": {"proxy/server/a.cpp": 2}})

    def test_gone_files_leave_the_ratchet(self):
        with self.tree(0, {"note": {"gone.cpp": 1}}) as root:
            self.assertEqual(run_tidy(root)[0], 1)
            self.assertEqual(run_tidy(root, "--lower")[0], 0)
            self.assertEqual(ratchet.load(os.path.join(root, tidy.RATCHET)), {})

    def test_no_files_are_no_success(self):
        with Tree({}, links=False) as root:
            self.assertEqual(run_tidy(root)[0], 1)


class ListingTest(unittest.TestCase):
    FILES = {"a.md": "x\n", "build/b.md": "x\n", "c.bin": "x\0\n"}

    def test_walks_outside_of_git(self):
        with Tree(self.FILES, links=False) as root:
            self.assertEqual([one.path for one in source_file.read_sources(root)], ["a.md"])

    def test_asks_git_where_it_can(self):
        files = {**self.FILES, ".gitignore": "/build/\nignored.md\n", "ignored.md": "x\n"}
        with Tree(files, links=False) as root:
            if subprocess.run(["git", "init", "-q", root], check=False).returncode != 0:
                self.skipTest("no git here")
            paths = [one.path for one in source_file.read_sources(root)]
        self.assertEqual(paths, [".gitignore", "a.md"])


if __name__ == "__main__":
    unittest.main()
