# SPDX-License-Identifier: Apache-2.0
"""Random commands on streams and their groups. Ids are given: those of the clock would differ."""

GROUPS = [b"readers", b"writers", b"idlers"]
CONSUMERS = [b"alice", b"bob", b"carol"]


def stream_command(v):
    return v.rng.choice([write_command, write_command, read_command, group_command,
                         group_command, pending_command, info_command])(v)


def entry_id(v):
    r = v.rng
    if r.random() < 0.06:
        return r.choice([b"x", b"-1", b"0-0", b"18446744073709551615-18446744073709551615", b"1-",
                         b"18446744073709551616", b"5-x", b"", b"$"])
    if r.random() < 0.3:
        return b"%d" % r.randrange(40)
    return b"%d-%d" % (r.randrange(40), r.randrange(4))


def range_bound(v):
    return v.rng.choice([b"-", b"+", entry_id(v), b"(" + entry_id(v), entry_id(v)])


def count(v):
    return v.rng.choice([[], [], [b"count", b"2"], [b"count", v.small()], [b"count"]])


def trim(v):
    r = v.rng
    return r.choice([
        [b"maxlen", v.small()], [b"maxlen", b"=", b"5"], [b"minid", entry_id(v)],
        [b"maxlen", b"~", b"5"], [b"maxlen", b"~", b"5", b"limit", b"3"], [b"maxlen"],
        [b"maxlen", b"5", b"limit", b"3"], [b"minid", b"=", entry_id(v)]])


def fields(v):
    return [x for _ in range(v.rng.randrange(1, 3)) for x in (v.field(), v.value())]


def write_command(v):
    r, k = v.rng, v.key
    make = r.choice([
        lambda: [b"xadd", k(), v.growing_id()] + fields(v),
        lambda: [b"xadd", k(), v.growing_id()] + fields(v),
        lambda: [b"xadd", k(), entry_id(v)] + fields(v),
        lambda: [b"xadd", k(), b"nomkstream", v.growing_id()] + fields(v),
        lambda: [b"xadd", k()] + trim(v) + [v.growing_id()] + fields(v),
        lambda: [b"xadd", k(), b"%d-*" % r.randrange(40)] + fields(v),
        lambda: [b"xadd", k(), v.growing_id(), v.field()], lambda: [b"xadd", k(), b"5"],
        lambda: [b"xdel", k()] + [entry_id(v) for _ in range(r.randrange(1, 4))],
        lambda: [b"xtrim", k()] + trim(v),
        lambda: [b"xsetid", k(), entry_id(v)],
        lambda: [b"xsetid", k(), entry_id(v), b"entriesadded", v.small(), b"maxdeletedid",
                 entry_id(v)],
        lambda: [b"del", k()],
    ])
    return make()


def read_command(v):
    r, k = v.rng, v.key
    keys = [k() for _ in range(r.choice([1, 1, 1, 2, 3]))]
    ids = [r.choice([b"0", entry_id(v), b"$"]) for _ in keys]
    make = r.choice([
        lambda: [b"xlen", k()],
        lambda: [b"xrange", k(), range_bound(v), range_bound(v)] + count(v),
        lambda: [b"xrange", k(), b"-", b"+"],
        lambda: [b"xrevrange", k(), range_bound(v), range_bound(v)] + count(v),
        lambda: [b"xread"] + count(v) + [b"streams"] + keys + ids,
        lambda: [b"xread", b"block", r.choice([b"1", b"10", b"-1", b"x"]), b"streams"] + keys + ids,
        lambda: [b"xread", b"count", b"1", b"streams"] + keys + keys + ids + ids,
        lambda: [b"xread", b"count", b"1", b"streams"], lambda: [b"xread", b"block", b"1", b"foo", k()],
        lambda: [b"xread", b"streams"] + keys, lambda: [b"xread", b"foo", b"streams"] + keys + ids,
    ])
    return make()


def group_command(v):
    r, k = v.rng, v.key
    group, consumer = r.choice(GROUPS), r.choice(CONSUMERS)
    keys = [k() for _ in range(r.choice([1, 1, 1, 2]))]
    ids = [r.choice([b">", b">", b"0", entry_id(v)]) for _ in keys]
    read = [b"xreadgroup", b"group", group, consumer]
    make = r.choice([
        lambda: [b"xgroup", b"create", k(), group, r.choice([b"0", b"$", entry_id(v)])] +
                r.choice([[], [b"mkstream"], [b"mkstream"], [b"entriesread", b"2"], [b"foo"]]),
        lambda: [b"xgroup", b"destroy", k(), group] if r.random() < 0.3 else [b"xlen", k()],
        lambda: [b"xgroup", b"setid", k(), group, entry_id(v)],
        lambda: [b"xgroup", b"createconsumer", k(), group, consumer],
        lambda: [b"xgroup", b"delconsumer", k(), group, consumer],
        lambda: [b"xgroup", b"nosuch", k(), group], lambda: [b"xgroup", b"create", k()],
        lambda: read + count(v) + [b"streams"] + keys + ids,
        lambda: read + count(v) + [b"streams"] + keys + ids,
        lambda: read + [b"noack", b"streams"] + keys + ids,
        lambda: read + [b"block", b"1", b"streams"] + keys + ids,
        lambda: read + [b"streams"] + keys,
        lambda: [b"xreadgroup", b"group", group, b"streams", k(), b">"],
        lambda: [b"xack", k(), group] + [entry_id(v) for _ in range(r.randrange(1, 4))],
    ])
    return make()


def pending_command(v):
    r, k = v.rng, v.key
    group, consumer = r.choice(GROUPS), r.choice(CONSUMERS)
    make = r.choice([
        lambda: [b"xpending", k(), group],
        lambda: [b"xpending", k(), group, b"-", b"+", b"10"] + r.choice([[], [consumer]]),
        lambda: [b"xpending", k(), group, b"idle", b"0", b"-", range_bound(v), v.small()],
        lambda: [b"xpending", k(), group, b"-", b"+"],
        lambda: [b"xpending", k(), group, b"idle", b"99999999", b"-", b"+", b"5", consumer],
        lambda: [b"xpending", k(), group, b"idle", b"x", b"-", b"+", b"5"],
        lambda: [b"xautoclaim", k(), group, consumer, b"x", b"0"],
        lambda: [b"xautoclaim", k(), group, consumer, b"99999999", b"-"],
        lambda: [b"xclaim", k(), group, consumer, b"0", entry_id(v), entry_id(v)] + r.choice([
            [], [b"justid"], [b"idle", b"1000"], [b"retrycount", b"3"], [b"force"],
            [b"force", b"justid"], [b"lastid", b"3-1"], [b"foo"], [b"time", b"1000"],
            [b"idle", b"-1"], [b"retrycount", b"x"], [b"lastid", b"x"], [b"justid", b"idle"]]),
        lambda: [b"xclaim", k(), group, consumer, r.choice([b"99999999", b"x"]), entry_id(v)],
        lambda: [b"xautoclaim", k(), group, consumer, b"0", r.choice([b"0", entry_id(v)])] +
                r.choice([[], [b"justid"], [b"count", v.small()], [b"foo"]]),
    ])
    return make()


def info_command(v):
    r, k = v.rng, v.key
    make = r.choice([
        lambda: [b"xinfo", b"stream", k()], lambda: [b"xinfo", b"groups", k()],
        lambda: [b"xinfo", b"stream", k(), b"full"] + r.choice([
            [], [b"count", b"2"], [b"count", b"0"], [b"count", b"-1"], [b"count", b"x"],
            [b"count"], [b"foo"]]),
        lambda: [b"xinfo", b"consumers", k(), r.choice(GROUPS)],
        lambda: [b"xinfo", b"nosuch", k()], lambda: [b"xinfo", b"stream", k(), b"foo"],
        lambda: [b"xinfo"], lambda: [b"object", b"encoding", k()],
    ])
    return make()
