// SPDX-License-Identifier: Apache-2.0
// ioredis. usage: node ioredis.mjs HOST PORT PASSWORD single|cluster [2|3]
import assert from 'node:assert/strict';

import { Cluster, Redis } from 'ioredis';

import { arrival, key, runChecks, tagged, target, woken } from './checks.mjs';

const { host, port, password, protocol, isCluster } = target;
const equal = assert.deepEqual;

function connect() {
  if (!isCluster) return new Redis({ host, port, password, protocol });
  // Without redirections allowed, a MOVED is an error.
  return new Cluster([{ host, port }], {
    maxRedirections: 0, redisOptions: { password, protocol }, shardedSubscribers: true,
  });
}

const client = connect();
const other = connect();
client.defineCommand('addTwice', {
  numberOfKeys: 1,
  lua: 'redis.call("INCRBY", KEYS[1], ARGV[1]) return redis.call("INCRBY", KEYS[1], ARGV[1])',
});

// [[error, reply], ...] of a pipeline or transaction: the replies, or the first error.
function replies(results) {
  return results.map(([error, reply]) => {
    if (error) throw error;
    return reply;
  });
}

async function withClient(use) {
  const connection = connect();
  try {
    return await use(connection);
  } finally {
    connection.disconnect();
  }
}

async function scanned(stream) {
  const found = new Set();
  for await (const part of stream) for (const element of part) found.add(element);
  return found;
}

const values = {
  async strings() {
    const name = key('string');
    equal(await client.set(name, 'a'), 'OK');
    equal(await client.append(name, 'bc'), 3);
    equal(await client.getrange(name, 1, 2), 'bc');
    equal(await client.set(name, 'no', 'NX'), null);
    equal(await client.getset(name, '7'), 'abc');
    equal(await client.incrby(name, 5), 12);
    equal(Number(await client.incrbyfloat(name, 0.5)), 12.5);
    equal(await client.getdel(name), '12.5');
    equal(await client.get(name), null);
  },
  async lists() {
    const name = tagged('list');
    equal(await client.rpush(name, 'a', 'b', 'c'), 3);
    equal(await client.lpush(name, 'z'), 4);
    equal(await client.linsert(name, 'BEFORE', 'b', 'x'), 5);
    equal(await client.lrange(name, 0, -1), ['z', 'a', 'x', 'b', 'c']);
    equal(await client.lpos(name, 'b'), 3);
    equal(await client.lrem(name, 1, 'x'), 1);
    equal([await client.lpop(name), await client.rpop(name)], ['z', 'c']);
    equal(await client.lmove(name, tagged('list:b'), 'LEFT', 'RIGHT'), 'a');
  },
  async sets() {
    const [a, b] = [tagged('set:a'), tagged('set:b')];
    equal(await client.sadd(a, 1, 2, 3), 3);
    equal(await client.sadd(b, 2, 3, 4), 3);
    equal((await client.sinter(a, b)).sort(), ['2', '3']);
    equal(await client.sunionstore(tagged('set:c'), a, b), 4);
    equal(await client.smismember(a, 1, 9), [1, 0]);
    equal(await client.smove(a, b, 1), 1);
    equal(await client.scard(b), 4);
  },
  async sorted_sets() {
    const name = key('zset');
    equal(await client.zadd(name, 1, 'a', 2.5, 'b', 3, 'c'), 3);
    equal(Number(await client.zincrby(name, 2, 'a')), 3);
    equal(await client.zrange(name, 0, -1), ['b', 'a', 'c']);
    equal((await client.zrange(name, 0, 0, 'WITHSCORES')).map(String), ['b', '2.5']);
    equal(await client.zrangebyscore(name, '(2.5', '+inf', 'LIMIT', 0, 1), ['a']);
    equal(await client.zrank(name, 'c'), 2);
    equal(await client.zpopmin(name), ['b', '2.5']);
  },
  async hashes() {
    const name = key('hash');
    equal(await client.hset(name, { title: 'x', year: 2022 }), 2);
    equal(await client.hgetall(name), { title: 'x', year: '2022' });
    equal(await client.hmget(name, 'year', 'none'), ['2022', null]);
    equal(await client.hincrby(name, 'year', 1), 2023);
    equal((await client.hkeys(name)).sort(), ['title', 'year']);
    equal(await client.hdel(name, 'title'), 1);
  },
  async bits() {
    const name = key('bits');
    equal(await client.setbit(name, 7, 1), 0);
    equal(await client.bitcount(name), 1);
    equal(await client.bitpos(name, 1), 7);
    equal(await client.bitfield(name, 'SET', 'u8', 8, 200, 'GET', 'u8', 8), [0, 200]);
  },
  async hyperloglogs() {
    const [a, b] = [tagged('hll:a'), tagged('hll:b')];
    equal(await client.pfadd(a, 'x', 'y'), 1);
    await client.pfadd(b, 'y', 'z');
    equal(await client.pfcount(a, b), 3);
    equal(await client.pfmerge(tagged('hll:c'), a, b), 'OK');
  },
  async geo() {
    const name = key('geo');
    equal(await client.geoadd(name, 126.978, 37.5665, 'seoul', 129.0756, 35.1796, 'busan'), 2);
    assert.ok(Math.abs(await client.geodist(name, 'seoul', 'busan', 'km') - 325) < 2);
    equal(await client.geosearch(name, 'FROMMEMBER', 'seoul', 'BYRADIUS', 10, 'km'), ['seoul']);
  },
  async streams() {
    const name = key('stream');
    equal(await client.xadd(name, '1-1', 'a', '1'), '1-1');
    await client.xadd(name, '*', 'b', '2');
    equal(await client.xlen(name), 2);
    equal((await client.xrange(name, '-', '+', 'COUNT', 1))[0], ['1-1', ['a', '1']]);
    const [[stream, entries]] = await client.xread('STREAMS', name, '1-1');
    equal([stream, entries.length, entries[0][1]], [name, 1, ['b', '2']]);
  },
  async consumer_groups() {
    const name = key('group');
    equal(await client.xgroup('CREATE', name, 'g', '$', 'MKSTREAM'), 'OK');
    const id = await client.xadd(name, '*', 'a', '1');
    const [[, entries]] = await client.xreadgroup('GROUP', 'g', 'me', 'STREAMS', name, '>');
    equal(entries, [[id, ['a', '1']]]);
    equal((await client.xpending(name, 'g'))[0], 1);
    equal(await client.xack(name, 'g', id), 1);
  },
  async keys() {
    const [name, renamed] = [tagged('expiring'), tagged('renamed')];
    await client.set(name, 'x', 'EX', 100);
    const ttl = await client.ttl(name);
    assert.ok(ttl > 98 && ttl <= 100, `ttl ${ttl}`);
    equal(await client.persist(name), 1);
    equal(await client.type(name), 'string');
    equal(await client.rename(name, renamed), 'OK');
    equal(await client.copy(renamed, name), 1);
    equal(await client.pexpireat(name, Date.now() - 1), 1);
    equal([await client.exists(name), await client.unlink(renamed)], [0, 1]);
  },
  async many_keys() {
    // Of many slots in single mode; a cluster client wants them in one.
    const names = Array.from({ length: 100 }, (_, i) => (isCluster ? tagged : key)(`many:${i}`));
    equal(await client.mset(Object.fromEntries(names.map((name, i) => [name, i]))), 'OK');
    equal(await client.mget(names), names.map((_, i) => String(i)));
    equal(await client.exists(...names), 100);
    equal(await client.del(...names), 100);
  },
  async large_values() {
    const name = key('large');
    const large = Buffer.alloc(4 << 20, 'a\r\n\0');
    await client.set(name, large);
    assert.ok((await client.getBuffer(name)).equals(large));
  },
  async errors() {
    const name = key('wrong');
    await client.set(name, 'x');
    await assert.rejects(client.lpush(name, 'y'), /WRONGTYPE Operation against/);
    await assert.rejects(client.incr(name), /ERR value is not an integer/);
  },
};

const sessions = {
  async pipeline() {
    // A cluster's pipeline goes to one node.
    const names = Array.from({ length: 100 }, (_, i) => (isCluster ? tagged : key)(`pipe:${i}`));
    const pipeline = client.pipeline();
    names.forEach((name, i) => pipeline.set(name, i).incr(name));
    equal(replies(await pipeline.exec()), names.flatMap((_, i) => ['OK', i + 1]));
  },
  async transaction() {
    const [a, b] = [tagged('tx:a'), tagged('tx:b')];
    const done = await client.multi().set(a, 1).incr(a).rpush(b, 'x').get(a).exec();
    equal(replies(done), ['OK', 2, 1, '2']);
    const [, [error]] = await client.multi().set(a, 'x').incr(a).exec();
    assert.match(String(error), /ERR value is not an integer/);
  },
  watch: () => withClient(async (watcher) => {
    const name = tagged('watched');
    await watcher.watch(name);
    await other.set(name, 'theirs');
    equal(await watcher.multi().set(name, 'mine').exec(), null);
    await watcher.watch(name);
    equal(replies(await watcher.multi().set(name, 'mine').exec()), ['OK']);
    equal(await client.get(name), 'mine');
  }),
  async scripts() {
    const name = key('script');
    equal(await client.eval('return {KEYS[1], ARGV[1], 3}', 1, name, 'a'), [name, 'a', 3]);
    // EVALSHA, and EVAL where the script is not known.
    equal([await client.addTwice(name, 2), await client.addTwice(name, 3)], [4, 10]);
    await assert.rejects(client.evalsha('f'.repeat(40), 1, name), /NOSCRIPT/);
    await assert.rejects(client.eval('return redis.error_reply("MINE x")', 1, name), /MINE x/);
  },
  pubsub: () => withClient(async (subscriber) => {
    const channel = key('channel');
    const { promise, resolve } = arrival();
    subscriber.on('message', (...message) => resolve(message));
    equal(await subscriber.subscribe(channel, key('another')), 2);
    await other.publish(channel, 'hello');
    equal(await promise, [channel, 'hello']);
    equal(await subscriber.unsubscribe(channel, key('another')), 0);
  }),
  pattern_pubsub: () => withClient(async (subscriber) => {
    const { promise, resolve } = arrival();
    subscriber.on('pmessage', (...message) => resolve(message));
    equal(await subscriber.psubscribe(key('news.*')), 1);
    await other.publish(key('news.art'), 'hello');
    equal(await promise, [key('news.*'), key('news.art'), 'hello']);
    await subscriber.punsubscribe(key('news.*'));
  }),
  sharded_pubsub: () => withClient(async (subscriber) => {
    const channel = key('shard');
    const { promise, resolve } = arrival();
    subscriber.on('smessage', (...message) => resolve(message.slice(0, 2)));
    equal(await subscriber.ssubscribe(channel), 1);
    equal(await other.spublish(channel, 'hello'), 1);
    equal(await promise, [channel, 'hello']);
    await subscriber.sunsubscribe(channel);
  }),
  blocking_pop: () => withClient(async (popper) => {
    const [empty, list] = [tagged('empty'), tagged('queue')];
    equal(await woken(popper.blpop(empty, list, 10), () => other.rpush(list, 'job')),
      [list, 'job']);
    equal(await popper.blpop(empty, 0.05), null);
    const scored = await woken(popper.bzpopmin(tagged('zqueue'), 10),
      () => other.zadd(tagged('zqueue'), 1, 'job'));
    equal(scored.map(String), [tagged('zqueue'), 'job', '1']);
  }),
  blocking_move: () => withClient(async (mover) => {
    const [from, to] = [tagged('from'), tagged('to')];
    equal(await woken(mover.brpoplpush(from, to, 10), () => other.lpush(from, 'a')), 'a');
    equal(await woken(mover.blmove(from, to, 'LEFT', 'RIGHT', 10),
      () => other.lpush(from, 'b')), 'b');
    equal(await client.lrange(to, 0, -1), ['a', 'b']);
  }),
  blocking_stream: () => withClient(async (reader) => {
    const name = key('live');
    const read = await woken(reader.xread('BLOCK', 10000, 'STREAMS', name, '$'),
      () => other.xadd(name, '5-1', 'a', '1'));
    equal(read, [[name, [['5-1', ['a', '1']]]]]);
  }),
  async scan() {
    const names = Array.from({ length: 500 }, (_, i) => key(`scan:${i}`));
    await Promise.all(names.map((name) => client.set(name, 1)));
    const found = new Set();
    for (const node of isCluster ? client.nodes('master') : [client]) {
      const stream = node.scanStream({ match: key('scan:*'), count: 100 });
      for (const name of await scanned(stream)) found.add(name);
    }
    equal([...found].sort(), [...names].sort());
  },
  async scan_elements() {
    const names = Array.from({ length: 1000 }, (_, i) => `e:${i}`);
    const [hash, set, zset] = [key('big:hash'), key('big:set'), key('big:zset')];
    await client.hset(hash, Object.fromEntries(names.map((name) => [name, '1'])));
    await client.sadd(set, names);
    await client.zadd(zset, ...names.flatMap((name) => ['1', name]));
    equal((await scanned(client.hscanStream(hash))).size, 1001);
    equal((await scanned(client.sscanStream(set, { match: 'e:*' }))).size, 1000);
    equal((await scanned(client.zscanStream(zset))).size, 1001);
  },
  session: () => withClient(async (named) => {
    equal(await named.ping(), 'PONG');
    assert.match(await named.info('server'), /redis_version:7\./);
    if (isCluster) return;
    equal(await named.client('SETNAME', 'slotway-check'), 'OK');
    equal(await named.client('GETNAME'), 'slotway-check');
    assert.match(await other.client('LIST'), / name=slotway-check /);
    assert.ok(await other.dbsize() > 0);
  }),
};

await runChecks({ ...values, ...sessions });
