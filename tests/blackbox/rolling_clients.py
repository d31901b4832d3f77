# SPDX-License-Identifier: Apache-2.0
"""Busy clients of a Service whose proxies come and go: plain redis-py, which tries nothing twice. Whatever they
get to see beside answers is an error, also while they connect."""
import itertools
import random
import threading
import time

import redis


class Service:
    """The one address: connections go to any of those who are routed to at that moment."""

    def __init__(self, password):
        self.password, self._routed, self._chance = password, [], random.Random(1)

    def route_to(self, places):
        """`places`: (host, port) each."""
        self._routed = list(places)

    def client(self, **options):
        service = self

        class Routed(options.pop("connection_class", redis.Connection)):
            def _connect(self):
                self.host, self.port = service._chance.choice(service._routed)
                self.password = service.password
                return super()._connect()
        pool = redis.ConnectionPool(connection_class=Routed, socket_timeout=30, socket_connect_timeout=30,
                                    **options)
        return redis.Redis(connection_pool=pool)


class BusyClient(threading.Thread):
    """Counts keys up, and knows what each has to hold."""

    KEYS = 50
    _names = itertools.count()

    def __init__(self, service, **options):
        super().__init__(daemon=True)
        self.number = next(self._names)
        self._client = service.client(**options)
        self._chance, self._stopping = random.Random(self.number), threading.Event()
        self.counts, self.requests, self.undone, self.errors = {}, 0, 0, []

    def run(self):
        while not self._stopping.is_set():
            try:
                self.step(self._client)
            except (redis.RedisError, OSError) as error:
                self.errors.append(f"{type(self).__name__} {self.number}: {type(error).__name__}: {error} after "
                                   f"{self.requests} requests")
                self.look_again()

    def key(self):
        return f"rolling:{self.number}:{self._chance.randrange(self.KEYS)}"

    def step(self, client):
        self.count(self.key(), client.incr)

    def count(self, key, incr):
        self.expect(key, incr(key))

    def expect(self, key, reply):
        self.counts[key] = self.counts.get(key, 0) + 1
        self.requests += 1
        if reply != self.counts[key]:
            self.errors.append(f"{key} is {reply}, not {self.counts[key]}")
            self.counts[key] = reply

    def look_again(self):
        """After an error it is not known what has run."""
        for key in self.counts:
            try:
                self.counts[key] = int(self._client.get(key) or 0)
            except (redis.RedisError, OSError):
                pass

    def stop(self):
        self._stopping.set()

    def check(self):
        self.join(60)
        assert not self.is_alive(), "a client waits for a reply for ever"
        for key, count in self.counts.items():
            found = int(self._client.get(key) or 0)
            if found != count:
                self.errors.append(f"{key} is {found}, not {count}")
        self._client.connection_pool.disconnect()


class Pipelining(BusyClient):
    """Pipelines that redis-py sends in several pieces, for they are larger than those."""

    def step(self, client):
        pipeline = client.pipeline(transaction=False)
        keys = [self.key() for _ in range(200)]
        for key in keys:
            pipeline.incr(key)
        for key, reply in zip(keys, pipeline.execute()):
            self.expect(key, reply)


class Transacting(BusyClient):
    """Reads, then writes what nobody else may have changed: WATCH, MULTI and EXEC are sent one by one."""

    def step(self, client):
        key = self.key()
        with client.pipeline() as pipeline:
            pipeline.watch(key)
            found = int(pipeline.get(key) or 0)
            pipeline.multi()
            pipeline.set(key, found + 1)
            try:
                assert pipeline.execute() == [True]
            except redis.WatchError as error:
                # No error: EXEC says that it did nothing. A lost connection is named otherwise.
                if "changed" not in str(error):
                    raise
                self.undone += 1
                return
        self.expect(key, found + 1)


class Waiting(BusyClient):
    """Takes from a queue that it fills now and then, as workers do."""

    def step(self, client):
        queue = f"rolling:queue:{self.number}"
        is_filled = self._chance.random() < 0.5
        if is_filled:
            client.rpush(queue, "job")
        found = client.blpop(queue, 1)
        self.requests += 1
        if (found is not None) != is_filled:
            self.errors.append(f"{queue} had {found} and was {'' if is_filled else 'not '}filled")


class Pausing(BusyClient):
    """Has something else to do in between; looks whether its connection lives, as some do."""

    def step(self, client):
        time.sleep(self._chance.choice([0.001, 0.01, 0.1, 0.4]))  # poll: that is how it works
        with client.client() as own:
            own.ping()
        self.count(self.key(), client.incr)


MIX = [BusyClient] * 10 + [Pipelining] * 3 + [Transacting] * 3 + [Waiting] * 2 + [Pausing] * 2


class RollingLoad:
    """Twenty of them. Used as `with`: errors are told at the end."""

    def __init__(self, service, kinds=MIX, **options):
        self.clients = [kind(service, **options) for kind in kinds]

    def __enter__(self):
        for client in self.clients:
            client.start()
        return self

    def __exit__(self, kind, *_):
        for client in self.clients:
            client.stop()
        if kind is None:
            for client in self.clients:
                client.check()
            self.assert_no_error()

    def errors(self):
        return [error for client in self.clients for error in client.errors]

    def assert_no_error(self):
        assert self.errors() == [], "\n".join(self.errors())

    @property
    def requests(self):
        return sum(client.requests for client in self.clients)

    @property
    def undone(self):
        """Transactions of which EXEC said that what they watched may have changed."""
        return sum(client.undone for client in self.clients)
