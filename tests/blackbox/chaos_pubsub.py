# SPDX-License-Identifier: Apache-2.0
"""Who publishes and who listens through the proxies while their cluster is in trouble.

A message carries its channel, its publisher and the time it was sent, so that it proves itself."""
import random
import re
import threading
import time

from chaos_clients import outcome_of
from chaos_history import ACKED, Operation, check_messages
from deadline import wait_until
from raw_client import ConnectionClosed, encode

CHANNELS = [b"news:%d" % i for i in range(3)]
SHARD_CHANNELS = [b"shard-news:%d" % i for i in range(4)]
PATTERN = b"news:*"
DEPTHS = [1, 1, 4, 16]
BETWEEN_BATCHES_S = 0.004
# Within which a subscription has to be alive again when its cluster is.
RECOVERY_S = 10
# A message published so shortly before a fault may have met it.
MARGIN_S = 0.3
# Before and after each fault, so that there is much that has to be heard.
PEACE_S = 0.7


def sent_at(message):
    return float(message.rsplit(b"|", 1)[1])


class Publisher(threading.Thread):
    """One round of one publisher. Its connection outlives it."""

    def __init__(self, connection, name, round_name, seed):
        super().__init__()
        self._connection, self.name_of = connection, b"%s/%s" % (round_name, name)
        self._random = random.Random(f"{seed}/{self.name_of}")
        self._stopping = threading.Event()
        self._sequence = 0
        self.history = []
        self.failure = None

    def stop(self):
        self._stopping.set()

    def run(self):
        try:
            while not self._stopping.wait(BETWEEN_BATCHES_S):
                self._publish(self._random.choice(DEPTHS))
        except Exception as error:  # reported by the main thread
            self.failure = f"{self.name_of.decode()}: {type(error).__name__}: {error}"

    def _publish(self, count):
        messages, requests, sent = [], [], time.monotonic()
        for _ in range(count):
            is_shard = self._random.random() < 0.5
            channel = self._random.choice(SHARD_CHANNELS if is_shard else CHANNELS)
            self._sequence += 1
            message = b"%s|%s|%d|%.6f" % (channel, self.name_of, self._sequence, sent)
            messages.append(message)
            requests.append(encode("SPUBLISH" if is_shard else "PUBLISH", channel, message))
        self._connection.send(b"".join(requests))
        for message in messages:
            reply = self._connection.reply()
            outcome = outcome_of(reply)
            assert outcome != ACKED or isinstance(reply, int), f"PUBLISH answered {reply!r}"
            self.history.append(Operation(message, sent, time.monotonic(), outcome, None))


class Listener(threading.Thread):
    """Subscribes once, and listens through every fault on the same connection. Each leaves some
    channels out: it must not hear them."""

    def __init__(self, connection, name, number):
        super().__init__(daemon=True)
        self._connection, self._name = connection, name
        self._is_stopping = False
        self.heard = []  # (kind, channel, message), in the order of their arrival
        channels = [channel for channel in CHANNELS if channel != CHANNELS[number % 3]]
        shard_channels = [channel for channel in SHARD_CHANNELS
                          if channel != SHARD_CHANNELS[number % 4]]
        # What it hears: (kind, channel).
        self.ways = ([(b"message", channel) for channel in channels]
                     + [(b"pmessage", channel) for channel in CHANNELS]
                     + [(b"smessage", channel) for channel in shard_channels])
        self.last_sent = dict.fromkeys(self.ways, 0.0)
        self.failure = None
        connection.send(encode("SUBSCRIBE", *channels) + encode("PSUBSCRIBE", PATTERN)
                        + b"".join(encode("SSUBSCRIBE", channel) for channel in shard_channels))
        for _ in range(len(channels) + 1 + len(shard_channels)):
            reply = connection.reply()
            assert isinstance(reply, list) and reply[0].endswith(b"subscribe"), reply

    def run(self):
        try:
            while True:
                self._take(self._connection.reply())
        except (OSError, ConnectionClosed, AssertionError) as error:
            if not self._is_stopping:
                self.failure = f"{self._name}: {type(error).__name__}: {error}"

    def _take(self, push):
        assert isinstance(push, list) and push[0].endswith(b"message"), f"it heard {push}"
        kind, channel, message = push[0], push[-2], push[-1]
        assert kind != b"pmessage" or push[1] == PATTERN, f"it heard {push}"
        assert (kind, channel) in self.last_sent, f"it heard {push}"
        self.heard.append((kind, channel, message))
        self.last_sent[kind, channel] = max(self.last_sent[kind, channel], sent_at(message))

    def has_heard_since(self, moment):
        assert self.failure is None, self.failure
        return all(sent > moment for sent in self.last_sent.values())

    def stop(self):
        self._is_stopping = True
        self._connection.shutdown()
        self.join(20)
        self._connection.close()


class PubsubRound:
    """Publishers of one round, and what the listeners heard of it."""

    def __init__(self, cluster, listeners, connections, round_name, seed):
        self._cluster, self._listeners = cluster, listeners
        self._homes_before_fault = []
        self._publishers = [Publisher(connection, b"p%d" % i, round_name, seed)
                            for i, connection in enumerate(connections)]
        self._first_heard = [len(listener.heard) for listener in listeners]
        self._began = time.monotonic()
        self.recovery_s = 0.0
        self._recovered = self._fault_began = None
        for publisher in self._publishers:
            publisher.start()

    def wait_in_peace(self):
        end = time.monotonic() + PEACE_S + MARGIN_S
        wait_until(lambda: time.monotonic() >= end, PEACE_S + 5, "a while has passed")

    def note_fault(self):
        self._homes_before_fault = self._homes()
        self._fault_began = time.monotonic()

    def _homes(self):
        """The ports of the nodes at which the proxies are subscribed to patterns."""
        return [node.port for node in self._cluster.nodes
                if re.search(rb" psub=[1-9]", node.call("CLIENT", "LIST", "TYPE", "pubsub"))]

    def has_moved(self):
        """Whether other nodes than before the fault have brought the messages since."""
        return self._homes() != self._homes_before_fault

    def wait_until_recovered(self):
        healed = time.monotonic()
        wait_until(lambda: all(listener.has_heard_since(healed) for listener in self._listeners),
                   RECOVERY_S, "every subscription is alive again")
        self._recovered = time.monotonic()
        self.recovery_s = self._recovered - healed

    def stop(self):
        for publisher in self._publishers:
            publisher.stop()
        for publisher in self._publishers:
            publisher.join(100)

    def heard(self):
        return [listener.heard[first:]
                for listener, first in zip(self._listeners, self._first_heard)]

    def problems(self, may_repeat):
        problems = [each.failure for each in [*self._publishers, *self._listeners] if each.failure]
        histories = [publisher.history for publisher in self._publishers]
        peace = [(self._began, self._fault_began - MARGIN_S), (self._recovered, time.monotonic())]

        def all_problems():
            return [problem for number, heard in enumerate(self.heard())
                    for way in self._listeners[number].ways
                    for problem in check_messages(f"listener {number}", way, histories, heard,
                                                  peace, may_repeat)]
        try:  # the last messages may still be on their way
            wait_until(lambda: not all_problems(), 3, "every message of peaceful times was heard")
        except AssertionError:
            problems += all_problems()
        return problems

    def count(self):
        return sum(len(publisher.history) for publisher in self._publishers)
