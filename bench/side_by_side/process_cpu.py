# SPDX-License-Identifier: Apache-2.0
"""CPU time (user + system) that a set of processes has used, in microseconds.

The scheduler's own nanosecond count (/proc/PID/task/TID/schedstat) is summed over all threads.
Threads that ended in between take their count with them; then the 10 ms ticks of /proc/PID/stat,
which keep the time of ended threads, are used instead.
"""

import os


class ProcessGone(Exception):
    """A process under test ended while it was measured."""


class CpuSample:
    """One reading of every thread of `pids`."""

    def __init__(self, pids):
        self.thread_us = {}
        self.ticks_us = 0.0
        for pid in pids:
            try:
                self.ticks_us += ticks_us(pid)
                for thread in os.listdir(f"/proc/{pid}/task"):
                    self.thread_us[(pid, thread)] = scheduled_us(pid, thread)
            except FileNotFoundError as error:
                raise ProcessGone(f"process {pid} is gone") from error


def scheduled_us(pid, thread):
    try:
        with open(f"/proc/{pid}/task/{thread}/schedstat", encoding="ascii") as file:
            return int(file.read().split()[0]) / 1000.0
    except ProcessLookupError as error:
        raise FileNotFoundError(thread) from error


def ticks_us(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
        return stat_ticks(file.read()) * 1e6 / os.sysconf("SC_CLK_TCK")


def stat_ticks(line):
    """utime + stime of a stat line; the name in parentheses may hold spaces and parentheses."""
    fields = line.rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def used_us(before, after):
    """Microseconds of CPU between two samples of the same processes."""
    if set(before.thread_us) - set(after.thread_us):
        return after.ticks_us - before.ticks_us
    return sum(us - before.thread_us.get(thread, 0.0) for thread, us in after.thread_us.items())
