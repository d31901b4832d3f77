# SPDX-License-Identifier: Apache-2.0
"""The console in headless Chromium: what its panels show is what the servers say, also while a
master is killed. Pictures are in build/clients/console-*/pictures."""
import json
import os
import subprocess

import pytest

from client_programs import CHROMIUM, NPM_CI, Folder, Missing, run
from deadline import SLOWNESS
from server_program import PASSWORD
from watched_cluster import WatchedCluster

FOLDER = Folder("console", ["node", "npm", "redis-cli", CHROMIUM], "browser", fetch=NPM_CI)
CHECKS = """open locked login slots shards throughput clients users edit audit find keyboard slow hot
moving failover light_and_dark phone logout""".split()
SESSION_S = 240

pytestmark = pytest.mark.console


@pytest.fixture(scope="module")
def world():
    world = WatchedCluster(password=PASSWORD, settings={
        "admin": {"console_edits_users": True},
        "slow_requests": {"over_ms": "20ms"}, "hot_keys": {"sample": 1}})
    yield world
    world.stop()


def test_console(world):
    facts = {
        "console": f"http://127.0.0.1:{world.proxy.admin_port}/",
        "proxy": {"port": world.proxy.port, "password": PASSWORD},
        "shards": [{"port": shard.port, "pid": shard.process.pid} for shard in world.shards],
    }
    try:
        directory = FOLDER.installed()
        done = run(["node", "checks.mjs", json.dumps(facts)], directory, SESSION_S * SLOWNESS)
    except Missing as missing:
        pytest.skip(str(missing))
    except subprocess.TimeoutExpired as late:
        raise AssertionError(f"no end: {(late.stdout or b'').decode(errors='replace')}") from None
    passed = [line[3:] for line in done.stdout.splitlines() if line.startswith("ok ")]
    assert passed == CHECKS and done.returncode == 0, f"{done.stdout}\n{world.proxy.process.log_tail()}"
    pictures = os.listdir(os.path.join(directory, "pictures"))
    assert {"desktop-light.png", "desktop-dark.png", "phone-light.png", "phone-dark.png"} <= set(pictures)
