// SPDX-License-Identifier: Apache-2.0
// Numbers and times as people read them, and elements without markup in texts.

function scaled(value, base, units) {
  let unit = 0;
  while (Math.abs(value) >= base && unit + 1 < units.length) {
    value /= base;
    unit += 1;
  }
  const digits = unit === 0 ? (Number.isInteger(value) || value >= 100 ? 0 : 1) : value < 10 ? 2 : value < 100 ? 1 : 0;
  return [value.toFixed(digits), units[unit]];
}

export const count = (value) => scaled(value, 1000, ['', 'k', 'M', 'G']);
export const bytes = (value) => scaled(value, 1024, ['B', 'kB', 'MB', 'GB', 'TB']);
export const micros = (value) => (value < 1000
  ? [value < 10 ? value.toFixed(1) : value.toFixed(0), 'µs']
  : value < 1e6 ? [(value / 1e3).toFixed(value < 1e4 ? 2 : 1), 'ms'] : [(value / 1e6).toFixed(2), 's']);
export const joined = ([number, unit]) => (unit ? `${number} ${unit}` : number);
export const plural = (number, word) => `${number.toLocaleString('en')} ${word}${number === 1 ? '' : 's'}`;

export function duration(seconds) {
  const parts = [[86400, 'd'], [3600, 'h'], [60, 'm'], [1, 's']];
  const first = parts.findIndex(([size]) => seconds >= size);
  if (first < 0) return '0 s';
  const [size, unit] = parts[first];
  const text = `${Math.floor(seconds / size)} ${unit}`;
  const next = parts[first + 1];
  const rest = next ? Math.floor((seconds % size) / next[0]) : 0;
  return rest > 0 ? `${text} ${rest} ${next[1]}` : text;
}

export const clock = (ms) => new Date(ms).toLocaleTimeString('en-GB');

// element('p', { class: 'sub', title: '...' }, 'text', child, ...)
export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === true) made.setAttribute(key, '');
    else if (value !== false && value != null) made.setAttribute(key, value);
  }
  made.append(...children.filter((child) => child != null && child !== ''));
  return made;
}

// Puts children in place only when what they show has changed, so that focus and selection stay.
export function show(parent, children) {
  const text = children.map((child) => child.outerHTML ?? child).join('');
  if (parent.shownText === text) return;
  parent.shownText = text;
  parent.replaceChildren(...children);
}
