# SPDX-License-Identifier: Apache-2.0
"""`slotway cluster` with shards and with redis-servers: each command does what it says, a second run
finds nothing to do, and what was interrupted is finished."""
import subprocess

import pytest

from bus_nodes import agree, answers, my_id, nodes, view  # noqa: F401  fixtures
from cluster_tool import run_tool, tool_command
from deadline import SLOWNESS, wait_until

PATIENCE_MS = 10_000
KINDS = {"ours": lambda count: (count, 0), "theirs": lambda count: (0, count)}


@pytest.fixture(params=["ours", "theirs"])
def some(request, nodes):  # noqa: F811
    """Makes nodes of one kind."""
    def make(count):
        made = nodes(*KINDS[request.param](count))
        for node in made:  # a node that waits for the processor or the disk has not failed
            assert node.call("CONFIG", "SET", "cluster-node-timeout", PATIENCE_MS) == "OK"
        return made
    return make


def owners(nodes):  # noqa: F811
    """{node id: how many slots} as the first of them sees it, masters only."""
    counts = {}
    for node_id, (flags, _, slots) in view(nodes[0]).items():
        if "master" in flags:
            ranges = [part.split("-") for part in slots if not part.startswith("[")]
            counts[node_id] = sum(int(pair[-1]) - int(pair[0]) + 1 for pair in ranges)
    return counts


def ranges(nodes):  # noqa: F811
    """What the masters own, as the first of these nodes writes it."""
    return sorted((slots for flags, _, slots in view(nodes[0]).values() if "master" in flags),
                  key=lambda slots: int(slots[0].split("-")[0]))


# What redis-cli --cluster create gives to three masters.
THREE_PARTS = [("0-5460",), ("5461-10922",), ("10923-16383",)]


def store(members, count):
    """Keys of all slots, at whoever owns them; {key: value}."""
    stored = {f"key:{i}": f"value:{i}" for i in range(count)}
    for key, value in stored.items():
        assert at_owner(members, "SET", key, value) == "OK"
    return stored


def at_owner(members, *command):
    for node in members:
        reply = node.call(*command)
        if not str(reply).startswith("MOVED"):
            return reply
    raise AssertionError(f"nobody serves {command}")


def test_create_check_and_again(some):
    members = some(6)
    assert "done: all is well" in run_tool("create", *members, "--replicas", 1)
    assert ranges(members) == THREE_PARTS
    before = [view(node) for node in members]
    assert "nothing to do" in run_tool("create", *members, "--replicas", 1)
    assert [view(node) for node in members] == before
    assert "all is well" in run_tool("check", members[4], "--replicas", 1)
    assert "has 1 of 2 replicas" in run_tool("check", members[0], "--replicas", 2, code=1)


def test_a_create_that_was_cut_off_is_finished_by_another(some):
    members = some(4)
    # What the first steps leave behind: some slots, and one who has met another.
    assert members[0].call("CLUSTER", "ADDSLOTSRANGE", 0, 8191) == "OK"
    assert members[0].call("CLUSTER", "MEET", "127.0.0.1", members[2].port) == "OK"
    run_tool("create", *members, "--replicas", 1)
    assert sorted(owners(members).values()) == [8192, 8192]
    assert owners(members)[my_id(members[0])] == 8192
    run_tool("check", members[3], "--replicas", 1)


def test_create_refuses_what_is_not_new(some):
    members = some(5)
    assert members[3].call("CLUSTER", "ADDSLOTSRANGE", 0, 16383) == "OK"
    wait_until(lambda: members[3].call("SET", "key", "value") == "OK", 10, "it serves")
    assert members[3].call("CLUSTER", "DELSLOTSRANGE", 0, 16383) == "OK"
    assert "holds 1 keys and no slots" in run_tool("create", *members[:4], code=1)
    assert "are not enough" in run_tool("create", *members[:2], "--replicas", 2, code=1)
    assert "named twice" in run_tool("create", members[0], members[0], code=1)
    run_tool("create", *members[:3])
    assert "which was not named" in run_tool("create", members[0], members[4], code=1)
    assert "holds 1 keys" in run_tool("add", members[0], members[3], code=1)
    assert len(view(members[0])) == 3


def test_add_rebalance_and_remove(some):
    members = some(5)
    old, new = members[:3], members[3:]
    run_tool("create", *old)
    stored = store(old, 300)
    run_tool("add", old[0], new[0])
    # Few slots move, so that this is quick: the share of the weights.
    weights = [part for node in old for part in ("--weight", f"127.0.0.1:{node.port}=100")]
    run_tool("rebalance", old[1], *weights)
    assert owners(old)[my_id(new[0])] == 54
    assert "nothing to do" in run_tool("rebalance", old[2], *weights)
    for key, value in stored.items():
        assert at_owner(old + new[:1], "GET", key) == value.encode()
    run_tool("add", old[0], new[1], "--replica-of", new[0])
    assert "slave" in view(old[0])[my_id(new[1])][0]
    assert "is a member already" in run_tool("add", old[0], new[1], "--replica-of", new[0])
    run_tool("remove", old[0], *new)
    assert len(view(old[0])) == 3 and sum(owners(old).values()) == 16384
    assert [len(view(node)) for node in new] == [1, 1]
    for key, value in stored.items():
        assert at_owner(old, "GET", key) == value.encode()
    assert "nothing to do" in run_tool("remove", old[0], *new)


def test_a_tool_that_is_killed_is_finished_by_converge(some):
    members = some(4)
    run_tool("create", *members[:3])
    stored = store(members[:3], 500)
    run_tool("add", members[0], members[3])
    new_id = my_id(members[3])
    for _ in range(3):
        before = owners(members)[new_id]
        command = [str(part) for part in tool_command("rebalance", members[0])]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            wait_until(lambda: process.poll() is not None or on_the_move(members)
                       or owners(members)[new_id] > before + 100, 60, "slots are on the move")
        finally:
            process.kill()
            process.wait()
        run_tool("converge", members[1])
        assert not on_the_move(members)
        assert "nothing to do" in run_tool("converge", members[2])
        for key, value in stored.items():
            assert at_owner(members, "GET", key) == value.encode()


def on_the_move(members):
    return any(part.startswith("[") for node in members for _, _, slots in view(node).values()
               for part in slots)


def test_converge_mends_what_it_finds(some):
    members = some(4)
    run_tool("create", *members[:3])
    # A target that marked its side only; keys on both sides; a slot that nobody owns any more.
    first, second, third = (my_id(node) for node in members[:3])
    assert members[0].call("SET", "{06S}a", "1") == "OK"       # slot 0
    assert members[1].call("CLUSTER", "SETSLOT", 0, "IMPORTING", first) == "OK"
    assert members[2].call("CLUSTER", "DELSLOTS", 16383) == "OK"
    for node in members[:2]:
        wait_until(lambda n=node: n.call("CLUSTER", "DELSLOTS", 16383) == "OK"
                   or "16383" not in " ".join(view(n)[third][2]), 10, "it knows no owner")
    problems = run_tool("check", members[0], code=1)
    assert "nobody owns slots 16383" in problems and "has slots on the move: 0" in problems
    run_tool("converge", members[0])
    assert members[1].call("GET", "{06S}a") == b"1"
    assert view(members[0])[second][2][0] == "0"
    run_tool("check", members[0])
    run_tool("add", members[0], members[3])
    run_tool("converge", members[0], "--replicas", 0)
    assert "has 0 of 1 replicas" in run_tool("check", members[0], "--replicas", 1, code=1)


def test_wrong_command_lines_and_nobody_there(nodes):  # noqa: F811
    for arguments in ([], ["grow"], ["create"], ["create", "here"], ["check", "a:1", "--nodes", "3"]):
        assert "slotway: cluster:" in run_tool(*arguments, code=2)
    assert "converge" in run_tool("--help")
    assert "Connection refused" in run_tool("check", "127.0.0.1:1", code=1)
    member, = nodes(1)
    assert member.call("CONFIG", "SET", "requirepass", "secret") == "OK"
    run_tool("create", member, password="secret")
    assert "NOAUTH" in run_tool("check", member, code=1)
    assert "WRONGPASS" in run_tool("check", member, code=1, password="other")
    run_tool("check", member, password="secret")


def test_keep_asks_again_who_could_not_take_over(nodes):  # noqa: F811
    """A manual failover that fails is given up by the node, which tells nobody."""
    going, heir, *others = nodes(4)
    for node, name in zip((heir, *others, going), ("s-0", "s-1", "s-2", "s-9")):
        assert node.call("CONFIG", "SET", "cluster-node-timeout", PATIENCE_MS) == "OK"
        assert node.call("CONFIG", "SET", "cluster-announce-hostname", name) == "OK"
    run_tool("create", going, *others)
    assert heir.call("CLUSTER", "MEET", going.host, going.port) == "OK"
    wait_until(lambda: heir.call("CLUSTER", "REPLICATE", my_id(going)) == "OK", 20, "it knows its master")
    wait_until(lambda: heir.call("ROLE")[3] == b"connected", 20, "it has a copy")
    wait_until(lambda: agree([going, heir, *others]), 20, "all know all")
    # It loses its master, and misses something.
    assert heir.call("CONFIG", "SET", "masteruser", "nobody", "masterauth", "x") == "OK"
    assert going.call("CLIENT", "KILL", "TYPE", "replica") == 1
    assert "OK" in [going.call("SET", f"key:{i}", "x") for i in range(20)]
    keeper = subprocess.Popen([str(part) for part in tool_command("keep", others[0], "--nodes", 3, "--once")],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        wait_until(lambda: "manual failover took too long" in heir.process.log(), 20, "it gives up")
        assert heir.call("CONFIG", "SET", "masteruser", "", "masterauth", "") == "OK"
        said, _ = keeper.communicate(timeout=40 * SLOWNESS)
    finally:
        keeper.kill()
    assert keeper.returncode == 0 and "is asked again" in said, said
    assert heir.call("ROLE")[0] == b"master" and heir.call("DBSIZE") == going.call("DBSIZE") > 0
