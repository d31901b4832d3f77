# SPDX-License-Identifier: Apache-2.0
"""Random commands on hashes."""
from command_stream.key_commands import scan_options


def hash_command(v):
    r, k, f = v.rng, v.key, v.field
    make = r.choice([
        lambda: [b"hset", k()] + [x for _ in range(r.randrange(1, 4))
                                  for x in (f(), v.value())],
        lambda: [b"hset", k(), f()], lambda: [b"hset", k(), f(), b"v", f()],
        lambda: [b"hmset", k(), f(), v.value()], lambda: [b"hmset", k(), f()],
        lambda: [b"hsetnx", k(), f(), v.value()], lambda: [b"hget", k(), f()],
        lambda: [b"hmget", k()] + [f() for _ in range(r.randrange(4))],
        lambda: [b"hgetall", k()], lambda: [b"hkeys", k()], lambda: [b"hvals", k()],
        lambda: [b"hlen", k()], lambda: [b"hstrlen", k(), f()], lambda: [b"hexists", k(), f()],
        lambda: [b"hdel", k()] + [f() for _ in range(r.randrange(1, 4))],
        lambda: [b"hincrby", k(), f(), v.number()],
        lambda: [b"hincrbyfloat", k(), f(), v.floating()],
        lambda: [b"hrandfield", k()],
        lambda: [b"hrandfield", k(), r.choice([b"0", b"1", b"3", b"100", b"-1", b"-7", b"a",
                                               b"9223372036854775807", b"-9223372036854775808",
                                               ])] + r.choice([[], [b"withvalues"], [b"foo"]])
                if r.random() < 0.9 else [b"hrandfield", k(), b"1", b"withvalues", b"x"],
        lambda: [b"hscan", k(), r.choice([b"0", b"0", b"0", b"a"])] + scan_options(v),
        lambda: [b"object", b"encoding", k()],
        lambda: [b"del", k()],
    ])
    return make()
