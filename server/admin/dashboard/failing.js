// Which providers fail, and why: what somebody must see first.

import { el, fill } from './dom.js';
import * as format from './format.js';

const mostShown = 8;

// fails says whether more than a tenth of the attempts failed.
export const fails = (tried) => Boolean(tried) && tried.failures * 10 > tried.requests;

// worstFirst sorts what was tried: those that fail by how often and which part of what they were asked, then the rest as it came.
export function worstFirst(providers, tried) {
  const rank = ({ name }) => (fails(tried.get(name)) ? tried.get(name).failures ** 2 / tried.get(name).requests : 0);
  return providers.toSorted((a, b) => rank(b) - rank(a));
}

// failing lists the providers that fail. open shows the requests that a provider was tried for.
export function failing(node, providers, tried, open) {
  const list = worstFirst(providers, tried).filter((provider) => fails(tried.get(provider.name)));
  node.hidden = list.length === 0;
  if (list.length === 0) return;
  const shown = list.slice(0, mostShown);
  fill(node, el('h2', { id: 'failing-title' }, `${format.count(list.length)} ${list.length === 1 ? 'provider fails' : 'providers fail'}`),
    shown.map((provider) => one(provider, tried.get(provider.name))),
    list.length > shown.length ? el('p', { className: 'faint' }, `${format.count(list.length - shown.length)} more are first under Providers.`) : '');
  [...node.querySelectorAll('button')].forEach((button, i) => { button.onclick = () => open(shown[i].name); });
}

function one(provider, { requests, failures }) {
  return el('div', { className: 'failing card' },
    el('div', { className: 'bar' }, el('h3', {}, provider.name), el('span', { className: 'state broken' }, 'failing'),
      el('b', {}, `${format.count(failures)} of ${format.count(requests)} attempts failed (${format.percent(failures, requests)})`),
      el('button', { className: 'quiet', type: 'button' }, 'Its requests')),
    reasons(provider));
}

// reasons are the last ones that differ.
export function reasons(provider) {
  if (!provider.reasons?.length) return el('p', { className: 'faint' }, 'Why is not known any more: the gateway has been started since. With request_log: metadata under preferences: in api.yaml it is.');
  return el('ul', { className: 'reasons' }, provider.reasons.map((reason) => el('li', {},
    el('b', {}, `${reason.status} `), reason.error, el('span', { className: 'faint' }, ` ${format.count(reason.count)}×, last at ${format.moment(reason.at)} for ${reason.model}`))));
}
