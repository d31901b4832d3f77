# SPDX-License-Identifier: Apache-2.0
"""Random requests to ask ACL DRYRUN about: every command of the table, its keys in places where
they are and where they are not."""

KEYS = ["k1", "k2", "k", "a", "b", "a1", "x", "x*", "user:1", "", "1", "other", "*"]
STORES = ("store", "storedist")
WORDS = ["get", "GET", "set", "store", "STOREDIST", "streams", "keys", "by", "limit", "count", "0",
         "1", "2", "3", "-1", "block", "nx", "ex", "weights", "u4", "incrby", "overflow", "wrap",
         "auth", "auth2", "group", "latest", "$", "copy", "replace", "m", "asc"]
# What random words would seldom come to.
SHAPES = [
    "set K v", "set K v get", "set K v ex 100", "set K v keepttl get", "set get K",
    "bitfield K get u4 0", "bitfield K set u4 0 1", "bitfield K get u4 0 incrby u4 0 1",
    "bitfield_ro K get u4 0", "sort K", "sort K store K", "sort K by x* get y* store K",
    "sort K limit 0 1 store K", "sort_ro K by x*", "migrate h 1 K 0 500",
    "migrate h 1 E 0 500 keys K K", "migrate h 1 E 0 500 auth keys keys K",
    "migrate h 1 E 0 500 auth2 u keys keys K", "xread streams K 0", "xread count 1 streams K K 0 0",
    "xreadgroup group streams c streams K >", "xreadgroup group g streams count 1 streams K K > >",
    "eval s 1 K", "eval s 2 K K a", "eval s 0 K", "evalsha s 1 K", "fcall f 1 K", "fcall_ro f 2 K K",
    "eval_ro s 1 K", "zunionstore K 2 K K", "zinterstore K 1 K weights 1", "zdiff 2 K K",
    "zunion 2 K K withscores", "zintercard 2 K K", "sintercard 2 K K limit 1", "lmpop 2 K K left",
    "blmpop 0 2 K K left", "zmpop 1 K min", "bzmpop 0 1 K min", "georadius K 1 2 3 m store K",
    "georadius K 1 2 3 m storedist K", "georadius_ro K 1 2 3 m", "georadiusbymember K m 3 m store K",
    "geosearchstore K K fromlonlat 1 2 byradius 3 m", "copy K K", "rename K K", "lmove K K left right",
    "smove K K m", "bitop and K K K", "pfmerge K K K", "pfcount K K", "mset K v K v", "mget K K",
    "del K K", "blpop K K 0", "brpoplpush K K 0", "object encoding K", "memory usage K",
    "xinfo stream K", "xgroup create K g $", "debug object K", "debug x", "select 0", "select 1",
    "publish K m", "spublish K m", "subscribe K K", "psubscribe K K", "ssubscribe K K",
    "unsubscribe K", "punsubscribe K", "sunsubscribe K", "ping", "auth p", "hello 3", "quit",
    "reset", "config get K", "config set K v", "client id", "client kill K", "acl whoami",
    "acl setuser K", "command getkeys get K", "watch K K", "multi", "exec", "config", "nosuch",
    "config nosuch", "get", "get a b", "script load s", "function list", "latency doctor",
]


class Requests:
    def __init__(self, rng, arities):
        self.rng, self.arities = rng, arities
        self.names = sorted(arities)

    def key(self):
        return self.rng.choice(KEYS)

    def one(self):
        if self.rng.random() < 0.5:
            shape = self.rng.choice(SHAPES).split()
            return [{"K": self.key(), "E": ""}.get(word, word) if word in "KE" else word
                    for word in shape]
        name = self.rng.choice(self.names)
        words = name.split("|")
        arity = self.arities[name]
        length = abs(arity)
        if arity < 0 or self.rng.random() < 0.02:
            length += self.rng.randrange(6)
        while len(words) < length:
            is_key = self.rng.random() < 0.6
            words.append(self.key() if is_key else self.rng.choice(WORDS))
        return ["x" if is_taken_for_an_option(words, i) else word for i, word in enumerate(words)]


def is_taken_for_an_option(words, i):
    """By Redis's search for keys, which does not follow options one by one. MIGRATE of a key called
    KEYS has none for it, and everybody may take that key away; we look at the key. Where a key of
    GEORADIUS is called STORE, the word behind it is another, and names the refusal."""
    word = words[i].lower()
    if words[0] == "migrate":
        return 2 <= i < 6 and word == "keys"
    return (words[0].startswith("georadius") and word in STORES and words[i - 1].lower() in STORES)
