/* The address of a view, and the header: tabs, list of sandboxes, state of the shown sandbox. */

import { badge, el, fill, soft } from "./dom.js";
import { moment, severity, timeOfDay } from "./format.js";

export const DEFAULT = "default";

/** Read the address, such as `#/requests/12?sandbox=gw3`: view, id (or null) and sandbox. */
export function currentRoute() {
  const [path, query] = location.hash.replace(/^#\/?/, "").split("?");
  const [view, id] = path.split("/").map(decode);
  return { view: view || "requests", id: id || null, sandbox: new URLSearchParams(query).get("sandbox") || DEFAULT };
}

/** The address of a view, or of one entry in it, in the shown sandbox or another. It can be pasted into a bug report. */
export function link(view, id = null, sandbox = currentRoute().sandbox) {
  const path = id === null ? view : `${view}/${encodeURIComponent(id)}`;
  return `#/${path}${sandbox === DEFAULT ? "" : `?sandbox=${encodeURIComponent(sandbox)}`}`;
}

/** Go to an address; `replace` adds no entry to the browser's history. */
export function go(address, { replace = false } = {}) {
  if (replace) {
    history.replaceState(null, "", address);
    dispatchEvent(new HashChangeEvent("hashchange"));
  } else {
    location.hash = address;
  }
}

function decode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Requests as a list of links, newest first. */
export const requestList = (requests) => el("ol", { class: "plain" }, requests.toReversed().slice(0, 20).map((request) =>
  el("li", {},
    badge(request.fault ?? request.status, severity(request)), " ",
    el("a", { href: link("requests", request.number) }, `${request.number} ${request.operation ?? request.path}`), " ",
    request.codes.map((name) => [badge(name, "bad"), " "]), soft(timeOfDay(request.at)))));

const STATES = {
  live: ["good", "live"],
  connecting: ["off", "connecting"],
  lost: ["bad", "no connection"],
  missing: ["bad", "no such sandbox"],
};

const byId = (id) => document.getElementById(id);

/** Show the tabs; each has a digit as its key. */
export function showTabs(names, current) {
  fill(byId("tabs"), names.map((name, number) => el("a", {
    href: link(name),
    "aria-current": name === current ? "page" : null,
    "aria-keyshortcuts": String(number + 1),
  }, name[0].toUpperCase() + name.slice(1))));
  byId("tabs").querySelector("[aria-current]").scrollIntoView({ block: "nearest", inline: "nearest" });
}

/** Fill the list of sandboxes; the shown one stays in the list when it no longer exists. */
export function showSandboxes(sandboxes, shown) {
  const names = sandboxes.map((sandbox) => sandbox.name);
  const listed = names.includes(shown) ? names : [...names, shown];
  const select = byId("sandbox");
  if (document.activeElement === select) return; // the user may have opened it
  const isSame = [...select.options].map((option) => option.value).join() === listed.join();
  if (!isSame) fill(select, listed.map((name) => el("option", { value: name }, name)));
  select.value = shown;
}

let ticking = 0;

/** Show the connection, the active scenario, and the clock, which ticks between two refreshes. */
export function showState(sandbox, state) {
  clearInterval(ticking);
  const [kind, words] = STATES[state];
  const clock = el("span", { class: "time" });
  fill(byId("state"),
    sandbox?.playing && el("a", { class: "chip warn", href: link("scenarios"), title: "Active scenario" },
      sandbox.playing, sandbox.state !== "Started" && ` · ${sandbox.state}`),
    sandbox && el("a", { class: "chip", href: link("clock"), title: "Clock of the sandbox" },
      clock, sandbox.frozen && badge("frozen", "info")),
    el("span", { class: `link ${kind}` }, words));
  if (!sandbox) return;
  const began = performance.now();
  const start = Date.parse(`${sandbox.now}Z`);
  const tick = () => {
    const passed = sandbox.frozen ? 0 : performance.now() - began;
    clock.textContent = moment(new Date(start + passed).toISOString());
  };
  tick();
  if (!sandbox.frozen) ticking = setInterval(tick, 1000);
}

const unannounced = [];
let announcing = 0;

/** Announce new requests to screen readers, at most every two seconds. */
export function announce(entry) {
  unannounced.push(entry);
  announcing ||= setTimeout(() => {
    const errors = unannounced.filter((one) => severity(one) === "bad");
    const last = errors.at(-1);
    const how = last && `${last.fault ?? last.status} ${last.codes.join(" ")}`;
    const what = last ? `Request ${last.number}, ${last.operation ?? last.path}: ${how}.` : "";
    byId("status").textContent = `${unannounced.length} new, ${errors.length} with errors. ${what}`;
    unannounced.length = 0;
    announcing = 0;
  }, 2000);
}
