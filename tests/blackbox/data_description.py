# SPDX-License-Identifier: Apache-2.0
"""All keys of a server in words that can be compared: what tests/data/persistence says of its files."""
import base64


def _text(value):
    return base64.b64encode(value).decode()


def _pairs(flat):
    return list(zip(flat[::2], flat[1::2]))


def _fields(flat):
    return {name.decode(): value for name, value in _pairs(flat)}


def _stream_group(call, key, group):
    pending = call("XPENDING", key, group["name"], "-", "+", 1000)
    consumers = call("XINFO", "CONSUMERS", key, group["name"])
    return {"consumer_names": sorted(_fields(each)["name"].decode() for each in consumers),
            "consumers": group["consumers"], "entries-read": group["entries-read"],
            "lag": group["lag"], "last-delivered-id": group["last-delivered-id"].decode(),
            "name": group["name"].decode(), "pending": group["pending"],
            "pending_entries": [[each[0].decode(), each[1].decode()] for each in pending]}


def _stream(call, key):
    info = _fields(call("XINFO", "STREAM", key))
    names = ("entries-added", "groups", "last-generated-id", "length", "max-deleted-entry-id")
    groups = [_fields(each) for each in call("XINFO", "GROUPS", key)]
    return {"groups": [_stream_group(call, key, group) for group in groups],
            "info": {name: info[name].decode() if isinstance(info[name], bytes) else info[name]
                     for name in names},
            "value": [[entry[0].decode(), [part.decode() for part in entry[1]]]
                      for entry in call("XRANGE", key, "-", "+")]}


def _value(call, key, kind):
    if kind == "string":
        return {"value": _text(call("GET", key))}
    if kind == "list":
        return {"value": [_text(item) for item in call("LRANGE", key, 0, -1)]}
    if kind == "set":
        return {"value": sorted(_text(item) for item in call("SMEMBERS", key))}
    if kind == "hash":
        return {"value": sorted([_text(name), _text(value)]
                                for name, value in _pairs(call("HGETALL", key)))}
    if kind == "zset":
        return {"value": [[_text(name), score.decode()]
                          for name, score in _pairs(call("ZRANGE", key, 0, -1, "WITHSCORES"))]}
    return _stream(call, key)


def describe(call):
    """`call` runs a command and returns its reply, RESP2, with bytes."""
    described = {}
    for key in call("KEYS", "*"):
        kind = call("TYPE", key).decode()
        described[key.decode()] = {"type": kind, "encoding": call("OBJECT", "ENCODING", key).decode(),
                                   "pexpiretime": call("PEXPIRETIME", key),
                                   **_value(call, key, kind)}
    return described
