# SPDX-License-Identifier: Apache-2.0
"""scripts/test_summary.awk over what ctest prints and logs."""
import os
import subprocess
import tempfile
import unittest

SUMMARY = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../scripts/test_summary.awk")

PASSED, SKIPPED, DISABLED = "   Passed ", "***Skipped ", "***Not Run (Disabled) "
FAILED, TIMEOUT, SEGFAULT = "***Failed  ", "***Timeout ", "***Exception: SegFault "
NOT_RUN = "***Not Run "


def run(*tests):
    """What ctest prints and logs about tests of (name, verdict, output)."""
    count = len(tests)
    verdicts, log = "Test project build\n", "Start testing: Nov 22 17:10 UTC\n"
    for i, (name, verdict, output) in enumerate(tests, 1):
        verdicts += f"      Start {i}: {name}\n"
        verdicts += f"{i:2}/{count} Test #{i}: {name} ......{verdict}  0.03 sec\n"
        rule = "-" * 58
        log += (f"{rule}\n{i}/{count} Testing: {name}\n{i}/{count} Test: {name}\n"
                f'Command: "/usr/bin/true"\nDirectory: build\n"{name}" start time: Nov 22 17:10 UTC\n'
                f"Output:\n{rule}\n{output}<end of output>\nTest time =   0.03 sec\n{rule}\n"
                f"Test Passed.\n")
    return verdicts, log


def summary(*tests, again=()):
    """The summary's lines for tests of (name, verdict, output), some of them run again."""
    with tempfile.TemporaryDirectory() as directory:
        paths = []
        for turn, of_turn in enumerate([tests, again] if again else [tests]):
            for name, text in zip(("verdicts.txt", "LastTest.log"), run(*of_turn)):
                paths.append(os.path.join(directory, f"{turn}-{name}"))
                with open(paths[-1], "w", encoding="ascii") as file:
                    file.write(text)
        done = subprocess.run(["awk", "-f", SUMMARY, *paths], stdout=subprocess.PIPE, text=True,
                              check=False)
    lines = done.stdout.splitlines()
    return lines[:-1], lines[-1], done.returncode


class SummaryTest(unittest.TestCase):
    def test_single_cases_are_counted(self):
        google = ("[==========] 7 tests from 2 test suites ran. (5 ms total)\n"
                  "[  PASSED  ] 4 tests.\n[  SKIPPED ] 1 test, listed below:\n"
                  "[  SKIPPED ] Suite.Root\n[  FAILED  ] 2 tests, listed below:\n"
                  "[  FAILED  ] Suite.A\n[  FAILED  ] Suite.B\n\n 2 FAILED TESTS\n")
        self.assertEqual(summary(("unit", FAILED, google)),
                         (["failed: unit"], "4 passed, 2 failed, 1 skipped", 1))

    def test_pytest_quiet_and_not(self):
        reason = "SKIPPED [1] nodeport_test.py:4: needs root\n"
        for line in ("1 failed, 5 passed, 1 skipped, 1 error in 0.04s\n",
                     "==== 1 failed, 5 passed, 1 skipped, 1 error in 0.04s ====\n"):
            self.assertEqual(
                summary(("blackbox", FAILED, reason + line)),
                (["skipped: blackbox: needs root", "failed: blackbox"],
                 "5 passed, 2 failed, 1 skipped", 1))
        self.assertEqual(summary(("a", PASSED, "28 passed in 66.11s (0:01:06)\n"))[1:],
                         ("28 passed, 0 failed, 0 skipped", 0))
        self.assertEqual(summary(("a", FAILED, "1 error in 0.07s\n"))[1],
                         "0 passed, 1 failed, 0 skipped")

    def test_a_test_without_cases_is_one(self):
        for verdict in (FAILED, TIMEOUT, SEGFAULT, NOT_RUN):
            self.assertEqual(summary(("quiet", PASSED, ""), ("other", verdict, "")),
                             (["failed: other"], "1 passed, 1 failed, 0 skipped", 1))

    def test_one_that_died_after_its_count_has_failed(self):
        self.assertEqual(summary(("leaky", SEGFAULT, "[  PASSED  ] 3 tests.\n"))[1:],
                         ("3 passed, 1 failed, 0 skipped", 1))

    def test_skips_have_a_word(self):
        self.assertEqual(
            summary(("a", PASSED, ""), ("b", SKIPPED, "there is no redis-server\n")),
            (["skipped: b: there is no redis-server"], "1 passed, 0 failed, 1 skipped", 0))
        self.assertEqual(summary(("a", PASSED, ""), ("b", DISABLED, ""))[1],
                         "1 passed, 0 failed, 1 skipped")

    def test_google_test_tells_why_it_skipped(self):
        output = ("[ RUN      ] Resolver.Names\nresolver_test.cpp:47: Skipped\n"
                  "this machine does not know localhost\n\n[  SKIPPED ] Resolver.Names (0 ms)\n"
                  "[  PASSED  ] 2 tests.\n[  SKIPPED ] 1 test, listed below:\n"
                  "[  SKIPPED ] Resolver.Names\n")
        self.assertEqual(summary(("unit", PASSED, output)),
                         (["skipped: unit: this machine does not know localhost"],
                          "2 passed, 0 failed, 1 skipped", 0))

    def test_the_last_run_of_a_test_counts(self):
        first = [("a", PASSED, "3 passed in 1s\n"), ("b", FAILED, "1 failed, 2 passed in 1s\n")]
        self.assertEqual(summary(*first, again=[("b", PASSED, "3 passed in 1s\n")]),
                         (["unstable: b: failed once, passed alone"],
                          "6 passed, 0 failed, 0 skipped", 0))
        self.assertEqual(summary(*first, again=[("b", TIMEOUT, "")]),
                         (["failed: b"], "3 passed, 1 failed, 0 skipped", 1))

    def test_nothing_passed_is_a_failure(self):
        self.assertEqual(summary(("a", SKIPPED, ""))[1:], ("0 passed, 0 failed, 1 skipped", 1))


if __name__ == "__main__":
    unittest.main()
