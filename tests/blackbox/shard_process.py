# SPDX-License-Identifier: Apache-2.0
"""One slotway-shard without cluster mode: our server in the place of a redis-server."""
import tempfile

from free_ports import free_port
from server_program import PASSWORD, ServerProgram, program


class ShardProcess(ServerProgram):
    def __init__(self, password=PASSWORD, options=(), file=None):
        directory, host, port = tempfile.mkdtemp(prefix="slotway-shard-"), "127.0.0.1", free_port()
        command = [program("slotway-shard"), *([file] if file else []), "--port", port, "--bind", host, "--dir", directory,
                   *options]
        if password:
            command += ["--requirepass", password]
        super().__init__(command, directory, host, port, password)
        try:
            self.wait_until_it(self.answers, 20, "slotway-shard answers")
        except AssertionError:
            self.stop()
            raise
