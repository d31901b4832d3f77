#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Gives slotway-shard, or slotway, and redis-server the same random ACL rules and asks both what they
make of them: which rules are refused and why, how users are shown, and what ACL DRYRUN decides.

    acl_differential.py --program build/release/bin/slotway-shard [--decisions 100000] [--seed N] [--really]

With --really, what is not to be allowed is also asked by the user, and has to be refused.

Two things are brought into one form first. Redis lists single commands in the order of a hash table
whose seed is random. And our table has commands that 7.0 has not: they are left out, and where they
tip the choice of a category the rules shown must mean the same to redis-server.
"""
import argparse
import os
import random
import sys

from command_stream.acl_requests import Requests
from command_stream.acl_rules import Rules
from proxy_process import ProxyProcess
from raw_client import ErrorReply
from real_cluster import RealCluster, RealRedis
from server_program import program
from shard_process import ShardProcess

DECISIONS_PER_USER = 100
# What everybody may, and EXEC tells of what was refused before.
UNASKED = ("auth", "hello", "quit", "reset", "multi", "exec", "discard")
FIRST_ARGUMENTS = ("select", "debug", "get", "set")  # of which rules speak


def rows_of(client):
    """Arity by full name, of every command and subcommand."""
    rows = {}

    def add(row):
        rows[row[0].decode()] = row[1]
        for subcommand in row[9]:
            add(subcommand)
    for row in client.call("COMMAND"):
        add(row)
    return rows


def split_rules(rules, known):
    """Categories in their order, and single commands that are known."""
    def is_known(word):
        name = word[1:]
        return name in known or name.split("|")[0] in FIRST_ARGUMENTS
    words = rules.split()
    return ([word for word in words if word[1] == "@"],
            {word for word in words if word[1] != "@" and is_known(word)})


class Comparison:
    def __init__(self, connect, oracle, seed):
        tested = connect()
        self.connect, self.sides = connect, (tested, oracle)
        self.rng = random.Random(seed)
        self.rows = rows_of(oracle)
        del self.rows["wait"]  # not in @blocking before 7.2, where it also tips the choice of a category
        self.rules = Rules(self.rng, sorted(self.rows))
        ours = rows_of(tested)  # of 7.2, which gave some commands more arguments
        arities = {name: arity for name, arity in self.rows.items() if ours[name] == arity}
        arities["pfmerge"] = -3  # with a destination alone redis-server overlooks that it is a key
        # Both look for the word STREAMS, but not in the same places of what is no valid request.
        del arities["xread"], arities["xreadgroup"]
        self.requests = Requests(self.rng, arities)
        self.decisions = self.refusals = self.users = self.equivalent = 0
        self.allowed = self.rule_errors = self.really_refused = 0

    def ask(self, *command):
        return [side.call(*command) for side in self.sides]

    def fail(self, what, ours, theirs):
        raise AssertionError(f"{what}\n  ours   {ours!r}\n  oracle {theirs!r}")

    def change_user(self):
        rules = self.rules.some()
        ours, theirs = self.ask("ACL", "SETUSER", "u", *rules)
        if ours != theirs:
            self.fail(f"SETUSER {rules}", ours, theirs)
        self.rule_errors += isinstance(ours, ErrorReply)
        self.users += 1

    def compare_user(self):
        ours, theirs = self.ask("ACL", "GETUSER", "u")
        ours, theirs = (dict(zip(reply[::2], reply[1::2])) for reply in (ours, theirs))
        for field in (b"flags", b"passwords", b"keys", b"channels"):
            if ours[field] != theirs[field]:
                self.fail(f"GETUSER {field}", ours, theirs)
        selectors = [[dict(zip(s[::2], s[1::2])) for s in side[b"selectors"]] for side in (ours, theirs)]
        if len(selectors[0]) != len(selectors[1]):
            self.fail("GETUSER selectors", ours, theirs)
        self.compare_commands(ours[b"commands"].decode(), theirs[b"commands"].decode())
        for mine, other in zip(*selectors):
            for field in (b"keys", b"channels"):
                if mine[field] != other[field]:
                    self.fail(f"selector {field}", mine, other)
            self.compare_commands(mine[b"commands"].decode(), other[b"commands"].decode())
        self.compare_lists()

    def compare_commands(self, ours, theirs):
        mine, others = (split_rules(rules, self.rows) for rules in (ours, theirs))
        if mine == others:
            return
        # The same to redis-server? WAIT, of which neither side was asked, is forbidden in both.
        shown = [self.shown_by_oracle(side) for side in ((mine, ours), (others, theirs))]
        if shown[0] != shown[1]:
            self.fail(f"commands ({shown})", ours, theirs)
        self.equivalent += 1

    def shown_by_oracle(self, side):
        """How redis-server shows rules without what it does not know, and without WAIT."""
        (categories, singles), rules = side
        words = categories + [word for word in rules.split() if word in singles]
        reply = self.sides[1].call("ACL", "SETUSER", "v", "reset", *words, "-wait")
        if reply != "OK":
            return reply
        return split_rules(self.sides[1].call("ACL", "GETUSER", "v")[5].decode(), self.rows)

    def compare_lists(self):
        """All but the commands of selectors, which GETUSER has shown."""
        lines = []
        for reply in self.ask("ACL", "LIST"):
            line = next(line for line in reply if line.startswith(b"user u ")).decode()
            lines.append([word for word in line.split()
                          if word.strip("()")[:1] not in ("+", "-") and word != ")"])
        if lines[0] != lines[1]:
            self.fail("LIST", *lines)

    def compare_decisions(self, count):
        requests = [self.requests.one() for _ in range(count)]
        commands = [["ACL", "DRYRUN", "u", *request] for request in requests]
        replies = [side.pipeline(commands) for side in self.sides]
        for request, ours, theirs in zip(requests, *replies):
            if ours != theirs:
                user = self.sides[1].call("ACL", "LIST")
                self.fail(f"DRYRUN {request} of {user}", ours, theirs)
            self.allowed += ours == "OK"
            self.refusals += isinstance(ours, bytes)
        self.decisions += count
        return [request for request, reply in zip(requests, replies[0]) if isinstance(reply, bytes)]

    def really_ask(self, refused):
        """As the user, by a connection of its own."""
        self.ask("ACL", "SETUSER", "u", "resetpass", "on", ">p")
        with self.connect() as client:
            assert client.call("AUTH", "u", "p") == "OK"
            for request in refused:
                if request[0].lower() in UNASKED:
                    continue
                reply = client.call(*request)
                if not isinstance(reply, ErrorReply) or not reply.startswith("NOPERM"):
                    self.fail(f"{request} of {self.sides[0].call('ACL', 'LIST')}", reply, "refused")
                self.really_refused += 1

    def run(self, decisions, really):
        self.ask("ACL", "SETUSER", "u")
        while self.decisions < decisions:
            self.change_user()
            self.compare_user()
            refused = self.compare_decisions(DECISIONS_PER_USER)
            if really:
                self.really_ask(refused)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--program", default=program("slotway-shard"))
    parser.add_argument("--decisions", type=int, default=100000)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    parser.add_argument("--really", action="store_true")
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    directory, name = os.path.split(os.path.abspath(options.program))
    os.environ["SLOTWAY_BIN_DIR"] = directory
    oracle, cluster = RealRedis(), None
    if name == "slotway":
        cluster = RealCluster(masters=1)
        # Rules to the letter.
        ours = ProxyProcess(cluster.seeds(), password=None,
                            settings={"limits": {"dangerous_commands": []}})
    else:
        ours = ShardProcess(password=None)
    comparison = Comparison(ours.client, oracle.client(), options.seed)
    try:
        comparison.run(options.decisions, options.really)
    except AssertionError as difference:
        print(f"DIFFERENCE {difference}")
        sys.exit(1)
    finally:
        ours.stop()
        oracle.stop()
        if cluster:
            cluster.stop()
    print(f"{comparison.decisions} decisions equal: {comparison.allowed} allowed, "
          f"{comparison.refusals} refused; {comparison.users} changes of users, "
          f"{comparison.rule_errors} of them refused; shown otherwise with the same meaning: "
          f"{comparison.equivalent}; really refused: {comparison.really_refused}")


if __name__ == "__main__":
    main()
