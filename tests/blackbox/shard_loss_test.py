# SPDX-License-Identifier: Apache-2.0
"""What a cluster loses when processes die: clients write numbers to a shard whose nodes are killed,
stopped and cut off, and look for what was confirmed to them. Each node is in a network namespace of
its own; where there are none (they need root), no network is cut.

Alone, `shard_loss_test.py --kind ours|redis --mode held|plain --faults N` prints the loss; in the
tests the number of faults is 4, or SLOTWAY_LOSS_FAULTS."""
import argparse
import os
import random
import shutil
import signal
import sys
import tempfile
import threading
import time

from bus_nodes import NODE_TIMEOUT_MS, ShardNode, all_ok, answers, give_slots, my_id, view
from deadline import SLOWNESS, wait_until
from free_ports import free_ports
from pod_network import PodNetwork, why_impossible
from raw_client import ConnectionClosed, ErrorReply, RawClient
from real_cluster import RedisNode

FAULTS = int(os.environ.get("SLOTWAY_LOSS_FAULTS", "7"))
WRITERS = 4
NODES = 5
POD_PORT = 6379
HELD = ("--min-replicas-to-ack", "majority", "--min-replicas-ack-timeout", "3000")


class Shard:
    """Three masters; the first has two replicas, and its nodes are those that fail."""

    def __init__(self, kind, mode):
        self.directory = tempfile.mkdtemp(prefix="slotway-loss-")
        self.nodes, self.network = [], None
        if why_impossible() is None:
            self.network = PodNetwork(NODES, {})
            self.network.enter()
            places = [(address, POD_PORT, self.network.in_pod(number))
                      for number, address in enumerate(self.network.pod_addresses)]
        else:
            places = [("127.0.0.1", port, ()) for port in free_ports(NODES)]
        for number, place in enumerate(places):
            self.nodes.append(self._start(kind, mode, os.path.join(self.directory, str(number)), *place))
        for node in self.nodes:
            wait_until(lambda node=node: answers(node), 20, f"{node.host}:{node.port} answers")
        masters, replicas = self.nodes[:3], self.nodes[3:]
        give_slots(masters)
        for other in self.nodes[1:]:
            assert self.nodes[0].call("CLUSTER", "MEET", other.host, other.port) == "OK"
        wait_until(lambda: all(len(view(node)) == 5 for node in self.nodes), 30, "all have met")
        for replica in replicas:
            master_id = my_id(masters[0])
            wait_until(lambda: replica.call("CLUSTER", "REPLICATE", master_id) == "OK", 20,
                       "it knows its master")
        wait_until(lambda: all_ok(self.nodes), 30, "all agree that all is well")
        self.members = [masters[0], *replicas]
        self.wait_until_whole()

    @staticmethod
    def _start(kind, mode, folder, host, port, prefix):
        if kind == "ours":
            settings = ("--repl-diskless-sync-delay", "0", "--cluster-allow-replica-migration", "no",
                        "--protected-mode", "no", *(HELD if mode == "held" else ()))
            return ShardNode(folder, port, settings, host, prefix)
        return RedisNode(folder, port, node_timeout_ms=NODE_TIMEOUT_MS, host=host, prefix=prefix, settings=[
            ("repl-diskless-sync-delay", "0"), ("cluster-allow-replica-migration", "no")]).start()

    def master(self):
        """The member that serves, None while there is none."""
        for node in self.members:
            try:
                with RawClient(node.port, node.host, timeout_s=1) as client:
                    serves = not isinstance(client.call("EXISTS", key_of(0)), ErrorReply)
                    if serves and client.call("ROLE")[0] == b"master":
                        return node
            except (OSError, EOFError, AssertionError, ConnectionClosed):
                continue
        return None

    def is_whole(self):
        master = self.master()
        if master is None:
            return False
        try:
            return len(master.call("ROLE")[2]) == 2
        except (OSError, ConnectionClosed):
            return False

    def wait_until_whole(self):
        wait_until(self.is_whole, 60, "a master with two replicas")

    def stop(self):
        for node in self.nodes:
            node.process.signal(signal.SIGCONT)
            node.process.kill()
            node.stop()
        if self.network is not None:
            self.network.delete()
        shutil.rmtree(self.directory, ignore_errors=True)

    def logs(self):
        return "\n".join(f"== {node.host}:{node.port}\n{node.process.log_tail(40)}" for node in self.nodes)


def key_of(writer):
    """Keys of the first third of the slots."""
    return f"{{06S}}{writer}"  # slot 0


class Writer(threading.Thread):
    """Adds numbers to a list of its own, and remembers those that were confirmed."""

    def __init__(self, shard, number):
        super().__init__(daemon=True)
        self._shard, self._number = shard, number
        self._padding = "x" * 30000
        self._runs, self._ends = threading.Event(), False
        self.is_idle = threading.Event()
        self.confirmed, self.last, self.total = [], 0, 0
        self._client, self._at = None, 0
        self.start()

    def let_go(self):
        self.is_idle.clear()
        self._runs.set()

    def hold(self):
        self._runs.clear()
        assert self.is_idle.wait(60 * SLOWNESS)

    def end(self):
        self._ends = True
        self._runs.set()
        self.join()

    def run(self):
        while not self._ends:
            if not self._runs.is_set():
                self.is_idle.set()
                self._runs.wait()
                continue
            self._write()

    def _write(self):
        self.last += 1
        try:
            if self._client is None:
                node = self._shard.members[self._at]
                self._client = RawClient(node.port, node.host, timeout_s=8)
            reply = self._client.pipeline([("RPUSH", key_of(self._number), self.last),
                                           ("SET", key_of("padding"), self._padding)])[0]
        except (OSError, EOFError, ConnectionClosed):
            reply = None
        if isinstance(reply, int):
            self.confirmed.append(self.last)
            self.total += 1
            return
        if self._client is not None and not str(reply).startswith("NOREPLICAS"):
            self._client.close()
            self._client = None
        if self._client is None:
            self._at = (self._at + 1) % len(self._shard.members)


class Trial:
    """Faults one after the other under load; counts what was confirmed and is not there."""

    def __init__(self, kind, mode, seed):
        self.shard = Shard(kind, mode)
        self.kind, self.random, self.lost = kind, random.Random(seed), 0
        self.writers = [Writer(self.shard, i) for i in range(WRITERS)]
        self.faults = {}

    def run(self, count, names=None):
        kinds = list(names or ["kill_master", "kill_lagging_master", "stop_master", "kill_replica",
                               "stop_replica"])
        if self.shard.network is not None and not names:
            kinds[1:1] = ["part_master", "cut_off_master"]
        for i in range(count):
            name = kinds[i % len(kinds)] if i < len(kinds) else self.random.choice(kinds)
            for writer in self.writers:
                writer.let_go()
            self._wait(self.random.uniform(0.2, 0.6))
            getattr(self, "_" + name)()
            self._wait(0.2)
            for writer in self.writers:
                writer.hold()
            self.shard.wait_until_whole()
            lost = self._look()
            self.faults[name] = self.faults.get(name, 0) + 1
            self.lost += lost
            print(f"{i + 1}/{count} {name}: {lost} lost of {self.total()} so far", flush=True)

    def total(self):
        return sum(writer.total for writer in self.writers)

    @staticmethod
    def _wait(seconds):
        threading.Event().wait(seconds)  # poll: load for a while

    def _look(self):
        lost = 0
        for number, writer in enumerate(self.writers):
            there = {int(item) for item in self._ask("LRANGE", key_of(number), 0, -1)}
            lost += len(set(writer.confirmed) - there)
            writer.confirmed = []
            self._ask("DEL", key_of(number))
        return lost

    def _ask(self, *command):
        """What the master answers, if need be the next one: on a busy machine it may be replaced just now."""
        def answer():
            try:
                with self._master().client() as client:
                    reply = client.call(*command)
            except (OSError, EOFError, ConnectionClosed):
                return None
            return None if isinstance(reply, ErrorReply) else (reply,)
        return wait_until(answer, 40, f"an answer to {command[0]}")[0]

    def _master(self):
        return wait_until(self.shard.master, 40, "a master serves")

    def _replicas(self, master):
        return [node for node in self.shard.members if node is not master]

    def _await_another(self, old):
        wait_until(lambda: self.shard.master() not in (None, old), 40, "another master serves")

    def _start(self, node):
        if self.kind == "ours":
            node.start_again()
        else:
            node.start()
        wait_until(lambda: answers(node), 20, "it is back")

    def _kill_master(self):
        master = self._master()
        master.process.kill()
        self._await_another(master)
        self._start(master)

    def _kill_lagging_master(self):
        master = self._master()
        for replica in self._replicas(master):
            replica.process.signal(signal.SIGSTOP)
        self._wait(0.4)
        master.process.kill()
        for replica in self._replicas(master):
            replica.process.signal(signal.SIGCONT)
        self._await_another(master)
        self._start(master)

    def _stop_master(self):
        """It goes on when it has been replaced: what clients had sent it meanwhile is there."""
        master = self._master()
        master.process.signal(signal.SIGSTOP)
        self._await_another(master)
        master.process.signal(signal.SIGCONT)

    def _part_master(self):
        """Its clients reach it as ever, and nobody else does."""
        master = self._master()
        number = self.shard.nodes.index(master)
        self.shard.network.part(number)
        self._await_another(master)
        self._wait(0.3)
        self.shard.network.rejoin(number)

    def _cut_off_master(self):
        master = self._master()
        number = self.shard.nodes.index(master)
        self.shard.network.cut_off(number)
        self._await_another(master)
        self.shard.network.connect_again(number)

    def _kill_replica(self):
        replica = self.random.choice(self._replicas(self._master()))
        replica.process.kill()
        self._wait(0.3)
        self._start(replica)

    def _stop_replica(self):
        replica = self.random.choice(self._replicas(self._master()))
        replica.process.signal(signal.SIGSTOP)
        self._wait(0.3)
        replica.process.signal(signal.SIGCONT)

    def stop(self):
        for writer in self.writers:
            writer.end()
        self.shard.stop()


def test_nothing_that_was_confirmed_is_lost():
    trial = Trial("ours", "held", seed=7)
    try:
        trial.run(FAULTS)
        assert trial.total() > 0
        assert trial.lost == 0
    finally:
        trial.stop()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kind", choices=["ours", "redis"], default="ours")
    parser.add_argument("--mode", choices=["held", "plain"], default="plain")
    parser.add_argument("--faults", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    began, trial = time.monotonic(), Trial(options.kind, options.mode, options.seed)
    try:
        trial.run(options.faults)
    except BaseException:
        print(trial.shard.logs())
        raise
    finally:
        trial.stop()
    print(f"{options.kind} {options.mode}, seed {options.seed}: {options.faults} faults {trial.faults}, "
          f"{trial.total()} writes confirmed, {trial.lost} of them lost, {time.monotonic() - began:.0f} s")
    return 0 if trial.lost == 0 or options.mode == "plain" else 1


if __name__ == "__main__":
    sys.exit(main())
