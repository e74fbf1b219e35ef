/* Requests as curl commands: those of the client, and the control calls of this page. */

import { hasToken, onCall } from "./api.js";
import { button, code, copy, el, fill, soft } from "./dom.js";
import { BASE, pretty } from "./format.js";
import { DEFAULT } from "./navigation.js";

const MAX_DONE = 20;
const CONNECTION_HEADERS = new Set(["host", "content-length", "accept-encoding", "connection", "user-agent", "accept"]);
const FORM = "application/x-www-form-urlencoded";

/** A request of the client as a curl command; the token, which the journal masks, is a variable of the shell. */
export function requestCurl(entry) {
  const query = new URLSearchParams(entry.query).toString();
  const path = entry.path.split("/").map(encodeURIComponent).join("/");
  const url = `${BASE}${path}${query && `?${query}`}`;
  const headers = Object.entries(entry.headers).filter(([name]) => !CONNECTION_HEADERS.has(name));
  const method = entry.method !== "GET" && `-X ${shellQuote(entry.method)}`;
  const words = ["curl -i", method, ...headers.map(header), ...data(entry), shellQuote(url)];
  return words.filter(Boolean).join(" \\\n  ");
}

/** A control call as a curl command; the control token, if there is one, is a variable of the shell. */
export function controlCurl(method, path, body, sandbox = DEFAULT) {
  return ["curl", method !== "GET" && !(method === "POST" && body) && `-X ${method}`,
    hasToken() && '-H "Authorization: Bearer $CONTROL_TOKEN"',
    sandbox !== DEFAULT && `-H ${shellQuote(`X-Mock-Sandbox: ${sandbox}`)}`,
    body && `-d ${shellQuote(JSON.stringify(body))}`,
    shellQuote(`${BASE}/__admin${path}`)].filter(Boolean).join(" ");
}

let done = [];
let read = new Set();
let offered = () => [];
let forSandbox = DEFAULT;
const panel = document.getElementById("curl");

/** Begin the list of another page. `offers` returns its actions: [label, method, path, body]. */
export function startCurlPanel(sandbox, offers = () => []) {
  if (sandbox !== forSandbox) done = [];
  forSandbox = sandbox;
  read = new Set();
  offered = offers;
  showPanel();
}

function showPanel() {
  if (!panel.open) return;
  const offers = offered().map(([label, method, path, body]) => [label, controlCurl(method, path, body, forSandbox)]);
  fill(panel.lastElementChild,
    section("What you can do on this page", offers),
    section("What you did", done.map((line) => ["", line])),
    section("What this page reads", [...read].map((line) => ["", line])));
}

const section = (title, lines) => lines.length > 0 && el("section", {}, el("h2", {}, title),
  el("ul", { class: "plain" }, lines.map(([label, line]) => el("li", { class: "line" },
    label && soft(label), code(line),
    button("Copy", () => copy(line, "Command"), { class: "quiet small", "aria-label": `Copy ${label || line}` })))));

onCall((method, path, body, sandbox) => {
  const line = controlCurl(method, path, body, sandbox);
  if (method === "GET" || path.endsWith("/find")) read.add(line);
  else done = [line, ...done].slice(0, MAX_DONE);
  if (!panel.contains(document.activeElement)) showPanel();
});
panel.addEventListener("toggle", showPanel);

function header([name, value]) {
  if (name === "authorization") return `-H "Authorization: Bearer $TOKEN"`;
  return `-H ${shellQuote(`${name}: ${value}`)}`;
}

function data({ body, headers }) {
  if (body === null || body === undefined) return [];
  if (headers["content-type"]?.startsWith(FORM)) {
    return Object.entries(body).map(([name, value]) => `--data-urlencode ${shellQuote(`${name}=${value}`)}`);
  }
  return [`--data-raw ${shellQuote(typeof body === "string" ? body : pretty(body))}`];
}

/** Quote a text for the shell. */
const shellQuote = (text) => `'${String(text).replaceAll("'", "'\\''")}'`;
