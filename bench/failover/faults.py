# SPDX-License-Identifier: Apache-2.0
"""What happens to a master, and how it comes back. Each fault: begin(cluster, number), end(...)."""
import signal

from deadline import wait_until


class Kill:
    """kill -9."""
    number = signal.SIGKILL

    @classmethod
    def begin(cls, cluster, victim):
        cluster.nodes[victim].process.signal(cls.number)

    @staticmethod
    def end(cluster, victim):
        process = cluster.nodes[victim].process
        wait_until(lambda: not process.is_running(), 30, "the master has ended")
        cluster.start_again(victim)


class Terminate(Kill):
    """SIGTERM."""
    number = signal.SIGTERM


class Pause:
    """SIGSTOP."""

    @staticmethod
    def begin(cluster, victim):
        cluster.nodes[victim].process.signal(signal.SIGSTOP)

    @staticmethod
    def end(cluster, victim):
        cluster.nodes[victim].process.signal(signal.SIGCONT)


class Partition:
    """Its network is cut off: packets are lost, nothing is refused."""

    @staticmethod
    def begin(cluster, victim):
        cluster.network.cut_off(victim)

    @staticmethod
    def end(cluster, victim):
        cluster.network.connect_again(victim)


FAULTS = {"kill": Kill, "terminate": Terminate, "pause": Pause, "partition": Partition}
