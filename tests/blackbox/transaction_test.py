# SPDX-License-Identifier: Apache-2.0
"""MULTI, EXEC, DISCARD, WATCH, UNWATCH: the proxy over a cluster answers the bytes that one
redis-server answers; transactions stay whole and run at most once while slots move and masters
die."""
import threading

import pytest

from deadline import wait_until
from proxy_process import ProxyProcess
from raw_client import ErrorReply, encode
from real_cluster import RealCluster, redis_cli

# Each line is a pipeline of one client; ';' stands between requests. All keys share a slot.
SCENARIOS = [
    "MULTI; SET {t}a 1; INCR {t}a; GET {t}a; EXEC",
    "MULTI; EXEC",
    "MULTI; MULTI; SET {t}a 1; EXEC",
    "MULTI; WATCH {t}a; SET {t}a 1; EXEC",
    "MULTI; UNWATCH; EXEC",
    "MULTI; UNWATCH; SET {t}a 2; UNWATCH; GET {t}a; EXEC",
    "EXEC",
    "DISCARD",
    "UNWATCH",
    "MULTI; NOPE; SET {t}a 3; EXEC; GET {t}a",
    "MULTI; SET {t}a; SET {t}a 4; EXEC; GET {t}a",
    "MULTI; CONFIG NOPE; EXEC",
    "MULTI; DISCARD x; DISCARD; EXEC",
    "MULTI; EXEC x; SET {t}a 5; EXEC",
    "EXEC x",
    "MULTI; SET {t}a x; DISCARD; GET {t}a",
    "MULTI; RESET; EXEC",
    "MULTI; QUIT",
    "MULTI; SAVE; EXEC",
    "MULTI; PING; ECHO hello; SET {t}a 6; PING x; GET {t}a; EXEC",
    "MULTI; PING; ECHO hello; EXEC",
    "MULTI; PING a b c; EXEC",
    "SET {t}s text; MULTI; SET {t}a 7; INCR {t}s; LPUSH {t}s x; GET {t}a; EXEC; GET {t}a",
    "MULTI; CLIENT SETNAME me; CLIENT GETNAME; CLIENT SETNAME 'a b'; EXEC; CLIENT GETNAME",
    "MULTI; HELLO 4; GET {t}nothing; EXEC",
    "DEL {t}list; MULTI; BLPOP {t}list 0; RPUSH {t}list x; BLPOP {t}list 0; EXEC",
    "MULTI; SET {t}a 1; WAIT 1 0; EXEC",
    "MULTI; PUBLISH {t}nobody x; SET {t}a 1; SPUBLISH {t}nobody x; GET {t}a; EXEC",
    "MULTI; SUBSCRIBE {t}ch; GET {t}a; EXEC; PING; UNSUBSCRIBE",
    "MULTI; CONFIG GET maxmemory; SET {t}a 1; SLOWLOG HELP; GET {t}a; EXEC",
    "MULTI; CONFIG GET maxmemory; GET {t}a; LASTSAVE x; EXEC",
    "MULTI; OBJECT HELP x; EXEC; MULTI; COMMAND GETKEYS GET {t}a; GET {t}a; EXEC",
    "MULTI; MSET {t}a 1 {t}b 2; MGET {t}a {t}b {t}none; DEL {t}a {t}b; EXEC",
    "MULTI; HSET {t}h f v; HGETALL {t}h; SMEMBERS {t}none; ZADD {t}z 1.5 m; ZSCORE {t}z m; "
    "DEL {t}h {t}z; EXEC",
    "MULTI; EVAL 'return redis.call(\"INCR\", KEYS[1])' 1 {t}n; DEL {t}n; EXEC",
    "MULTI; SORT {t}none; XREAD STREAMS {t}none 0; EXEC",
    "MULTI; PING; ZUNION 0 {t}a; EXEC",
    "WATCH {t}a; MULTI; SET {t}a 8; EXEC; GET {t}a",
    "WATCH {t}a; SET {t}a 9; MULTI; SET {t}a 10; EXEC; GET {t}a",
    "WATCH {t}a; SET {t}a 9; MULTI; EXEC",
    "WATCH {t}a; SET {t}a 9; MULTI; PING; EXEC",
    "WATCH {t}a; SET {t}a 9; UNWATCH; MULTI; SET {t}a 10; EXEC; GET {t}a",
    "WATCH {t}a; WATCH {t}b {t}c; SET {t}c 9; MULTI; GET {t}a; EXEC; MULTI; GET {t}a; EXEC",
    "WATCH {t}a; SET {t}a 9; MULTI; DISCARD; MULTI; GET {t}a; EXEC",
    "WATCH {t}a; MULTI; NOPE; EXEC; SET {t}a 1; MULTI; GET {t}a; EXEC",
    "WATCH {t}a; SET {t}a 3; RESET; MULTI; PING; GET {t}a; EXEC",
    "WATCH {t}a; SET {t}other 3; MULTI; PING; GET {t}a; PING; EXEC",
    "WATCH; UNWATCH x",
    "CLIENT REPLY SKIP; MULTI; SET {t}a 1; EXEC; PING",
    "SET {t}a 5; GET {t}a; MULTI; INCR {t}a; EXEC; INCR {t}a; MULTI; INCR {t}a; EXEC; GET {t}a",
]


def split(scenario):
    requests = []
    for request in scenario.split(";"):
        words, quoted = [], request.strip().split("'")
        for position, piece in enumerate(quoted):
            words += [piece] if position % 2 else piece.split()
        requests.append(words)
    return requests


def transcript(client, scenario):
    """Everything the server says to the pipelined scenario."""
    client.send(b"".join(encode(*request) for request in split(scenario)))
    client.half_close()
    return client.receive_until_closed()


@pytest.fixture(scope="module")
def proxy(cluster):
    """Without a password, as the oracle: RESET logs nobody out."""
    proxy = ProxyProcess(cluster.seeds(), backend_password=cluster.password, password=None)
    yield proxy
    proxy.stop()


@pytest.mark.parametrize("protocol", [2, 3])
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_answers_what_redis_answers(proxy, oracle, scenario, protocol):
    answers = []
    for server in (oracle, proxy):
        with server.client(protocol=protocol) as client:
            client.call("DEL", *("{t}" + name for name in "abchznslist other none".split()))
            answers.append(transcript(client, scenario))
    assert answers[1] == answers[0]


@pytest.mark.parametrize("before,after", [(2, 3), (3, 2)])
def test_what_is_watched_outlives_hello(proxy, oracle, before, after):
    answers = []
    for server in (oracle, proxy):
        answers.append([])
        with server.client(protocol=before) as client, server.client() as other:
            for change in (["GET", "{t}a"], ["SET", "{t}a", "2"], ["SET", "{t}b", "2"]):
                client.call("SET", "{t}a", "1")
                client.call("WATCH", "{t}a")
                client.call("HELLO", after)
                client.call("WATCH", "{t}b")
                other.call(*change)
                answers[-1].append(client.pipeline([["MULTI"], ["HGETALL", "{t}none"],
                                                    ["INCR", "{t}a"], ["EXEC"], ["PING"]]))
                client.call("HELLO", before)
                client.call("HSET", "{t}h", "f", "v")
                answers[-1].append(client.call("HGETALL", "{t}h"))
    assert answers[1] == answers[0]


def test_keys_of_another_slot_are_refused_where_they_stand(proxy):
    with proxy.client() as client:
        replies = client.pipeline([["MULTI"], ["SET", "{t}a", 1], ["SET", "{u}a", 1],
                                   ["GET", "{t}a"], ["EXEC"]])
        assert replies[1] == "QUEUED"
        assert replies[2].startswith("CROSSSLOT ") and isinstance(replies[2], ErrorReply)
        assert replies[3] == "QUEUED"
        assert replies[4] == "EXECABORT Transaction discarded because of previous errors."
        assert client.call("WATCH", "{t}a", "{u}a").startswith("CROSSSLOT ")
        assert client.call("WATCH", "{t}a") == "OK"
        assert client.call("WATCH", "{u}a").startswith("CROSSSLOT ")
        assert client.call("MULTI") == "OK"
        assert client.call("GET", "{u}a").startswith("CROSSSLOT ")
        assert client.call("DISCARD") == "OK"


def test_exec_says_what_the_shard_found_wrong(proxy, cluster, oracle):
    answers = []
    for server, node in ((oracle, oracle.node), (proxy, cluster.master_of("{t}a"))):
        with server.client() as client:
            assert client.pipeline([["MULTI"], ["SET", "{t}a", 1]]) == ["OK", "QUEUED"]
            node.call("CONFIG", "SET", "min-replicas-to-write", 2)
            try:
                answers.append(client.call("EXEC"))
            finally:
                node.call("CONFIG", "SET", "min-replicas-to-write", 0)
    assert answers[1] == answers[0] and "NOREPLICAS" in answers[0]


def test_exec_does_not_wait_for_a_busy_shard(proxy, cluster, oracle):
    answers = []
    for server, node in ((oracle, oracle.node), (proxy, cluster.master_of("{t}a"))):
        node.call("CONFIG", "SET", "busy-reply-threshold", 10)
        with server.client() as client, server.client() as other:
            assert client.pipeline([["MULTI"], ["SET", "{t}a", 1]]) == ["OK", "QUEUED"]
            other.send(encode("EVAL", "while true do end", 1, "{t}a"))
            wait_until(lambda: str(node.call("GET", "{t}a")).startswith("BUSY"), 10, "it is busy")
            answers.append(client.call("EXEC"))
            assert node.call("SCRIPT", "KILL") == "OK"
            assert "Script killed" in other.reply()
        node.call("CONFIG", "SET", "busy-reply-threshold", 5000)
    assert answers[1] == answers[0] and "because of: BUSY" in answers[0]


def test_another_client_breaks_a_watch(proxy, cluster):
    with proxy.client() as client, proxy.client() as other:
        for _ in range(20):
            client.call("SET", "{w}k", 1)
            assert client.call("WATCH", "{w}k") == "OK"
            assert other.call("INCR", "{w}k") == 2
            assert client.pipeline([["MULTI"], ["SET", "{w}k", 7], ["EXEC"]])[2] is None
            assert client.call("GET", "{w}k") == b"2"
            # The connection is clean again.
            assert other.call("INCR", "{w}k") == 3
            assert client.pipeline([["MULTI"], ["INCR", "{w}k"], ["EXEC"]])[2] == [4]
    assert "connected_clients" in cluster.master_of("{w}k").call("INFO", "clients").decode()


def test_fan_outs_stand_before_or_behind(proxy):
    with proxy.client() as client:
        client.call("FLUSHALL")
        client.call("MSET", "a", 1, "b", 2, "c", 3)
        replies = client.pipeline([["MULTI"], ["DBSIZE"], ["SET", "d", 4], ["DBSIZE"],
                                   ["PING"], ["EXEC"]])
        assert replies[-1] == [3, "OK", 4, "PONG"]
        replies = client.pipeline([["MULTI"], ["FLUSHALL"], ["SET", "d", 4], ["EXEC"]])
        assert replies[-1] == ["OK", "OK"] and client.call("DBSIZE") == 1
        replies = client.pipeline([["MULTI"], ["GET", "d"], ["FLUSHALL"], ["GET", "d"], ["EXEC"]])
        assert replies[3].startswith("ERR A command for all shards")
        assert replies[4].startswith("EXECABORT")
        assert client.call("GET", "d") == b"4"


def test_many_clients_pipeline_transactions(proxy):
    clients, rounds, depth = 40, 20, 8
    failures = []

    def run(number):
        try:
            with proxy.client(timeout_s=60) as client:
                for step in range(rounds):
                    commands, expected = [], []
                    for i in range(depth):
                        tag = f"{{p{number % 7}}}"
                        commands += [["MULTI"], ["INCR", f"{tag}:{number}"],
                                     ["INCR", f"{tag}:all"], ["DECR", f"{tag}:all"],
                                     ["EXEC"], ["GET", f"{tag}:{number}"]]
                        expected.append(step * depth + i + 1)
                    replies = client.pipeline(commands)
                    for i, value in enumerate(expected):
                        run_of = replies[6 * i + 4]
                        assert run_of[0] == value and run_of[1] == 1 and run_of[2] == 0, run_of
                        assert replies[6 * i + 5] == b"%d" % value
        except Exception as error:  # reported by the main thread
            failures.append(f"client {number}: {type(error).__name__}: {error}")

    with proxy.client() as client:
        client.call("FLUSHALL")
    threads = [threading.Thread(target=run, args=(number,)) for number in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures, failures[:3]


def test_bounds_are_told(cluster):
    settings = {"limits": {"transaction_bytes_max": 1024, "transaction_commands_max": 3}}
    proxy = ProxyProcess(cluster.seeds(), backend_password=cluster.password, settings=settings)
    try:
        with proxy.client() as client:
            replies = client.pipeline([["MULTI"], ["SET", "a", "x" * 2000], ["EXEC"]])
            assert "transaction_bytes_max" in replies[1] and replies[2].startswith("EXECABORT")
            replies = client.pipeline([["MULTI"]] + [["GET", "a"]] * 4 + [["EXEC"]])
            assert "transaction_commands_max" in replies[4] and replies[5].startswith("EXECABORT")
            replies = client.pipeline([["MULTI"]] + [["GET", "a"]] * 3 + [["EXEC"]])
            assert replies[4] == [None] * 3
    finally:
        proxy.stop()


class Counting(threading.Thread):
    """Raises two keys of each slot together, half of the times with WATCH; counts what it was
    told."""

    def __init__(self, proxy, number, tags):
        super().__init__()
        self._client = proxy.client(timeout_s=60)
        self._keys = [(f"{{{tag}}}:x:{number}", f"{{{tag}}}:y:{number}") for tag in tags]
        self._stopping = threading.Event()
        self.done = dict.fromkeys(self._keys, 0)
        self.unknown = dict.fromkeys(self._keys, 0)
        self.rounds = 0
        self.unexpected = []

    def run(self):
        try:
            while not self._stopping.is_set():
                for position, keys in enumerate(self._keys):
                    self._raise(keys, (self.rounds + position) % 2 == 0)
                self.rounds += 1
        except Exception as error:
            self.unexpected.append(f"{type(error).__name__}: {error}")
        self._client.close()

    def _raise(self, keys, watches):
        if watches:
            self._client.call("WATCH", *keys)
        x, y = keys
        *queued, reply = self._client.pipeline(
            [["MULTI"], ["INCR", x], ["PING"], ["INCR", y], ["EXEC"]])
        if queued != ["OK", "QUEUED", "QUEUED", "QUEUED"]:
            self.unexpected.append(queued)
        if isinstance(reply, ErrorReply) and reply.startswith("OUTCOMEUNKNOWN"):
            self.unknown[keys] += 1
        elif isinstance(reply, list) and reply[0] == reply[2] and reply[1] == "PONG":
            self.done[keys] += 1
        elif not (reply is None and watches):
            self.unexpected.append(reply)

    def stop(self):
        self._stopping.set()
        self.join(60)
        assert not self.is_alive(), "a client waits for a reply for ever"


def test_while_slots_move():
    cluster = RealCluster(masters=3, password="backend-secret")
    proxy = ProxyProcess(cluster.seeds(), backend_password=cluster.password)
    try:
        source, target = cluster.nodes[0], cluster.nodes[1]
        first, _ = cluster.slot_owners()[source.port][0]
        wanted = range(first, first + 300)
        with source.client() as client:
            names = [str(i) for i in range(20_000)]
            slots = client.pipeline([["CLUSTER", "KEYSLOT", name] for name in names])
        tags = [name for name, slot in zip(names, slots) if slot in wanted][:100]
        loads = [Counting(proxy, number, tags) for number in range(6)]
        for load in loads:
            load.start()
        wait_until(lambda: all(load.rounds > 2 or load.unexpected for load in loads), 30,
                   "the load is running")
        output = redis_cli(
            source.port, "--cluster", "reshard", f"127.0.0.1:{source.port}",
            "--cluster-from", source.call("CLUSTER", "MYID").decode(),
            "--cluster-to", target.call("CLUSTER", "MYID").decode(),
            "--cluster-slots", len(wanted), "--cluster-yes",
            password=cluster.password, timeout_s=120)
        assert "[ERR]" not in output, output[-2000:]
        after = [load.rounds for load in loads]
        wait_until(lambda: all(load.rounds > count + 2 or load.unexpected
                               for load, count in zip(loads, after)), 30, "the load goes on")
        for load in loads:
            load.stop()
        assert [load.unexpected[:3] for load in loads] == [[]] * len(loads)
        with proxy.client() as client:
            for load in loads:
                for keys, count in load.done.items():
                    assert load.unknown[keys] == 0
                    assert client.call("MGET", *keys) == [b"%d" % count] * 2, keys
    finally:
        proxy.stop()
        cluster.stop()


def test_a_master_dies():
    cluster = RealCluster(masters=3, replicas=1, password="backend-secret", node_timeout_ms=2000)
    proxy = ProxyProcess(cluster.seeds(), backend_password=cluster.password)
    try:
        loads = [Counting(proxy, number, [f"f{i}" for i in range(30)]) for number in range(6)]
        for load in loads:
            load.start()
        wait_until(lambda: all(load.rounds > 5 or load.unexpected for load in loads), 30,
                   "the load is running")
        master = cluster.nodes[0]
        (replica,) = cluster.replicas_of(master)
        master.kill()
        wait_until(lambda: replica.call("ROLE")[0] == b"master", 30, "the replica is promoted")
        after = [load.rounds for load in loads]
        wait_until(lambda: all(load.rounds > count + 3 or load.unexpected
                               for load, count in zip(loads, after)), 30, "the load goes on")
        for load in loads:
            load.stop()
        assert [load.unexpected[:3] for load in loads] == [[]] * len(loads)
        with proxy.client() as client:
            for load in loads:
                for keys, count in load.done.items():
                    x, y = (int(value) for value in client.call("MGET", *keys))
                    # What the dead master had not passed on is gone, but nothing ran twice.
                    assert x == y <= count + load.unknown[keys], (keys, x, y, count)
    finally:
        proxy.stop()
        cluster.stop()
