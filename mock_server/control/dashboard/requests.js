/* The requests view: the journal as a list, newest first, and the details of one request. */

import { download, labels } from "./api.js";
import { badge, button, chips, el, fill } from "./dom.js";
import { exchange, welcome } from "./exchange.js";
import { duration, many, moment, operationOf, severity, timeOfDay } from "./format.js";
import { MAX_ENTRIES } from "./live.js";
import { go, link } from "./navigation.js";

const KINDS = {
  all: ["All", () => true],
  errors: ["Errors", (entry) => severity(entry) === "bad"],
  rule: ["Changed by rule", (entry) => entry.rule !== null, "A rule changed the answer"],
  hints: ["With hints", (entry) => entry.warnings.length > 0, "The API ignores a part of the request, or has no such path"],
};

const EVENTS = ["added", "replaced", "state"];
const RENDER_MS = 100; // new requests within this time are shown together

/** The requests view. */
export function requests(place, context) {
  const { live } = context;
  let kind = "all";
  let selected = null;
  let followed = null;
  let scrolledTo = null;
  let waiting = 0;
  let rows = new WeakMap();

  const list = el("ol", { class: "list", "aria-label": "Requests, newest first", onkeydown: onArrowKey });
  const note = el("p", { class: "quiet pad" });
  const detail = el("section", { class: "detail", "aria-label": "The request" });
  const filter = el("input", {
    type: "search", placeholder: "operation, path, code, reference …", "aria-label": "Filter the requests",
    oninput: render,
    onkeydown: (event) => event.key === "Escape" && (focusRow(), event.preventDefault()),
  });
  const kinds = chips("Which requests",
    Object.entries(KINDS).map(([name, [text, , title]]) =>
      [name, el("span", { title }, text), el("span", { class: "count" })]),
    kind, (name) => { kind = name; render(); });
  const pane = exchange(detail, context);

  fill(place,
    el("h1", { class: "hidden" }, "Requests"),
    el("div", { class: "split" },
      el("div", { class: "master" },
        el("div", { class: "tools" }, filter, kinds,
          button("Save as HAR", () => context.attempt(() => download("/requests?format=har", `${context.sandbox}.har`, context.sandbox)),
            { class: "quiet small", title: "All requests as a HAR file, which browsers and other tools open" }),
          button("Delete requests", clear, { class: "quiet small", title: "Empties this list; data and coverage stay" })),
        list, note),
      detail));

  const matching = () => {
    const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    return live.entries.filter((entry) => KINDS[kind][1](entry) && words.every((word) => text(entry).includes(word)));
  };

  /** The shown request: the selected one, else the latest error, else the latest. */
  function shownNumber(entries) {
    if (selected !== null) return selected;
    if (isInUse(detail) && live.find(followed)) return followed;
    return (entries.findLast((entry) => severity(entry) === "bad") ?? entries.at(-1))?.number ?? null;
  }

  function render() {
    const entries = matching();
    const number = shownNumber(entries);
    updateRows(list, entries.toReversed().map(rowOf));
    mark(number);
    count();
    note.textContent = noteText(entries);
    note.hidden = !note.textContent;
    followed = number;
    if (number === null) pane.forget();
    if (number !== null) pane.show(number, { follows: selected === null });
    else if (!live.entries.length && live.state === "live") fill(detail, welcome(context));
    else fill(detail);
    place.dataset.chosen = String(selected !== null);
  }

  function rowOf(entry) {
    if (!rows.has(entry)) rows.set(entry, row(entry));
    return rows.get(entry);
  }

  /** Mark the current row; Tab reaches it, and arrow keys move from it. */
  function mark(number) {
    const links = [...list.querySelectorAll("a")];
    const current = links.find((one) => Number(one.dataset.number) === number);
    for (const one of links) {
      one.tabIndex = one === (current ?? links[0]) ? 0 : -1;
      if (one === current) one.setAttribute("aria-current", "true");
      else one.removeAttribute("aria-current");
    }
    if (selected !== null && selected !== scrolledTo) current?.scrollIntoView({ block: "nearest" });
    scrolledTo = selected;
  }

  function count() {
    for (const one of kinds.children) {
      const many = live.entries.filter(KINDS[one.dataset.value][1]).length;
      one.lastElementChild.textContent = many || one.dataset.value === "all" ? String(many) : "";
    }
  }

  function noteText(entries) {
    if (!entries.length) return live.entries.length ? "No request matches." : "";
    const latest = many(Math.min(live.entries.length, MAX_ENTRIES), "request");
    return live.complete ? "" : `The list shows the latest ${latest}; older ones are left out.`;
  }

  const renderSoon = () => { waiting ||= setTimeout(() => { waiting = 0; render(); }, RENDER_MS); };

  function onArrowKey(event) {
    const by = { ArrowDown: 1, ArrowUp: -1, Home: -Infinity, End: Infinity }[event.key];
    if (by === undefined) return;
    event.preventDefault();
    step(by);
  }

  /** Select the request so many rows down or up. */
  function step(by) {
    const links = [...list.querySelectorAll("a")];
    const now = links.findIndex((one) => one.hasAttribute("aria-current"));
    const next = links[Math.max(0, Math.min(links.length - 1, now + by))];
    if (!next) return;
    go(next.getAttribute("href"), { replace: true });
    next.focus();
  }

  const focusRow = () => list.querySelector("a[tabindex='0']")?.focus();

  async function clear() {
    const done = await context.attempt(() => context.call("DELETE", "/requests"), "Deleted");
    if (!done) return;
    go(link("requests"));
    await live.reload(context.sandbox);
    render();
  }

  for (const name of EVENTS) live.addEventListener(name, renderSoon);
  labels().then(() => { rows = new WeakMap(); texts = new WeakMap(); renderSoon(); });
  return {
    step,
    onSandboxes: () => pane.refreshUnfinished(),
    offers: () => [["Delete requests", "DELETE", "/requests"],
      ["Go back to before a request", "POST", "/rewind", { before: 1 }], ["Finish, hold or fail an import", "POST", "/processes/PROCESS_ID",
      { outcome: "fail", code: "E103" }]],
    show: (id) => { selected = /^\d+$/.test(id ?? "") ? Number(id) : null; render(); },
    close: () => {
      clearTimeout(waiting);
      for (const name of EVENTS) live.removeEventListener(name, renderSoon);
    },
  };
}

/** Show these rows. If rows were only added at the top, the others stay, and so does the focus. */
function updateRows(list, rows) {
  const at = list.firstChild ? rows.indexOf(list.firstChild) : -1;
  const rest = rows.slice(at);
  const isGrown = at >= 0 && rest.every((row, place) => row === list.children[place]);
  if (!isGrown) return fill(list, rows);
  while (list.children.length > rest.length) list.lastChild.remove();
  list.prepend(...rows.slice(0, at));
  return list;
}

/** Whether the user reads this part (focus or selected text): then it must not change. */
function isInUse(place) {
  const marked = getSelection();
  return place.contains(document.activeElement) || (!marked.isCollapsed && place.contains(marked.anchorNode));
}

/** The start of every path of the API; the list leaves it out. */
const API_PREFIX = /^((\/rest|\/edge)?\/api\/v1\/account(?=\/)|\/auth\/realms\/eat_realm\/protocol)/;

/** A row: operation and status, path and time, and the reason of an error. */
function row(entry) {
  const why = reason(entry);
  return el("li", {}, el("a", {
    href: link("requests", entry.number), class: `entry ${severity(entry)}`, "data-number": entry.number,
    tabindex: "-1",
  },
  el("span", { class: "status" }, entry.fault ? "fault" : entry.status),
  el("span", { class: "what" }, operationOf(entry)),
  el("span", { class: "when", title: moment(entry.at) }, timeOfDay(entry.at)),
  el("span", { class: "path" }, `${entry.method} ${entry.path.replace(API_PREFIX, "…")}`),
  el("span", { class: "took" }, duration(entry.milliseconds)),
  why && el("span", { class: "why" }, why)));
}

function reason(entry) {
  const codes = entry.codes.map((code) => [badge(code, "bad"), " ", labels.of(code), " "]);
  const rule = entry.rule && [badge("rule", "warn"), " ", entry.rule, " "];
  if (codes.length || rule) return [rule, codes];
  if (entry.status >= 400 && entry.matched) return entry.answer?.error_description ?? entry.answer?.message;
  return entry.fault ?? (entry.warnings.length ? [badge("hint", "info"), " ", entry.warnings[0]] : null);
}

let texts = new WeakMap();

/** The text that the filter searches: the request, and status, codes, rule and hints of the answer. */
function text(entry) {
  if (!texts.has(entry)) {
    const { number, operation, method, path, query, status, codes, rule, fault, user, body, answer, warnings } = entry;
    const result = [status, ...codes, ...codes.map(labels.of), rule, fault, answer?.content?.processId, ...warnings];
    const sent = [`#${number}`, operation, method, path, user, JSON.stringify(query), JSON.stringify(body)];
    texts.set(entry, [...sent, ...result].join(" ").toLowerCase());
  }
  return texts.get(entry);
}
