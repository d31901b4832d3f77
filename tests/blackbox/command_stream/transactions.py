# SPDX-License-Identifier: Apache-2.0
"""Transactions, whole: from WATCH or MULTI to EXEC or DISCARD, with mistakes in between."""


def transaction(v, random_command):
    """A list of commands. What is watched or queued has keys of one slot (the caller's choice)."""
    r = v.rng
    body = [random_command() for _ in range(r.randrange(6))]
    out = []
    watched = v.key()
    if r.random() < 0.3:
        out.append([b"watch", watched] + ([v.key()] if r.random() < 0.3 else []))
        pick = r.random()
        if pick < 0.3:
            out.append([b"set", watched, v.value()])
        elif pick < 0.4:
            out.append([b"unwatch"])
        elif pick < 0.6:
            out.append([b"get", watched])
        elif pick < 0.7:
            out.append([b"del", v.key()])
        elif pick < 0.8:
            out.append([b"hello", r.choice([b"2", b"3"])])
    out.append([b"multi"])
    for command in body:
        out.append(command)
        pick = r.random()
        if pick < 0.02:
            out.append([b"multi"])
        elif pick < 0.04:
            out.append([b"watch", v.key()])
        elif pick < 0.06:
            out.append(r.choice([[b"nosuch", b"x"], [b"get"], [b"set", b"onlykey"]]))
        elif pick < 0.1:
            out.append(r.choice([[b"ping"], [b"echo", b"x"], [b"unwatch"]]))
    pick = r.random()
    if pick < 0.8:
        out.append([b"exec"])
    elif pick < 0.95:
        out.append([b"discard"])
    else:
        out += [[b"exec", b"surplus"], [b"exec"]]
    if r.random() < 0.05:
        out.append(r.choice([[b"exec"], [b"discard"], [b"unwatch"]]))
    if [b"reset"] in out:
        out.append([b"unwatch"])  # a WATCH behind RESET was one; the next keys have another slot
    return out


def scattered_transaction(v):
    """Keys of two slots: a cluster refuses the second command, and EXEC."""
    first, second = v.two_slots()
    body = [[b"set", first, v.value()], [v.rng.choice([b"get", b"type", b"del"]), second]]
    before = [[b"watch", first]] if v.rng.random() < 0.3 else []
    if before and v.rng.random() < 0.5:
        body = body[1:]
    return before + [[b"multi"]] + body + [[b"exec"], [b"unwatch"]]
