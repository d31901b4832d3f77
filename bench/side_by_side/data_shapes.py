# SPDX-License-Identifier: Apache-2.0
"""The data sets whose memory is compared: what is in them, as the requests that make them.

A shape is written `hash:10:100000`: type, elements of each key, keys. Keys, members, fields and
values have 16 bytes. Strings are written `string:16/100:1000000` or, with a time to live,
`string:16/100/ttl:1000000`: bytes of key and of value.
"""

ELEMENT_BYTES = 16
ELEMENTS_PER_REQUEST = 100
TTL_S = b"1000000"

DEFAULT_SHAPES = [
    "string:16/16:1000000", "string:16/32:1000000", "string:24/100:1000000",
    "string:16/16/ttl:1000000", "string:16/32/ttl:1000000", "string:24/100/ttl:1000000",
    "hash:10:100000", "hash:100000:10", "list:10:100000", "list:100000:10",
    "set:10:100000", "set:100000:10", "integers:100:10000", "zset:10:100000", "zset:100000:10",
    "stream:10:100000", "stream:100000:10",
]


def text(prefix, number, size=ELEMENT_BYTES):
    return prefix + b"%0*d" % (size - len(prefix), number)


def one_of(prefix):
    return lambda n: [text(prefix, n)]


# How a key of a type takes elements: the words before them, and the words that one element is.
_TAKES = {
    "hash": (lambda key: [b"HSET", key], lambda n: [text(b"f", n), text(b"v", n)]),
    "list": (lambda key: [b"RPUSH", key], one_of(b"e")),
    "set": (lambda key: [b"SADD", key], one_of(b"m")),
    "integers": (lambda key: [b"SADD", key], lambda n: [b"%d" % (n * 1000)]),
    "zset": (lambda key: [b"ZADD", key], lambda n: [b"%d.5" % (n * 7 % 1000003), text(b"m", n)]),
}


class Shape:
    def __init__(self, name):
        parts = name.split(":")
        if len(parts) != 3 or not parts[2].isdigit() or int(parts[2]) == 0:
            raise ValueError(f"'{name}' is no shape: type, elements or bytes, keys, by colons")
        self.name, self.type, self.keys = name, parts[0], int(parts[2])
        self.ttl = False
        if self.type == "string":
            sizes = parts[1].split("/")
            self.ttl = sizes[2:] == ["ttl"]
            if len(sizes) - self.ttl != 2 or not all(size.isdigit() for size in sizes[:2]):
                raise ValueError(f"'{name}': bytes are written KEY/VALUE or KEY/VALUE/ttl")
            self.key_bytes, self.value_bytes = map(int, sizes[:2])
            if self.key_bytes < 10:
                raise ValueError(f"'{name}': keys of less than 10 bytes would not differ")
            self.each = 1
        elif self.type in _TAKES or self.type == "stream":
            if not parts[1].isdigit() or int(parts[1]) == 0:
                raise ValueError(f"'{name}': '{parts[1]}' is no number of elements")
            self.each = int(parts[1])
        else:
            raise ValueError(f"'{name}': no type '{self.type}'")

    @property
    def elements(self):
        return self.keys * self.each

    @property
    def data_bytes(self):
        """Of keys, elements and values alone; a score counts as 8, an integer as its digits."""
        if self.type == "string":
            return self.keys * (self.key_bytes + self.value_bytes)
        if self.type == "integers":
            element = sum(len(b"%d" % (n * 1000)) for n in range(self.each)) / self.each
        else:
            element = {"hash": 32, "list": 16, "set": 16, "zset": 24, "stream": 46}[self.type]
        return self.keys * (ELEMENT_BYTES + self.each * element)

    def requests(self):
        for number in range(self.keys):
            if self.type == "string":
                yield self._string(number)
            elif self.type == "stream":
                for n in range(self.each):
                    yield [b"XADD", text(b"k", number), b"%d-1" % (1_700_000_000_000 + n * 10),
                           b"field-1", text(b"v", n), b"field-2", text(b"w", n)]
            else:
                yield from self._collection(number)

    def _string(self, number):
        request = [b"SET", text(b"k", number, self.key_bytes),
                   text(b"v", number, max(self.value_bytes, 10))[-self.value_bytes:]]
        return request + [b"EX", TTL_S] if self.ttl else request

    def _collection(self, number):
        begin, element = _TAKES[self.type]
        for start in range(0, self.each, ELEMENTS_PER_REQUEST):
            request = begin(text(b"k", number))
            for n in range(start, min(start + ELEMENTS_PER_REQUEST, self.each)):
                request += element(n)
            yield request
