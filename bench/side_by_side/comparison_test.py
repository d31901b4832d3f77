# SPDX-License-Identifier: Apache-2.0
"""The figures and the tables, without servers."""

import os
import unittest

from side_by_side import (address, comparison, data_shapes, load_run, loads, local_servers,
                          process_cpu, report)

CSV = (
    '"test","rps","avg_latency_ms","min_latency_ms","p50_latency_ms","p95_latency_ms",'
    '"p99_latency_ms","max_latency_ms"\n'
    '"GET key:__rand_int__","769230.75","0.581","0.240","0.543","0.775","1.791","2.175"\n'
)


class AddressTest(unittest.TestCase):
    def test_reads_every_part(self):
        one = address.Address("redis=127.0.0.1:6379,pid=12+13,auth=a=b")
        self.assertEqual((one.name, one.host, one.port), ("redis", "127.0.0.1", 6379))
        self.assertEqual((one.pids, one.auth), ([12, 13], "a=b"))

    def test_refuses_what_it_cannot_read(self):
        for text in ["127.0.0.1:1", "=h:1", "a=h", "a=h:x", "a=h:1,pid=x", "a=h:1,cpu=2"]:
            with self.subTest(text), self.assertRaises(ValueError):
                address.Address(text)


class ShapeTest(unittest.TestCase):
    def test_makes_what_its_name_says(self):
        for name, requests, elements in [("hash:3:2", 2, 6), ("list:250:1", 3, 250),
                                         ("stream:2:3", 6, 6), ("string:16/5:4", 4, 4)]:
            with self.subTest(name):
                shape = data_shapes.Shape(name)
                self.assertEqual(len(list(shape.requests())), requests)
                self.assertEqual(shape.elements, elements)
        [request] = data_shapes.Shape("string:12/5/ttl:1").requests()
        self.assertEqual([len(word) for word in request[1:3]], [12, 5])
        self.assertEqual(request[3], b"EX")

    def test_refuses_what_it_cannot_make(self):
        for name in ["hash:3", "tree:1:1", "hash:x:1", "list:0:1", "string:16:1", "string:4/4:1",
                     "string:16/16/ever:1", "set:1:0"]:
            with self.subTest(name), self.assertRaises(ValueError):
                data_shapes.Shape(name)


class LoadTest(unittest.TestCase):
    def test_reads_command_and_pipeline(self):
        for text, shown in [("get", "get P=1"), ("set:64", "set P=64"), ("mget10:2", "mget10 P=2")]:
            self.assertEqual(str(loads.Load(text)), shown)

    def test_refuses_what_it_cannot_read(self):
        for text in ["", "nope:1", "get:0", "get:x", "get:"]:
            with self.subTest(text), self.assertRaises(ValueError):
                loads.Load(text)

    def test_value_has_the_bytes_asked_for(self):
        self.assertEqual(len(loads.Load("set").arguments(32)[-1]), 32)


class LoadRunTest(unittest.TestCase):
    def test_reads_the_figures(self):
        self.assertEqual(load_run.parse_csv(CSV),
                         {"rps": 769230.75, "p50_ms": 0.543, "p99_ms": 1.791})

    def test_no_result_is_a_failure(self):
        with self.assertRaises(load_run.RunFailed):
            load_run.parse_csv(CSV.splitlines()[0] + "\n")

    def test_command_carries_every_setting(self):
        settings = load_run.Settings(7, 3, 99, "1", 2)
        command = load_run.benchmark_command(address.Address("a=h:1,auth=pw"), loads.Load("set:4"),
                                             1000, settings)
        self.assertEqual(command, [
            "taskset", "-c", "1", "redis-benchmark", "-h", "h", "-p", "1", "-a", "pw",
            "--threads", "2", "-c", "7", "-n", "1000", "-P", "4", "-r", "99", "--csv",
            "--precision", "3", "SET", "key:__rand_int__", "xxx"])


class ProcessCpuTest(unittest.TestCase):
    def test_stat_line_with_a_hostile_name(self):
        line = "7 (a) b (c) S 1 7 7 0 -1 4194560 1 0 0 0 11 22 0 0 20 0 5 0 82981"
        self.assertEqual(process_cpu.stat_ticks(line), 33)

    def test_own_work_is_counted(self):
        before = process_cpu.CpuSample([os.getpid()])
        sum(range(300_000))
        self.assertGreater(process_cpu.used_us(before, process_cpu.CpuSample([os.getpid()])), 100)

    def test_new_threads_count_and_ended_threads_fall_back_to_ticks(self):
        before, after = process_cpu.CpuSample([]), process_cpu.CpuSample([])
        before.thread_us, before.ticks_us = {1: 10.0}, 100.0
        after.thread_us, after.ticks_us = {1: 15.0, 2: 3.0}, 900.0
        self.assertEqual(process_cpu.used_us(before, after), 8.0)
        after.thread_us = {2: 3.0}
        self.assertEqual(process_cpu.used_us(before, after), 800.0)

    def test_a_dead_process_is_told(self):
        with self.assertRaises(process_cpu.ProcessGone):
            process_cpu.CpuSample([2 ** 22 + 1])


class ComparisonTest(unittest.TestCase):
    def test_rounds_alternate(self):
        seen = []

        def run(one, _, requests):
            seen.append(one.name)
            return {"rps": 1000.0, "p50_ms": 1.0, "p99_ms": 2.0}

        addresses = [address.Address("a=h:1"), address.Address("b=h:2")]
        comparison.compare_load(addresses, loads.Load("get"), 3, run, requests=1000)
        self.assertEqual("".join(seen), "abbaab")

    def test_request_count_follows_the_slowest(self):
        def run(one, _, requests):
            return {"rps": 50_400.0 if one.name == "a" else 90_000.0}

        addresses = [address.Address("a=h:1"), address.Address("b=h:2")]
        result = comparison.compare_load(addresses, loads.Load("get:16"), 1, run, seconds=2)
        self.assertEqual(result["requests"], 96_000)

    def test_ratios_are_taken_inside_a_round(self):
        base = [{"cpu_us": 1.0}, {"cpu_us": 10.0}, {"cpu_us": 2.0}]
        half = [{"cpu_us": 0.5}, {"cpu_us": 5.0}, {"cpu_us": 1.0}]
        self.assertEqual(comparison.ratio_of(half, base, "cpu_us"), 0.5)
        self.assertEqual(comparison.spread_of(base, "cpu_us"), 4.5)

    def test_without_a_pid_there_is_no_cpu_figure(self):
        sample = {"rps": 5.0, "p50_ms": 1.0, "p99_ms": 2.0}
        text = report.table([{"load": "get P=1", "samples": {"a": [sample], "b": [sample]}}])
        self.assertIn("1.00", text)
        self.assertEqual(text.count(" - |"), 6)


class LocalServersTest(unittest.TestCase):
    def test_a_program_that_ends_is_told_and_its_directory_removed(self):
        with self.assertRaisesRegex(local_servers.StartFailed, "it logged nothing"):
            with local_servers.LocalServers() as servers:
                directory = servers.directory
                servers.start("ends", ["true"], local_servers.free_port(), None)
        self.assertFalse(os.path.exists(directory))


if __name__ == "__main__":
    unittest.main()
