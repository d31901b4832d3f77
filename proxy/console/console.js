// SPDX-License-Identifier: Apache-2.0
// Asks once a second what there is, and hands it to the panels. While nobody sees the page it rests.
import { Account, UserEditor } from './account.js';
import { get, Refused } from './api.js';
import { Tiles } from './charts.js';
import { duration, plural } from './format.js';
import { fill, lock, nothing, showClients, showEvents, showHot, showSlow, showUsers } from './lists.js';
import { paintChips, shardsOf, showLegend, showShards } from './shards.js';
import { SlotMap, slotOf } from './slots.js';
import { startTheme } from './theme.js';

const TICK_MS = 1000;
const SLOTS = 16384;
const SAMPLES_KEPT = 300;
const EVENTS_KEPT = 256;

const byId = (id) => document.getElementById(id);
const page = {
  samples: [], nodes: [], shards: [], owners: new Int16Array(SLOTS).fill(-1), topology: 0,
  clusterEvents: [], auditEvents: [], shownEvents: 'cluster', clients: [], runId: '', viewer: null,
};

const tiles = new Tiles(byId('tiles'));
const map = new SlotMap(byId('map'), byId('map-tip'), byId('map-text'), describeSlot);
const account = new Account(() => tick());
const editor = new UserEditor(() => askUsers());

function describeSlot(slot) {
  const owner = page.nodes[page.owners[slot]];
  const target = page.shards[map.targets.get(slot)]?.master;
  const place = page.shards.find((shard) => shard.index === page.owners[slot]);
  if (!owner) return `Slot ${slot}: nobody's`;
  const whose = place ? `shard ${place.order + 1}, ${owner.address}` : owner.address;
  return `Slot ${slot}: ${whose}${target ? `, on its way to ${target.address}` : ''}`;
}

// ---- What the state says ----

function takeSlots(state) {
  page.nodes = state.nodes;
  page.topology = state.topology;
  if (state.slots !== null) {
    page.owners = new Int16Array(SLOTS).fill(-1);
    for (const [first, last, owner] of state.slots) page.owners.fill(owner, first, last + 1);
    page.shards = shardsOf(page.nodes, page.owners);
    // The map colours by the order of shards.
    const order = new Map(page.shards.map((shard) => [shard.index, shard.order]));
    map.show(page.owners.map((owner) => order.get(owner) ?? -1));
  } else {
    page.shards = shardsOf(page.nodes, page.owners);
  }
  const targets = new Map();
  for (const node of page.nodes) {
    for (const move of node.moves ?? []) {
      const to = page.shards.find((shard) => shard.master.id === move.to)?.order ?? -1;
      for (const range of move.slots.split(' ')) {
        const [first, last = first] = range.split('-').map(Number);
        for (let slot = first; slot <= last; slot += 1) targets.set(slot, to);
      }
    }
  }
  map.showMoves(targets);
  return targets.size;
}

function showCluster(state) {
  const moving = takeSlots(state);
  const unowned = page.owners.filter((owner) => owner < 0).length;
  const masters = page.shards.filter((shard) => shard.slots > 0).length;
  byId('slots-panel').hidden = !state.has_slots;
  byId('slots-summary').textContent = [
    unowned === 0 ? 'all have an owner' : `${plural(unowned, 'slot')} without an owner`,
    moving > 0 ? `${plural(moving, 'slot')} on the move` : '',
  ].filter(Boolean).join(', ');
  byId('shards-summary').textContent = `${plural(masters, 'master')}, ${plural(page.nodes.filter((node) => node.role === 'replica').length, 'replica')}`;
  showLegend(byId('legend'), page.shards, (index) => map.highlight(
    index === null ? null : page.shards.find((shard) => shard.index === index)?.order ?? null));
  showShards(byId('shards'), page.shards, page.nodes);
}

function showHealth(state) {
  const { proxy } = state;
  const failed = state.nodes.filter((node) => node.failed).length;
  const pill = byId('health');
  pill.className = `pill ${proxy.ready ? (failed > 0 ? 'warn' : 'good') : 'bad'}`;
  const text = proxy.ready ? (failed > 0 ? `serving, ${plural(failed, 'node')} failed` : 'serving every slot') : proxy.reason;
  if (byId('health-text').textContent !== text) byId('health-text').textContent = text;
  byId('facts').textContent = [
    proxy.held_requests > 0 ? `${plural(proxy.held_requests, 'request')} held` : '',
    proxy.lost_writes > 0 ? `${plural(proxy.lost_writes, 'write')} with an unknown outcome` : '',
    `up for ${duration(proxy.uptime_s)}`,
  ].filter(Boolean).join(' · ');
  byId('foot').textContent = `Slotway ${proxy.version} · ${plural(proxy.workers, 'worker')} · process ${proxy.run_id.slice(0, 8)}`;
  document.title = proxy.ready ? 'Slotway' : 'Slotway: not ready';
}

function takeState(state) {
  if (page.runId && page.runId !== state.proxy.run_id) return location.reload();
  page.runId = state.proxy.run_id;
  page.samples = [...page.samples, ...state.samples].slice(-SAMPLES_KEPT);
  page.clusterEvents = [...page.clusterEvents, ...state.events].slice(-EVENTS_KEPT);
  page.viewer = state.viewer;
  account.show(state.viewer);
  tiles.draw(page.samples);
  showHealth(state);
  showCluster(state);
  return showChosenEvents();
}

function showChosenEvents() {
  const isAudit = page.shownEvents === 'audit';
  if (isAudit && !page.viewer?.sees_all) {
    return fill(byId('events'), [nothing('Logins, refusals and changes are for administrators: log in.')]);
  }
  return showEvents(byId('events'), isAudit ? page.auditEvents : page.clusterEvents,
    isAudit ? 'Nobody has done anything yet.' : 'Nothing has happened since Slotway started.');
}

// ---- What only administrators see ----

async function askUsers() {
  const { users, total } = await get('api/users');
  byId('users-summary').textContent = plural(total, 'user');
  byId('add-user').hidden = !page.viewer.edits_users;
  showUsers(byId('users'), users, page.viewer.edits_users ? (name) => editor.open(name) : null);
}

async function askClients() {
  const { clients, total } = await get('api/clients');
  page.clients = clients;
  byId('clients-summary').textContent = total > clients.length ? `the newest ${clients.length} of ${total}` : `${total} connected`;
  showClients(byId('clients'), page.clients, byId('clients-filter').value);
}

async function askAudit() {
  const since = page.auditEvents.at(-1)?.id ?? 0;
  page.auditEvents = [...page.auditEvents, ...await get(`api/audit?event=${since}`)].slice(-EVENTS_KEPT);
  showChosenEvents();
}

async function askSlow() {
  showSlow(byId('slow'), await get('api/slow'));
}

async function askHot() {
  showHot(byId('hot'), await get('api/hot'));
}

// How often, in ticks, and where.
const SECRETS = [
  { ask: askAudit, every: 2 },
  { ask: askSlow, every: 2, panel: 'slow' },
  { ask: askHot, every: 2, panel: 'hot' },
  { ask: askClients, every: 3, panel: 'clients' },
  { ask: askUsers, every: 5, panel: 'users' },
];
let ticks = 0;

async function askSecrets() {
  if (!page.viewer.sees_all) {
    page.auditEvents = [];
    for (const { panel } of SECRETS) {
      if (panel) {
        lock(byId(panel), () => account.open());
        const summary = byId(`${panel}-summary`);
        if (summary) summary.textContent = '';
      }
    }
    byId('add-user').hidden = true;
    ticks = 0;
    return;
  }
  const due = SECRETS.filter(({ every }) => ticks % every === 0);
  ticks += 1;
  await Promise.all(due.map(({ ask }) => ask().catch((error) => {
    if (!(error instanceof Refused)) throw error;  // a login that has just ended is seen next time
  })));
}

// ---- The clock ----

let timer = 0;
let isAsking = false;

async function tick() {
  clearTimeout(timer);
  if (isAsking) return;
  isAsking = true;
  try {
    const since = new URLSearchParams({
      sample: page.samples.at(-1)?.number ?? 0, topology: page.topology,
      event: page.clusterEvents.at(-1)?.id ?? 0,
    });
    takeState(await get(`api/state?${since}`));
    await askSecrets();
    byId('lost').hidden = true;
  } catch (error) {
    byId('lost').hidden = false;
    byId('health').className = 'pill bad';
    byId('health-text').textContent = 'no answer';
    if (!(error instanceof Refused)) console.warn(error);
  }
  isAsking = false;
  if (!document.hidden) timer = setTimeout(tick, TICK_MS);
}

// ---- What people do ----

startTheme(byId('theme'), () => {
  map.draw();
  paintChips(document);
});
document.addEventListener('visibilitychange', () => {
  if (!document.hidden) tick();
});
for (const button of document.querySelectorAll('[data-events]')) {
  button.addEventListener('click', () => {
    page.shownEvents = button.dataset.events;
    for (const other of document.querySelectorAll('[data-events]')) {
      other.setAttribute('aria-pressed', String(other === button));
    }
    showChosenEvents();
  });
}
byId('clients-filter').addEventListener('input', () => {
  if (page.viewer?.sees_all) showClients(byId('clients'), page.clients, byId('clients-filter').value);
});
byId('find-key').addEventListener('input', (event) => {
  const key = event.target.value;
  byId('find-slot').textContent = key === '' ? '' : describeSlot(slotOf(key));
  map.mark(key === '' ? -1 : slotOf(key));
});
byId('find').addEventListener('submit', (event) => event.preventDefault());
byId('add-user').addEventListener('click', () => editor.open(''));

tick();
