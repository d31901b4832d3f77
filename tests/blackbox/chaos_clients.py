# SPDX-License-Identifier: Apache-2.0
"""Clients that write and read through the proxy while its cluster is in trouble, and remember all.

Whatever can carry a token of its request in the reply does, so that a reply that went to the wrong
request is seen at once."""
import collections
import hashlib
import random
import threading
import time

from chaos_history import (ACKED, DELETED, REFUSED, UNKNOWN, Operation, check_counter,
                           check_queue, check_register, check_text, is_certain)
from raw_client import ErrorReply, encode

COUNTERS, REGISTERS, PAIRS, TEXTS, QUEUES = 4, 5, 2, 12, 3
FIXED = [b"fixed:%d" % i for i in range(60)]
INCR_AND_ECHO = "return {redis.call('incr',KEYS[1]),ARGV[1]}"
INCR_DIGEST = hashlib.sha1(INCR_AND_ECHO.encode()).hexdigest()
DEPTHS = [1, 1, 4, 16, 40]
# More than a shard reads at once: what stands before and behind it may meet it in another state.
LARGE = b"." * 20_000
# Batches on their way before the first is awaited: what is read later must not overtake.
WINDOWS = [1, 2, 4]
# Some clients trickle: they ask one thing after the other, whatever is still to be answered. So
# they go on asking for a key while its shard is silent, and after its slot has moved. Slower than the
# proxy's window for one client fills up in a short pause.
BETWEEN_TRICKLES_S, TRICKLES_MAX = 0.012, 300


def fixed_value(key):
    return b"value of " + key


# The latter two reach a client only whose next request to the slot has run meanwhile.
NOTHING_RAN_CODES = ("CLUSTERDOWN ", "LOADING ", "TRYAGAIN ")
# As the proxy says it: what a transaction says that did not run is nil.
NOTHING_RAN = ErrorReply("CLUSTERDOWN nothing ran")


def unsure(reply):
    """The reply to a split command; after an error some of its parts may have run."""
    if isinstance(reply, ErrorReply):
        outcome_of(reply)
        return ErrorReply("OUTCOMEUNKNOWN of a part")
    return reply


def outcome_of(reply):
    if not isinstance(reply, ErrorReply):
        return ACKED
    if reply.startswith("OUTCOMEUNKNOWN "):
        return UNKNOWN
    # They say that nothing ran.
    if reply.startswith(NOTHING_RAN_CODES):
        return REFUSED
    raise AssertionError(f"an error that no client should see: {reply}")


class ChaosClient(threading.Thread):
    """One round of one client. Its connection outlives it."""

    def __init__(self, connection, name, round_name, seed, is_plain=False, trickles=False):
        super().__init__()
        self._connection, self._name, self._round = connection, name, round_name
        self._trickles = trickles
        # Plain ones pipeline all they ask: nothing waits for the answers to what was asked before,
        # as blocking commands, scripts and transactions do.
        self._steps = [self._incr, self._incr, self._incr_around_much, self._set, self._get,
                       self._append, self._append, self._set_several, self._delete_several,
                       self._push, self._fixed, self._fixed_several, self._echo]
        if not is_plain:
            self._steps += [self._incr_by_script, self._incr_by_digest, self._pair, self._watched,
                            self._take_or_wait, self._pop]
        self._random = random.Random(f"{seed}/{round_name}/{name}")
        self._stopping = threading.Event()
        self._sequence = 0
        self.counters = {self._own(b"counter", i): [] for i in range(COUNTERS)}
        self.registers = {self._own(b"register", i): [] for i in range(REGISTERS)}
        self.pairs = {self._own(b"pair", i): [] for i in range(PAIRS)}
        self.texts = {b"%s:text:%d" % (round_name, i): [] for i in range(TEXTS)}
        self.pushes = {b"%s:queue:%d" % (round_name, i): [] for i in range(QUEUES)}
        self.pops = {key: [] for key in self.pushes}
        self.requests = self.unknown = self.refused = 0
        self.longest_s = 0.0
        self.failure = None
        self._pushed = set()

    def _own(self, kind, number):
        return b"%s:%s:%s:%d" % (self._round, kind, self._name, number)

    def _token(self):
        self._sequence += 1
        return b"%s.%d;" % (self._name, self._sequence)

    def stop(self):
        self._stopping.set()

    def run(self):
        try:
            window = collections.deque()
            (self._trickle if self._trickles else self._rush)(window)
            while window:
                self._take_batch(*window.popleft())
        except Exception as error:  # reported by the main thread
            self.failure = f"{self._name.decode()}: {type(error).__name__}: {error}"

    def _rush(self, window):
        size = self._random.choice(WINDOWS)
        while not self._stopping.is_set():
            window.append(self._send_batch(self._random.choice(DEPTHS)))
            if len(window) >= size:
                self._take_batch(*window.popleft())

    def _trickle(self, window):
        while not self._stopping.wait(BETWEEN_TRICKLES_S):
            window.append(self._send_batch(1))
            while window and (len(window) > TRICKLES_MAX or self._connection.has_input()):
                self._take_batch(*window.popleft())

    def _send_batch(self, depth):
        steps = [self._random.choice(self._steps)() for _ in range(depth)]
        sent = time.monotonic()
        self._connection.send(b"".join(data for data, _, _ in steps))
        return steps, sent

    def _take_batch(self, steps, sent):
        for _, replies, take in steps:
            answers = [self._connection.reply() for _ in range(replies)]
            done = time.monotonic()
            self.requests += replies
            take(answers, sent, done)
        self.longest_s = max(self.longest_s, time.monotonic() - sent)

    def _remember(self, history, token, reply, sent, done):
        outcome = outcome_of(reply)
        self.unknown += outcome == UNKNOWN
        self.refused += outcome == REFUSED
        history.append(Operation(token, sent, done, outcome, reply if outcome == ACKED else None))
        return outcome

    def _incr(self):
        key, history = self._random.choice(list(self.counters.items()))

        def take(replies, sent, done):
            if self._remember(history, key, replies[0], sent, done) == ACKED:
                assert isinstance(replies[0], int), f"INCR answered {replies[0]!r}"
        return encode("INCR", key), 1, take

    def _incr_around_much(self):
        """Two, and so much for the same shard between them that it reads them one after the other."""
        key, history = self._random.choice(list(self.counters.items()))
        much = b"{%s}much" % key

        def take(replies, sent, done):
            self._remember(history, key, replies[0], sent, done)
            outcome_of(replies[1])
            self._remember(history, key, replies[2], sent, done)
        return (encode("INCR", key) + encode("SET", much, LARGE) + encode("INCR", key)), 3, take

    def _incr_by_script(self):
        return self._script("EVAL", INCR_AND_ECHO)

    def _incr_by_digest(self):
        return self._script("EVALSHA", INCR_DIGEST)

    def _script(self, command, script):
        key, history = self._random.choice(list(self.counters.items()))
        token = self._token()

        def take(replies, sent, done):
            reply = replies[0]
            if isinstance(reply, list):
                assert reply[1] == token, f"{command} with {token} got {reply}"
                reply = reply[0]
            self._remember(history, key, reply, sent, done)
        return encode(command, script, 1, key, token), 1, take

    def _set(self):
        key, history = self._random.choice(list(self.registers.items()))
        token = key + b"=" + self._token()

        def take(replies, sent, done):
            if self._remember(history, token, replies[0], sent, done) == ACKED:
                assert replies[0] == "OK", f"SET answered {replies[0]!r}"
        return encode("SET", key, token), 1, take

    def _get(self):
        key, history = self._random.choice(list(self.registers.items()))

        def take(replies, sent, done):
            if self._remember(history, None, replies[0], sent, done) == ACKED:
                assert replies[0] is None or replies[0].startswith(key + b"="), (
                    f"GET {key} answered {replies[0]!r}")
        return encode("GET", key), 1, take

    def _append(self):
        key, history = self._random.choice(list(self.texts.items()))
        token = self._token()

        def take(replies, sent, done):
            if self._remember(history, token, replies[0], sent, done) == ACKED:
                assert isinstance(replies[0], int), f"APPEND answered {replies[0]!r}"
        return encode("APPEND", key, token), 1, take

    def _pair(self):
        key, history = self._random.choice(list(self.pairs.items()))

        def take(replies, sent, done):
            assert replies[:3] == ["OK", "QUEUED", "QUEUED"], f"a transaction: {replies}"
            reply = replies[3]
            if isinstance(reply, list):
                assert len(reply) == 2 and reply[0] == reply[1], f"EXEC answered {reply}"
                reply = reply[0]
            self._remember(history, key, reply, sent, done)
        return (encode("MULTI") + encode("INCR", b"{%s}a" % key) + encode("INCR", b"{%s}b" % key)
                + encode("EXEC")), 4, take

    def _watched(self):
        key, history = self._random.choice(list(self.counters.items()))

        def take(replies, sent, done):
            reply = replies[3]
            if isinstance(reply, list):
                assert len(reply) == 1, f"EXEC answered {reply}"
                reply = reply[0]
            elif reply is None:  # nobody else writes the key: the connection that watched is lost
                reply = NOTHING_RAN
            self._remember(history, key, reply, sent, done)
        return (encode("WATCH", key) + encode("MULTI") + encode("INCR", key)
                + encode("EXEC")), 4, take

    def _set_several(self):
        """Split by the proxy: an error says nothing about each part."""
        chosen = self._random.sample(list(self.registers.items()), 3)
        tokens = [key + b"=" + self._token() for key, _ in chosen]

        def take(replies, sent, done):
            for (_, history), token in zip(chosen, tokens):
                self._remember(history, token, unsure(replies[0]), sent, done)
            assert isinstance(replies[0], ErrorReply) or replies[0] == "OK", replies
        pairs = [word for (key, _), token in zip(chosen, tokens) for word in (key, token)]
        return encode("MSET", *pairs), 1, take

    def _delete_several(self):
        chosen = self._random.sample(list(self.registers.items()), 2)

        def take(replies, sent, done):
            for _, history in chosen:
                self._remember(history, DELETED, unsure(replies[0]), sent, done)
            assert isinstance(replies[0], ErrorReply) or 0 <= replies[0] <= 2, replies
        return encode("DEL", *[key for key, _ in chosen]), 1, take

    def _take_or_wait(self):
        """A list of one element is pushed to and popped from, blocking: the reply names the push,
        or an earlier one whose pop failed."""
        key, token = self._own(b"list", 0), self._token()

        def take(replies, _sent, _done):
            outcome_of(replies[0])
            popped = replies[1]
            if isinstance(popped, list):
                assert popped[0] == key and popped[1] in self._pushed, (
                    f"BLPOP {key} answered {popped}: pushed were {sorted(self._pushed)[-5:]}")
            elif popped is not None:
                outcome_of(popped)
        self._pushed.add(token)
        return encode("RPUSH", key, token) + encode("BLPOP", key, "0.05"), 2, take

    def _push(self):
        key, history = self._random.choice(list(self.pushes.items()))
        token = key + b"=" + self._token()

        def take(replies, sent, done):
            if self._remember(history, token, replies[0], sent, done) == ACKED:
                assert isinstance(replies[0], int), f"RPUSH answered {replies[0]!r}"
        return encode("RPUSH", key, token), 1, take

    def _pop(self):
        key, history = self._random.choice(list(self.pops.items()))

        def take(replies, sent, done):
            reply = replies[0]
            if isinstance(reply, list):
                assert reply[0] == key and reply[1].startswith(key + b"="), (
                    f"BLPOP {key} answered {reply}")
                reply = reply[1]
            self._remember(history, None, reply, sent, done)
        return encode("BLPOP", key, "0.02"), 1, take

    def _fixed(self):
        key = self._random.choice(FIXED)

        def take(replies, _sent, _done):
            if outcome_of(replies[0]) == ACKED:
                assert replies[0] == fixed_value(key), f"GET {key} answered {replies[0]!r}"
        return encode("GET", key), 1, take

    def _fixed_several(self):
        keys = self._random.sample(FIXED, 5)

        def take(replies, _sent, _done):
            if outcome_of(replies[0]) == ACKED:
                assert replies[0] == [fixed_value(key) for key in keys], (
                    f"MGET {keys} answered {replies[0]!r}")
        return encode("MGET", *keys), 1, take

    def _echo(self):
        token = self._token()

        def take(replies, _sent, _done):
            assert replies[0] == token, f"ECHO {token} answered {replies[0]!r}"
        return encode("ECHO", token), 1, take


def as_number(value):
    return None if value is None else int(value)


def as_it_is(value):
    return value


class Judge:
    """Looks at one round when it is over. `connection` reads through the proxy. As many as `unnoticed`
    pops may have taken something without an answer."""

    def __init__(self, clients, connection, losses, unnoticed):
        self._clients, self._connection, self._losses = clients, connection, losses
        self._unnoticed = unnoticed

    def _zones_of(self, key):
        slot = self._connection.call("CLUSTER", "KEYSLOT", key)
        return self._losses.zones if slot in self._losses.slots else []

    def doubtful(self):
        """How many acknowledged writes may be lost by Redis: they are not judged."""
        count = 0
        for client in self._clients if self._losses.zones else []:
            for kind in (client.counters, client.registers, client.pairs, client.texts,
                         client.pushes):
                for key, history in kind.items():
                    zones = self._zones_of(key)
                    count += sum(operation.outcome == ACKED and not is_certain(operation, zones)
                                 for operation in history)
        return count

    def problems(self):
        problems = [client.failure for client in self._clients if client.failure]
        for client in self._clients:
            for checked, check, turn in ((client.counters, check_counter, as_number),
                                         (client.registers, check_register, as_it_is)):
                for (key, history), value in zip(checked.items(), self._read(list(checked))):
                    problems += check(key, history, turn(value), self._zones_of(key))
            for key, history in client.pairs.items():
                first, second = self._read([b"{%s}a" % key, b"{%s}b" % key])
                if first != second:
                    problems.append(f"{key}: half a transaction: {first} and {second}")
                problems += check_counter(key, history, as_number(first), self._zones_of(key))
        texts = list(self._clients[0].texts)
        for key, value in zip(texts, self._read(texts)):
            histories = [client.texts[key] for client in self._clients]
            problems += check_text(key, histories, value, self._zones_of(key))
        for key in self._clients[0].pushes:
            problems += check_queue(key, [client.pushes[key] for client in self._clients],
                                    [client.pops[key] for client in self._clients],
                                    self._connection.call("LRANGE", key, 0, -1),
                                    self._zones_of(key), self._unnoticed)
        return problems

    def _read(self, keys):
        return self._connection.call("MGET", *keys)
