# SPDX-License-Identifier: Apache-2.0
"""Keyspace events of two servers, heard beside the commands: the same, in the same order."""
from command_stream.connection import Connection

EVENTS = b"KEAmn"
PATTERN = b"__key*__:*"
# When a key runs out of time is between the clock and the next look.
LEFT_OPEN = b"expired"


class EventListener:
    def __init__(self, port):
        self._control, self._ear = Connection(port), Connection(port)
        self._control.call("config", "set", "notify-keyspace-events", EVENTS)
        self._ear.call("psubscribe", PATTERN)
        self._rounds = 0

    def heard(self):
        """(channel, message) of every event since the last call."""
        self._rounds += 1
        end = b"end of round %d" % self._rounds
        self._control.call("publish", "__key_end__:", end)
        events = []
        while True:
            _, channel, message = [word for _, word in self._ear.read()[1]][1:]
            if message == end:
                return events
            if LEFT_OPEN not in (channel.rpartition(b":")[2], message):
                events.append((channel, message))


def without_open(refused, clamped, events):
    """Whether a request that is refused looks for its keys before is left open, and so is in which
    order SORT looks for what its patterns name, and whether EXPIRE with GT or LT changes a time
    that is clamped."""
    def is_open(channel, message):
        place, _, word = channel.partition(b":")
        key, event = (message, word) if place.startswith(b"__keyevent") else (word, message)
        return ((event == b"keymiss" and (key in refused or key.startswith((b"w", b"s", b"h")))) or
                (event == b"expire" and key in clamped))
    return [event for event in events if not is_open(*event)]


def first_difference(ours, theirs):
    """Both sides from where they differ on, or nothing."""
    for i in range(max(len(ours), len(theirs))):
        if ours[i:i + 1] != theirs[i:i + 1]:
            return ours[max(i - 2, 0):i + 6], theirs[max(i - 2, 0):i + 6]
    return None
