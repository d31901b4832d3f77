# SPDX-License-Identifier: Apache-2.0
"""Commands of every kind through the proxy and on a redis-server: the same bytes, in RESP2 and in
RESP3. Each row is a little story on keys of its own."""
import pytest

from raw_client import encode

# The families that our own shards serve; the others run over redis-server shards only.
STORIES = {
    "strings": [
        ["SET a 1", "GET a", "SET a 2 NX", "SET a 2 XX GET", "SET a 3 KEEPTTL", "GETDEL a",
         "GET a", "SET a 5 EX 1000", "TTL a", "PERSIST a", "TTL a", "SET a x PXAT 4000000000000",
         "PEXPIRETIME a", "EXPIRETIME a", "GETEX a PERSIST", "TTL a", "DEL a"],
        ["SETNX b 1", "SETNX b 2", "GETSET b 3", "APPEND b 45", "STRLEN b", "GETRANGE b 0 1",
         "GETRANGE b -2 -1", "SUBSTR b 0 0", "SETRANGE b 5 xy", "GET b", "SETEX b 100 v", "TTL b",
         "PSETEX b 100000 v", "TTL b"],
        ["INCR n", "INCRBY n 41", "DECR n", "DECRBY n 2", "INCRBYFLOAT n 0.5", "INCR n",
         "SET n 9223372036854775807", "INCR n", "DECRBY n -9223372036854775808",
         "INCRBYFLOAT f 3.0e3", "INCRBYFLOAT f nan", "SET f abc", "INCRBYFLOAT f 1"],
        ["MSETNX {m}1 a {m}2 b", "MSETNX {m}2 c {m}3 d", "MGET {m}1 {m}2 {m}3",
         "LCS {m}1 {m}2", "LCS {m}1 {m}2 LEN", "LCS {m}1 {m}2 IDX WITHMATCHLEN"],
        ["MSET k1 a k2 b k3 c k4 d", "MGET k1 k2 k3 k4 none", "EXISTS k1 k2 k2 none",
         "TOUCH k1 none", "UNLINK k1 none", "DEL k2 k3 k4 none", "MGET k1 k2"],
    ],
    "keys": [
        ["SET k v", "TYPE k", "EXISTS k", "OBJECT ENCODING k", "OBJECT REFCOUNT k", "EXPIRE k 100",
         "EXPIRE k 50 GT", "EXPIRE k 200 GT", "TTL k", "EXPIREAT k 4000000000 XX", "EXPIRETIME k",
         "PEXPIREAT k 4000000000001", "PEXPIRETIME k", "PERSIST k", "PERSIST k", "EXPIRE k -1",
         "EXISTS k", "TYPE k", "TTL k", "PTTL k", "OBJECT ENCODING k"],
        ["SET {r}a 1", "RENAME {r}a {r}b", "GET {r}b", "RENAME {r}a {r}c", "SET {r}c 1",
         "RENAMENX {r}b {r}c", "COPY {r}b {r}d", "COPY {r}b {r}d", "COPY {r}b {r}d REPLACE",
         "GET {r}d"],
        ["SET n 12345", "OBJECT ENCODING n", "SET n short", "OBJECT ENCODING n",
         "DUMP none", "EXPIRE none 5", "RESTORE bad 0 junk"],
    ],
    "hashes": [
        ["HSET h a 1 b 2 c 3", "HSET h a 9", "HGET h a", "HGET h none", "HMGET h a b none",
         "HGETALL h", "HKEYS h", "HVALS h", "HLEN h", "HSTRLEN h a", "HEXISTS h a",
         "HEXISTS h none", "HDEL h a none", "HSETNX h b 5", "HSETNX h d 5", "HINCRBY h b 10",
         "HINCRBYFLOAT h b 0.25", "HINCRBY h b 1", "HMSET h x 1 y 2", "OBJECT ENCODING h",
         "HSCAN h 0 MATCH none", "TYPE h", "GET h", "HGETALL none", "HRANDFIELD none",
         "HRANDFIELD none 3", "HDEL h b c d x y", "EXISTS h"],
    ],
    "lists": [
        ["RPUSH l a b c", "LPUSH l z", "LRANGE l 0 -1", "LLEN l", "LINDEX l 0", "LINDEX l 99",
         "LINSERT l BEFORE b x", "LPOS l b", "LPOS l a COUNT 0", "LSET l 0 y", "LSET l 99 y",
         "LREM l 1 x", "LTRIM l 0 2", "LPOP l", "RPOP l 2", "LPOP l", "LPOP none", "LPOP none 2",
         "LPUSHX none a", "RPUSHX none a", "RPUSH {l}1 a b", "LMOVE {l}1 {l}2 LEFT RIGHT",
         "RPOPLPUSH {l}1 {l}2", "LMPOP 2 {l}1 {l}2 LEFT COUNT 5", "TYPE {l}2"],
    ],
    "sets": [
        ["SADD s 1 2 3", "SADD s 3", "SCARD s", "SISMEMBER s 1", "SMISMEMBER s 1 9", "SMEMBERS s",
         "SREM s 1 9", "SMEMBERS s", "OBJECT ENCODING s", "SPOP none", "SRANDMEMBER none 2",
         "SADD {s}a 1 2 3", "SADD {s}b 2 3 4", "SINTER {s}a {s}b", "SINTERCARD 2 {s}a {s}b",
         "SUNION {s}a {s}b", "SDIFF {s}a {s}b", "SINTERSTORE {s}c {s}a {s}b",
         "SMOVE {s}a {s}b 1", "SMEMBERS {s}b", "SSCAN s 0"],
    ],
    "sorted sets": [
        ["ZADD z 1 a 2 b 3 c", "ZADD z XX CH 5 a", "ZADD z NX 1 a", "ZADD z GT 1 a",
         "ZADD z INCR 2 a", "ZSCORE z a", "ZSCORE z none", "ZMSCORE z a none b", "ZCARD z",
         "ZRANK z b", "ZREVRANK z b", "ZRANGE z 0 -1", "ZRANGE z 0 -1 WITHSCORES",
         "ZRANGE z (1 5 BYSCORE", "ZRANGE z [a [c BYLEX", "ZREVRANGE z 0 -1 WITHSCORES",
         "ZRANGEBYSCORE z -inf +inf WITHSCORES LIMIT 0 2", "ZCOUNT z 1 3", "ZLEXCOUNT z - +",
         "ZINCRBY z 0.5 b", "ZPOPMIN z", "ZPOPMAX z 2", "ZREM z none", "ZADD {z}1 1 a 2 b",
         "ZADD {z}2 3 b 4 c", "ZUNION 2 {z}1 {z}2 WITHSCORES", "ZINTER 2 {z}1 {z}2 WITHSCORES",
         "ZDIFF 2 {z}1 {z}2", "ZUNIONSTORE {z}3 2 {z}1 {z}2 WEIGHTS 2 3",
         "ZRANGESTORE {z}4 {z}3 0 1", "ZMPOP 1 {z}3 MAX", "ZINTERCARD 2 {z}1 {z}2",
         "ZREMRANGEBYRANK {z}4 0 0", "ZRANDMEMBER none", "ZADD z nan a", "ZADD z 1"],
    ],
    "streams": [
        ["XADD x 1-1 f v", "XADD x 1-1 f v", "XADD x 2-0 f v g w", "XLEN x", "XRANGE x - +",
         "XREVRANGE x + - COUNT 1", "XREAD COUNT 1 STREAMS x 0", "XGROUP CREATE x grp 0",
         "XREADGROUP GROUP grp me COUNT 1 STREAMS x >", "XACK x grp 1-1", "XPENDING x grp",
         "XINFO GROUPS x", "XDEL x 1-1", "XTRIM x MAXLEN 0", "XLEN x", "XREAD STREAMS none 0"],
    ],
    "scripts": [
        ["EVAL return~redis.call('get',KEYS[1]) 1 k", "SET k 5",
         "EVAL return~{KEYS[1],ARGV[1],redis.call('incr',KEYS[1])} 1 k arg",
         "EVAL return~redis.error_reply('MY~error') 1 k", "EVAL nonsense( 1 k"],
    ],
    "bitmaps": [
        ["SETBIT bits 7 1", "GETBIT bits 7", "BITCOUNT bits", "BITPOS bits 1",
         "BITFIELD bits SET u8 0 255 GET u4 0 INCRBY u2 100 1 OVERFLOW FAIL INCRBY u2 102 3",
         "BITFIELD_RO bits GET u8 0", "BITCOUNT bits 0 0 BIT", "SETBIT bits -1 1", "GET bits"],
        ["SET e v", "SETBIT e x 1", "SETBIT e 1 2", "BITOP NOT {e}d {e}s"],
    ],
    "others": [
        ["GEOADD g 13.361389 38.115556 Palermo 15.087269 37.502669 Catania",
         "GEODIST g Palermo Catania km", "GEOHASH g Palermo", "GEOPOS g Palermo none",
         "GEOSEARCH g FROMLONLAT 15 37 BYRADIUS 200 km ASC",
         "PFADD p a b c", "PFCOUNT p", "PFADD p a", "PFADD {p}1 a", "PFADD {p}2 b",
         "PFMERGE {p}3 {p}1 {p}2", "PFCOUNT {p}1 {p}2",
         "RPUSH {o}l 3 1 2", "SORT {o}l", "SORT {o}l DESC LIMIT 0 2", "SORT_RO {o}l ALPHA",
         "SORT {o}l STORE {o}d", "LRANGE {o}d 0 -1", "BITOP AND {o}x {o}y {o}z"],
    ],
    "errors": [
        ["SET e v", "HGET e f", "INCR e", "HSET e f v", "GET", "GET a b", "SET e", "SET e v EX",
         "SET e v EX 0", "SET e v NX XX", "SET e v nonsense", "SETEX e 0 v", "EXPIRE e x",
         "EXPIRE e 1 NX XX", "GETRANGE e a b", "INCRBY e", "APPEND e", "HSET e f", "SETRANGE e -1 x",
         "NOSUCH e", "OBJECT NOSUCH e", "OBJECT", "HINCRBY e f x", "COPY e", "GETEX e EX 0",
         "MSET a", "MSET a 1 b", "MGET", "DEL", "EXISTS", "TOUCH", "UNLINK",
         "LCS e", "PEXPIRE e 9223372036854775807", "set e v keepttl ex 5"],
    ],
}

ROWS = [(family, story) for family, stories in STORIES.items() for story in stories]


def words(line):
    """Splits a row; in the text of a script "~" stands for a space."""
    return [part.replace("~", " ") for part in line.split(" ")]


@pytest.mark.parametrize("protocol", [2, 3])
@pytest.mark.parametrize("family,story", ROWS,
                         ids=[f"{family}-{i}" for i, (family, _) in enumerate(ROWS)])
def test_same_bytes_as_redis(any_proxy, oracle, family, story, protocol):
    with any_proxy.client(protocol=protocol) as client, oracle.client(protocol=protocol) as direct:
        direct.call("FLUSHALL")
        clean(client, story)
        commands = [words(line) for line in story]
        differences = []
        for command in commands:
            received, expected = client.raw_call(*command), direct.raw_call(*command)
            if received != expected:
                differences.append((" ".join(command), expected, received))
        assert differences == []
        # The same story in one write.
        clean(client, story)
        direct.call("FLUSHALL")
        data = b"".join(encode(*command) for command in commands)
        client.send(data)
        direct.send(data)
        for command in commands:
            assert client.raw_reply() == direct.raw_reply(), " ".join(command)
        clean(client, story)


def clean(client, story):
    """Removes every word of the story that could be a key."""
    names = sorted({word for line in story for word in line.split(" ")[1:]})
    client.pipeline([("DEL", name) for name in names])
