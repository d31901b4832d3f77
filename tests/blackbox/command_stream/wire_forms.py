# SPDX-License-Identifier: Apache-2.0
"""How commands come over the wire: as arrays or inline, in one piece or in many."""
import re

from command_stream.connection import encode

PLAIN = re.compile(rb"[A-Za-z0-9_{}:.*#-]+")
INLINE_BYTES_MAX = 2000


def quoted(rng, arg):
    if PLAIN.fullmatch(arg) and rng.random() < 0.8:
        return arg
    if b"'" not in arg and b"\\" not in arg and b"\r" not in arg and b"\n" not in arg \
            and b"\x00" not in arg and rng.random() < 0.5:
        return b"'" + arg + b"'"
    return b'"' + b"".join(b"%c" % byte if chr(byte).isalnum() and byte < 128 else b"\\x%02x" % byte
                           for byte in arg) + b'"'


def encode_inline(rng, args):
    spaces = rng.choice([b" ", b" ", b"  ", b"\t"])
    line = spaces.join([quoted(rng, arg) for arg in args])
    return rng.choice([b"", b"", b" ", b"\r\n"]) + line + rng.choice([b"\r\n", b"\n", b" \r\n"])


def encode_batch(rng, commands):
    """Mostly as arrays; now and then a tenth of a batch inline."""
    if rng.random() < 0.8:
        return b"".join(map(encode, commands))
    return b"".join([encode_inline(rng, args)
                     if rng.random() < 0.1 and sum(map(len, args)) < INLINE_BYTES_MAX
                     else encode(args) for args in commands])


def pieces(rng, data):
    """The same bytes, mostly in one piece."""
    if rng.random() < 0.9:
        return [data]
    cuts = sorted(rng.sample(range(1, len(data)), min(len(data) - 1, rng.choice([1, 5, 50]))))
    return [data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)])]
