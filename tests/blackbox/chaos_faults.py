# SPDX-License-Identifier: Apache-2.0
"""Trouble for a real cluster of masters with one replica each, and what Redis may lose by it."""
import signal
import time

from chaos_history import LossZone, Losses
from deadline import wait_until

# Below the cluster's node timeout, and beyond what an impatient proxy waits for an answer.
SHORT_PAUSE_S = 0.9
CUTS, BETWEEN_CUTS_S = 40, 0.02
SLOTS_MOVED, BETWEEN_KEYS_S = 15, 0.02
HEAL_S = 60
NOTHING_LOST = Losses(frozenset(), [])


def replication(node):
    text = node.call("INFO", "replication").decode()
    return dict(line.split(":", 1) for line in text.splitlines() if ":" in line)


def is_master(node):
    return node.call("ROLE")[0] == b"master"


def is_connected_replica(node):
    role = node.call("ROLE")
    return role[0] == b"slave" and role[3] == b"connected"


def used_slots(node, slots):
    slots = sorted(slots)
    with node.client() as client:
        counts = client.pipeline([("CLUSTER", "COUNTKEYSINSLOT", slot) for slot in slots])
    return [slot for slot, count in zip(slots, counts) if count > 0]


class Faults:
    """Each fault leaves the cluster whole again and returns the Losses it made possible."""

    def __init__(self, cluster, rng):
        self._cluster, self._rng = cluster, rng

    def all(self):
        return [self.kill_master, self.restart_master, self.pause_master_for_long,
                self.pause_master_shortly, self.restart_replica, self.pause_replica,
                self.planned_failover, self.move_slots, self.move_slots_behind_a_pause,
                self.cut_connections]

    def _masters(self):
        return [node for node in self._cluster.nodes if is_master(node)]

    def _a_shard(self):
        """(master, replica): a master that has one."""
        master = self._rng.choice([node for node in self._masters()
                                   if self._cluster.replicas_of(node)])
        return master, self._cluster.replicas_of(master)[0]

    def _safe_time(self, master, replica):
        """Whatever the master acknowledged before this time, its replica has."""
        now = time.monotonic()
        state = replication(master)
        wait_until(lambda: has_offset(replica, state), 20, "the replica has caught up")
        return now

    def _slots_of(self, master):
        return {slot for first, last in self._cluster.slot_owners()[master.port]
                for slot in range(first, last + 1)}

    def _if_replaced(self, master, slots, safe):
        """A fault that should not make a replica a master, but may on a slow machine."""
        if is_master(master):
            return NOTHING_LOST
        now = time.monotonic()
        return Losses(slots, [LossZone(safe, now, now)])

    def _pause_for(self, seconds):
        end = time.monotonic() + seconds
        wait_until(lambda: time.monotonic() >= end, seconds + 5, "a while has passed")

    def _heal(self):
        self._cluster.wait_until_ok()
        wait_until(self._all_replicated, HEAL_S, "every master has a replica that follows")

    def _all_replicated(self):
        masters = self._masters()
        replicas = [node for node in self._cluster.nodes if node not in masters]
        return (len(masters) == self._cluster.masters and all(map(is_connected_replica, replicas))
                and all(self._cluster.replicas_of(node) for node in masters))

    def kill_master(self):
        master, replica = self._a_shard()
        safe, slots = self._safe_time(master, replica), self._slots_of(master)
        master.kill()
        killed = time.monotonic()
        wait_until(lambda: is_master(replica), HEAL_S, "the replica is promoted")
        promoted = time.monotonic()
        self._start(master)
        self._heal()
        # The dead answer nothing: what was sent later, or answered after the promotion, is safe.
        return Losses(slots, [LossZone(safe, promoted, killed)])

    def restart_master(self):
        """Back before anybody missed it. It has an append only file, so nothing is lost."""
        master, replica = self._a_shard()
        safe, slots = self._safe_time(master, replica), self._slots_of(master)
        master.kill()
        self._start(master)
        self._heal()
        return self._if_replaced(master, slots, safe)

    def pause_master_for_long(self):
        master, replica = self._a_shard()
        safe, slots = self._safe_time(master, replica), self._slots_of(master)
        master.process.signal(signal.SIGSTOP)
        stopped = time.monotonic()
        try:
            wait_until(lambda: is_master(replica), HEAL_S, "the replica is promoted")
            promoted = time.monotonic()
            self._pause_for(self._rng.uniform(0, 1.5))
        finally:
            resumed = time.monotonic()
            master.process.signal(signal.SIGCONT)
        wait_until(lambda: is_connected_replica(master), HEAL_S, "the old master is a replica")
        settled = time.monotonic()
        self._heal()
        # The second: until it hears that it was replaced, it serves what waits in its sockets.
        return Losses(slots, [LossZone(safe, promoted, stopped),
                              LossZone(resumed, settled, settled)])

    def pause_master_shortly(self):
        master, replica = self._a_shard()
        safe, slots = self._safe_time(master, replica), self._slots_of(master)
        self._stop_and_continue(master)
        self._heal()
        return self._if_replaced(master, slots, safe)

    def restart_replica(self):
        _, replica = self._a_shard()
        replica.kill()
        self._start(replica)
        self._heal()
        return NOTHING_LOST

    def pause_replica(self):
        self._stop_and_continue(self._a_shard()[1])
        self._heal()
        return NOTHING_LOST

    def planned_failover(self):
        master, replica = self._a_shard()
        assert replica.call("CLUSTER", "FAILOVER") == "OK"
        wait_until(lambda: is_master(replica) and not is_master(master), HEAL_S,
                   "the replica takes over")
        self._heal()
        return NOTHING_LOST

    def move_slots(self):
        """Slots that hold keys, key by key, so that each is in two places for a while."""
        source, target = self._rng.sample(self._masters(), 2)
        used = used_slots(source, self._slots_of(source))
        for slot in self._rng.sample(used, min(SLOTS_MOVED, len(used))):
            self._move_slot(slot, source, target)
        self._heal()
        return NOTHING_LOST

    def move_slots_behind_a_pause(self):
        """The source is silent when all others hear that the slots have moved. What was sent to it
        before it refuses when it goes on."""
        source, target = self._rng.sample(self._masters(), 2)
        replica = self._cluster.replicas_of(source)[0]
        safe, slots = self._safe_time(source, replica), self._slots_of(source)
        used = used_slots(source, slots)
        moved = self._rng.sample(used, min(SLOTS_MOVED, len(used)))
        for slot in moved:
            self._move_keys(slot, source, target)
        source.process.signal(signal.SIGSTOP)
        try:
            self._give_to(target, moved, [target])
            self._pause_for(SHORT_PAUSE_S)
        finally:
            source.process.signal(signal.SIGCONT)
        if is_master(source):
            self._give_to(target, moved, [source])
        self._heal()
        return self._if_replaced(source, slots, safe)

    def _give_to(self, target, slots, told):
        target_id = target.call("CLUSTER", "MYID")
        for node in told:
            with node.client() as client:
                replies = client.pipeline([("CLUSTER", "SETSLOT", slot, "NODE", target_id)
                                           for slot in slots])
            assert replies == ["OK"] * len(slots), replies

    def _move_slot(self, slot, source, target):
        self._move_keys(slot, source, target)
        self._give_to(target, [slot], [target, source])

    def _move_keys(self, slot, source, target):
        source_id, target_id = (node.call("CLUSTER", "MYID") for node in (source, target))
        assert target.call("CLUSTER", "SETSLOT", slot, "IMPORTING", source_id) == "OK"
        assert source.call("CLUSTER", "SETSLOT", slot, "MIGRATING", target_id) == "OK"
        while keys := source.call("CLUSTER", "GETKEYSINSLOT", slot, 1):
            assert source.call("MIGRATE", target.host, target.port, keys[0], 0, 5000) in (
                "OK", "NOKEY")
            self._pause_for(BETWEEN_KEYS_S)

    def cut_connections(self):
        """What runs while they are cut has run, and its reply is lost."""
        for _ in range(CUTS):
            with self._rng.choice(self._masters()).client() as client:
                for kind in ("normal", "pubsub"):
                    client.call("CLIENT", "KILL", "TYPE", kind, "SKIPME", "yes")
            self._pause_for(BETWEEN_CUTS_S)
        self._heal()
        return NOTHING_LOST

    def _start(self, node):
        node.start()
        assert node.wait_until_up(), node.process.log_tail()

    def _stop_and_continue(self, node):
        node.process.signal(signal.SIGSTOP)
        try:
            self._pause_for(SHORT_PAUSE_S)
        finally:
            node.process.signal(signal.SIGCONT)


def has_offset(replica, master_state):
    state = replication(replica)
    return (state["role"] == "slave" and state["master_link_status"] == "up"
            and state["master_replid"] == master_state["master_replid"]
            and int(state["slave_repl_offset"]) >= int(master_state["master_repl_offset"]))
