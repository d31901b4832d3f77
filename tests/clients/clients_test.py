# SPDX-License-Identifier: Apache-2.0
"""Client libraries at the proxy, as clients of one server and of a cluster.

A cluster client sees one master with all slots; none of them may meet a redirect. What is not
installed or can not be fetched is skipped with a word.
"""
import subprocess

import pytest

from client_programs import PROGRAMS, Missing
from deadline import SLOWNESS

SESSION_S = 120


def sessions():
    """Every client in every mode; a client of one server also meets the standalone face."""
    for program in PROGRAMS:
        for mode in program.modes:
            for protocol in program.protocols:
                name = "-".join(filter(None, (program.name, mode, protocol and "resp" + protocol)))
                faces = ("cluster",) if mode == "cluster" else ("cluster", "standalone")
                for face in faces:
                    yield pytest.param(program, mode, protocol, face,
                                       marks=getattr(pytest.mark, program.group),
                                       id=f"{name}-at-{face}")


def check_session(program, mode, protocol, server):
    try:
        done = program.run(server, mode, protocol, SESSION_S * SLOWNESS)
    except Missing as missing:
        pytest.skip(f"{program.name}: {missing}")
    except subprocess.TimeoutExpired as late:
        output = (late.stdout or b"").decode(errors="replace")
        raise AssertionError(f"no end; so far:\n{output}\n{server.log_tail()}") from None
    passed = {line[3:] for line in done.stdout.splitlines() if line.startswith("ok ")}
    assert passed == program.checks(mode) and done.returncode == 0, (
        f"of {sorted(program.checks(mode) ^ passed)}:\n{done.stdout}\n"
        f"log of the proxy:\n{server.log_tail()}")


@pytest.mark.parametrize(("program", "mode", "protocol", "face"), sessions())
def test_over_redis(faces_of_redis, program, mode, protocol, face):
    check_session(program, mode, protocol, faces_of_redis[face])
