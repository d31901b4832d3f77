// SPDX-License-Identifier: Apache-2.0
// A card for each shard: its master, its replicas, and how they are.
import { bytes, count, duration, element, joined, micros, plural, show } from './format.js';
import { colour } from './palette.js';

const number = (info, name) => Number(info?.[name] ?? NaN);

// What is wrong with a node, or nothing.
function problemOf(node) {
  const { info } = node;
  if (node.failed) return 'failed';
  if (info && Object.keys(info).length === 0) return 'no answer';
  if (node.suspected) return 'suspected';
  if (info?.loading === '1') return 'loading';
  if (node.role === 'replica') {  // one that has just become a master has said this before
    if (info?.master_sync_in_progress === '1') return 'syncing';
    if (info?.master_link_status === 'down') return 'link down';
  }
  if (info?.rdb_last_bgsave_status === 'err') return 'snapshot failed';
  if (info?.aof_last_write_status === 'err') return 'log not written';
  return '';
}

const isDown = (problem) => ['failed', 'no answer'].includes(problem);

function fact(name, value, title) {
  return element('div', { title }, element('dt', {}, name), element('dd', {}, value));
}

function memory(info) {
  const used = number(info, 'used_memory');
  const limit = number(info, 'maxmemory');
  if (Number.isNaN(used)) return fact('Memory', '–');
  if (!(limit > 0)) return fact('Memory', joined(bytes(used)), 'no maxmemory');
  const share = Math.min(used / limit, 1);
  const meter = element('meter', { min: 0, max: 1, high: 0.8, optimum: 0, value: share.toFixed(3), 'aria-label': `${Math.round(share * 100)} % of maxmemory` });
  return element('div', {}, element('dt', {}, 'Memory'),
    element('dd', {}, `${joined(bytes(used))} of ${joined(bytes(limit))}`, meter));
}

function lag(node) {
  if (node.role === 'master') return null;
  if (node.lag_bytes === undefined) return fact('Lag', '–', 'not known');
  return fact('Lag', node.lag_bytes === 0 ? 'none' : joined(bytes(node.lag_bytes)), 'of its master\'s stream still to be applied');
}

function facts(node) {
  const { info } = node;
  const known = info && Object.keys(info).length > 0;
  const text = (name, format) => (known && name in info ? format(number(info, name)) : '–');
  return element('dl', {},
    memory(info),
    fact('Keys', text('keys', (value) => joined(count(value)))),
    fact('Commands', text('instantaneous_ops_per_sec', (value) => `${joined(count(value))}/s`)),
    fact('Clients', text('connected_clients', String)),
    lag(node),
    node.latency_us > 0 ? fact('Answers in', joined(micros(node.latency_us)), 'of a question of the proxy\'s own') : null,
    fact('Up for', text('uptime_in_seconds', duration)));
}

function nodeRow(node, nodes) {
  const problem = problemOf(node);
  const state = isDown(problem) ? 'bad' : problem ? 'warn' : 'good';
  const moves = (node.moves ?? []).map((move) => {
    const to = nodes.find((other) => other.id === move.to)?.address ?? move.to.slice(0, 8);
    return element('p', { class: 'move' }, `gives ${plural(move.count, 'slot')} to ${to}`);
  });
  return element('li', { class: `node ${state}`, 'data-node': node.address },
    element('p', { class: 'node-head' },
      element('span', { class: 'dot', 'aria-hidden': 'true' }),
      element('span', { class: 'address', title: node.hostname || node.id }, node.address),
      element('span', { class: 'badge' }, node.role),
      problem ? element('span', { class: `badge ${state}` }, problem) : element('span', { class: 'sr' }, 'healthy')),
    isDown(problem) ? null : facts(node), ...moves);
}

// Shards in the order of their first slots; then masters without slots.
export function shardsOf(nodes, owners) {
  const slots = new Map();
  owners.forEach((owner, slot) => {
    if (owner < 0) return;
    const entry = slots.get(owner) ?? { first: slot, count: 0 };
    entry.count += 1;
    slots.set(owner, entry);
  });
  const masters = nodes.map((node, index) => ({ node, index })).filter(({ node }) => node.role === 'master');
  masters.sort((a, b) => (slots.get(a.index)?.first ?? Infinity) - (slots.get(b.index)?.first ?? Infinity)
    || a.node.address.localeCompare(b.node.address));
  return masters.map(({ node, index }, order) => ({
    master: node, index, order, slots: slots.get(index)?.count ?? 0,
    replicas: nodes.filter((other) => other.role === 'replica' && other.master_id === node.id),
  }));
}

export function showShards(parent, shards, nodes) {
  const cards = shards.map((shard) => {
    const card = element('article', { class: 'card shard', 'aria-label': `Shard ${shard.order + 1}` },
      element('header', { class: 'shard-head' },
        shard.slots > 0 ? element('span', { class: 'chip', 'data-order': shard.order }) : null,
        element('h3', {}, shard.slots > 0 ? `Shard ${shard.order + 1}` : 'Without slots'),
        element('p', { class: 'sub' }, shard.slots > 0 ? plural(shard.slots, 'slot') : '')),
      element('ul', { class: 'nodes' },
        nodeRow(shard.master, nodes), ...shard.replicas.map((node) => nodeRow(node, nodes))));
    return card;
  });
  show(parent, cards);
  paintChips(parent);
}

export function paintChips(parent) {
  for (const chip of parent.querySelectorAll('.chip')) {
    chip.style.backgroundColor = colour(Number(chip.dataset.order));
  }
}

export function showLegend(parent, shards, onHighlight) {
  const items = shards.filter((shard) => shard.slots > 0).map((shard) => {
    const button = element('button', { type: 'button', class: 'quiet', 'aria-pressed': 'false', 'data-index': shard.index },
      element('span', { class: 'chip', 'data-order': shard.order }),
      element('span', {}, shard.master.address),
      element('span', { class: 'sub' }, plural(shard.slots, 'slot')));
    return element('li', {}, button);
  });
  show(parent, items);
  for (const button of parent.querySelectorAll('button')) {
    const index = Number(button.dataset.index);
    button.onpointerenter = button.onfocus = () => onHighlight(index);
    button.onpointerleave = button.onblur = () => onHighlight(null);
  }
  paintChips(parent);
}
