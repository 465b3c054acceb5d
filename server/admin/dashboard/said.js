// What was said in a request, where it was kept: what the client asked and got, what each provider was asked and answered.

import { el } from './dom.js';
import * as format from './format.js';

const longest = 20_000; // characters of a body that are shown

// read is the text of a body; what is no text is counted.
function read(m) {
  return (m.pieces ?? []).map((piece) => (piece.base64 ? `(${format.bytes(Math.floor(piece.base64.length * 3 / 4))} that are no text)` : piece.text ?? '')).join('');
}

// laidOut is a body with its members below each other, if it is JSON.
function laidOut(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

function message(what, m) {
  if (!m) return '';
  const body = laidOut(read(m));
  const pieces = m.pieces ?? [];
  const title = [m.status || [m.method, m.url].filter(Boolean).join(' '), format.bytes(m.bytes), `after ${format.milliseconds(m.ms)}`, pieces.length > 1 && `${format.count(pieces.length)} pieces until ${format.milliseconds(pieces.at(-1).ms)}`];
  return el('details', {}, el('summary', {}, el('b', {}, what), ` ${title.filter(Boolean).join(', ')}`),
    el('div', { className: 'scroll', tabIndex: 0, 'aria-label': what },
      el('pre', {}, (m.headers ?? []).map((h) => `${h.name}: ${h.value}\n`).join('')),
      el('pre', {}, body.slice(0, longest), body.length > longest ? '\n… the capture has the rest' : '', m.cut ? '\n… the rest was not kept' : '')));
}

// said is the whole of it. save is called for the capture.
export function said(exchange, save) {
  const { client, attempts = [] } = exchange;
  const failed = el('span', { className: 'trouble mild', role: 'status', hidden: true });
  const button = el('button', { className: 'quiet', type: 'button', id: 'capture', onclick: async () => {
    button.disabled = true;
    try {
      await save();
      failed.hidden = true;
    } catch (error) {
      failed.textContent = error.message;
      failed.hidden = false;
    }
    button.disabled = false;
  } }, 'Download the capture');
  return el('div', { id: 'said' }, el('h3', {}, 'What was said'), message('The client asked', client.request),
    attempts.map((a, i) => [message(`Attempt ${i + 1}, ${a.provider}: asked`, a.request), message(`Attempt ${i + 1}, ${a.provider}: answered`, a.answer)]).flat(),
    message('The client got', client.answer),
    el('p', { className: 'bar' }, button, failed, el('span', { className: 'faint' }, 'Its texts, hosts and keys are replaced, so that it may be shown to others. Look through it before you do.')));
}
