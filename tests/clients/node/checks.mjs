// SPDX-License-Identifier: Apache-2.0
// The frame of a Node.js client's program: arguments, the keys of this run, the checks' verdicts.
import { setTimeout as delay } from 'node:timers/promises';

const CHECK_MS = 20000;
const [host, port, password, mode = 'single', protocol = '3'] = process.argv.slice(2);
if (!password) {
  console.error('usage: node PROGRAM HOST PORT PASSWORD single|cluster [2|3]');
  process.exit(2);
}

export const target = {
  host, port: Number(port), password, protocol: Number(protocol), isCluster: mode === 'cluster',
};

// Keys of one run have a name of their own; those of tagged() share a slot.
const run = `node:${process.pid}:${Date.now()}`;
export const key = (name) => `${run}:${name}`;
export const tagged = (name) => `{${run}}:${name}`;

// What the blocked request brings when wake() is called meanwhile.
export async function woken(blocked, wake) {
  blocked.catch(() => {});  // it is told below
  await delay(100);  // nothing tells a client that another one is blocked by now
  await wake();
  return blocked;
}

// A promise with its resolve(), for what a callback brings.
export function arrival() {
  let resolve;
  const promise = new Promise((done) => { resolve = done; });
  return { promise, resolve };
}

async function withDeadline(check) {
  const stop = new AbortController();
  const late = delay(CHECK_MS, undefined, { signal: stop.signal }).then(
    () => { throw new Error(`no end after ${CHECK_MS} ms`); }, () => {});
  try {
    await Promise.race([check(), late]);
  } finally {
    stop.abort();
  }
}

// checks: {name: async function}. Prints a line for each, or for those that the variable CHECKS
// names; the process ends with the verdict.
export async function runChecks(checks) {
  const wanted = (process.env.CHECKS ?? Object.keys(checks).join(' ')).split(' ');
  let failures = 0;
  for (const [name, check] of Object.entries(checks).filter(([name]) => wanted.includes(name))) {
    try {
      await withDeadline(check);
      console.log(`ok ${name}`);
    } catch (error) {
      failures += 1;
      console.log(`FAIL ${name} ${String(error.message ?? error).replace(/\s+/g, ' ')}`);
    }
  }
  process.exit(failures === 0 ? 0 : 1);
}
