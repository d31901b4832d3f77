# SPDX-License-Identifier: Apache-2.0
"""Client libraries at the proxy, as clients of one server and of a cluster.

A cluster client sees one master with all slots; none of them may meet a redirect. What is not
installed or can not be fetched is skipped with a word.
"""
import subprocess

import pytest

from client_programs import PROGRAMS, SHARD_CHECKS, Missing
from deadline import SLOWNESS

SESSION_S = 120


def session(program, mode, protocol, *more):
    name = "-".join(filter(None, (program.name, mode, protocol and "resp" + protocol, *more)))
    return pytest.param(program, mode, protocol, *more, id=name,
                        marks=getattr(pytest.mark, program.group))


def sessions_over_redis():
    """Every client in every mode; a client of one server also meets the standalone face."""
    for program in PROGRAMS:
        for mode in program.modes:
            for protocol in program.protocols:
                yield session(program, mode, protocol, "cluster")
                if mode == "single":
                    yield session(program, mode, protocol, "standalone")


def sessions_over_shards():
    for program in PROGRAMS:
        if program.checks("single") & SHARD_CHECKS:
            for mode in program.modes:
                yield session(program, mode, program.protocols[-1])


def check_session(program, mode, protocol, server, checks):
    try:
        done = program.run(server, mode, protocol, checks, SESSION_S * SLOWNESS)
    except Missing as missing:
        pytest.skip(f"{program.name}: {missing}")
    except subprocess.TimeoutExpired as late:
        output = (late.stdout or b"").decode(errors="replace")
        raise AssertionError(f"no end; so far:\n{output}\n{server.log_tail()}") from None
    passed = {line[3:] for line in done.stdout.splitlines() if line.startswith("ok ")}
    assert passed == checks and done.returncode == 0, (
        f"of {sorted(checks ^ passed)}:\n{done.stdout}\n"
        f"log of the proxy:\n{server.log_tail()}")


@pytest.mark.parametrize(("program", "mode", "protocol", "face"), sessions_over_redis())
def test_over_redis(faces_of_redis, program, mode, protocol, face):
    check_session(program, mode, protocol, faces_of_redis[face], program.checks(mode))


@pytest.mark.parametrize(("program", "mode", "protocol"), sessions_over_shards())
def test_over_shards(local_cluster, program, mode, protocol):
    check_session(program, mode, protocol, local_cluster, program.checks(mode) & SHARD_CHECKS)
