// SPDX-License-Identifier: Apache-2.0
// BullMQ, a job queue of many scripts. usage: node bullmq.mjs HOST PORT PASSWORD single|cluster [2|3]
import assert from 'node:assert/strict';

import { FlowProducer, Queue, QueueEvents, Worker } from 'bullmq';
import { Cluster, Redis } from 'ioredis';

import { arrival, key, runChecks, tagged, target } from './checks.mjs';

const { host, port, password, protocol, isCluster } = target;
const equal = assert.deepEqual;
const JOB_MS = 15000;
// The library waits for as long as it takes.
const redisOptions = { password, protocol, maxRetriesPerRequest: null };

function connect() {
  if (!isCluster) return new Redis({ host, port, ...redisOptions });
  // Without redirections allowed, a MOVED is an error.
  return new Cluster([{ host, port }], { maxRedirections: 0, redisOptions });
}

// A queue's keys share a slot, as its scripts have to.
const options = () => ({ connection: connect(), prefix: tagged('bull') });

// Runs `use` with a queue, its events and a worker that does `work`.
async function withQueue(name, work, use) {
  const queue = new Queue(name, options());
  const events = new QueueEvents(name, options());
  const worker = new Worker(name, work, { ...options(), concurrency: 5 });
  const failed = arrival();
  for (const part of [queue, events, worker]) part.on('error', failed.resolve);
  try {
    await Promise.all([queue, events, worker].map((part) => part.waitUntilReady()));
    const broken = failed.promise.then((error) => { throw error; });
    await Promise.race([use(queue, (job) => job.waitUntilFinished(events, JOB_MS)), broken]);
  } finally {
    await Promise.all([worker.close(), events.close(), queue.close()]);
  }
}

const double = async (job) => job.data.n * 2;

await runChecks({
  jobs: () => withQueue('jobs', double, async (queue, outcome) => {
    const asked = Array.from({ length: 50 }, (_, n) => ({ name: 'double', data: { n } }));
    const jobs = await queue.addBulk(asked);
    equal(await Promise.all(jobs.map(outcome)), asked.map(({ data }) => data.n * 2));
    const counts = await queue.getJobCounts('completed', 'failed', 'waiting', 'active');
    equal(counts, { completed: 50, failed: 0, waiting: 0, active: 0 });
    await queue.obliterate({ force: true });
    equal(await queue.getJobCounts('completed'), { completed: 0 });
  }),
  delayed: () => withQueue('delayed', double, async (queue, outcome) => {
    const job = await queue.add('double', { n: 4 }, { delay: 300 });
    equal(await job.getState(), 'delayed');
    equal(await outcome(job), 8);
  }),
  priorities: async () => {
    const done = [];
    const { promise, resolve } = arrival();
    const work = async (job) => {
      if (job.name === 'first') await promise;
      done.push(job.name);
    };
    await withQueue('priorities', work, async (queue, outcome) => {
      await queue.setGlobalConcurrency(1);
      const first = await queue.add('first', {});
      const low = await queue.add('low', {}, { priority: 9 });
      const high = await queue.add('high', {}, { priority: 1 });
      resolve();
      await Promise.all([first, low, high].map(outcome));
      equal(done, ['first', 'high', 'low']);
    });
  },
  retries: async () => {
    const flaky = async (job) => {
      if (job.attemptsMade < 2) throw new Error(`attempt ${job.attemptsMade}`);
      return 'at last';
    };
    await withQueue('retries', flaky, async (queue, outcome) => {
      const backoff = { type: 'fixed', delay: 50 };
      equal(await outcome(await queue.add('flaky', {}, { attempts: 3, backoff })), 'at last');
      const hopeless = await queue.add('flaky', {}, { attempts: 1 });
      await assert.rejects(outcome(hopeless), /attempt 0/);
      equal(await hopeless.getState(), 'failed');
    });
  },
  flows: async () => {
    const add = async (job) => {
      const parts = Object.values(await job.getChildrenValues());
      return parts.reduce((sum, part) => sum + part, job.data.n);
    };
    await withQueue('flows', add, async (queue, outcome) => {
      const producer = new FlowProducer(options());
      const part = (n) => ({ name: 'part', queueName: 'flows', data: { n } });
      const { job } = await producer.add({ ...part(100), children: [part(1), part(20)] });
      equal(await outcome(job), 121);
      await producer.close();
    });
  },
  schedules: async () => {
    const { promise, resolve } = arrival();
    let runs = 0;
    const work = async () => { if (++runs === 3) resolve(); };
    await withQueue('schedules', work, async (queue) => {
      const scheduler = key('scheduler');
      await queue.upsertJobScheduler(scheduler, { every: 100 }, { name: 'tick' });
      await promise;
      equal((await queue.getJobSchedulers()).length, 1);
      equal(await queue.removeJobScheduler(scheduler), true);
    });
  },
});
