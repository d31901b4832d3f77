# SPDX-License-Identifier: Apache-2.0
"""When two replies to one command mean the same. What Redis leaves open is brought into one form
first: the order of a hash table, the clock within a time to live, random choices."""

UNORDERED = {b"keys", b"hkeys", b"hvals", b"smembers", b"sinter", b"sunion", b"sdiff", b"spop"}
SCANS = {b"scan", b"hscan", b"sscan", b"zscan"}
RANDOM = {b"hrandfield", b"srandmember", b"zrandmember"}
NEAR = {b"ttl": 2, b"expiretime": 2, b"pttl": 3000, b"pexpiretime": 3000}
# Milliseconds that pass between one server and the other.
DELAY_MS = 5000
# SORT takes the ERANGE that an earlier command has left behind for one of its own.
STALE_ERRNO = (b"-", b"ERR One or more scores can't be converted into double")
IDLE_FIELDS = [(b"$", b"idle"), (b"$", b"inactive")]
CLOCKS = {b"time", b"lastsave"}
NOTES = (b"$", b"notes")
SCRIPTS = {b"eval", b"eval_ro", b"evalsha", b"evalsha_ro", b"fcall", b"fcall_ro"}


def unsigned_zeros(reply):
    kind, value = reply
    if isinstance(value, list):
        return kind, [unsigned_zeros(element) for element in value]
    return kind, b"0" if value == b"-0" else value


def sort_pairs(items):
    return sorted(zip(items[::2], items[1::2]))


def deep_sorted(reply):
    kind, value = reply
    if not isinstance(value, list):
        return reply
    # Order is by text: None and lists do not compare.
    return kind, sorted((deep_sorted(element) for element in value), key=repr)


def distances(found):
    """Redis sorts only what COUNT asks for, and then leaves open who comes first, or at all, of
    those that are equally far away: how far away they are must be the same."""
    return [row[1][1] if isinstance(row[1], list) else None for row in found]


def normalized(args, reply):
    """One form for what Redis leaves open."""
    name = args[0].lower()
    kind, value = reply
    if kind == b"-" or value is None:
        return reply
    if name in SCANS and isinstance(value, list):
        return kind, "scan"  # whole scans are compared by themselves
    if name == b"acl" and args[1].lower() == b"genpass":
        return kind, len(value)
    if name == b"randomkey":
        return kind, None
    if name == b"dump":
        return kind, "payload"  # tried out by itself
    if name == b"function" and args[1].lower() == b"dump":
        return kind, "payload"  # compressed or not, and in any order
    if name in RANDOM:
        if isinstance(value, list):
            return kind, len(value), [element[0] for element in value]
        return kind, "one of them"
    if not isinstance(value, list):
        return reply
    if name in UNORDERED:
        return kind, sorted(value)
    if name == b"hgetall" or (name == b"config" and args[1].lower() == b"get"):
        return kind, sort_pairs(value)
    if name in (b"acl", b"function"):
        return deep_sorted(reply)
    if name == b"pubsub" or b"nosort" in args:
        return kind, sorted(value, key=repr)
    if name == b"command":
        return deep_sorted(without_notes(reply))
    if name in SCRIPTS:
        return deep_sorted(reply)
    if name.startswith(b"geo") and b"count" in args and b"withdist" in args:
        return kind, distances(value)
    return reply


def near(ours, theirs):
    return ours[0] == theirs[0] == b":" and abs(int(ours[1]) - int(theirs[1])) <= DELAY_MS


def is_moment(reply):
    """Milliseconds since 1970, as XINFO STREAM FULL has them."""
    return reply[0] == b":" and 1.6e12 < int(reply[1]) < 1e13


def same_but_release(ours, theirs):
    """Of HELLO: which release answers, and its number of the client."""
    if ours[0] != theirs[0] or not isinstance(ours[1], list):
        return False
    a, b = (dict(zip(reply[1][::2], reply[1][1::2])) for reply in (ours, theirs))
    own = {(b"$", b"version"), (b"$", b"id")}
    return a.keys() == b.keys() and all(key in own or a[key] == b[key] for key in a)


def same_but_idle_times(ours, theirs):
    """Of XINFO: equal but for the numbers that follow the names of idle times."""
    if ours[0] != theirs[0] or not (isinstance(ours[1], list) and isinstance(theirs[1], list)):
        return ours == theirs
    before = None
    for a, b in zip(ours[1], theirs[1]):
        is_time = before in IDLE_FIELDS or is_moment(a)
        if not (near(a, b) if is_time else same_but_idle_times(a, b)):
            return False
        before = a
    return len(ours[1]) == len(theirs[1])


def without_notes(reply):
    """Of COMMAND INFO: without the texts for readers in the key specs."""
    kind, value = reply
    if not isinstance(value, list):
        return reply
    return kind, [without_notes(element) for i, element in enumerate(value)
                  if element != NOTES and (i == 0 or value[i - 1] != NOTES)]


def same_pending(ours, theirs):
    """Of XPENDING with a range: id, consumer, idle time, deliveries."""
    if ours[0] != theirs[0] or not (isinstance(ours[1], list) and isinstance(theirs[1], list)):
        return ours == theirs
    return len(ours[1]) == len(theirs[1]) and all(
        near(a[1][2], b[1][2]) and a[1][:2] + a[1][3:] == b[1][:2] + b[1][3:]
        for a, b in zip(ours[1], theirs[1]))


def has_stale_errno(args, ours, theirs):
    return (args[0].lower() in (b"sort", b"sort_ro") and ours != theirs
            and STALE_ERRNO in (ours, theirs))


def is_sorted_by_nothing(args):
    """SORT ... BY w* ALPHA: no such keys exist, so all texts are equal and any order is right."""
    words = [word.lower() for word in args[2:]]
    return b"alpha" in words and b"by" in words and b"w*" in words


def same(args, ours, theirs):
    if ours == theirs:
        return True
    name = args[0].lower()
    if has_stale_errno(args, ours, theirs):
        return True
    if name in (b"sort", b"sort_ro") and is_sorted_by_nothing(args) and ours[0] == theirs[0] == b"*":
        return len(ours[1]) == len(theirs[1])
    if name in NEAR and ours[0] == theirs[0] == b":":
        a, b = int(ours[1]), int(theirs[1])
        # Times beyond the year 10889 are clamped.
        if min(a, b) > 2 * 10**11:
            return True
        return a == b or (a > 0 and b > 0 and abs(a - b) <= NEAR[name])
    if name == b"role" and ours[0] == theirs[0] == b"*":
        return [e[0] for e in ours[1]] == [e[0] for e in theirs[1]]
    if name == b"info":
        return ours[0] == theirs[0]
    if name in CLOCKS or (name == b"object" and args[1].lower() == b"idletime"):
        return ours[0] == theirs[0]
    if name == b"hello" and isinstance(theirs[1], list):
        return same_but_release(ours, theirs)
    if name == b"xinfo":
        return same_but_idle_times(ours, theirs)
    if name == b"xpending" and len(args) > 3:
        return same_pending(ours, theirs)
    return normalized(args, ours) == normalized(args, theirs)


class TransactionMatcher:
    """Compares replies one after the other; those inside EXEC by the commands that were queued."""

    def __init__(self, equal=same):
        self._equal = equal
        self._queued = []
        # One side has stored and the other was refused for no reason: what is said from now on
        # may rightly differ, until both sides begin anew.
        self.has_parted = False

    def same(self, args, ours, theirs):
        name = args[0].lower()
        if ours == theirs == (b"+", b"QUEUED"):
            self._queued.append(args)
            return True
        if ours == theirs and ours[0] == b"-":
            return True
        if name == b"exec" and ours[0] == theirs[0] == b"*" and ours[1] and theirs[1]:
            queued, self._queued = self._queued, []
            return len(queued) == len(ours[1]) == len(theirs[1]) and all(
                map(self._same, queued, ours[1], theirs[1]))
        if name in (b"exec", b"discard", b"reset", b"multi"):
            self._queued = []
        return self._same(args, ours, theirs)

    def _same(self, args, ours, theirs):
        if has_stale_errno(args, ours, theirs) and b"store" in map(bytes.lower, args):
            self.has_parted = True
        return self._equal(args, ours, theirs)
