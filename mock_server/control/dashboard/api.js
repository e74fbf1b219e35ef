/* The control calls: with the sandbox and, where the server asks for it, the control token. */

import { parse } from "./json.js";

const PREFIX = "/__admin";
const KEPT = "control-token";

/** A control call that could not be done: its status, and a sentence that says why. */
export class Problem extends Error {
  constructor(status, sentence) {
    super(sentence);
    this.status = status;
  }
}

let askForToken = async () => null;

/** Have the control token asked for by this function, which is told what is wrong with the one there was. */
export function onTokenNeeded(ask) {
  askForToken = ask;
}

/** What a control call answers. Throws a Problem when it is refused, or when the server is not there. */
export async function call(method, path, { sandbox, body, signal } = {}) {
  const answer = await send(method, path, { sandbox, signal, body: body && JSON.stringify(body) });
  const text = await answer.text();
  return text ? parse(text) : null;
}

/** Each event of the stream after number `since`, as [name, data]; it ends when the server ends it. */
export async function* events(sandbox, since, signal) {
  const headers = { Accept: "text/event-stream", "Last-Event-ID": String(since) };
  const answer = await send("GET", "/events", { sandbox, signal, headers });
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let unread = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const parts = (unread + value).split("\n\n");
    unread = parts.pop();
    yield* parts.map(event).filter(Boolean);
  }
}

async function send(method, path, { sandbox, headers = {}, ...rest }) {
  for (;;) {
    const answer = await reached(PREFIX + path, {
      method,
      cache: "no-store",
      ...rest,
      headers: { ...headers, ...given("X-Mock-Sandbox", sandbox), ...authorization() },
    });
    if (answer.ok) return answer;
    const sentence = await said(answer);
    if (answer.status !== 401) throw new Problem(answer.status, sentence);
    await newToken(sentence);
  }
}

async function reached(url, options) {
  try {
    return await fetch(url, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem(0, "The server does not answer. Does it still run?");
  }
}

async function said(answer) {
  const text = await answer.text();
  try {
    return JSON.parse(text).detail;
  } catch {
    return `${answer.status} ${answer.statusText}`;
  }
}

let asking = null;

/** Ask for the token once, however many calls wait for it. */
async function newToken(sentence) {
  asking ??= askForToken(sessionStorage.getItem(KEPT) ? "That is not the token of this server." : "");
  const token = await asking;
  asking = null;
  if (!token) throw new Problem(401, sentence);
  sessionStorage.setItem(KEPT, token);
}

function authorization() {
  const token = sessionStorage.getItem(KEPT);
  return token ? { Authorization: `Bearer ${token}` } : {};
}

const given = (name, value) => (value ? { [name]: value } : {});

function event(text) {
  const fields = Object.fromEntries(text.split("\n").map((line) => line.split(/: (.*)/s, 2)));
  return fields.event && [fields.event, parse(fields.data)];
}
