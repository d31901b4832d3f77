// SPDX-License-Identifier: Apache-2.0
// The tiles: a number, what it was lately, and the value under the pointer.
import { bytes, clock, count, element, micros } from './format.js';

const WIDTH = 240;
const HEIGHT = 48;
const SHOWN = 120;  // seconds
const SHOWN_LEAST = 30;  // what there is fills the tile sooner
const SVG = 'http://www.w3.org/2000/svg';

const TILES = [
  { name: 'Requests per second', lines: [['requests', '']], format: count },
  { name: 'Latency', lines: [['p99_us', 'p99'], ['p50_us', 'p50']], format: micros },
  { name: 'Traffic per second', lines: [['bytes_out', 'out'], ['bytes_in', 'in']], format: bytes },
  { name: 'Clients', lines: [['clients', '']], format: count },
  { name: 'Errors per second', lines: [['errors', ''], ['redirects', 'redirects']], format: count },
];

function svg(name, attributes) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

class Tile {
  constructor(spec) {
    this.spec = spec;
    this.value = element('strong');
    this.unit = element('span', { class: 'unit' });
    this.second = element('p', { class: 'second' });
    this.graph = svg('svg', { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: 'none', 'aria-hidden': 'true' });
    this.area = svg('path', { class: 'area' });
    this.paths = spec.lines.map((_, index) => svg('path', { class: `line line-${index}` }));
    this.cursor = svg('line', { class: 'cursor', y1: 0, y2: HEIGHT, visibility: 'hidden' });
    this.graph.append(this.area, ...this.paths.toReversed(), this.cursor);
    this.root = element('article', { class: 'tile' }, element('h2', {}, spec.name),
      element('p', { class: 'number' }, this.value, ' ', this.unit), this.second, this.graph);
    this.samples = [];
    this.span = SHOWN_LEAST;
    this.graph.addEventListener('pointermove', (event) => this.point(event));
    this.graph.addEventListener('pointerleave', () => this.write(this.samples.at(-1)));
  }

  draw(samples) {
    this.samples = samples.slice(-SHOWN);
    const top = Math.max(...this.samples.flatMap((one) => this.spec.lines.map(([field]) => one[field])), 0);
    this.span = Math.max(this.samples.length, SHOWN_LEAST);
    const x = (index) => ((this.span - this.samples.length + index) / (this.span - 1)) * WIDTH;
    const y = (value) => HEIGHT - 2 - (top > 0 ? (value / top) * (HEIGHT - 6) : 0);
    this.spec.lines.forEach(([field], line) => {
      const points = this.samples.map((one, index) => `${x(index).toFixed(1)} ${y(one[field]).toFixed(1)}`);
      const path = points.length > 0 ? `M${points.join('L')}` : '';
      this.paths[line].setAttribute('d', path);
      if (line === 0) {
        this.area.setAttribute('d', path && `${path}L${WIDTH} ${HEIGHT}L${x(0).toFixed(1)} ${HEIGHT}Z`);
      }
    });
    if (this.cursor.getAttribute('visibility') === 'hidden') this.write(this.samples.at(-1));
  }

  point(event) {
    const { left, width } = this.graph.getBoundingClientRect();
    const at = Math.round(((event.clientX - left) / width) * (this.span - 1)) - (this.span - this.samples.length);
    const sample = this.samples[Math.min(Math.max(at, 0), this.samples.length - 1)];
    if (!sample) return;
    const place = ((event.clientX - left) / width) * WIDTH;
    this.cursor.setAttribute('x1', place);
    this.cursor.setAttribute('x2', place);
    this.write(sample, clock(sample.at_ms));
  }

  // The last values, or those of the time under the pointer.
  write(sample, time) {
    this.cursor.setAttribute('visibility', time ? 'visible' : 'hidden');
    const [first, ...others] = this.spec.lines;
    const text = (field) => {
      const value = sample?.[field] ?? 0;
      return field.endsWith('_us') && value === 0 ? ['–', ''] : this.spec.format(value);
    };
    const [number, unit] = text(first[0]);
    this.value.textContent = number;
    this.unit.textContent = [unit, first[1]].filter(Boolean).join(' ');
    const rest = others.map(([field, name]) => `${text(field).join(' ').trim()} ${name}`);
    if (rest.length === 0) {
      const peak = Math.max(...this.samples.map((one) => one[first[0]]), 0);
      rest.push(`${this.spec.format(peak).join(' ').trim()} at most`);
    }
    this.second.textContent = time ? `at ${time}` : rest.join(' · ');
  }
}

export class Tiles {
  constructor(parent) {
    this.tiles = TILES.map((spec) => new Tile(spec));
    parent.append(...this.tiles.map((tile) => tile.root));
  }

  draw(samples) {
    for (const tile of this.tiles) tile.draw(samples);
  }
}
