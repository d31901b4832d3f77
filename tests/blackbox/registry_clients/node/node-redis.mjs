// SPDX-License-Identifier: Apache-2.0
// usage: node node-redis.mjs standalone|cluster HOST PORT PASSWORD
import { createClient, createCluster } from 'redis';

import { runSession } from './session.mjs';

const [kind, host, port, password] = process.argv.slice(2);
const url = `redis://${host}:${port}`;
// Without redirections allowed, a MOVED is an error.
const client = kind === 'cluster'
  ? createCluster({ rootNodes: [{ url }], defaults: { password }, maxCommandRedirections: 0 })
  : createClient({ url, password });
await client.connect();

await runSession({
  set: (key, value) => client.set(key, value),
  get: (key) => client.get(key),
  mget: (keys) => client.mGet(keys),
  // This library pipelines what is asked for within one turn of the event loop.
  pipelinedGets: (keys) => Promise.all(keys.map((key) => client.get(key))),
  del: (key) => client.del(key),
  hset: (key, fields) => client.hSet(key, fields),
  hgetall: (key) => client.hGetAll(key),
  expire: (key, seconds) => client.expire(key, seconds),
  ttl: (key) => client.ttl(key),
});
await client.disconnect();
