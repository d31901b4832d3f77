// SPDX-License-Identifier: Apache-2.0
// The map of slots: a cell for each, coloured by its owner. Slots that move are striped in both
// owners' colours; slots that have just changed hands light up for a moment.
import { colour, isDark } from './palette.js';

const SLOTS = 16384;
const FLASH_MS = 2500;
const STRIPE_MS = 900;

export function slotOf(key) {
  const bytes = new TextEncoder().encode(key);
  const open = bytes.indexOf(123);
  const close = open < 0 ? -1 : bytes.indexOf(125, open + 1);
  let crc = 0;
  for (const byte of close > open + 1 ? bytes.subarray(open + 1, close) : bytes) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit += 1) crc = ((crc << 1) ^ (crc & 0x8000 ? 0x1021 : 0)) & 0xffff;
  }
  return crc % SLOTS;
}

export class SlotMap {
  // `describe(slot)` says in words whose slot it is.
  constructor(canvas, tip, text, describe) {
    Object.assign(this, { canvas, tip, text, describe });
    this.owners = new Int16Array(SLOTS).fill(-1);
    this.targets = new Map();  // slot: the owner to be
    this.changedAt = new Map();  // slot: when its owner changed
    this.marked = -1;
    this.highlighted = null;  // an owner, or null
    new ResizeObserver(() => this.resize()).observe(canvas);
    canvas.addEventListener('pointermove', (event) => this.point(event));
    canvas.addEventListener('pointerleave', () => this.mark(-1));
    canvas.addEventListener('blur', () => this.mark(-1));
    canvas.addEventListener('keydown', (event) => this.step(event));
  }

  // `owners`: the index of each slot's owner, or -1.
  show(owners) {
    const isFirst = this.owners.every((owner) => owner < 0);
    const now = performance.now();
    for (let slot = 0; slot < SLOTS && !isFirst; slot += 1) {
      if (owners[slot] !== this.owners[slot]) this.changedAt.set(slot, now);
    }
    this.owners = owners;
    this.draw();
  }

  showMoves(targets) {
    this.targets = targets;
    this.draw();
  }

  highlight(owner) {
    this.highlighted = owner;
    this.draw();
  }

  resize() {
    const width = this.canvas.clientWidth;
    if (width === 0) return;
    this.columns = width > 900 ? 256 : width > 480 ? 192 : 128;
    this.rows = Math.ceil(SLOTS / this.columns);
    this.ratio = Math.min(devicePixelRatio || 1, 2);
    const cell = width / this.columns;
    const height = Math.round(this.rows * Math.min(cell, width > 900 ? 3.6 : 3.2));
    this.canvas.height = height * this.ratio;
    this.canvas.width = width * this.ratio;
    this.canvas.style.height = `${height}px`;
    this.draw();
  }

  place(slot) {
    const { width, height } = this.canvas;
    const [column, row] = [slot % this.columns, Math.floor(slot / this.columns)];
    const left = Math.round((column * width) / this.columns);
    const top = Math.round((row * height) / this.rows);
    return [left, top, Math.round(((column + 1) * width) / this.columns) - left,
      Math.round(((row + 1) * height) / this.rows) - top];
  }

  draw() {
    if (!this.columns || this.isDrawn) return;
    this.isDrawn = true;
    requestAnimationFrame(() => {
      this.isDrawn = false;
      this.paint();
      if (this.changedAt.size > 0 || this.targets.size > 0) this.draw();
    });
  }

  paint() {
    const context = this.canvas.getContext('2d');
    const now = performance.now();
    const isStill = matchMedia('(prefers-reduced-motion: reduce)').matches;
    const fills = new Map();
    const fill = (owner) => {
      if (!fills.has(owner)) fills.set(owner, owner < 0 ? (isDark() ? '#3a1d22' : '#f7d4d6') : colour(owner));
      return fills.get(owner);
    };
    context.clearRect(0, 0, this.canvas.width, this.canvas.height);
    for (let slot = 0; slot < SLOTS; slot += 1) {
      const [left, top, width, height] = this.place(slot);
      const target = this.targets.get(slot);
      const isTarget = target !== undefined && (((isStill ? 0 : Math.floor(now / STRIPE_MS)) + (slot >> 1)) & 1) === 1;
      const owner = isTarget ? target : this.owners[slot];
      context.globalAlpha = this.highlighted === null || this.highlighted === owner ? 1 : 0.18;
      context.fillStyle = fill(owner);
      context.fillRect(left, top, width, height);
    }
    context.globalAlpha = 1;
    this.paintGrid(context);
    this.paintChanges(context, now);
    if (this.marked >= 0) this.paintMark(context);
  }

  // Faint lines, for the eye: 16 columns apart, and 8 rows.
  paintGrid(context) {
    const { width, height } = this.canvas;
    context.fillStyle = isDark() ? 'rgb(21 26 33 / 28%)' : 'rgb(255 255 255 / 34%)';
    for (let column = 16; column < this.columns; column += 16) {
      context.fillRect(Math.round((column * width) / this.columns), 0, this.ratio, height);
    }
    for (let row = 8; row < this.rows; row += 8) {
      context.fillRect(0, Math.round((row * height) / this.rows), width, this.ratio);
    }
  }

  paintChanges(context, now) {
    context.fillStyle = isDark() ? '#ffffff' : '#10131a';
    for (const [slot, at] of this.changedAt) {
      const left = 1 - (now - at) / FLASH_MS;
      if (left <= 0) {
        this.changedAt.delete(slot);
        continue;
      }
      context.globalAlpha = left * 0.75;
      const [x, y, width, height] = this.place(slot);
      context.fillRect(x, y, width, height);
    }
    context.globalAlpha = 1;
  }

  paintMark(context) {
    const [left, top, width, height] = this.place(this.marked);
    context.lineWidth = 2 * this.ratio;
    context.strokeStyle = isDark() ? '#ffffff' : '#10131a';
    context.strokeRect(left - this.ratio, top - this.ratio, width + 2 * this.ratio, height + 2 * this.ratio);
  }

  point(event) {
    const { left, top, width, height } = this.canvas.getBoundingClientRect();
    const column = Math.floor(((event.clientX - left) / width) * this.columns);
    const row = Math.floor(((event.clientY - top) / height) * this.rows);
    const slot = row * this.columns + column;
    const isInside = column >= 0 && column < this.columns && row >= 0 && slot < SLOTS;
    this.mark(isInside ? slot : -1, true);
  }

  step(event) {
    const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -this.columns, ArrowDown: this.columns, Home: -SLOTS, End: SLOTS };
    if (!(event.key in steps)) return;
    event.preventDefault();
    this.mark(Math.min(Math.max(Math.max(this.marked, 0) + steps[event.key], 0), SLOTS - 1));
  }

  // -1: none.
  mark(slot, isByPointer = false) {
    if (slot === this.marked) return;
    this.marked = slot;
    this.tip.hidden = slot < 0;
    this.text.textContent = slot >= 0 && !isByPointer ? this.describe(slot) : '';
    if (slot >= 0) this.placeTip(slot);
    this.draw();
  }

  placeTip(slot) {
    this.tip.textContent = this.describe(slot);
    const [left, top, , height] = this.place(slot).map((pixels) => pixels / this.ratio);
    const room = this.canvas.clientWidth - this.tip.offsetWidth;
    this.tip.style.left = `${Math.min(Math.max(left - this.tip.offsetWidth / 2, 0), Math.max(room, 0))}px`;
    const above = top - this.tip.offsetHeight - 8;
    this.tip.style.top = `${above >= 0 ? above : top + height + 8}px`;
  }
}
