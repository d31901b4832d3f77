// SPDX-License-Identifier: Apache-2.0
// Light, dark, or as the system says. The choice stays in this browser.

const THEMES = ['automatic', 'light', 'dark'];
const KEY = 'slotway-theme';

function stored() {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null;  // storage is off
  }
}

export function startTheme(button, onChange) {
  let theme = THEMES.includes(stored()) ? stored() : 'automatic';
  const apply = () => {
    document.documentElement.dataset.theme = theme;
    button.setAttribute('aria-label', `Theme: ${theme}`);
    button.title = `Theme: ${theme}`;
    onChange();
  };
  button.addEventListener('click', () => {
    theme = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length];
    try {
      localStorage.setItem(KEY, theme);
    } catch {
      // It holds until the page is left.
    }
    apply();
  });
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', apply);
  apply();
}
