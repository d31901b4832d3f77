// SPDX-License-Identifier: Apache-2.0
// usage: node ioredis.mjs standalone|cluster HOST PORT PASSWORD
import { Cluster, Redis } from 'ioredis';

import { runSession } from './session.mjs';

const [kind, host, port, password] = process.argv.slice(2);
// Without redirections allowed, a MOVED is an error.
const client = kind === 'cluster'
  ? new Cluster([{ host, port: Number(port) }], { maxRedirections: 0, redisOptions: { password } })
  : new Redis({ host, port: Number(port), password });

await runSession({
  set: (key, value) => client.set(key, value),
  get: (key) => client.get(key),
  mget: (keys) => client.mget(keys),
  async pipelinedGets(keys) {
    const pipeline = client.pipeline();
    for (const key of keys) pipeline.get(key);
    return (await pipeline.exec()).map(([error, reply]) => {
      if (error) throw error;
      return reply;
    });
  },
  del: (key) => client.del(key),
  hset: (key, fields) => client.hset(key, fields),
  hgetall: (key) => client.hgetall(key),
  expire: (key, seconds) => client.expire(key, seconds),
  ttl: (key) => client.ttl(key),
});
client.disconnect();
