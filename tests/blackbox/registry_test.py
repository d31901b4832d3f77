# SPDX-License-Identifier: Apache-2.0
"""Clients from other registries (npm, the Go proxy) at the proxy, standalone and as cluster
clients. What is not installed or can not be fetched is skipped with a word."""
import os
import shutil
import subprocess

import pytest

SESSIONS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "registry_clients")
FETCH_S = 120
SESSION_S = 60


def run(command, directory, timeout_s):
    return subprocess.run(command, cwd=directory, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=timeout_s,
                          check=False, text=True, errors="replace")


def fetched(tmp_path_factory, name, programs, command):
    """A copy of the sessions' folder with the libraries in it."""
    for program in programs:
        if shutil.which(program) is None:
            pytest.skip(f"there is no {program} (scripts/deps.sh clients)")
    directory = tmp_path_factory.mktemp(name)
    shutil.copytree(os.path.join(SESSIONS, name), directory, dirs_exist_ok=True)
    try:
        done = run(command, directory, FETCH_S)
    except subprocess.TimeoutExpired:
        pytest.skip(f"{' '.join(command)} took longer than {FETCH_S} s")
    if done.returncode != 0:
        pytest.skip(f"{' '.join(command)} failed: {done.stdout.strip()[-300:]}")
    return directory


@pytest.fixture(scope="module")
def node_sessions(tmp_path_factory):
    return fetched(tmp_path_factory, "node", ["node", "npm"],
                   ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts"])


@pytest.fixture(scope="module")
def go_session(tmp_path_factory):
    return fetched(tmp_path_factory, "go", ["go"], ["go", "build", "-o", "session", "."])


def check_session(command, directory, kind, proxy):
    done = run([*command, kind, proxy.host, str(proxy.port), proxy.password], directory,
               SESSION_S)
    assert done.stdout == "ok\n" and done.returncode == 0


KINDS = pytest.mark.parametrize("kind", ["standalone", "cluster"])


@KINDS
@pytest.mark.parametrize("library", ["ioredis", "node-redis"])
def test_node(any_proxy, node_sessions, library, kind):
    check_session(["node", f"{library}.mjs"], node_sessions, kind, any_proxy)


@KINDS
def test_go_redis(any_proxy, go_session, kind):
    check_session(["./session"], go_session, kind, any_proxy)
