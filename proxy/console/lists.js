// SPDX-License-Identifier: Apache-2.0
// Events, slow commands, hot keys, users and clients.
import { bytes, clock, count, duration, element, joined, micros, plural, show } from './format.js';

const EVENT_TEXTS = {
  failover: (e) => ['Failover', `${e.node} has taken ${plural(Number(e.slots), 'slot')} of ${e.other}`],
  slots_moved: (e) => ['Slots moved', `${plural(Number(e.slots), 'slot')} from ${e.other} to ${e.node}`],
  slots_lost: (e) => ['Slots lost', `nobody owns ${plural(Number(e.slots), 'slot')} of ${e.other}`],
  slots_recovered: (e) => ['Slots back', `${e.node} owns ${plural(Number(e.slots), 'slot')} that nobody had`],
  node_failed: (e) => ['Node failed', e.node],
  node_back: (e) => ['Node back', e.node],
  node_joined: (e) => ['Node joined', e.node],
  node_left: (e) => ['Node left', e.node],
  login: (e) => ['Login', by(e)],
  login_refused: (e) => ['Login refused', by(e)],
  denied: (e) => ['Denied', `${e.reason} ${e.object ?? ''} to ${by(e)}`],
  command: (e) => ['Command', `${e.words ?? e.command} by ${by(e)}`],
  reload: (e) => ['Settings reloaded', e.settings ?? 'nothing has changed'],
  reload_failed: (e) => ['Reload failed', e.error ?? ''],
};
const NONE = '–';
const LEAST_SHARE = 0.005;  // of all requests, for a key to be hot
const BAD = new Set(['slots_lost', 'node_failed', 'reload_failed']);
const NOTABLE = new Set(['failover', 'login_refused', 'denied', 'node_left']);

function by(event) {
  return [event.user, event.client && `from ${event.client}`, event.by && '(console)'].filter(Boolean).join(' ');
}

export const nothing = (text) => element('p', { class: 'empty' }, text);

export function locked(onLogin, text = 'For administrators.') {
  const button = element('button', { type: 'button', class: 'quiet' }, 'Log in');
  button.addEventListener('click', onLogin);
  return element('div', { class: 'empty locked' }, element('p', {}, text), button);
}

// Buttons of what is shown again and again stay those that were pressed.
export function lock(parent, onLogin, text) {
  if (parent.dataset.state === 'locked') return;
  parent.dataset.state = 'locked';
  parent.shownText = undefined;
  parent.replaceChildren(locked(onLogin, text));
}

export function fill(parent, children) {
  parent.dataset.state = 'open';
  show(parent, children);
}

export function showEvents(parent, events, emptyText) {
  const items = events.toReversed().map((event) => {
    const [title, text] = EVENT_TEXTS[event.event]?.(event) ?? [event.event, ''];
    const kind = BAD.has(event.event) ? 'bad' : NOTABLE.has(event.event) ? 'warn' : 'plain';
    return element('li', { class: kind },
      element('time', { datetime: new Date(event.at_ms).toISOString() }, clock(event.at_ms)),
      element('span', { class: 'dot', 'aria-hidden': 'true' }),
      element('p', {}, element('strong', {}, title), ' ', text));
  });
  fill(parent, items.length > 0 ? items : [element('li', { class: 'empty' }, emptyText)]);
}

// `columns`: [title, class]; rows of cells.
function table(caption, columns, rows) {
  return element('table', {},
    element('caption', { class: 'sr' }, caption),
    element('thead', {}, element('tr', {}, ...columns.map(([title, kind]) => element('th', { scope: 'col', class: kind }, title)))),
    element('tbody', {}, ...rows.map((cells) => element('tr', {},
      ...cells.map((cell, index) => element('td',
        { class: `${columns[index][1]}${cell === NONE ? ' none' : ''}`, 'data-label': columns[index][0] }, cell))))));
}

export function showSlow(parent, requests) {
  const rows = requests.map((request) => [
    clock(request.at_ms),
    element('span', { title: `${joined(micros(request.in_proxy_us))} of it in the proxy` }, joined(micros(request.took_us))),
    element('code', { title: request.args.join(' ') }, request.args.join(' ')), request.node, request.client,
  ]);
  fill(parent, rows.length === 0 ? [nothing('Nothing has been slow.')] : [table('Slow commands',
    [['Time', ''], ['Took', 'number'], ['Command', 'wide'], ['Node', 'mono'], ['Client', 'mono']], rows)]);
}

export function showHot(parent, keys) {
  const rows = keys.filter((key) => key.share >= LEAST_SHARE).map((key) => [
    element('code', { title: key.key }, key.key),
    element('meter', { min: 0, max: 1, value: key.share.toFixed(3), 'aria-hidden': 'true' }),
    `${(key.share * 100).toFixed(key.share < 0.1 ? 1 : 0)} %`,
    `${joined(count(key.requests_per_second))}/s`,
  ]);
  fill(parent, rows.length === 0 ? [nothing('No key stands out.')] : [table('Hot keys',
    [['Key', 'wide'], ['Share', 'share'], ['', 'number'], ['Requests', 'number']], rows)]);
}

function rules(selector) {
  return [selector.commands, selector.keys || 'no keys', selector.channels || 'no channels'].join('  ');
}

export function showUsers(parent, users, onEdit) {
  const rows = users.map((user) => [
    onEdit ? element('button', { type: 'button', class: 'link', 'data-user': user.name }, user.name) : user.name,
    element('span', { class: `badge ${user.on ? 'good' : ''}` }, user.on ? 'on' : 'off'),
    user.nopass ? element('span', { class: 'badge warn' }, 'none needed') : String(user.passwords),
    user.may_do_everything ? 'everything' : element('code', {}, user.selectors.map(rules).join('\n')),
  ]);
  fill(parent, [table('Users', [['User', ''], ['State', ''], ['Passwords', ''], ['Rules', 'wide']], rows)]);
  for (const button of parent.querySelectorAll('button[data-user]')) {
    button.onclick = () => onEdit(button.dataset.user);
  }
}

// A line of CLIENT LIST as an object.
function fields(line) {
  return Object.fromEntries(line.split(' ').map((field) => {
    const mark = field.indexOf('=');
    return [field.slice(0, mark), field.slice(mark + 1)];
  }));
}

export function showClients(parent, lines, filter) {
  const wanted = filter.toLowerCase();
  const clients = lines.filter((line) => line.toLowerCase().includes(wanted)).map(fields);
  const rows = clients.map((client) => [
    client.id, client.addr, client.name || NONE, client.user,
    client.cmd === 'NULL' ? NONE : client.cmd.replace('|', ' '),
    duration(Number(client.idle)), duration(Number(client.age)),
    joined(bytes(Number(client['tot-mem']))),
    [client['lib-name'], client['lib-ver']].filter(Boolean).join(' ') || NONE,
  ]);
  fill(parent, rows.length === 0 ? [nothing(wanted ? 'No such client.' : 'Nobody is connected.')] : [table('Clients', [
    ['Id', 'number'], ['Address', 'mono'], ['Name', ''], ['User', ''], ['Command', 'mono'],
    ['Idle', 'number'], ['Age', 'number'], ['Memory', 'number'], ['Library', '']], rows)]);
}
