# SPDX-License-Identifier: Apache-2.0
"""A random stream of commands of all families: single ones, reads with a random choice after the
read that tells what may be chosen, whole transactions and whole subscriptions."""
from command_stream.hash_commands import hash_command
from command_stream.introspection_commands import introspection_command
from command_stream.key_commands import key_command
from command_stream.list_commands import list_command
from command_stream.packed_commands import bit_command, geo_command, hyperloglog_command
from command_stream.script_commands import script_command
from command_stream.server_commands import server_command
from command_stream.set_commands import set_command
from command_stream.several_clients import last_words, story
from command_stream.slotted_values import LETTERS, SlottedValues
from command_stream.sorted_set_commands import lexical_command, sorted_set_command
from command_stream.stream_commands import stream_command
from command_stream.string_commands import string_command
from command_stream.subscriptions import subscription
from command_stream.transactions import scattered_transaction, transaction

# name: (weight, the letter of its keys, what makes a command). None: any letter.
FAMILIES = {
    "string": (6, b"s", string_command),
    "bit": (3, b"b", bit_command),
    "hyperloglog": (1, b"p", hyperloglog_command),
    "list": (5, b"l", list_command),
    "hash": (4, b"h", hash_command),
    "set": (5, b"t", set_command),
    "sorted-set": (7, b"z", sorted_set_command),
    "lexical": (1, b"y", lexical_command),
    "stream": (6, b"x", stream_command),
    "geo": (2, b"g", geo_command),
    "key": (6, None, key_command),
    "script": (3, None, script_command),
    "server": (1, None, server_command),
}
TRANSACTION, SUBSCRIPTION, INTROSPECTION = "transaction", "subscription", "introspection"
# Those that are no single commands on keys, and how often they come.
OTHERS = {TRANSACTION: 0.04, SUBSCRIPTION: 0.003, INTROSPECTION: 0.04}
# Not of the one connection: see next_story().
STORY = "story"
ALL = [*FAMILIES, *OTHERS, STORY]
# What tells all that a random choice may come from.
SOURCES = {b"srandmember": [b"smembers"], b"hrandfield": [b"hkeys"],
           b"zrandmember": [b"zrange", b"0", b"-1"]}


class MixedStream:
    def __init__(self, rng, families=ALL):
        self._rng = rng
        self._values = SlottedValues(rng)
        self._others = {name: often for name, often in OTHERS.items() if name in families}
        self._chosen = [FAMILIES[name] for name in families if name in FAMILIES]
        self._weights = [weight for weight, _, _ in self._chosen]

    def _letter(self, letter):
        return letter or b"%c" % self._rng.choice(LETTERS)

    def _command_in_transaction(self):
        _, letter, make = self._rng.choices(self._chosen, self._weights)[0]
        self._values.change_letter(self._letter(letter))
        return make(self._values)

    def _single_command(self):
        _, letter, make = self._rng.choices(self._chosen, self._weights)[0]
        self._values.begin(self._letter(letter))
        return make(self._values)

    def _other_unit(self, name):
        if name == SUBSCRIPTION:
            return subscription(self._values)
        if name == INTROSPECTION:
            return [introspection_command(self._values, self._single_command)]
        self._values.stay_in_one_slot(self._letter(None))
        return transaction(self._values, self._command_in_transaction)

    def next_unit(self):
        """Commands that belong together and stay neighbours."""
        pick = self._rng.random()
        for name, often in self._others.items():
            if pick < often or not self._chosen:
                return self._other_unit(name)
            pick -= often
        command = self._single_command()
        source = SOURCES.get(command[0])
        if source and len(command) > 1:
            return [source[:1] + command[1:2] + source[1:], command]
        return [[self._values.case(command[0]), *command[1:]] if pick > 0.95 else command]

    def next_scattered(self):
        """A transaction over two slots, whole."""
        return scattered_transaction(self._values)

    def next_story(self):
        """Steps of several clients, in one slot."""
        return story(self._values, self._letter(None))

    def next_last_words(self):
        return last_words(self._values)
