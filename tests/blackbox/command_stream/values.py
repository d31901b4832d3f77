# SPDX-License-Identifier: Apache-2.0
"""Random arguments: few keys and fields, and the values and options that go wrong."""
import time


class Values:
    def __init__(self, rng):
        self.rng = rng
        self.last_id = 40

    def key(self):
        r = self.rng
        if r.random() < 0.03:
            return r.choice([b"", b"\x00\xff\r\n", b"{tag}a", b"k" * 300])
        return b"k%d" % r.randrange(14)

    def long_key(self):
        """Of a value that may have a megabyte."""
        return b"long"

    def missing_key(self):
        return b"missing"

    def field(self):
        r = self.rng
        if r.random() < 0.05:
            return r.choice([b"", b"\x00", b"f" * 70, b"-5", b"123456789012"])
        return b"f%d" % r.randrange(12)

    def integer(self):
        r = self.rng
        return str(r.choice([
            0, 1, -1, 2, 5, 10, -3, 100, 127, 128, -128, -129, 32767, 32768, 65536, 8388607,
            2**31 - 1, 2**31, -2**31, 2**53, 2**62, 2**63 - 1, -2**63, 2**63, -2**63 - 1,
            r.randrange(-50, 50), r.randrange(-10**6, 10**6), r.getrandbits(60),
        ])).encode()

    def bad_number(self):
        return self.rng.choice([
            b"", b" 1", b"1 ", b"+1", b"01", b"-0", b"--1", b"1.5", b"abc", b"nan", b"inf", b"-inf",
            b"+inf", b"1e3", b"1e400", b"0x10", b"1e-400", b"-", b".5", b"5.", b"infinity",
            b"9223372036854775808", b"99999999999999999999999", b"1\x00", b"3.0",
        ])

    def number(self):
        return self.bad_number() if self.rng.random() < 0.15 else self.integer()

    def floating(self):
        r = self.rng
        return r.choice([
            b"%.3f" % r.uniform(-100, 100), b"0.1", b"1e5", b"-1.5e-3", b"3.0", b"1e20", b"1e-10",
            b"5e17", b"1.7976931348623157e308", b"-0.0", b"1234567.125", self.integer(),
            self.bad_number(),
        ])

    def value(self):
        r = self.rng
        return r.choice([
            self.integer(), self.floating(), b"", b"hello", b"hello world", b"\x00\x01\x02\r\n",
            b"x" * r.choice([20, 43, 44, 45, 63, 64, 65, 200]),
            bytes(r.getrandbits(8) for _ in range(r.randrange(12))),
            b"ohmytext", b"mynewtext",
        ])

    def small(self):
        return str(self.rng.randrange(-12, 40)).encode()

    def case(self, word):
        return self.rng.choice([word, word.upper(), word.title()])

    def ttl(self):
        """A word about expiry and its value; never a time that may pass during the run."""
        r = self.rng
        now = int(time.time())
        far = r.randrange(1000, 100000)
        word, value = r.choice([
            (b"ex", far), (b"px", far * 1000), (b"exat", now + far), (b"pxat", (now + far) * 1000),
            (b"ex", 0), (b"px", -5), (b"exat", -1), (b"pxat", 0),
            (b"ex", 2**63 - 1), (b"px", 2**63 - 1), (b"ex", 2**62), (b"exat", 2**60),
        ])
        if r.random() < 0.08:
            return [self.case(word), self.bad_number()]
        return [self.case(word), str(value).encode()]

    def member(self):
        r = self.rng
        if r.random() < 0.1:
            return r.choice([b"", b"\xff\x00", b"m" * 70, self.integer()])
        return b"m%d" % r.randrange(14)

    def growing_id(self):
        """A stream id greater than all before."""
        self.last_id += self.rng.choice([1, 1, 1, 50])
        return b"%d-%d" % (self.last_id, self.rng.randrange(3))

    def longitude(self):
        r = self.rng
        if r.random() < 0.06:
            return r.choice([b"181", b"-181", b"x", b"180", b"nan"])
        return b"%.5f" % r.uniform(-180, 180) if r.random() < 0.5 else b"%.5f" % r.uniform(13, 16)

    def latitude(self):
        r = self.rng
        if r.random() < 0.06:
            return r.choice([b"86", b"-86", b"", b"85.05"])
        return b"%.5f" % r.uniform(-85, 85) if r.random() < 0.5 else b"%.5f" % r.uniform(36, 39)
