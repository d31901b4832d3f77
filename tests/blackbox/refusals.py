# SPDX-License-Identifier: Apache-2.0
"""What proxies have refused, and whether a shard has seen it all the same."""
import re

from raw_client import RawClient

REFUSALS = ("NOPERM", "NOAUTH", "WRONGPASS", "ERR BY option", "ERR GET option", "ERR unknown", "ERR Slotway")
# A script's own words say it; what it was refused was not done.
TEXTS = ("eval", "eval_ro", "evalsha", "evalsha_ro", "fcall", "fcall_ro", "script", "function", "acl")
# What proxies ask shards of their own accord.
OF_PROXIES = {"acl|log", "acl|setuser", "auth", "exec", "hello", "multi"}


class Told(RawClient):
    """A client that writes down what it asks, and whether that was refused."""

    calls = []  # of all of them since the last Watch began: words, is refused

    def call(self, *arguments):
        reply = super().call(*arguments)
        self._note(arguments, reply)
        return reply

    def pipeline(self, commands):
        replies = super().pipeline(commands)
        for words, reply in zip(commands, replies):
            self._note(words, reply)
        return replies

    @staticmethod
    def _note(words, reply):
        is_refused = isinstance(reply, str) and reply.startswith(REFUSALS)
        Told.calls.append((tuple(str(word).lower() for word in words), is_refused))


class Watch:
    """What all nodes are asked, from now on. `hush` is to be in nothing of it."""

    def __init__(self, nodes, hush):
        self._nodes, self._hush = nodes, hush
        self._monitors = [node.client() for node in nodes]
        for monitor in self._monitors:
            assert monitor.call("MONITOR") == "OK"
        self._counts = [counts_of(node) for node in nodes]
        Told.calls.clear()

    def _lines(self):
        lines = []
        for node, monitor in zip(self._nodes, self._monitors):
            node.call("ECHO", "watch is over")
            line = ""
            while "watch is over" not in line:
                line = str(monitor.reply())
                lines.append(line)
            monitor.close()
        return lines

    def assert_unseen(self):
        lines = self._lines()
        seen = set()
        for line in lines:
            words = tuple(word.lower() for word in re.findall(r'"((?:[^"\\]|\\.)*)"', line))
            is_text = words and words[0] in TEXTS and " lua] " not in line
            assert is_text or self._hush not in line.lower(), line
            seen.add(words)
        refused = {words for words, is_refused in Told.calls if is_refused}
        allowed = {words for words, is_refused in Told.calls if not is_refused}
        assert not {words for words in (refused - allowed) & seen if name_of(words) not in OF_PROXIES}
        self._assert_not_counted({name_of(words) for words in refused} - OF_PROXIES,
                                 {name_of(words) for words in allowed})
        for node in self._nodes:
            assert all(name == b"default" or name.startswith(b"slotway-") for name in node.call("ACL", "USERS"))

    def _assert_not_counted(self, refused, allowed):
        """MONITOR does not show what administrators do: no call of it is counted."""
        for node, before in zip(self._nodes, self._counts):
            now = counts_of(node)
            hidden = {name for name in refused - allowed if is_hidden(node, name)}
            assert not {name for name in hidden if now.get(name) != before.get(name)}


def name_of(words):
    """As INFO COMMANDSTATS calls it."""
    containers = ("acl", "client", "cluster", "config", "function", "latency", "memory", "module", "object",
                  "pubsub", "script", "slowlog", "xgroup", "xinfo")
    return "|".join(words[:2]) if words[0] in containers else words[0]


def counts_of(node):
    text = node.call("INFO", "COMMANDSTATS").decode()
    return dict(re.findall(r"cmdstat_([^:]+):calls=(\d+)", text))


def is_hidden(node, name):
    (described,) = node.call("COMMAND", "INFO", name)
    return described is not None and any(flag in ("admin", "skip_monitor") for flag in described[2])
