// SPDX-License-Identifier: Apache-2.0
// A colour for each shard, the same everywhere on the page. By the order of their first slots, so
// that neighbours on the map differ.

const HUES = [262, 168, 72, 330, 215, 38, 130, 295];

export function isDark() {
  const { theme } = document.documentElement.dataset;
  return theme === 'dark'
    || (theme !== 'light' && matchMedia('(prefers-color-scheme: dark)').matches);
}

export function colour(index, strength = 1) {
  const hue = index < HUES.length ? HUES[index] : (index * 137.5) % 360;
  const lightness = isDark() ? 0.66 : 0.7;
  return `oklch(${lightness} ${0.115 * strength} ${hue})`;
}
