# SPDX-License-Identifier: Apache-2.0
"""Random commands on sets."""
from command_stream.key_commands import scan_options
from command_stream.list_commands import numbered


def member_maker(v):
    """Members of all kinds, or numbers of all widths: sets of nothing else are kept otherwise."""
    r = v.rng
    if r.random() < 0.5:
        return v.member
    return lambda: b"%d" % r.choice([r.randrange(12), r.randrange(-3, 3) << r.randrange(62)])


def set_command(v):
    r, k, m = v.rng, v.key, member_maker(v)
    members = lambda: [m() for _ in range(r.randrange(1, 6))]
    several = lambda: [k() for _ in range(r.randrange(1, 4))]
    make = r.choice([
        lambda: [b"sadd", k()] + members(), lambda: [b"sadd", k()] + members(),
        lambda: [b"sadd", k()] + members(), lambda: [b"sadd", k(), v.integer()],
        lambda: [b"sadd", k()], lambda: [b"srem", k()] + members(), lambda: [b"scard", k()],
        lambda: [b"object", b"encoding", k()],
        lambda: [b"sismember", k(), m()], lambda: [b"smismember", k()] + members(),
        lambda: [b"smembers", k()], lambda: [b"smove", k(), k(), m()],
        lambda: [b"sinter"] + several(), lambda: [b"sunion"] + several(),
        lambda: [b"sdiff"] + several(),
        lambda: [b"sinterstore", k()] + several(), lambda: [b"sunionstore", k()] + several(),
        lambda: [b"sdiffstore", k()] + several(), lambda: [b"sinterstore", k()],
        lambda: numbered(b"sintercard", v, several(), []),
        lambda: numbered(b"sintercard", v, several(), [b"limit", v.small()]),
        lambda: numbered(b"sintercard", v, several(), [b"foo"]),
        lambda: [b"srandmember", k()], lambda: [b"srandmember", k(), v.small()],
        lambda: [b"srandmember", k(), b"-9223372036854775808"],
        # The whole set: a part would leave different members behind.
        lambda: [b"spop", k(), b"1000"], lambda: [b"spop", k(), b"0"], lambda: [b"spop", k(), b"-1"],
        lambda: [b"spop", k(), b"x"], lambda: [b"spop", k(), b"1000", b"x"],
        lambda: [b"sscan", k(), r.choice([b"0", b"0", b"a", b"-1"])] + scan_options(v),
        lambda: [b"sort", k(), b"alpha"], lambda: [b"sort", k()],
        lambda: [b"sort", k(), b"by", b"nosort", b"store", k()],
        lambda: [b"del", k()],
    ])
    return make()
