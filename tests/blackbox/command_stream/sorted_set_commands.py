# SPDX-License-Identifier: Apache-2.0
"""Random commands on sorted sets."""
from command_stream.key_commands import scan_options
from command_stream.list_commands import numbered, wait


def sorted_set_command(v):
    return v.rng.choice([add_command, add_command, read_command, range_command, remove_command,
                         join_command])(v)


def score(v):
    return v.floating() if v.rng.random() < 0.5 else v.small()


def pairs(v):
    return [x for _ in range(v.rng.randrange(1, 5)) for x in (score(v), v.member())]


def score_bound(v):
    r = v.rng
    return r.choice([b"-inf", b"+inf", b"(" + v.small(), v.small(), v.floating(), b"(", b"(x"])


def lex_bound(v):
    return v.rng.choice([b"-", b"+", b"[" + v.member(), b"(" + v.member(), b"[", b"x", b""])


def limit(v):
    if v.rng.random() < 0.6:
        return []
    return [b"limit", v.small(), v.small()][:v.rng.choice([3, 3, 3, 3, 2])]


def add_command(v):
    r, k = v.rng, v.key
    make = r.choice([
        lambda: [b"zadd", k()] + pairs(v), lambda: [b"zadd", k()] + pairs(v),
        lambda: [b"zadd", k()] + [v.case(r.choice([b"nx", b"xx", b"gt", b"lt", b"ch", b"incr"]))
                                  for _ in range(r.choice([1, 1, 2, 3]))] + pairs(v),
        lambda: [b"zadd", k(), b"incr", score(v), v.member()],
        lambda: [b"zadd", k(), score(v)], lambda: [b"zadd", k(), b"foo", score(v), v.member()],
        lambda: [b"zincrby", k(), score(v), v.member()],
        lambda: [b"geoadd", k(), v.longitude(), v.latitude(), v.member()],
    ])
    return make()


def read_command(v):
    r, k, m = v.rng, v.key, v.member
    make = r.choice([
        lambda: [b"zscore", k(), m()], lambda: [b"zcard", k()],
        lambda: [b"zmscore", k()] + [m() for _ in range(r.randrange(4))],
        lambda: [b"zrank", k(), m()], lambda: [b"zrevrank", k(), m()],
        lambda: [b"zcount", k(), score_bound(v), score_bound(v)],
        lambda: [b"zrandmember", k()],
        lambda: [b"zrandmember", k(), v.small()] + r.choice([[], [b"withscores"], [b"foo"]]),
        lambda: [b"zscan", k(), r.choice([b"0", b"0", b"a"])] + scan_options(v),
    ])
    return make()


def range_command(v):
    r, k = v.rng, v.key
    with_scores = lambda: r.choice([[], [], [b"withscores"], [b"WITHSCORES"], [b"foo"]])
    make = r.choice([
        lambda: [b"zrange", k(), v.small(), v.small()] + with_scores(),
        lambda: [b"zrevrange", k(), v.small(), v.small()] + with_scores(),
        lambda: [b"zrange", k(), score_bound(v), score_bound(v), b"byscore"] + limit(v) +
                with_scores(),
        lambda: [b"zrange", k(), score_bound(v), score_bound(v), b"byscore", b"rev"] + limit(v),
        lambda: [b"zrange", k(), v.number(), v.number(), b"rev"] + limit(v),
        lambda: [b"zrangebyscore", k(), score_bound(v), score_bound(v)] + with_scores() + limit(v),
        lambda: [b"zrevrangebyscore", k(), score_bound(v), score_bound(v)] + limit(v),
        lambda: [b"zrangestore", k(), k(), v.small(), v.small()],
        lambda: [b"zrangestore", k(), k(), score_bound(v), score_bound(v), b"byscore"] + limit(v),
    ])
    return make()


def remove_command(v):
    r, k = v.rng, v.key
    end = lambda: v.case(r.choice([b"min", b"max", b"min", b"max", b"foo"]))
    several = lambda: [k() for _ in range(r.randrange(1, 4))]
    make = r.choice([
        lambda: [b"zrem", k()] + [v.member() for _ in range(r.randrange(1, 4))],
        lambda: [b"zremrangebyrank", k(), v.small(), v.small()],
        lambda: [b"zremrangebyscore", k(), score_bound(v), score_bound(v)],
        lambda: [b"zpopmin", k()], lambda: [b"zpopmax", k(), v.small()],
        lambda: [b"zpopmin", k(), v.number()],
        lambda: numbered(b"zmpop", v, several(), [end()]),
        lambda: numbered(b"zmpop", v, several(), [end(), b"count", v.small()]),
        lambda: [r.choice([b"bzpopmin", b"bzpopmax"])] + several() + [wait(v)],
        lambda: numbered(b"bzmpop", v, several(), [end()], wait(v)),
        lambda: [b"del", k()],
    ])
    return make()


def join_command(v):
    r, k = v.rng, v.key
    several = lambda: [k() for _ in range(r.randrange(1, 4))]

    def options(keys):
        out = []
        if r.random() < 0.4:
            out += [b"weights"] + [v.floating() for _ in keys]
        if r.random() < 0.4:
            out += [b"aggregate", v.case(r.choice([b"sum", b"min", b"max", b"max", b"avg"]))]
        if r.random() < 0.3:
            out.append(b"withscores")
        return out

    keys = several()
    make = r.choice([
        lambda: numbered(b"zunion", v, keys, options(keys)),
        lambda: numbered(b"zinter", v, keys, options(keys)),
        lambda: numbered(b"zdiff", v, keys, r.choice([[], [b"withscores"], [b"foo"]])),
        lambda: numbered(b"zintercard", v, keys, r.choice([[], [b"limit", v.small()]])),
        lambda: numbered(b"zunionstore", v, keys, options(keys), k()),
        lambda: numbered(b"zinterstore", v, keys, options(keys), k()),
        lambda: numbered(b"zdiffstore", v, keys, [], k()),
    ])
    return make()


def lexical_command(v):
    """Ranges by text. They mean something only while all scores are the same."""
    r, k = v.rng, v.key
    make = r.choice([
        lambda: [b"zadd", k()] + [x for _ in range(r.randrange(1, 5)) for x in (b"0", v.member())],
        lambda: [b"zlexcount", k(), lex_bound(v), lex_bound(v)],
        lambda: [b"zrange", k(), lex_bound(v), lex_bound(v), b"bylex"] + limit(v),
        lambda: [b"zrange", k(), lex_bound(v), lex_bound(v), b"bylex", b"rev"] + limit(v),
        lambda: [b"zrangebylex", k(), lex_bound(v), lex_bound(v)] + limit(v),
        lambda: [b"zrevrangebylex", k(), lex_bound(v), lex_bound(v)] + limit(v),
        lambda: [b"zrangestore", k(), k(), lex_bound(v), lex_bound(v), b"bylex"] + limit(v),
        lambda: [b"zremrangebylex", k(), lex_bound(v), lex_bound(v)],
    ])
    return make()
