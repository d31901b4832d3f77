// SPDX-License-Identifier: Apache-2.0
// node-redis. usage: node node-redis.mjs HOST PORT PASSWORD single|cluster [2|3]
import assert from 'node:assert/strict';

import { createClient, createCluster, defineScript, RESP_TYPES, WatchError } from 'redis';

import { arrival, key, runChecks, tagged, target, woken } from './checks.mjs';

const { host, port, password, protocol, isCluster } = target;
// Replies without a prototype equal plain objects here.
const equal = (actual, expected) => assert.deepEqual(plain(actual), expected);

const addTwice = defineScript({
  NUMBER_OF_KEYS: 1,
  SCRIPT: 'redis.call("INCRBY", KEYS[1], ARGV[1]) return redis.call("INCRBY", KEYS[1], ARGV[1])',
  parseCommand(parser, name, amount) {
    parser.pushKey(name);
    parser.push(String(amount));
  },
  transformReply: (reply) => reply,
});

async function connect() {
  const url = `redis://${host}:${port}`;
  const options = { RESP: protocol, scripts: { addTwice } };
  // Without redirections allowed, a MOVED is an error.
  const connection = isCluster
    ? createCluster({ rootNodes: [{ url, password }], defaults: { password },
      maxCommandRedirections: 0, ...options })
    : createClient({ url, password, ...options });
  connection.on('error', (error) => console.error(String(error)));
  return connection.connect();
}

function plain(value) {
  if (Array.isArray(value)) return value.map(plain);
  if (value === null || typeof value !== 'object' || Buffer.isBuffer(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, plain(part)]));
}

const client = await connect();
const other = await connect();

async function withClient(use) {
  const connection = await connect();
  try {
    return await use(connection);
  } finally {
    connection.destroy();
  }
}

async function scanned(iterator) {
  const found = new Set();
  for await (const part of iterator) for (const element of part) found.add(element);
  return found;
}

const values = {
  async strings() {
    const name = key('string');
    equal(await client.set(name, 'a'), 'OK');
    equal(await client.append(name, 'bc'), 3);
    equal(await client.getRange(name, 1, 2), 'bc');
    equal(await client.set(name, 'no', { condition: 'NX' }), null);
    equal(await client.set(name, '7', { GET: true }), 'abc');
    equal(await client.incrBy(name, 5), 12);
    equal(Number(await client.incrByFloat(name, 0.5)), 12.5);
    equal(await client.getDel(name), '12.5');
    equal(await client.get(name), null);
  },
  async lists() {
    const name = tagged('list');
    equal(await client.rPush(name, ['a', 'b', 'c']), 3);
    equal(await client.lPush(name, 'z'), 4);
    equal(await client.lInsert(name, 'BEFORE', 'b', 'x'), 5);
    equal(await client.lRange(name, 0, -1), ['z', 'a', 'x', 'b', 'c']);
    equal(await client.lPos(name, 'b'), 3);
    equal(await client.lRem(name, 1, 'x'), 1);
    equal([await client.lPop(name), await client.rPop(name)], ['z', 'c']);
    equal(await client.lMove(name, tagged('list:b'), 'LEFT', 'RIGHT'), 'a');
  },
  async sets() {
    const [a, b] = [tagged('set:a'), tagged('set:b')];
    equal(await client.sAdd(a, ['1', '2', '3']), 3);
    equal(await client.sAdd(b, ['2', '3', '4']), 3);
    equal((await client.sInter([a, b])).sort(), ['2', '3']);
    equal(await client.sUnionStore(tagged('set:c'), [a, b]), 4);
    equal(await client.smIsMember(a, ['1', '9']), [1, 0]);
    equal(await client.sMove(a, b, '1'), 1);
    equal(await client.sCard(b), 4);
  },
  async sorted_sets() {
    const name = key('zset');
    const members = [['a', 1], ['b', 2.5], ['c', 3]].map(([value, score]) => ({ value, score }));
    equal(await client.zAdd(name, members), 3);
    equal(await client.zIncrBy(name, 2, 'a'), 3);
    equal(await client.zRange(name, 0, -1), ['b', 'a', 'c']);
    equal(await client.zRangeWithScores(name, 0, 0), [{ value: 'b', score: 2.5 }]);
    equal(await client.zRange(name, '(2.5', '+inf',
      { BY: 'SCORE', LIMIT: { offset: 0, count: 1 } }), ['a']);
    equal(await client.zRank(name, 'c'), 2);
    equal(await client.zPopMin(name), { value: 'b', score: 2.5 });
  },
  async hashes() {
    const name = key('hash');
    equal(await client.hSet(name, { title: 'x', year: 2022 }), 2);
    equal(await client.hGetAll(name), { title: 'x', year: '2022' });
    equal(await client.hmGet(name, ['year', 'none']), ['2022', null]);
    equal(await client.hIncrBy(name, 'year', 1), 2023);
    equal((await client.hKeys(name)).sort(), ['title', 'year']);
    equal(await client.hDel(name, 'title'), 1);
  },
  async bits() {
    const name = key('bits');
    equal(await client.setBit(name, 7, 1), 0);
    equal(await client.bitCount(name), 1);
    equal(await client.bitPos(name, 1), 7);
    equal(await client.bitField(name, [
      { operation: 'SET', encoding: 'u8', offset: 8, value: 200 },
      { operation: 'GET', encoding: 'u8', offset: 8 }]), [0, 200]);
  },
  async hyperloglogs() {
    const [a, b] = [tagged('hll:a'), tagged('hll:b')];
    equal(await client.pfAdd(a, ['x', 'y']), 1);
    await client.pfAdd(b, ['y', 'z']);
    equal(await client.pfCount([a, b]), 3);
    equal(await client.pfMerge(tagged('hll:c'), [a, b]), 'OK');
  },
  async geo() {
    const name = key('geo');
    const cities = [{ longitude: 126.978, latitude: 37.5665, member: 'seoul' },
      { longitude: 129.0756, latitude: 35.1796, member: 'busan' }];
    equal(await client.geoAdd(name, cities), 2);
    assert.ok(Math.abs(await client.geoDist(name, 'seoul', 'busan', 'km') - 325) < 2);
    equal(await client.geoSearch(name, 'seoul', { radius: 10, unit: 'km' }), ['seoul']);
  },
  async streams() {
    const name = key('stream');
    equal(await client.xAdd(name, '1-1', { a: '1' }), '1-1');
    await client.xAdd(name, '*', { b: '2' });
    equal(await client.xLen(name), 2);
    const [first] = await client.xRange(name, '-', '+', { COUNT: 1 });
    equal([first.id, first.message], ['1-1', { a: '1' }]);
    const [{ name: stream, messages }] = await client.xRead({ key: name, id: '1-1' });
    equal([stream, messages.length, messages[0].message], [name, 1, { b: '2' }]);
  },
  async consumer_groups() {
    const name = key('group');
    equal(await client.xGroupCreate(name, 'g', '$', { MKSTREAM: true }), 'OK');
    const id = await client.xAdd(name, '*', { a: '1' });
    const [{ messages }] = await client.xReadGroup('g', 'me', { key: name, id: '>' });
    equal([messages[0].id, messages[0].message], [id, { a: '1' }]);
    equal((await client.xPending(name, 'g')).pending, 1);
    equal(await client.xAck(name, 'g', id), 1);
  },
  async keys() {
    const [name, renamed] = [tagged('expiring'), tagged('renamed')];
    await client.set(name, 'x', { expiration: { type: 'EX', value: 100 } });
    const ttl = await client.ttl(name);
    assert.ok(ttl > 98 && ttl <= 100, `ttl ${ttl}`);
    equal(await client.persist(name), 1);
    equal(await client.type(name), 'string');
    equal(await client.rename(name, renamed), 'OK');
    equal(await client.copy(renamed, name), 1);
    equal(await client.pExpireAt(name, Date.now() - 1), 1);
    equal([await client.exists(name), await client.unlink(renamed)], [0, 1]);
  },
  async many_keys() {
    // Of many slots in single mode; a cluster client wants them in one.
    const names = Array.from({ length: 100 }, (_, i) => (isCluster ? tagged : key)(`many:${i}`));
    equal(await client.mSet(names.map((name, i) => [name, String(i)])), 'OK');
    equal(await client.mGet(names), names.map((_, i) => String(i)));
    equal(await client.exists(names), 100);
    equal(await client.del(names), 100);
  },
  async large_values() {
    const name = key('large');
    const large = Buffer.alloc(4 << 20, 'a\r\n\0');
    await client.set(name, large);
    const binary = client.withTypeMapping({ [RESP_TYPES.BLOB_STRING]: Buffer });
    assert.ok((await binary.get(name)).equals(large));
  },
  async errors() {
    const name = key('wrong');
    await client.set(name, 'x');
    await assert.rejects(client.lPush(name, 'y'), /WRONGTYPE Operation against/);
    await assert.rejects(client.incr(name), /ERR value is not an integer/);
  },
};

const sessions = {
  async pipeline() {
    // This library pipelines what is asked for within one turn of the event loop.
    const names = Array.from({ length: 100 }, (_, i) => key(`pipe:${i}`));
    const asked = names.flatMap((name, i) => [client.set(name, String(i)), client.incr(name)]);
    equal(await Promise.all(asked), names.flatMap((_, i) => ['OK', i + 1]));
    const [a, b] = [tagged('pipe:a'), tagged('pipe:b')];
    equal(await client.multi().set(a, '1').set(b, '2').mGet([a, b]).execAsPipeline(),
      ['OK', 'OK', ['1', '2']]);
  },
  async transaction() {
    const [a, b] = [tagged('tx:a'), tagged('tx:b')];
    equal(await client.multi().set(a, '1').incr(a).rPush(b, 'x').get(a).exec(),
      ['OK', 2, 1, '2']);
    const failing = client.multi().set(a, 'x').incr(a).exec();
    await assert.rejects(failing, (error) => {
      assert.match(String(error.replies[1]), /ERR value is not an integer/);
      return true;
    });
  },
  watch: () => withClient(async (connection) => {
    const name = tagged('watched');
    const watcher = isCluster ? await connection.getNodeClientForKey(name) : connection;
    await watcher.watch(name);
    await other.set(name, 'theirs');
    await assert.rejects(watcher.multi().set(name, 'mine').exec(), WatchError);
    await watcher.watch(name);
    equal(await watcher.multi().set(name, 'mine').exec(), ['OK']);
    equal(await client.get(name), 'mine');
  }),
  async scripts() {
    const name = key('script');
    const options = { keys: [name], arguments: ['a'] };
    equal(await client.eval('return {KEYS[1], ARGV[1], 3}', options), [name, 'a', 3]);
    // EVALSHA, and EVAL where the script is not known.
    equal([await client.addTwice(name, 2), await client.addTwice(name, 3)], [4, 10]);
    await assert.rejects(client.evalSha('f'.repeat(40), options), /NOSCRIPT/);
    await assert.rejects(client.eval('return redis.error_reply("MINE x")', options), /MINE x/);
  },
  pubsub: () => withClient(async (subscriber) => {
    const channel = key('channel');
    const { promise, resolve } = arrival();
    await subscriber.subscribe([channel, key('another')], (...message) => resolve(message));
    await other.publish(channel, 'hello');
    equal(await promise, ['hello', channel]);
    await subscriber.unsubscribe([channel, key('another')]);
  }),
  pattern_pubsub: () => withClient(async (subscriber) => {
    const { promise, resolve } = arrival();
    await subscriber.pSubscribe(key('news.*'), (...message) => resolve(message));
    await other.publish(key('news.art'), 'hello');
    equal(await promise, ['hello', key('news.art')]);
    await subscriber.pUnsubscribe(key('news.*'));
  }),
  sharded_pubsub: () => withClient(async (subscriber) => {
    const channel = key('shard');
    const { promise, resolve } = arrival();
    await subscriber.sSubscribe(channel, (...message) => resolve(message));
    equal(await other.sPublish(channel, 'hello'), 1);
    equal(await promise, ['hello', channel]);
    await subscriber.sUnsubscribe(channel);
  }),
  blocking_pop: () => withClient(async (popper) => {
    const [empty, list] = [tagged('empty'), tagged('queue')];
    equal(await woken(popper.blPop([empty, list], 10), () => other.rPush(list, 'job')),
      { key: list, element: 'job' });
    equal(await popper.blPop(empty, 0.05), null);
    const scored = await woken(popper.bzPopMin(tagged('zqueue'), 10),
      () => other.zAdd(tagged('zqueue'), { value: 'job', score: 1 }));
    equal(scored, { key: tagged('zqueue'), value: 'job', score: 1 });
  }),
  blocking_move: () => withClient(async (mover) => {
    const [from, to] = [tagged('from'), tagged('to')];
    equal(await woken(mover.brPopLPush(from, to, 10), () => other.lPush(from, 'a')), 'a');
    equal(await woken(mover.blMove(from, to, 'LEFT', 'RIGHT', 10),
      () => other.lPush(from, 'b')), 'b');
    equal(await client.lRange(to, 0, -1), ['a', 'b']);
  }),
  blocking_stream: () => withClient(async (reader) => {
    const name = key('live');
    const read = await woken(reader.xRead({ key: name, id: '$' }, { BLOCK: 10000 }),
      () => other.xAdd(name, '5-1', { a: '1' }));
    const [{ messages: [{ id, message }] }] = read;
    equal([id, message], ['5-1', { a: '1' }]);
  }),
  async scan() {
    const names = Array.from({ length: 500 }, (_, i) => key(`scan:${i}`));
    await Promise.all(names.map((name) => client.set(name, '1')));
    const nodes = isCluster
      ? await Promise.all(client.masters.map((master) => client.nodeClient(master))) : [client];
    const found = new Set();
    for (const node of nodes) {
      const iterator = node.scanIterator({ MATCH: key('scan:*'), COUNT: 100 });
      for (const name of await scanned(iterator)) found.add(name);
    }
    equal([...found].sort(), [...names].sort());
  },
  async scan_elements() {
    const names = Array.from({ length: 1000 }, (_, i) => `e:${i}`);
    const [hash, set, zset] = [key('big:hash'), key('big:set'), key('big:zset')];
    await client.hSet(hash, Object.fromEntries(names.map((name) => [name, '1'])));
    await client.sAdd(set, names);
    await client.zAdd(zset, names.map((value) => ({ value, score: 1 })));
    // A cluster client has no iterators; a node's client has.
    const node = (name) => (isCluster ? client.getNodeClientForKey(name) : client);
    equal((await scanned((await node(hash)).hScanIterator(hash))).size, 1000);
    equal((await scanned((await node(set)).sScanIterator(set, { MATCH: 'e:*' }))).size, 1000);
    equal((await scanned((await node(zset)).zScanIterator(zset))).size, 1000);
  },
  session: () => withClient(async (connection) => {
    const named = isCluster ? await connection.nodeClient(connection.masters[0]) : connection;
    equal(await named.ping(), 'PONG');
    assert.match(await named.info('server'), /redis_version:7\./);
    equal(await named.clientSetName('slotway-check'), 'OK');
    equal(await named.clientGetName(), 'slotway-check');
    if (isCluster) return;
    assert.ok((await other.clientList()).some(({ name }) => name === 'slotway-check'));
    assert.ok(await other.dbSize() > 0);
  }),
};

await runChecks({ ...values, ...sessions });
