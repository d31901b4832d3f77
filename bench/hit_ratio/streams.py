# SPDX-License-Identifier: Apache-2.0
"""Streams of key numbers, each from a seed: the same one for every server."""

import bisect
import itertools
import random


class Zipf:
    """Draws 0 .. count-1; the r-th most likely with a chance of r to the power of -exponent."""

    def __init__(self, count, exponent, chance):
        weights = (rank ** -exponent for rank in range(1, count + 1))
        self._sums = list(itertools.accumulate(weights))
        self._chance = chance
        self._keys = list(range(count))
        chance.shuffle(self._keys)

    def draw(self, shift=0):
        rank = bisect.bisect(self._sums, self._chance.random() * self._sums[-1])
        return self._keys[(rank + shift) % len(self._keys)]


def zipf(requests, capacity, seed):
    """Five times as many keys as there is room for, popular by Zipf's law."""
    keys = Zipf(5 * capacity, 0.99, random.Random(seed))
    for _ in range(requests):
        yield keys.draw()


def scans(requests, capacity, seed):
    """A hot set that nearly fills the room, and a third of the requests for keys one after the
    other, each of which is not used again for long."""
    chance = random.Random(seed)
    hot = Zipf(capacity * 4 // 5, 0.6, chance)
    cold = itertools.cycle(range(capacity, 40 * capacity))
    for _ in range(requests):
        yield next(cold) if chance.random() < 1 / 3 else hot.draw()


def shifting(requests, capacity, seed):
    """As zipf, but other keys become popular: six times in a run, a quarter of the room each time,
    and it is always the most popular ones that fall out of favour."""
    keys = Zipf(5 * capacity, 0.99, random.Random(seed))
    for i in range(requests):
        yield keys.draw(i * 6 // requests * (capacity // 4))


STREAMS = {"zipf": zipf, "scans": scans, "shifting": shifting}
