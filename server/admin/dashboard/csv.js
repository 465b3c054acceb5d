// Tables as files of comma-separated values.

import { el } from './dom.js';

// download has the browser keep a file of lines, each a list of fields.
export function download(label, lines) {
  const url = URL.createObjectURL(new Blob([lines.map((line) => `${line.map(quoted).join(',')}\r\n`).join('')], { type: 'text/csv' }));
  el('a', { href: url, download: `${label.toLowerCase().replace(/[^a-z0-9]+/g, '-')}.csv` }).click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

// csvButton is the button for it.
export function csvButton(label, onclick) {
  const button = el('button', { className: 'quiet csv', type: 'button', onclick }, 'CSV');
  button.setAttribute('aria-label', `${label} as CSV`);
  return button;
}

// tableButton is one for a table that is as long as it looks.
export const tableButton = (label, table) => csvButton(label, () => download(label, [...table.rows].map((row) => [...row.cells].map((cell) => cell.innerText.trim()))));

// quoted is a field. What a spreadsheet would take for a formula is text.
function quoted(value) {
  if (typeof value === 'number') return String(value);
  const text = String(value ?? '');
  return `"${(/^[=+\-@\t\r]/.test(text) ? `'${text}` : text).replaceAll('"', '""')}"`;
}
