/* The control API: calls with the sandbox and the control token, the event stream, and labels of error codes. */

import { BASE, parse } from "./format.js";

const PREFIX = `${BASE}/__admin`;
const TOKEN_KEY = "control-token";

/** A failed control call: its status, 0 without an answer, and the message. */
export class Problem extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

let askForToken = async () => null;

/** Set the function that asks the user for the control token; it receives the problem with the last token. */
export function onTokenNeeded(ask) {
  askForToken = ask;
}

let report = () => {};

/** Set the function that gets each control call: method, path, body and sandbox. */
export function onCall(reporter) {
  report = reporter;
}

/** Whether the user has entered a control token. */
export const hasToken = () => sessionStorage.getItem(TOKEN_KEY) !== null;

/** Send a control call and return its JSON. Throws a Problem when it fails or the server does not answer. */
export async function call(method, path, { sandbox, body, signal } = {}) {
  report(method, path, body, sandbox);
  const answer = await send(method, path, { sandbox, signal, body: body && JSON.stringify(body) });
  const text = await answer.text();
  return text ? parse(text) : null;
}

/**
 * Return `load`, a function that loads and shows, so that it runs once at a time; a call while it runs starts it again after that.
 * Otherwise the answer that arrives last is shown, which may be an older one.
 */
export function oneAtATime(load) {
  let running = null;
  let next = null;
  const start = () => {
    next = null;
    running = load().finally(() => { running = null; });
    return running;
  };
  return () => {
    if (running) next ??= running.then(start, start);
    return next ?? start();
  };
}

/** Save the answer of a control call as a file. */
export async function download(path, name, sandbox) {
  report("GET", path, undefined, sandbox);
  const answer = await send("GET", path, { sandbox });
  const anchor = document.createElement("a");
  anchor.href = URL.createObjectURL(await answer.blob());
  anchor.download = name;
  anchor.click();
  URL.revokeObjectURL(anchor.href);
}

/** Each event after number `since`, as [name, data], until the server ends the stream. */
export async function* events(sandbox, since, signal) {
  report("GET", "/events", undefined, sandbox);
  const headers = { Accept: "text/event-stream", "Last-Event-ID": String(since) };
  const answer = await send("GET", "/events", { sandbox, signal, headers });
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let unread = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const parts = (unread + value).split("\n\n");
    unread = parts.pop();
    yield* parts.map(parseEvent).filter(Boolean);
  }
}

async function send(method, path, { sandbox, headers = {}, ...rest }) {
  for (;;) {
    const answer = await fetchOrThrow(PREFIX + path, {
      method,
      cache: "no-store",
      ...rest,
      headers: { ...headers, ...optional("X-Mock-Sandbox", sandbox), ...authorization() },
    });
    if (answer.ok) return answer;
    const message = await errorText(answer);
    if (answer.status !== 401) throw new Problem(answer.status, message);
    await newToken(message);
  }
}

async function fetchOrThrow(url, options) {
  try {
    return await fetch(url, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem(0, "The server does not answer. Is it still running?");
  }
}

async function errorText(answer) {
  const text = await answer.text();
  try {
    return JSON.parse(text).detail;
  } catch {
    return `${answer.status} ${answer.statusText}`;
  }
}

let tokenRequest = null;

/** Ask for the token once, also when several calls wait for it. */
async function newToken(message) {
  tokenRequest ??= askForToken(sessionStorage.getItem(TOKEN_KEY) ? "That is not the token of this server." : "");
  const token = await tokenRequest;
  tokenRequest = null;
  if (!token) throw new Problem(401, message);
  sessionStorage.setItem(TOKEN_KEY, token);
}

function authorization() {
  const token = sessionStorage.getItem(TOKEN_KEY);
  return token ? { Authorization: `Bearer ${token}` } : {};
}

const optional = (name, value) => (value ? { [name]: value } : {});

function parseEvent(text) {
  const fields = Object.fromEntries(text.split("\n").map((line) => line.split(/: (.*)/s, 2)));
  return fields.event && [fields.event, parse(fields.data)];
}

const errorsByCode = new Map();
let loading = null;

/** Load the labels of error codes once; `labels.of(code)` is empty until then. */
export function labels() {
  loading ??= call("GET", "/provenance").then(({ errors }) => {
    for (const error of errors) errorsByCode.set(error.code, error);
    return errorsByCode;
  });
  return loading;
}

labels.of = (code) => errorsByCode.get(code)?.label ?? "";
