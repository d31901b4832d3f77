// SPDX-License-Identifier: Apache-2.0
// The console in headless Chromium, compared with what redis-cli says. usage: node checks.mjs FACTS
// FACTS: {"console": URL, "proxy": {"port", "password"}, "shards": [{"port", "pid"}, ...]} as JSON; the
// first shard is a master and is killed. Prints "ok NAME" or "FAIL NAME detail" for each check, and
// leaves pictures in pictures/.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';

import { chromium } from 'playwright-core';

const STEP_MS = 20000;
const facts = JSON.parse(process.argv[2]);
const { password } = facts.proxy;
const onlyUser = 'alice';
mkdirSync('pictures', { recursive: true });

function cli(port, ...words) {
  const auth = port === facts.proxy.port ? ['-a', password, '--no-auth-warning'] : [];
  return execFileSync('redis-cli', ['-p', String(port), ...auth, ...words], { encoding: 'utf8' }).trim();
}
const throughProxy = (...words) => cli(facts.proxy.port, ...words);
const infoOf = (port) => Object.fromEntries(cli(port, 'info').split(/\r?\n/)
  .filter((line) => line.includes(':')).map((line) => [line.split(':')[0], line.slice(line.indexOf(':') + 1)]));
const addressOf = (shard) => `127.0.0.1:${shard.port}`;

// Somebody has to do something while we look.
function startTraffic() {
  const traffic = spawn('redis-cli', ['-p', String(facts.proxy.port), '-a', password, '--no-auth-warning',
    '-r', '-1', '-i', '0.005', 'incr', 'the:hottest:key'], { stdio: 'ignore' });
  const client = spawn('redis-cli', ['-p', String(facts.proxy.port), '-a', password, '--no-auth-warning'],
    { stdio: ['pipe', 'ignore', 'ignore'] });
  client.stdin.write('client setname somebody\nget nothing\n');
  return () => [traffic, client].forEach((child) => child.kill());
}

for (let i = 0; i < 500; i += 50) {
  throughProxy('mset', ...Array.from({ length: 50 }, (_, n) => [`key:${i + n}`, 'x'.repeat(200)]).flat());
}
throughProxy('acl', 'setuser', onlyUser, 'on', '>topsecret', '~app:*', '+@read');
const stopTraffic = startTraffic();
const browser = await chromium.launch({
  executablePath: '/usr/bin/chromium',
  args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
    '--disable-background-networking', '--disable-component-update', '--disable-sync'],
});
const page = await browser.newPage({ viewport: { width: 1440, height: 1000 }, colorScheme: 'light' });
page.setDefaultTimeout(STEP_MS);
const complaints = [];
page.on('console', (message) => {
  // What is refused is refused on purpose.
  if (['error', 'warning'].includes(message.type()) && !/status of 40[013]/.test(message.text())) complaints.push(message.text());
});
page.on('pageerror', (error) => complaints.push(String(error)));
page.on('request', (request) => {
  if (!request.url().startsWith(facts.console) && !request.url().startsWith('data:')) complaints.push(`asks for ${request.url()}`);
});

const picture = (name) => page.screenshot({ path: `pictures/${name}.png`, fullPage: true });
const text = (selector) => page.locator(selector).innerText();
const node = (shard) => page.locator(`[data-node="${addressOf(shard)}"]`);

async function becomes(read, isRight, what) {
  const end = Date.now() + STEP_MS;
  for (;;) {
    const value = await read();
    if (isRight(value)) return value;
    assert.ok(Date.now() < end, `${what}: ${JSON.stringify(value)}`);
    await page.waitForTimeout(100);
  }
}

const checks = {
  async open() {
    const response = await page.goto(facts.console);
    assert.match(response.headers()['content-security-policy'], /default-src 'none'/);
    await becomes(() => text('#health'), (value) => value === 'serving every slot', 'health');
    assert.equal(await page.title(), 'Slotway');
  },
  async locked() {
    for (const panel of ['clients', 'users', 'slow', 'hot']) {
      await page.locator(`#${panel}`).getByRole('button', { name: 'Log in' }).waitFor();
      const answer = await page.request.get(`${facts.console}api/${panel}`);
      assert.equal(answer.status(), 401, panel);
    }
    assert.ok(!(await page.content()).includes('somebody'));
  },
  async login() {
    await page.locator('#account').focus();
    await page.keyboard.press('Enter');
    await page.locator('#login-password').waitFor();
    await page.keyboard.type('wrong');
    await page.keyboard.press('Enter');
    await becomes(() => text('#login-problem'), (value) => value === 'wrong name or password', 'a problem');
    await page.locator('#login-password').fill(password);
    await page.keyboard.press('Enter');
    await becomes(() => text('#account'), (value) => value === 'Log out default', 'logged in');
    const [cookie] = await page.context().cookies();
    assert.deepEqual([cookie.httpOnly, cookie.sameSite], [true, 'Strict']);
  },
  async slots() {
    await becomes(() => page.locator('#legend li').count(), (count) => count === 3, 'three owners');
    const masters = facts.shards.slice(0, 3);
    const legend = await text('#legend');
    const shown = (await page.locator('#legend .sub').allInnerTexts()).map((one) => Number(one.replace(/\D/g, '')));
    assert.equal(shown.reduce((sum, count) => sum + count), 16384);
    for (const shard of masters) assert.ok(legend.includes(addressOf(shard)), legend);
    assert.equal(await text('#slots-summary'), 'all have an owner');
  },
  async shards() {
    assert.equal(await text('#shards-summary'), '3 masters, 3 replicas');
    for (const [index, shard] of facts.shards.entries()) {
      const info = infoOf(shard.port);
      await becomes(() => node(shard).innerText(), (value) => value.includes(index < 3 ? 'master' : 'replica'), 'role');
      const keys = cli(shard.port, 'dbsize').replace(/\D/g, '');
      await becomes(() => node(shard).innerText(), (value) => new RegExp(`Keys\\s+${keys}\\b`).test(value), `keys ${keys}`);
      const megabytes = Number(info.used_memory) / 1024 / 1024;
      const memory = await becomes(() => node(shard).innerText(), (value) => /Memory\s+[\d.]+ [kM]B of 256 MB/.test(value), 'memory');
      const [, number, unit] = /Memory\s+([\d.]+) ([kM])B/.exec(memory);
      const seen = unit === 'M' ? Number(number) : Number(number) / 1024;
      assert.ok(Math.abs(seen - megabytes) < 1, `${seen} MB is not ${megabytes}`);
      if (index >= 3) {
        await becomes(() => node(shard).innerText(), (value) => /Lag\s+(none|\d+ B)/.test(value), 'lag');
      }
    }
    // Who has just become a master said this a moment before: then no link of it is down.
    await page.route('**/api/state*', async (route) => {
      const response = await route.fetch();
      const state = await response.json();
      for (const { info } of state.nodes) Object.assign(info, { master_link_status: 'down', uptime_in_seconds: '7200' });
      await route.fulfill({ response, json: state });
    });
    await becomes(() => node(facts.shards[3]).innerText(), (value) => value.includes('link down') && value.includes('2 h'), 'a replica');
    assert.match(await node(facts.shards[0]).innerText(), /2 h/);
    assert.ok(!(await node(facts.shards[0]).innerText()).includes('link down'));
    await page.unroute('**/api/state*');
    await becomes(() => text('#shards'), (value) => !value.includes('link down'), 'how it is');
  },
  async throughput() {
    const total = async () => Number(/^slotway_requests_total (\d+)/m.exec(
      await (await page.request.get(`${facts.console}metrics`)).text())[1]);
    const [before, began] = [await total(), Date.now()];
    await page.waitForTimeout(4000);
    const rate = ((await total()) - before) / ((Date.now() - began) / 1000);
    const shown = Number((await text('.tile >> nth=0 >> strong')).replace(/[^\d.]/g, ''));
    assert.ok(shown > rate / 3 && shown < rate * 3, `${shown} is not about ${rate}`);
    assert.match(await page.locator('.tile .line-0').first().getAttribute('d'), /^M.*L/);
    await becomes(() => page.locator('.tile').nth(1).innerText(), (value) => /[\d.]+\s*(µs|ms)/.test(value), 'latency');
  },
  async clients() {
    await becomes(() => text('#clients'), (value) => value.includes('somebody'), 'a client');
    await page.locator('#clients-filter').fill('somebody');
    await becomes(() => page.locator('#clients tbody tr').count(), (count) => count === 1, 'one client');
    assert.match(await text('#clients'), /default/);
    await page.locator('#clients-filter').fill('');
  },
  async users() {
    const users = await becomes(() => text('#users'), (value) => value.includes(onlyUser), 'a user');
    assert.match(users, /~app:\*/);
    const digest = /#([0-9a-f]{64})/.exec(throughProxy('acl', 'list'))[1];
    assert.ok(!(await page.content()).includes(digest));
    assert.ok(!(await (await page.request.get(`${facts.console}api/users`)).text()).includes(digest));
  },
  async edit() {
    await page.locator('#users').getByRole('button', { name: onlyUser }).click();
    await page.locator('#edit-rules').fill('+nosuchcommand');
    await page.locator('#edit-form').getByRole('button', { name: 'Save' }).click();
    await becomes(() => text('#edit-problem'), (value) => /Unknown command/.test(value), 'a problem');
    await page.locator('#edit-rules').fill('+set');
    await page.locator('#edit-form').getByRole('button', { name: 'Save' }).click();
    await becomes(() => throughProxy('acl', 'list'), (value) => /user alice.*\+set/.test(value), 'the new rule');
    await becomes(() => text('#users'), (value) => value.includes('+set'), 'the new rule is shown');
  },
  async audit() {
    await page.getByRole('button', { name: 'Audit' }).click();
    await becomes(() => text('#events'), (value) => /SETUSER alice \+set by default/.test(value)
      && value.includes('Login refused'), 'audit');
    assert.ok(!(await page.content()).includes('topsecret'));
    await page.getByRole('button', { name: 'Cluster', exact: true }).click();
  },
  async find() {
    const slot = cli(facts.shards[0].port, 'cluster', 'keyslot', 'user:{42}:cart').replace(/\D/g, '');
    await page.locator('#find-key').fill('user:{42}:cart');
    await becomes(() => text('#find-slot'), (value) => value.startsWith(`Slot ${slot}: shard `), `slot ${slot}`);
    await page.locator('#find-key').fill('');
  },
  async keyboard() {
    await page.locator('.skip').focus();
    const stops = ['skip'];
    for (let i = 0; i < 40; i += 1) {
      await page.keyboard.press('Tab');
      stops.push(await page.evaluate(() => document.activeElement.id || document.activeElement.className
        || document.activeElement.tagName));
    }
    for (const stop of ['skip', 'brand', 'theme', 'account', 'find-key', 'map', 'events', 'slow', 'hot', 'users']) {
      assert.ok(stops.includes(stop), `Tab never reaches ${stop}: ${stops}`);
    }
    const order = ['theme', 'account', 'find-key', 'map', 'events'].map((stop) => stops.indexOf(stop));
    assert.deepEqual(order, order.toSorted((a, b) => a - b));
    await page.locator('#map').focus();
    await page.keyboard.press('ArrowRight');
    await becomes(() => text('#map-text'), (value) => value.startsWith('Slot 1: shard 1'), 'the first step');
    await page.keyboard.press('End');
    await becomes(() => text('#map-text'), (value) => value.startsWith('Slot 16383: shard 3'), 'the last slot');
    const outline = await page.locator('#map').evaluate((map) => getComputedStyle(map).outlineStyle);
    assert.equal(outline, 'solid', 'focus is seen');
    await page.locator('#map').blur();
  },
  async slow() {
    throughProxy('eval', 'local n = 0 for i = 1, 8000000 do n = n + i end return redis.call("get", KEYS[1])', '1', 'slow:key');
    await becomes(() => text('#slow'), (value) => /eval/i.test(value), 'a slow command');
  },
  async hot() {
    await becomes(() => text('#hot'), (value) => value.includes('the:hottest:key'), 'a hot key');
  },
  async moving() {
    const [source, target] = facts.shards;
    const [sourceId, targetId] = [source, target].map((shard) => cli(shard.port, 'cluster', 'myid'));
    const summary = (moving) => becomes(() => text('#slots-summary'), (value) => value === `all have an owner${moving}`, moving);
    const gives = (what) => becomes(() => node(source).innerText(), (value) => value.includes(`gives ${what} to ${addressOf(target)}`), what);
    // Key by key, as somebody from outside does it.
    for (const slot of ['7', '9']) {
      assert.equal(cli(target.port, 'cluster', 'setslot', slot, 'importing', sourceId), 'OK');
      assert.equal(cli(source.port, 'cluster', 'setslot', slot, 'migrating', targetId), 'OK');
    }
    await summary(', 2 slots on the move');
    await gives('2 slots');
    for (const slot of ['7', '9']) {
      for (const shard of [source, target]) assert.equal(cli(shard.port, 'cluster', 'setslot', slot, 'stable'), 'OK');
    }
    await summary('');
    // As one, as our shards do it.
    cli(source.port, 'config', 'set', 'rdb-key-save-delay', '250000');
    assert.equal(cli(source.port, 'cluster', 'migrateslots', 'slotsrange', '1024', '1535', 'node', targetId), 'OK');
    await summary(', 512 slots on the move');
    await gives('512 slots');
    await page.locator('#map').focus();
    await page.keyboard.press('Home');
    for (let row = 0; row < 4; row += 1) await page.keyboard.press('ArrowDown');
    assert.equal(await text('#map-text'), `Slot 1024: shard 1, ${addressOf(source)}, on its way to ${addressOf(target)}`);
    await picture('desktop-moving');
    await page.locator('#map').blur();
    cli(source.port, 'config', 'set', 'rdb-key-save-delay', '0');
    await becomes(() => text('#events'), (value) => value.includes(`Slots moved 512 slots from ${addressOf(source)} to ${addressOf(target)}`), 'the move');
    await summary('');
    const legend = await text('#legend');
    assert.match(legend.replace(/\s+/g, ' '), new RegExp(`${addressOf(source)} 4,949 slots ${addressOf(target)} 5,973 slots`));
    assert.ok(!(await text('#shards')).includes('gives'));
  },
  async failover() {
    await picture('desktop-before');
    const [killed, heir] = [facts.shards[0], facts.shards[3]];
    process.kill(killed.pid, 'SIGKILL');
    await becomes(() => node(killed).innerText(), (value) => /no answer|suspected|failed/.test(value), 'it is missed');
    await picture('desktop-down');
    await becomes(() => text('#events'), (value) => value.includes(`Failover ${addressOf(heir)} has taken`), 'failover');
    await picture('desktop-failover');
    await becomes(() => text('#legend'), (value) => value.includes(addressOf(heir)) && !value.includes(addressOf(killed)), 'the new owner');
    await becomes(() => node(killed).innerText(), (value) => /failed|no answer/.test(value), 'the killed one');
    await becomes(() => text('#health'), (value) => /serving, 1 node failed/.test(value), 'health');
    await becomes(() => node(heir).innerText(), (value) => value.includes('master'), 'the heir is a master');
    assert.equal(infoOf(heir.port).role, 'master');
    await page.locator('#find-key').fill('the:hottest:key');
    await page.locator('#find-key').fill('');
  },
  async light_and_dark() {
    const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    const light = await ground();
    await picture('desktop-light');
    await page.emulateMedia({ colorScheme: 'dark' });
    assert.notEqual(await ground(), light);
    await page.waitForTimeout(1200);
    await picture('desktop-dark');
    await page.locator('#theme').click();
    assert.equal(await ground(), light, 'the switch counts more than the system');
    await page.locator('#theme').click();
    await page.emulateMedia({ colorScheme: 'light' });
    assert.notEqual(await ground(), light);
    await page.locator('#theme').click();
    assert.equal(await ground(), light);
  },
  async phone() {
    await page.setViewportSize({ width: 390, height: 844 });
    for (const scheme of ['light', 'dark']) {
      await page.emulateMedia({ colorScheme: scheme });
      await page.waitForTimeout(1200);
      await picture(`phone-${scheme}`);
    }
    const widths = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
    assert.ok(widths[0] <= widths[1], `wider than the screen: ${widths}`);
    const columns = await page.evaluate(() => new Set([...document.querySelectorAll('main > *, .columns > *')]
      .map((part) => Math.round(part.getBoundingClientRect().left))).size);
    assert.equal(columns, 1);
    await page.setViewportSize({ width: 1440, height: 1000 });
    await page.emulateMedia({ colorScheme: 'light' });
  },
  async logout() {
    await page.locator('#account').click();
    await page.locator('#users').getByRole('button', { name: 'Log in' }).waitFor();
    assert.ok(!(await text('main')).includes(onlyUser));
    assert.ok(!(await text('main')).includes('somebody'));
    assert.equal((await page.request.get(`${facts.console}api/users`)).status(), 401);
    assert.deepEqual(complaints, []);
  },
};

let failures = 0;
for (const [name, check] of Object.entries(checks)) {
  try {
    await check();
    console.log(`ok ${name}`);
  } catch (error) {
    failures += 1;
    console.log(`FAIL ${name} ${String(error.message ?? error).replace(/\s+/g, ' ')}`);
    await picture(`failed-${name}`).catch(() => {});
    if (process.env.CONSOLE_GOES_ON === undefined) break;  // the others may follow from it
  }
}
stopTraffic();
await browser.close();
process.exit(failures === 0 ? 0 : 1);
