# SPDX-License-Identifier: Apache-2.0
"""The checkers of the chaos test, on histories that were made up: each finds what it is there for,
and nothing in a history that is fine."""
import pytest

from chaos_history import (ACKED, DELETED, REFUSED, UNKNOWN, LossZone, Operation, check_counter,
                           check_messages, check_queue, check_register, check_text)


def operations(*outcomes):
    """(token, outcome, reply) one after the other, a second each."""
    return [Operation(token, i, i + 0.5, outcome, reply)
            for i, (token, outcome, reply) in enumerate(outcomes)]


@pytest.mark.parametrize("history,final,zones,is_fine", [
    ([(b"k", ACKED, 1), (b"k", ACKED, 2)], 2, [], True),
    ([(b"k", ACKED, 1), (b"k", ACKED, 2)], 1, [], False),
    ([(b"k", ACKED, 1), (b"k", ACKED, 2)], 1, [LossZone(1, 2, 1)], True),
    ([(b"k", ACKED, 1), (b"k", ACKED, 2)], 1, [LossZone(1, 2, 0.5)], False),
    ([(b"k", ACKED, 1), (b"k", ACKED, 3)], 3, [], False),
    ([(b"k", ACKED, 1), (b"k", UNKNOWN, None), (b"k", ACKED, 3)], 3, [], True),
    ([(b"k", ACKED, 1), (b"k", REFUSED, None), (b"k", ACKED, 3)], 3, [], False),
    ([(b"k", ACKED, 1), (b"k", ACKED, 1)], 1, [], False),
    ([(b"k", UNKNOWN, None)], None, [], True),
    ([(b"k", UNKNOWN, None)], 2, [], False),
])
def test_the_checker_of_counters(history, final, zones, is_fine):
    assert (check_counter("k", operations(*history), final, zones) == []) == is_fine


@pytest.mark.parametrize("history,final,zones,is_fine", [
    ([(b"a", ACKED, "OK"), (None, ACKED, b"a"), (b"b", ACKED, "OK")], b"b", [], True),
    ([(b"a", ACKED, "OK"), (b"b", ACKED, "OK"), (None, ACKED, b"a")], b"b", [], False),
    ([(b"a", ACKED, "OK"), (b"b", ACKED, "OK")], b"a", [], False),
    ([(b"a", ACKED, "OK"), (b"b", UNKNOWN, None)], b"a", [], True),
    ([(b"a", ACKED, "OK"), (b"b", REFUSED, None)], b"b", [], False),
    ([(b"a", ACKED, "OK")], None, [LossZone(0, 1, 1)], True),
    ([(b"a", ACKED, "OK"), (None, ACKED, None)], b"a", [], False),
    ([(b"a", ACKED, "OK"), (DELETED, ACKED, 1), (None, ACKED, None)], None, [], True),
    ([(b"a", ACKED, "OK"), (DELETED, ACKED, 1)], b"a", [], False),
    ([(b"a", ACKED, "OK"), (DELETED, UNKNOWN, None)], b"a", [], True),
])
def test_the_checker_of_registers(history, final, zones, is_fine):
    assert (check_register("k", operations(*history), final, zones) == []) == is_fine


@pytest.mark.parametrize("histories,final,is_fine", [
    ([[(b"a1;", ACKED, 3), (b"a2;", ACKED, 6)], [(b"b1;", ACKED, 9)]], b"a1;b1;a2;", True),
    ([[(b"a1;", ACKED, 3), (b"a2;", ACKED, 6)]], b"a2;a1;", False),
    ([[(b"a1;", ACKED, 3), (b"a2;", ACKED, 6)]], b"a1;", False),
    ([[(b"a1;", ACKED, 3)]], b"a1;a1;", False),
    ([[(b"a1;", UNKNOWN, None)]], b"a1;a1;", False),
    ([[(b"a1;", UNKNOWN, None)]], None, True),
    ([[(b"a1;", REFUSED, None)]], b"a1;", False),
    ([[(b"a1;", ACKED, 3)]], b"a1;x1;", False),
])
def test_the_checker_of_texts(histories, final, is_fine):
    histories = [operations(*history) for history in histories]
    assert (check_text("k", histories, final, []) == []) == is_fine


def outcomes(*tokens_and_outcomes):
    """Pushes, or messages: (token, outcome), a second each."""
    return operations(*[(token, outcome, None) for token, outcome in tokens_and_outcomes])


@pytest.mark.parametrize("pushes,pops,left,zones,unnoticed,is_fine", [
    ([[(b"a1", ACKED), (b"a2", ACKED)]], [[(None, ACKED, b"a1")]], [b"a2"], [], 0, True),
    # Lost, or taken by a pop that nobody knows about.
    ([[(b"a1", ACKED)]], [[]], [], [], 0, False),
    ([[(b"a1", ACKED)]], [[(None, UNKNOWN, None)]], [], [], 0, True),
    ([[(b"a1", ACKED), (b"a2", ACKED)]], [[(None, UNKNOWN, None)]], [], [], 0, False),
    ([[(b"a1", ACKED)]], [[(None, ACKED, None)]], [], [], 0, False),
    ([[(b"a1", ACKED)]], [[]], [], [], 1, True),
    ([[(b"a1", ACKED)]], [[]], [], [LossZone(0, 1, 1)], 0, True),
    ([[(b"a1", UNKNOWN)]], [[]], [], [], 0, True),
    # Twice: by two, by one, by one and still there, pushed twice.
    ([[(b"a1", ACKED)]], [[(None, ACKED, b"a1")], [(None, ACKED, b"a1")]], [], [], 0, False),
    ([[(b"a1", ACKED)]], [[(None, ACKED, b"a1"), (None, ACKED, b"a1")]], [], [], 0, False),
    ([[(b"a1", ACKED)]], [[(None, ACKED, b"a1")]], [b"a1"], [], 0, False),
    ([[(b"a1", ACKED)]], [[(None, ACKED, b"a1")]], [b"a1"], [LossZone(0, 1, 1)], 0, True),
    ([[(b"a1", UNKNOWN)]], [[]], [b"a1", b"a1"], [], 0, False),
    # Refused and there, and from another queue.
    ([[(b"a1", REFUSED)]], [[]], [b"a1"], [], 0, False),
    ([[(b"a1", REFUSED)]], [[(None, ACKED, b"a1")]], [], [], 0, False),
    ([[(b"a1", ACKED)]], [[(None, ACKED, b"b1")]], [b"a1"], [], 0, False),
    # In another order.
    ([[(b"a1", ACKED), (b"a2", ACKED)]], [[(None, ACKED, b"a1"), (None, ACKED, b"a2")]], [], [], 0,
     True),
    ([[(b"a1", ACKED), (b"a2", ACKED)]], [[(None, ACKED, b"a2"), (None, ACKED, b"a1")]], [], [], 0,
     False),
])
def test_the_checker_of_queues(pushes, pops, left, zones, unnoticed, is_fine):
    pushes = [outcomes(*history) for history in pushes]
    pops = [operations(*history) for history in pops]
    assert (check_queue("k", pushes, pops, left, zones, unnoticed) == []) == is_fine


@pytest.mark.parametrize("history,heard,is_fine", [
    ([(b"c|1", ACKED), (b"c|2", ACKED), (b"d|3", ACKED)], [b"c|1", b"c|2"], True),
    # Published while the cluster was in trouble, which began after two seconds.
    ([(b"c|1", ACKED), (b"c|2", ACKED), (b"c|3", ACKED)], [b"c|1", b"c|2"], True),
    ([(b"c|1", ACKED), (b"c|2", ACKED)], [b"c|2"], False),
    ([(b"c|1", ACKED), (b"c|2", ACKED)], [b"c|2", b"c|1"], False),
    ([(b"c|1", UNKNOWN), (b"c|2", ACKED)], [b"c|2", b"c|1"], True),
    ([(b"c|1", ACKED)], [b"c|1", b"c|1"], False),
    ([(b"c|1", UNKNOWN)], [b"c|1", b"c|1"], False),
    ([(b"c|1", REFUSED)], [b"c|1"], False),
    ([(b"c|1", ACKED), (b"d|2", ACKED)], [b"c|1", b"d|2"], False),
    ([(b"c|1", ACKED)], [b"c|1", b"c|7"], False),
])
def test_the_checker_of_messages(history, heard, is_fine):
    heard = [(b"message", b"c", message) for message in heard] + [(b"pmessage", b"c", b"c|9")]
    problems = check_messages("listener", (b"message", b"c"), [outcomes(*history)], heard, [(0, 2)])
    assert (problems == []) == is_fine


@pytest.mark.parametrize("heard,is_fine", [
    ([b"c|1", b"c|2", b"c|2"], True),
    ([b"c|1", b"c|2", b"c|3", b"c|2", b"c|3"], True),
    ([b"c|1", b"c|2", b"c|2", b"c|2"], False),
    ([b"c|1", b"c|1", b"c|2"], False),  # in peace
    ([b"c|1", b"c|3", b"c|2"], True),
    ([b"c|1", b"c|3", b"c|2", b"c|9"], False),
])
def test_what_may_come_once_more_when_subscriptions_move(heard, is_fine):
    histories = [outcomes((b"c|1", ACKED), (b"c|2", ACKED), (b"c|3", ACKED))]
    heard = [(b"message", b"c", message) for message in heard]
    problems = check_messages("listener", (b"message", b"c"), histories, heard, [(0, 1)], True)
    assert (problems == []) == is_fine


def test_what_was_lost_while_it_was_published_is_judged_for_each_publisher():
    histories = [outcomes((b"c|a1", ACKED), (b"c|a2", ACKED)), outcomes((b"c|b1", ACKED))]
    heard = [(b"message", b"c", message) for message in (b"c|b1", b"c|a1", b"c|a2")]
    assert check_messages("listener", (b"message", b"c"), histories, heard, [(0, 9)]) == []
    assert check_messages("listener", (b"message", b"c"), histories, heard[1:], [(0, 9)]) != []
