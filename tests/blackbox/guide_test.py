# SPDX-License-Identifier: Apache-2.0
"""The sessions of a Redis-on-Kubernetes guide, typed at the proxy.

With a plain Redis Cluster these sessions are full of `-> Redirected to slot` lines (with -c) or
MOVED errors (without). Through the proxy there is none, whatever the flags.
"""
import re

import pytest

from proxy_process import PASSWORD
from real_cluster import redis_cli
from terminal import Terminal

FLAGS = pytest.mark.parametrize("flags", [(), ("-c",)], ids=["plain", "cluster-mode"])
INTERNAL_ACCESS = [(key, str(value)) for value, key in enumerate("abcdefghij", 1)]
LOCAL_PC_ACCESS = [("a", "1"), ("b", "2"), ("c", "3")]
SESSIONS = pytest.mark.parametrize(
    "session", [INTERNAL_ACCESS, LOCAL_PC_ACCESS], ids=["internal-access", "local-pc"])
REDIRECTS = re.compile(r"Redirected|MOVED|\bASK\b")


def assert_no_redirect(text):
    assert not REDIRECTS.search(text), text


@SESSIONS
@FLAGS
def test_typed_in_a_terminal(any_proxy, flags, session):
    with Terminal(any_proxy.host, any_proxy.port, [*flags, "-a", PASSWORD]) as terminal:
        for key, value in session:
            assert terminal.type(f"set {key} {value}") == ["OK"]
        for key, value in session:
            assert terminal.type(f"get {key}") == [f'"{value}"']
        assert_no_redirect(terminal.transcript.decode())
        assert terminal.other_prompts == []


@SESSIONS
@FLAGS
def test_piped(any_proxy, flags, session):
    lines = [f"set {key} {value}" for key, value in session]
    lines += [f"get {key}" for key, _ in session]
    output = redis_cli(any_proxy.port, *flags, "--no-raw", password=PASSWORD,
                       stdin=("\n".join(lines) + "\n").encode())
    assert_no_redirect(output)
    expected = ["OK"] * len(session) + [f'"{value}"' for _, value in session]
    assert output.splitlines() == expected


@FLAGS
def test_one_command_per_run(any_proxy, flags):
    for key, value in LOCAL_PC_ACCESS:
        assert redis_cli(any_proxy.port, *flags, "set", key, value, password=PASSWORD) == "OK\n"
    for key, value in LOCAL_PC_ACCESS:
        output = redis_cli(any_proxy.port, *flags, "get", key, password=PASSWORD)
        assert output == f"{value}\n"


NODE_LINE = re.compile(
    r"^[0-9a-f]{40} "                                  # node id
    r"[^ ]*:\d+@\d+(,[^ ]*)? "                         # address@bus port[,hostname]
    r"(myself,)?(master|slave)(,[a-z?]+)* "            # flags
    r"(-|[0-9a-f]{40}) \d+ \d+ \d+ "                   # its master, ping, pong, epoch
    r"(connected|disconnected)"
    r"( \d+(-\d+)?)*$")                                # slots


def slots_of(line):
    slots = []
    for field in line.split()[8:]:
        first, _, last = field.partition("-")
        slots.extend(range(int(first), int(last or first) + 1))
    return slots


@FLAGS
def test_cluster_nodes(any_proxy, flags):
    output = redis_cli(any_proxy.port, *flags, "cluster", "nodes", password=PASSWORD)
    assert_no_redirect(output)
    lines = [line for line in output.splitlines() if line]
    for line in lines:
        assert NODE_LINE.match(line), line
    assert sum("myself" in line for line in lines) == 1
    assigned = sorted(slot for line in lines for slot in slots_of(line))
    assert assigned == list(range(16384))


@FLAGS
def test_cluster_info(any_proxy, flags):
    output = redis_cli(any_proxy.port, *flags, "cluster", "info", password=PASSWORD)
    assert_no_redirect(output)
    info = dict(line.split(":", 1) for line in output.splitlines() if ":" in line)
    assert info["cluster_state"] == "ok"
    assert info["cluster_slots_assigned"] == "16384"
    assert info["cluster_slots_ok"] == "16384"
    assert info["cluster_slots_pfail"] == "0"
    assert info["cluster_slots_fail"] == "0"
    assert int(info["cluster_known_nodes"]) >= 1
    assert int(info["cluster_size"]) >= 1
    assert int(info["cluster_current_epoch"]) >= 0


@FLAGS
def test_cluster_commands_at_the_keyboard(any_proxy, flags):
    with Terminal(any_proxy.host, any_proxy.port, [*flags, "-a", PASSWORD]) as terminal:
        assert any("myself" in line for line in terminal.type("cluster nodes"))
        assert "cluster_state:ok" in terminal.type("cluster info")
        assert_no_redirect(terminal.transcript.decode())


def test_wrong_password(any_proxy):
    output = redis_cli(any_proxy.port, "get", "a", password="wrong")
    assert "WRONGPASS invalid username-password pair or user is disabled." in output
    assert "NOAUTH Authentication required." in output


@pytest.mark.parametrize("flags,word", [((), "MOVED"), (("-c",), "Redirected")])
def test_without_the_proxy_there_are_redirects(cluster, flags, word):
    """The same session on a node of the cluster: so the tests above can fail."""
    lines = "\n".join(f"set {key} {value}" for key, value in INTERNAL_ACCESS) + "\n"
    port = cluster.nodes[0].port
    assert word in redis_cli(port, *flags, password=cluster.password, stdin=lines.encode())
    with Terminal("127.0.0.1", port, [*flags, "-a", cluster.password]) as terminal:
        for key, value in INTERNAL_ACCESS:
            terminal.type(f"set {key} {value}")
        assert word in terminal.transcript.decode()
