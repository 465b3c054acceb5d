// What the gateway is asked, and the key, which is kept in this tab only.

const keySlot = 'uni-api.key';
const reasonSlot = 'uni-api.signed-out';

export const key = {
  get: () => sessionStorage.getItem(keySlot) ?? '',
  keep: (text) => sessionStorage.setItem(keySlot, text),
  forget: () => sessionStorage.removeItem(keySlot),
};

// reason is why somebody was signed out, for the page as it is loaded after that.
export const reason = {
  keep: (text) => sessionStorage.setItem(reasonSlot, text),
  take() {
    const text = sessionStorage.getItem(reasonSlot) ?? '';
    sessionStorage.removeItem(reasonSlot);
    return text;
  },
};

// Refused is an answer that is an error.
export class Refused extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }

  // whether another key is needed
  get denied() {
    return this.status === 401 || this.status === 403;
  }
}

const patience = 20_000; // milliseconds; asking providers takes the gateway up to 15 s

// ask gets one of the gateway's own addresses, relative to where this page is, so that a proxy may put both behind a path.
export async function ask(path, query, secret, method = 'GET') {
  const url = new URL(`../v1/${path}`, document.baseURI);
  for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
  const late = AbortSignal.timeout(patience);
  let answer;
  let body;
  try {
    answer = await fetch(url, {
      method,
      headers: { Authorization: `Bearer ${secret}` },
      cache: 'no-store',
      credentials: 'omit',
      signal: late,
    });
    body = await answer.text();
  } catch {
    throw new Error(late.aborted ? `The gateway did not answer within ${patience / 1000} s.` : 'The gateway cannot be reached.');
  }
  let parsed;
  try {
    parsed = JSON.parse(body);
  } catch {
    throw new Refused(answer.status, `The answer of ${url.pathname} is not the gateway's (status ${answer.status}).`);
  }
  if (!answer.ok) throw new Refused(answer.status, parsed?.error?.message ?? `The gateway answered ${answer.status}.`);
  return parsed;
}

// whyDenied tells somebody who signs in what is wrong with the key.
export function whyDenied(error) {
  if (error.status === 401) return 'The gateway does not know this key.';
  return error.message;
}
