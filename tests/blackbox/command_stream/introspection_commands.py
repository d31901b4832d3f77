# SPDX-License-Identifier: Apache-2.0
"""Random questions about commands, clients and the server, and wrong numbers of arguments for every
command there is."""

CONTAINERS = [b"acl", b"client", b"cluster", b"command", b"config", b"function", b"latency",
              b"memory", b"module", b"object", b"pubsub", b"script", b"slowlog", b"xgroup",
              b"xinfo"]
# (words of a command, its arity), as the oracle has them; filled in by learn_commands().
ARITIES = []


def learn_commands(oracle):
    def learn(commands):
        for _, fields in commands:
            name, arity = fields[0][1], int(fields[1][1])
            ARITIES.append((name.split(b"|"), arity))
            learn(fields[9][1])
    learn(oracle.call("command")[1])
    ARITIES.sort()  # Redis tells them in another order each time: the same seed, the same stream


def wrong_arity(v):
    """One word too few, or one too many where that can be."""
    r = v.rng
    words, arity = r.choice(ARITIES)
    count = r.choice([arity - 1, arity + 1]) if arity > 0 else -arity - 1
    # A container's own row says nothing about its subcommands.
    if count < len(words) or [words[0]] in CONTAINERS:
        return [words[0]] if words[0] in CONTAINERS else [b"get"]
    return words + [b"x"] * (count - len(words))


def container_command(v):
    r = v.rng
    container = r.choice(CONTAINERS)
    return r.choice([
        [container, b"help"], [container, v.case(b"help")], [container, b"help", b"x"],
        [container, b"nosuch"], [container, b"nosuch", b"x", b"y"], [container],
        [container, b""], [container, b"HELP\r\n"], [v.case(container), b"no%s"]])


def client_command(v):
    return v.rng.choice([
        [b"client", b"id"], [b"client", b"info"], [b"client", b"list"],
        [b"client", b"list", b"id", b"999999"], [b"client", b"unpause"],
        [b"client", b"caching", b"yes"], [b"client", b"caching", b"x"],
        [b"client", b"tracking", b"x"], [b"client", b"tracking", b"off"],
        [b"client", b"tracking", b"on", b"redirect", b"99999999"],
        [b"client", b"tracking", b"on", b"redirect", b"x"], [b"client", b"tracking", b"on", b"foo"],
        [b"client", b"tracking", b"on", b"prefix", b"a"],
        [b"client", b"tracking", b"on", b"optin", b"optout"],
        [b"client", b"tracking", b"on", b"bcast", b"optin"],
        [b"client", b"tracking", b"on", b"bcast", b"prefix", b"a", b"prefix", b"ab"],
        [b"client", b"trackinginfo"], [b"client", b"getredir"], [b"client", b"pause", b"x", b"all"],
        [b"client", b"no-evict", b"off"], [b"client", b"setname", b"new\nline"],
        [b"client", b"kill", b"id", b"99999999", b"skipme", b"yes"],
        [b"client", b"kill", b"127.0.0.1:1"], [b"client", b"kill", b"foo", b"bar"],
        [b"client", b"unblock", b"99999999", b"error"], [b"client", b"no-touch", b"on"],
        [b"client", b"no-touch", b"off"], [b"client", b"setinfo", b"lib-name", b"x"],
    ])


def server_question(v):
    return v.rng.choice([
        [b"command", b"count"], [b"command", b"list"], [b"command", b"docs", b"get"],
        [b"command", b"docs", b"nosuch"], [b"command", b"info", b"nosuch"], [b"command", b"info"],
        [b"command", b"info", b"set", b"eval", b"zunion", b"xreadgroup"],
        [b"command", b"info", b"client|kill"], [b"command", b"list", b"filterby", b"foo", b"x"],
        [b"command", b"list", b"filterby", b"module", b"nosuch"],
        [b"command", b"list", b"filterby", b"pattern", b"zrange*"],
        [b"command", b"list", b"filterby", b"aclcat", b"nosuch"],
        [b"command", b"list", b"filterby"],
        [b"config", b"resetstat"], [b"config", b"rewrite"], [b"config", b"get", b"*-max-listpack-*"],
        [b"config", b"get", b"maxmemory", b"maxmemory-policy", b"nosuch"],
        [b"config", b"set", b"maxmemory-samples", b"5"],
        [b"config", b"set", b"maxmemory-samples", b"5", b"hz"],
        [b"latency", b"history", b"nosuch"], [b"latency", b"latest"], [b"latency", b"reset"],
        [b"latency", b"reset", b"nosuch", b"command"], [b"latency", b"graph", b"nosuch"],
        [b"latency", b"doctor"], [b"latency", b"histogram", b"nosuch"],
        [b"latency", b"histogram"], [b"slowlog", b"get"], [b"slowlog", b"get", b"-1"],
        [b"slowlog", b"get", b"x"], [b"slowlog", b"get", b"-2"], [b"slowlog", b"len"],
        [b"slowlog", b"reset"], [b"memory", b"doctor"], [b"memory", b"purge"],
        [b"memory", b"malloc-stats"], [b"memory", b"stats"], [b"time"], [b"lastsave"], [b"lolwut"],
        [b"lolwut", b"version", b"x"], [b"lolwut", b"version", b"4"], [b"role"], [b"bgsave", b"x"],
        [b"acl", b"cat"], [b"acl", b"cat", b"hyperloglog"], [b"acl", b"cat", b"nosuch"],
        [b"acl", b"users"], [b"acl", b"list"], [b"acl", b"getuser", b"default"],
        [b"acl", b"getuser", b"nobody"], [b"acl", b"genpass"], [b"acl", b"genpass", b"0"],
        [b"acl", b"genpass", b"x"], [b"acl", b"dryrun", b"default", b"get", b"x"],
        [b"acl", b"dryrun", b"nobody", b"get", b"x"], [b"acl", b"dryrun", b"default", b"nosuch"],
        [b"acl", b"log"], [b"acl", b"log", b"reset"], [b"acl", b"log", b"x"],
        [b"module", b"list"], [b"pubsub", b"channels"], [b"pubsub", b"channels", b"x*"],
        [b"pubsub", b"numpat"], [b"pubsub", b"numsub"], [b"pubsub", b"numsub", b"a", b"b"],
        [b"pubsub", b"shardchannels"], [b"pubsub", b"shardnumsub", b"a"],
        [b"publish", b"nobody", b"x"], [b"spublish", b"nobody", b"x"],
        [b"script", b"debug", b"x"], [b"debug", b"jmap"], [b"debug", b"set-active-expire", b"1"],
        [b"debug", b"digest-value", v.key(), v.key()], [b"debug", b"help"],
        [b"debug", b"stringmatch-len", b"10", b"a*"], [b"replicaof"], [b"replicaof", b"no", b"one"],
        [b"slaveof", b"no", b"one"], [b"failover"], [b"failover", b"abort"],
        [b"migrate", b"127.0.0.1", b"1", b"x", b"0", b"1"], [b"acl", b"setuser", b"someone"],
        [b"acl", b"deluser", b"someone"], [b"acl", b"load"], [b"acl", b"save"],
        [b"module", b"load", b"/nosuch"], [b"module", b"unload", b"nosuch"],
        [b"script", b"debug", b"no"],
    ])


def introspection_command(v, random_command):
    """`random_command` makes one whose keys may be asked for."""
    pick = v.rng.random()
    if pick < 0.3:
        return [b"command", b"getkeys"] + random_command()
    if pick < 0.4:
        return [b"command", b"getkeysandflags"] + random_command()
    return list(v.rng.choice([wrong_arity, container_command, client_command, server_question])(v))
