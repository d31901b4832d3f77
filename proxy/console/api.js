// SPDX-License-Identifier: Apache-2.0
// How the page asks the server.

export class Refused extends Error {
  constructor(status, text) {
    super(text);
    this.status = status;
  }
}

const PATIENCE_MS = 8000;

async function ask(path, options) {
  const response = await fetch(path, {
    ...options, credentials: 'same-origin', signal: AbortSignal.timeout(PATIENCE_MS),
  });
  const body = await response.json();
  if (!response.ok) throw new Refused(response.status, body.error);
  return body;
}

export const get = (path) => ask(path, {});

// No other page can send this header.
export const post = (path, fields) => ask(path, {
  method: 'POST', headers: { 'X-Slotway-Console': '1' }, body: new URLSearchParams(fields),
});
