# SPDX-License-Identifier: Apache-2.0
"""Random commands on what strings and sorted sets can hold packed: bits, HyperLogLogs, places."""


def bit_command(v):
    r, k = v.rng, v.key
    offset = lambda: r.choice([b"%d" % r.randrange(80), b"4294967296", b"-1", b"x", b"7", b"0"])
    bit = lambda: r.choice([b"0", b"1", b"1", b"2", b"x"])
    kind = lambda: r.choice([b"u8", b"i8", b"u1", b"i64", b"u63", b"u4", b"i5", b"u64", b"i0",
                             b"x8", b"i16"])
    place = lambda: r.choice([b"%d" % r.randrange(60), b"#%d" % r.randrange(6), b"-1", b"#x"])

    def field():
        steps = []
        for _ in range(r.randrange(4)):
            steps += r.choice([
                [b"get", kind(), place()], [b"set", kind(), place(), v.number()],
                [b"incrby", kind(), place(), v.number()],
                [b"overflow", v.case(r.choice([b"wrap", b"sat", b"fail", b"foo"]))], [b"get"]])
        return steps

    make = r.choice([
        lambda: [b"setbit", k(), offset(), bit()], lambda: [b"setbit", k(), offset(), bit()],
        lambda: [b"getbit", k(), offset()],
        lambda: [b"bitcount", k()] + r.choice([[], [v.small(), v.small()], [v.small()],
                                               [v.small(), v.small(), b"bit"],
                                               [v.small(), v.small(), b"byte"],
                                               [v.small(), v.small(), b"foo"]]),
        lambda: [b"bitpos", k(), bit()] + r.choice([[], [v.small()], [v.small(), v.small()],
                                                    [v.small(), v.small(), b"bit"]]),
        lambda: [b"bitop", v.case(r.choice([b"and", b"or", b"xor", b"foo"])), k(), k(), k()],
        lambda: [b"bitop", v.case(r.choice([b"and", b"or", b"xor"])), k()] +
                [k() for _ in range(r.randrange(1, 6))],
        lambda: [b"bitcount", k(), v.small(), v.small(), r.choice([b"BIT", b"Byte"])],
        lambda: [b"bitpos", k(), bit(), v.small(), v.small(), r.choice([b"BYTE", b"bit", b"x"])],
        lambda: [b"bitop", b"not", k(), k()], lambda: [b"bitop", b"not", k(), k(), k()],
        lambda: [b"bitfield", k()] + field(), lambda: [b"bitfield", k()] + field(),
        lambda: [b"bitfield_ro", k()] + field(),
    ])
    return make()


def hyperloglog_command(v):
    r, k = v.rng, v.key
    elements = lambda: [v.member() for _ in range(r.randrange(6))]
    several = lambda: [k() for _ in range(r.randrange(1, 4))]
    make = r.choice([
        lambda: [b"pfadd", k()] + elements(), lambda: [b"pfadd", k()] + elements(),
        lambda: [b"pfcount"] + several(), lambda: [b"pfmerge", k()] + several(),
        lambda: [b"pfmerge", k()], lambda: [b"pfcount"], lambda: [b"del", k()],
        lambda: [b"strlen", k()], lambda: [b"get", k()],
        lambda: [b"pfdebug", r.choice([b"encoding", b"decode", b"getreg", b"todense", b"foo"]),
                 k()],
    ])
    return make()


def geo_command(v):
    r, k, m = v.rng, v.key, v.member
    unit = lambda: v.case(r.choice([b"m", b"km", b"ft", b"mi", b"foo"]))
    radius = lambda: r.choice([b"100", b"1000", b"20000", b"-1", b"x", b"0.5"])
    where = lambda: r.choice([[b"frommember", m()], [b"fromlonlat", v.longitude(), v.latitude()]])
    shape = lambda: r.choice([[b"byradius", radius(), unit()],
                              [b"bybox", radius(), radius(), unit()]])
    # Without an order, what is found comes in the order of the area's cells: the same everywhere.
    options = lambda: r.choice([[], [b"asc"], [b"desc"], [b"withdist", b"count", b"2"], [b"asc", b"count", b"0"],
                                [b"withcoord", b"withdist", b"withhash"], [b"count", b"1", b"any"],
                                [b"foo"]])
    make = r.choice([
        lambda: [b"geoadd", k()] + [x for _ in range(r.randrange(1, 4))
                                    for x in (v.longitude(), v.latitude(), m())],
        lambda: [b"geoadd", k(), r.choice([b"nx", b"xx", b"ch", b"foo"]), v.longitude(),
                 v.latitude(), m()],
        lambda: [b"geodist", k(), m(), m()] + r.choice([[], [unit()]]),
        lambda: [b"geohash", k()] + [m() for _ in range(r.randrange(3))],
        lambda: [b"geopos", k()] + [m() for _ in range(r.randrange(3))],
        lambda: [b"geosearch", k()] + where() + shape() + options(),
        lambda: [b"geosearchstore", k(), k()] + where() + shape() + r.choice([
            [b"asc"], [b"asc", b"count", b"100"], [b"storedist"], [b"withdist"], [b"desc"]]),
        lambda: [b"geosearch", k()] + where() + where() + shape() + shape(),
        lambda: [b"geosearch", k()] + shape(), lambda: [b"geosearch", k()] + where(),
        lambda: [b"georadius", k(), v.longitude(), v.latitude(), radius(), unit()] + options(),
        lambda: [b"georadius_ro", k(), v.longitude(), v.latitude(), radius(), unit()] + options(),
        lambda: [b"georadiusbymember", k(), m(), radius(), unit()] + options(),
        lambda: [b"georadiusbymember", k(), m(), radius(), unit(), b"storedist", k()],
        lambda: [b"georadiusbymember_ro", k(), m(), radius(), unit()] + options(),
        lambda: [b"geoadd", k(), r.choice([b"nx", b"xx"]), b"ch", v.longitude(), v.latitude(), m()],
        lambda: [b"geoadd", k(), b"nx", b"xx", v.longitude(), v.latitude(), m()],
        lambda: [b"georadius", k(), v.longitude(), v.latitude(), radius(), unit(), b"store", k()],
    ])
    return make()
