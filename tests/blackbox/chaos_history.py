# SPDX-License-Identifier: Apache-2.0
"""What clients did and what is there in the end: proves that nothing was lost, doubled or swapped.

Pure: times come with the operations. A key's operations are those of one client, in the order it
sent them; only texts, queues and channels have several users, one history each.

Redis itself loses acknowledged writes when a master dies before its replica has them. A LossZone
says when that could have happened; a write in one may be there or not. Everywhere else an
acknowledged write has to be there.
"""
from collections import namedtuple

ACKED, UNKNOWN, REFUSED = "acked", "unknown", "refused"
# The token of a write after which there is nothing.
DELETED = object()

# token: what was written, or None for a read. reply: the value of an acknowledged one.
Operation = namedtuple("Operation", "token sent done outcome reply")

# A write that was sent by `sent_to` and answered between the others may have been lost by Redis.
LossZone = namedtuple("LossZone", "answered_from answered_to sent_to")

# The zones hold for keys of these slots.
Losses = namedtuple("Losses", "slots zones")


def is_certain(operation, zones):
    """Acknowledged, and Redis has kept it."""
    return operation.outcome == ACKED and not any(
        zone.answered_from <= operation.done <= zone.answered_to
        and operation.sent <= zone.sent_to for zone in zones)


def check_counter(key, history, final, zones):
    """INCRs of one client. Each acknowledged one counts once, an unknown one at most once."""
    problems = []
    unknown_since, doubtful, last = 0, 0, 0
    for operation in history:
        if operation.outcome == UNKNOWN:
            unknown_since += 1
        if operation.outcome != ACKED:
            continue
        if operation.reply - last - 1 > unknown_since:
            problems.append(f"{key}: INCR answered {operation.reply} after {last} with "
                            f"{unknown_since} of unknown outcome between: one ran twice")
        if last + 1 - operation.reply > doubtful:
            problems.append(f"{key}: INCR answered {operation.reply} after {last}, and Redis lost "
                            f"at most {doubtful}")
        doubtful += not is_certain(operation, zones)
        unknown_since, last = 0, operation.reply
    certain = sum(is_certain(operation, zones) for operation in history)
    possible = sum(operation.outcome != REFUSED for operation in history)
    if not certain <= (final or 0) <= possible:
        problems.append(f"{key} is {final}: {certain} INCRs are certain, {possible} possible")
    return problems


def check_register(key, history, final, zones):
    """SETs, DELs and GETs of one client: a read sees the last write, or one of unknown fate after
    it."""
    problems = []
    candidates = {None}
    for operation in history:
        if operation.token is None:
            if operation.outcome == ACKED and operation.reply not in candidates:
                problems.append(f"{key}: GET answered {operation.reply}, possible were "
                                f"{sorted(map(str, candidates))}")
            continue
        value = None if operation.token is DELETED else operation.token
        if is_certain(operation, zones):
            candidates = {value}
        elif operation.outcome != REFUSED:
            candidates.add(value)
    if final not in candidates:
        problems.append(f"{key} is {final}, possible were {sorted(map(str, candidates))}")
    return problems


def check_text(key, histories, final, zones):
    """APPENDs of several clients; tokens end with ';' and are never the same."""
    problems = []
    tokens = (final or b"").split(b";")[:-1]
    places = {token: i for i, token in enumerate(tokens)}
    if len(places) < len(tokens):
        twice = sorted({token for token in tokens if tokens.count(token) > 1})
        problems.append(f"{key}: appended twice: {twice[:5]}")
    sent = set()
    for history in histories:
        last = -1
        for operation in history:
            token = operation.token.rstrip(b";")
            sent.add(token)
            place = places.get(token)
            if place is None:
                if is_certain(operation, zones):
                    problems.append(f"{key}: {token} was acknowledged and is lost")
                continue
            if operation.outcome == REFUSED:
                problems.append(f"{key}: {token} was refused and is there")
            if place < last:
                problems.append(f"{key}: {token} stands before what was appended earlier")
            last = place
    strange = set(places) - sent
    if strange:
        problems.append(f"{key}: nobody appended {sorted(strange)[:5]}")
    return problems


def check_queue(key, pushes, pops, left, zones, unnoticed=0):
    """RPUSHes and BLPOPs of several clients, and what is left. The pops' replies are what they got.

    Of an acknowledged element Redis has kept, one client at most hears. It is gone only if a pop of
    unknown outcome may have taken it, or one of the `unnoticed` that nobody was told of."""
    problems = []
    sent = {operation.token: operation for history in pushes for operation in history}
    taken = {}
    for history in pops:
        for operation in history:
            if operation.outcome == ACKED and operation.reply is not None:
                taken.setdefault(operation.reply, []).append(operation)
    for token in {*taken, *left}:
        if token not in sent:
            problems.append(f"{key}: nobody pushed {token}")
        elif sent[token].outcome == REFUSED:
            problems.append(f"{key}: {token} was refused and is there")
        # A pop that Redis has lost puts its element back.
        times = sum(is_certain(pop, zones) for pop in taken.get(token, [])) + left.count(token)
        if times > 1:
            problems.append(f"{key}: {token} came {times} times")
    gone = [token for token, operation in sent.items()
            if is_certain(operation, zones) and token not in taken and token not in left]
    unknown = sum(operation.outcome == UNKNOWN for history in pops for operation in history)
    if len(gone) > unknown + unnoticed:
        problems.append(f"{key}: {len(gone)} acknowledged elements are gone, and {unknown} pops "
                        f"may have taken one: {gone[:5]}")
    return problems + ([] if zones else _queue_disorder(key, pushes, pops))


def _queue_disorder(key, pushes, pops):
    """One pusher's elements come to one popper in their order."""
    places = {operation.token: (pusher, i) for pusher, history in enumerate(pushes)
              for i, operation in enumerate(history)}
    problems = []
    for history in pops:
        last = {}
        for operation in history:
            if operation.outcome != ACKED or operation.reply not in places:
                continue
            pusher, place = places[operation.reply]
            if place < last.get(pusher, -1):
                problems.append(f"{key}: {operation.reply} came after what was pushed later")
            last[pusher] = place
    return problems


def _is_within(operation, spans):
    return any(begin <= operation.sent and operation.done <= end for begin, end in spans)


def check_messages(name, way, histories, heard, peace, may_repeat=False):
    """What one listener heard in one way: (kind, channel). A history is one publisher's, and its
    tokens are messages "channel|...". `heard` has (kind, channel, message) of all ways. What was
    published and answered within a span of `peace` has to be heard, and once. With `may_repeat`
    subscriptions and publishers have moved from node to node meanwhile: what Redis still brings from
    the first to the next then comes once more, or late."""
    kind, channel = way
    own = [message for its_kind, its_channel, message in heard
           if its_kind == kind and its_channel == channel]
    what = f"{name}: {kind.decode()} of {channel.decode()}"
    problems = [f"{what}: it heard {message} of another channel" for message in own
                if not message.startswith(channel + b"|")]
    places = {}
    for i, message in enumerate(own):
        places.setdefault(message, i)
    calm = {operation.token for history in histories for operation in history
            if _is_within(operation, peace)}
    twice = sorted(message for message in places if own.count(message) > (
        2 if may_repeat and message not in calm else 1)) if len(places) < len(own) else []
    if twice:
        problems.append(f"{what}: came twice: {twice[:3]}")
    published = set()
    for history in histories:
        last = -1
        for operation in history:
            if not operation.token.startswith(channel + b"|"):
                continue
            published.add(operation.token)
            place = places.get(operation.token)
            if place is None:
                if operation.outcome == ACKED and _is_within(operation, peace):
                    problems.append(f"{what}: {operation.token} was not heard")
            elif operation.outcome == REFUSED:
                problems.append(f"{what}: {operation.token} was refused and was heard")
            elif operation.outcome == ACKED and not (may_repeat and operation.token not in calm):
                # One of unknown outcome may come late.
                if place < last:
                    problems.append(f"{what}: {operation.token} came after a later one")
                last = place
    strange = set(places) - published
    if strange:
        problems.append(f"{what}: nobody published {sorted(strange)[:3]}")
    return problems
