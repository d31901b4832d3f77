// SPDX-License-Identifier: Apache-2.0
// What every Node.js client has to get through. `client` names the operations alike for all.
import assert from 'node:assert/strict';

const keys = Array.from({ length: 100 }, (_, i) => `node:${i}`);
const values = keys.map((_, i) => String(i));

export async function runSession(client) {
  for (const [i, key] of keys.entries()) assert.equal(await client.set(key, values[i]), 'OK');
  assert.deepEqual(await Promise.all(keys.map((key) => client.get(key))), values);
  assert.deepEqual(await client.mget(keys), values);
  assert.deepEqual(await client.pipelinedGets(keys), values);

  await client.del('node:song');
  assert.equal(await client.hset('node:song', { title: 'x', year: '2022' }), 2);
  assert.deepEqual({ ...(await client.hgetall('node:song')) }, { title: 'x', year: '2022' });
  assert.equal(Number(await client.expire('node:song', 100)), 1);
  const ttl = await client.ttl('node:song');
  assert.ok(ttl > 0 && ttl <= 100, `ttl ${ttl}`);
  console.log('ok');
}
