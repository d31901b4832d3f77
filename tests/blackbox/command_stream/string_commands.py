# SPDX-License-Identifier: Apache-2.0
"""Random commands on strings."""


def set_options(v):
    r = v.rng
    out = []
    for _ in range(r.choice([0, 0, 1, 1, 1, 2, 2, 3])):
        pick = r.random()
        if pick < 0.45:
            out += v.ttl()
        elif pick < 0.95:
            out.append(v.case(r.choice([b"nx", b"xx", b"get", b"keepttl"])))
        else:
            out.append(r.choice([b"ex", b"persist", b"", b"foo", b"px"]))
    return out


def string_command(v):
    r, k = v.rng, v.key
    make = r.choice([
        lambda: [b"set", k(), v.value()],
        lambda: [b"set", k(), v.value()] + set_options(v),
        lambda: [b"set", k(), v.value()] + set_options(v),
        lambda: [b"get", k()],
        lambda: [b"append", k(), v.value()],
        lambda: [b"strlen", k()],
        lambda: [b"getrange", k(), v.small(), v.small()],
        lambda: [b"getrange", k(), v.number(), v.number()],
        lambda: [b"substr", k(), v.small(), v.small()],
        lambda: [b"setrange", k(), v.small(), v.value()],
        lambda: [b"setrange", k(), r.choice([v.bad_number(), b"1048577", b"1048576",
                                             b"9223372036854775807", b"-1"]), b"v"],
        lambda: [b"setrange", v.long_key(), r.choice([b"1048575", b"9"]), b"v"]
                if r.random() < 0.05 else [b"setrange", k(), b"1048577", b""],
        lambda: [b"get", v.long_key()] if r.random() < 0.2 else [b"strlen", v.long_key()],
        lambda: [b"set", v.long_key(), b"y" * r.choice([16384, 65536, 70000, 300000])]
                if r.random() < 0.1 else [b"mget", k(), v.long_key(), k()][:r.choice([2, 3, 4])],
        lambda: [b"incr", k()], lambda: [b"decr", k()],
        lambda: [b"incrby", k(), v.number()], lambda: [b"decrby", k(), v.number()],
        lambda: [b"incrbyfloat", k(), v.floating()],
        lambda: [b"mget"] + [k() for _ in range(r.randrange(4))],
        lambda: [b"mset"] + [x for _ in range(r.randrange(4)) for x in (k(), v.value())],
        lambda: [b"msetnx"] + [x for _ in range(r.randrange(3)) for x in (k(), v.value())],
        lambda: [b"mset", k(), b"v", k()], lambda: [b"msetnx", k(), b"v", k()],
        lambda: [b"setnx", k(), v.value()], lambda: [b"getset", k(), v.value()],
        lambda: [b"getdel", k()],
        lambda: [b"getex", k()] + (v.ttl() if r.random() < 0.6 else []),
        lambda: [b"getex", k()] + r.choice([[b"persist"], [b"PERSIST", b"persist"], [b"keepttl"],
                                            [b"persist", b"ex", b"10"], [b"ex"], [b"nx"]]),
        lambda: [b"setex", k(), r.choice([b"1000", b"0", b"-1", b"9223372036854775807",
                                          b"a"]), v.value()],
        lambda: [b"psetex", k(), r.choice([b"1000000", b"0", b"-1", b"9223372036854775807",
                                           b"1.5"]), v.value()],
        lambda: [b"lcs", k(), k()] + r.choice([
            [], [b"len"], [b"idx"], [b"idx", b"withmatchlen"], [b"idx", b"minmatchlen", b"2"],
            [b"IDX", b"LEN"], [b"minmatchlen"], [b"foo"], [b"idx", b"minmatchlen", b"a"],
            [b"idx", b"minmatchlen", b"-3", b"withmatchlen"]]),
    ])
    return make()
