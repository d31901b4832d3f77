# SPDX-License-Identifier: Apache-2.0
"""What exact LRU and LFU would do: caches of a fixed number of keys."""

import collections
import heapq


class ExactLru:
    def __init__(self, capacity):
        self._capacity = capacity
        self._keys = collections.OrderedDict()

    def get(self, key):
        if key not in self._keys:
            return False
        self._keys.move_to_end(key)
        return True

    def put(self, key):
        self._keys[key] = True
        self._keys.move_to_end(key)
        if len(self._keys) > self._capacity:
            self._keys.popitem(last=False)


class ExactLfu:
    """Counts uses while a key is here; of equals, what was used longest ago goes."""

    def __init__(self, capacity):
        self._capacity = capacity
        self._uses = {}
        self._order = []  # of (uses, time, key); those that are out of date are passed over
        self._time = 0

    def _note(self, key, uses):
        self._time += 1
        self._uses[key] = (uses, self._time)
        heapq.heappush(self._order, (uses, self._time, key))

    def get(self, key):
        if key not in self._uses:
            return False
        self._note(key, self._uses[key][0] + 1)
        return True

    def put(self, key):
        if key in self._uses:
            return
        while len(self._uses) >= self._capacity:
            uses, time, oldest = heapq.heappop(self._order)
            if self._uses.get(oldest) == (uses, time):
                del self._uses[oldest]
        self._note(key, 1)


EXACT = {"allkeys-lru": ExactLru, "allkeys-lfu": ExactLfu}
