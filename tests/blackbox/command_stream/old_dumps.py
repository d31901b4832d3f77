# SPDX-License-Identifier: Apache-2.0
"""DUMP payloads as Redis before 7.0 made them: values in ziplists and zipmaps."""
import struct

# What an RDB file calls them.
HASH_ZIPMAP, LIST_ZIPLIST, SORTED_SET_ZIPLIST, HASH_ZIPLIST, LIST_QUICKLIST = 9, 10, 12, 13, 14
RDB_VERSION = 9


def crc64_table():
    table = []
    for crc in range(256):
        for _ in range(8):
            crc = crc >> 1 ^ (0x95ac9329ac4bc9b5 if crc & 1 else 0)
        table.append(crc)
    return table


CRC_TABLE = crc64_table()


def crc64(data):
    crc = 0
    for byte in data:
        crc = CRC_TABLE[(crc ^ byte) & 0xff] ^ crc >> 8
    return crc


def payload(rdb_type, body):
    data = bytes([rdb_type]) + body + struct.pack("<H", RDB_VERSION)
    return data + struct.pack("<Q", crc64(data))


def rdb_string(data):
    return b"\x80" + struct.pack(">I", len(data)) + data


def ziplist_entry(element):
    """An int in the narrowest form, bytes as they are."""
    if isinstance(element, bytes):
        if len(element) < 64:
            return bytes([len(element)]) + element
        if len(element) < 16384:
            return struct.pack(">H", 0x4000 | len(element)) + element
        return b"\x80" + struct.pack(">I", len(element)) + element
    if 0 <= element <= 12:
        return bytes([0xf1 + element])
    for mark, width in ((0xfe, 1), (0xc0, 2), (0xf0, 3), (0xd0, 4), (0xe0, 8)):
        if -(1 << (8 * width - 1)) <= element < 1 << (8 * width - 1):
            return bytes([mark]) + element.to_bytes(width, "little", signed=True)
    raise ValueError(element)


def ziplist(elements):
    body, last, before = b"", 10, 0
    for element in elements:
        last = 10 + len(body)
        entry = bytes([before]) if before < 254 else b"\xfe" + struct.pack("<I", before)
        entry += ziplist_entry(element)
        body += entry
        before = len(entry)
    return struct.pack("<IIH", 11 + len(body), last, len(elements)) + body + b"\xff"


def zipmap(pairs):
    def length(count):
        return bytes([count]) if count < 254 else b"\xfe" + struct.pack("<I", count)
    body = b""
    for i, (field, value) in enumerate(pairs):
        unused = i % 5
        body += length(len(field)) + field + length(len(value)) + bytes([unused])
        body += value + b"\0" * unused
    return bytes([min(len(pairs), 254)]) + body + b"\xff"


ELEMENTS = [b"", b"a", b"x" * 63, b"y" * 64, b"z" * 260, 0, 12, 13, -1, 127, -128, 300, -32768,
            8388607, -8388608, 2**31 - 1, -2**31, 2**31, 2**63 - 1, -2**63, b"01", b"end"]


def old_dumps():
    dumps = []
    for count in (1, 2, 7, 8, 9, len(ELEMENTS)):
        elements = ELEMENTS[:count]
        texts = [b"f%d" % i for i in range(count)]
        in_turn = [x for pair in zip(texts, elements) for x in pair]
        ranked = [x for i, text in enumerate(texts) for x in (text, b"%g" % (i * 0.5 - 2))]
        as_bytes = [e if isinstance(e, bytes) else b"%d" % e for e in elements]
        dumps += [
            payload(LIST_ZIPLIST, rdb_string(ziplist(elements))),
            payload(LIST_QUICKLIST, b"\x02" + rdb_string(ziplist(elements)) +
                    rdb_string(ziplist(texts))),
            payload(HASH_ZIPLIST, rdb_string(ziplist(in_turn))),
            payload(HASH_ZIPMAP, rdb_string(zipmap(list(zip(texts, as_bytes))))),
            payload(SORTED_SET_ZIPLIST, rdb_string(ziplist(ranked))),
        ]
    return dumps
