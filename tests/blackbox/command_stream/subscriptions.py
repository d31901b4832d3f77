# SPDX-License-Identifier: Apache-2.0
"""Subscriptions, whole: from SUBSCRIBE to the last UNSUBSCRIBE, with what a listener may ask, and may
not, in between. Each command names one topic, so that it has one reply."""

KINDS = [b"", b"p", b"s"]
TOPICS = [b"news", b"{a}news", b"news*", b"", b"\x00\r\n"]


def question(v):
    return v.rng.choice([
        [b"ping"], [b"ping", b"x"], [b"ping", b"x", b"y"], [b"get", v.key()], [b"subscribe"],
        [b"unsubscribe", b"nothing"], [b"punsubscribe", b"nothing*"], [b"sunsubscribe", b"nothing"],
        [b"pubsub", b"channels"], [b"pubsub", b"numsub", b"news", b"nothing"], [b"nosuch"],
        [b"pubsub", b"numpat"], [b"pubsub", b"shardchannels"], [b"multi", b"x"], [b"exec"],
        [b"pubsub", b"shardnumsub", b"news"], [b"publish", b"nobody", b"x"], [b"echo", b"x"],
        [b"select", b"0"], [b"client", b"getname"], [b"hello", b"9"], [b"watch"]])


def subscription(v):
    r = v.rng
    joined, out = [], []
    for _ in range(r.randrange(1, 5)):
        joined.append((r.choice(KINDS), r.choice(TOPICS)))
        out.append([joined[-1][0] + b"subscribe", joined[-1][1]])
        out += [question(v) for _ in range(r.randrange(3))]
    if r.random() < 0.2:
        return out + [[b"reset"]]
    r.shuffle(joined)
    for kind, topic in joined:
        out.append([kind + b"unsubscribe", topic])
        out += [question(v) for _ in range(r.randrange(2))]
    # A shard channel by its name: without one, a client with none gets another form of reply.
    return out + [[b"get", v.key()]]
