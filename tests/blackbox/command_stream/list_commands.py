# SPDX-License-Identifier: Apache-2.0
"""Random commands on lists; blocking ones never wait for long."""


def list_command(v):
    r, k = v.rng, v.key
    end = lambda: v.case(r.choice([b"left", b"right"])) if r.random() < 0.97 else v.bad_number()
    items = lambda: [v.value() for _ in range(r.randrange(1, 5))]
    several = lambda: [k() for _ in range(r.randrange(1, 4))]
    make = r.choice([
        lambda: [b"rpush", k()] + items(), lambda: [b"lpush", k()] + items(),
        lambda: [b"rpush", k()] + items(), lambda: [b"lpush", k()] + items(),
        lambda: [b"rpushx", k()] + items(), lambda: [b"lpushx", k()] + items(),
        lambda: [b"rpush", k()], lambda: [b"llen", k()],
        lambda: [b"lrange", k(), v.small(), v.small()], lambda: [b"lrange", k(), b"0", b"-1"],
        lambda: [b"lrange", k(), v.number(), v.number()],
        lambda: [b"lindex", k(), v.small()], lambda: [b"lindex", k(), v.number()],
        lambda: [b"lset", k(), v.small(), v.value()],
        lambda: [b"linsert", k(), v.case(r.choice([b"before", b"after", b"foo"])), v.value(),
                 v.value()],
        lambda: [b"lrem", k(), v.small(), v.value()],
        lambda: [b"ltrim", k(), v.small(), v.small()],
        lambda: [b"lpop", k()], lambda: [b"rpop", k()],
        lambda: [b"lpop", k(), v.small()], lambda: [b"rpop", k(), v.number()],
        lambda: [b"lpos", k(), v.value()] + r.choice([
            [], [b"rank", b"-1"], [b"count", b"0"], [b"count", b"2", b"maxlen", b"3"],
            [b"rank", b"0"], [b"rank", b"2", b"count", b"1"], [b"count", b"-1"], [b"foo", b"1"],
            [b"rank", b"-9223372036854775808"], [b"count"]]),
        lambda: [b"lmove", k(), k(), end(), end()], lambda: [b"rpoplpush", k(), k()],
        lambda: numbered(b"lmpop", v, several(), [end()]),
        lambda: numbered(b"lmpop", v, several(), [end(), b"count", v.small()]),
        lambda: [b"lmpop", v.bad_number(), k(), end()],
        lambda: [r.choice([b"blpop", b"brpop"])] + several() + [wait(v)],
        lambda: [b"blmove", k(), k(), end(), end(), wait(v)],
        lambda: [b"brpoplpush", k(), k(), wait(v)],
        lambda: numbered(b"blmpop", v, several(), [end()], wait(v)),
        lambda: [b"del", k()],
    ])
    return make()


def numbered(name, v, keys, rest, *before):
    """A command that says how many keys follow; now and then it is wrong about it."""
    count = len(keys)
    if v.rng.random() < 0.04:
        # One more only where it can not take a word for a key.
        count = v.rng.choice([0, -1, count - 1, 2**31, 2**63] + ([] if rest else [count + 1]))
    return [name, *before, b"%d" % count, *keys, *rest]


def wait(v):
    """A timeout: so short that an empty key holds nothing up, or invalid."""
    if v.rng.random() < 0.1:
        return v.rng.choice([b"-1", b"x", b"1e400", b"nan", b"", b"1 "])
    return v.rng.choice([b"0.001", b"0.001", b"0.001", b"0.001", b"0.01"])
