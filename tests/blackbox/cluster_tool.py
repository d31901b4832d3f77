# SPDX-License-Identifier: Apache-2.0
"""`slotway cluster`, run and awaited."""
import os
import subprocess

from deadline import SLOWNESS
from server_program import program


def address(node):
    return f"{node.host}:{node.port}"


def tool_command(*arguments):
    return [program("slotway"), "cluster",
            *(argument if isinstance(argument, (str, int, float)) else address(argument)
              for argument in arguments)]


def run_tool(*arguments, code=0, password=None, timeout_s=90):
    """Nodes among the arguments stand for their addresses. Returns what it printed."""
    environment = dict(os.environ)
    if password:
        environment["SLOTWAY_PASSWORD"] = password
    done = subprocess.run([str(part) for part in tool_command(*arguments)], capture_output=True,
                          text=True, env=environment, timeout=timeout_s * SLOWNESS, check=False)
    output = done.stdout + done.stderr
    assert done.returncode == code, f"{arguments} ended with {done.returncode}:\n{output}"
    return output
