// SPDX-License-Identifier: Apache-2.0
// P3X Redis UI in headless Chromium. usage: node checks.mjs HOST PORT PASSWORD single
// Prints "ok NAME" or "FAIL NAME detail" for each check, and leaves pictures in pictures/.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { Redis } from 'ioredis';

import { STEP_MS, startBrowser } from './browser.mjs';

const [host, port, password] = process.argv.slice(2);
if (!password) {
  console.error('usage: node checks.mjs HOST PORT PASSWORD single');
  process.exit(2);
}
const folder = `p3x${process.pid}`;
const key = (name) => `${folder}:${name}`;
const redis = new Redis({ host, port: Number(port), password });
const directory = mkdtempSync(join(tmpdir(), 'slotway-p3x-'));
mkdirSync('pictures', { recursive: true });

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => { server.once('listening', resolve); });
  const { port: free } = server.address();
  await new Promise((resolve) => { server.close(resolve); });
  return free;
}

async function startServer() {
  const http = { port: await freePort(), bind: '127.0.0.1' };
  const config = join(directory, 'p3xrs.json');
  writeFileSync(config, JSON.stringify({ p3xrs: {
    http, connections: { 'home-dir': directory }, static: '~p3x-redis-ui-material/dist',
  } }));
  const program = 'node_modules/p3x-redis-ui-server/bin/p3xrs.js';
  const server = spawn(process.execPath, [program, '--config', config], { stdio: 'ignore' });
  const url = `http://127.0.0.1:${http.port}`;
  const end = Date.now() + STEP_MS;
  for (;;) {
    try {
      await fetch(url);
      return { server, url };
    } catch (error) {
      if (Date.now() > end) throw error;
    }
  }
}

const { server, url } = await startServer();
const { browser, page } = await startBrowser();
const button = (text) => page.locator('button:visible').filter({ hasText: text }).first();
// The tree names a key "Type - KEY".
const treeNode = (name) => page.getByRole('button', { name: new RegExp(` - ${key(name)}$`) });
const shown = (text) => page.getByText(text).filter({ visible: true }).first().waitFor();
const picture = (name) => page.screenshot({ path: `pictures/${name}.png` });

async function seed() {
  await redis.set(key('string'), 'first value');
  await redis.hset(key('hash'), { field: 'in a hash' });
  await redis.rpush(key('list'), 'in a list');
  await redis.sadd(key('set'), 'in a set');
  await redis.zadd(key('zset'), 7.5, 'in a sorted set');
  await redis.xadd(key('stream'), '*', 'field', 'in a stream');
}

async function open(name) {
  await treeNode(name).click();
  await page.waitForURL(`**/main/key/${folder}:${name}`);
}

async function changed(read, expected) {
  const end = Date.now() + STEP_MS;
  for (;;) {
    const value = await read();
    if (value === expected) return;
    assert.ok(Date.now() < end, `${value} is not ${expected}`);
  }
}

const checks = {
  async connect() {
    await page.goto(`${url}/settings`);
    await button('New connection').click();
    const form = page.locator('md-dialog');
    await form.locator('[name=name]').fill('Through Slotway');
    await form.locator('[name=host]').fill(host);
    await form.locator('[name=port]').fill(port);
    await form.locator('[name=password]').fill(password);
    await form.locator('button[type=submit]').click();
    await form.waitFor({ state: 'detached' });
    await page.locator('button[ng-click="$ctrl.connect({ connection })"]').click();
    await shown(/connected: through slotway/i);
    await button('Disconnect').waitFor();
  },
  async info() {
    // The page may still be on its way to its settings.
    await changed(async () => {
      await button('Home').click();
      await page.waitForTimeout(500);
      return new URL(page.url()).pathname;
    }, '/main/statistics');
    await page.getByRole('tab', { name: /^server$/i }).first().click();
    await shown('Redis version');
    await shown(/(?<!\d)7\.\d+\.\d+/);
    await picture('info');
  },
  async list() {
    // The page measures its parts when it is resized; the first time may have been too early.
    await page.setViewportSize({ width: 1400, height: 880 });
    // Only keys of this run; the search is a SCAN of the server.
    await page.getByPlaceholder('Search server side').fill(folder);
    await page.locator('button[aria-label="Search in the keys"]').click();
    await shown(/(?<!\d)6 keys/);
    await page.locator('button[aria-label="Expand all"]').click();
    for (const name of ['string', 'hash', 'list', 'set', 'zset', 'stream']) {
      await treeNode(name).waitFor();
    }
    await picture('list');
  },
  async open() {
    await open('string');
    await shown('first value');
    for (const [name, value] of [['hash', 'in a hash'], ['list', 'in a list'],
      ['set', 'in a set'], ['zset', 'in a sorted set'], ['stream', /in a stream/]]) {
      await open(name);
      await shown(value);
    }
    await picture('open');
  },
  async edit() {
    await open('string');
    await shown('first value');
    await button(/^\s*edit\s+edit\s*$/i).click();
    await page.locator('textarea:visible').first().fill('second value');
    await page.locator('p3xr-button:visible, button:visible').filter({ hasText: /save|done/i })
      .last().click();
    await changed(() => redis.get(key('string')), 'second value');
    await shown('second value');
    await picture('edit');
  },
  async rename() {
    await open('string');
    await button('Rename').click();
    const form = page.locator('md-dialog');
    await form.locator('input').fill(key('renamed'));
    await form.getByRole('button', { name: 'Rename' }).click();
    await treeNode('renamed').waitFor();
    await changed(() => redis.get(key('renamed')), 'second value');
    assert.equal(await redis.exists(key('string')), 0);
    await shown(key('renamed'));
    await picture('rename');
  },
};

let failures = 0;
await seed();
for (const [name, check] of Object.entries(checks)) {
  try {
    await check();
    console.log(`ok ${name}`);
  } catch (error) {
    failures += 1;
    console.log(`FAIL ${name} ${String(error.message ?? error).replace(/\s+/g, ' ')}`);
    await picture(`failed-${name}`);
    break;  // the others follow from it
  }
}
await browser.close();
const ended = new Promise((resolve) => { server.once('exit', resolve); });
server.kill();
await ended;
rmSync(directory, { recursive: true });
process.exit(failures === 0 ? 0 : 1);
