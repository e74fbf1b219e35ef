/* The journal: a list that grows at its top, and beside it one exchange, the latest refusal unless one is chosen. */

import { MOST } from "./live.js";
import { badge, button, chips, el, fill } from "./dom.js";
import { exchange } from "./exchange.js";
import { duration, many, mood, timeOfDay } from "./format.js";
import { labels } from "./labels.js";
import { go, link } from "./route.js";
import { welcome } from "./welcome.js";

const KINDS = {
  all: ["All", () => true],
  refused: ["Refused", (entry) => mood(entry) === "bad"],
  bent: ["Bent", (entry) => entry.rule !== null, "Bent by a rule"],
  noted: ["Noted", (entry) => entry.warnings.length > 0, "The API ignored a part of them, or has no such path"],
};

const NEWS = ["grown", "renewed", "state"];
const AT_ONCE = 100; // milliseconds in which what comes in is shown together

/** The view of the requests of a sandbox. */
export function requests(place, context) {
  const { live } = context;
  let kind = "all";
  let chosen = null;
  let followed = null;
  let reached = null;
  let waiting = 0;
  let rows = new WeakMap();

  const list = el("ol", { class: "list", "aria-label": "Requests, newest first", onkeydown: moved });
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
          button("Clear", clear, { class: "quiet small", title: "Forget the requests so far; coverage goes on" })),
        list, note),
      detail));

  const matching = () => {
    const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    return live.entries.filter((entry) => KINDS[kind][1](entry) && words.every((word) => text(entry).includes(word)));
  };

  /** Which one is shown: the one chosen, else the latest refusal, else the latest of all. */
  function subject(entries) {
    if (chosen !== null) return chosen;
    if (isRead(detail) && live.find(followed)) return followed;
    return (entries.findLast((entry) => mood(entry) === "bad") ?? entries.at(-1))?.number ?? null;
  }

  function render() {
    const entries = matching();
    const number = subject(entries);
    arrange(list, entries.toReversed().map(rowOf));
    mark(number);
    count();
    note.textContent = remark(entries);
    note.hidden = !note.textContent;
    followed = number;
    if (number !== null) pane.show(number, { follows: chosen === null });
    else if (!live.entries.length && live.state === "live") fill(detail, welcome(context));
    else fill(detail);
    place.dataset.chosen = String(chosen !== null);
  }

  function rowOf(entry) {
    if (!rows.has(entry)) rows.set(entry, row(entry));
    return rows.get(entry);
  }

  /** One row is the current one, and reached by Tab; the arrows lead on from it. */
  function mark(number) {
    const links = [...list.querySelectorAll("a")];
    const current = links.find((one) => Number(one.dataset.number) === number);
    for (const one of links) {
      one.tabIndex = one === (current ?? links[0]) ? 0 : -1;
      if (one === current) one.setAttribute("aria-current", "true");
      else one.removeAttribute("aria-current");
    }
    if (chosen !== null && chosen !== reached) current?.scrollIntoView({ block: "nearest" });
    reached = chosen;
  }

  function count() {
    for (const one of kinds.children) {
      const many = live.entries.filter(KINDS[one.dataset.value][1]).length;
      one.lastElementChild.textContent = many || one.dataset.value === "all" ? String(many) : "";
    }
  }

  function remark(entries) {
    if (!entries.length) return live.entries.length ? "No request is like that." : "";
    const latest = many(Math.min(live.entries.length, MOST), "request");
    return live.complete ? "" : `Older ones are left out here; the list has the latest ${latest}.`;
  }

  const later = () => { waiting ||= setTimeout(() => { waiting = 0; render(); }, AT_ONCE); };

  function moved(event) {
    const by = { ArrowDown: 1, ArrowUp: -1, Home: -Infinity, End: Infinity }[event.key];
    if (by === undefined) return;
    event.preventDefault();
    step(by);
  }

  /** Choose the next one down the list, or up. */
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
    const done = await context.attempt(() => context.call("DELETE", "/requests"), "Forgotten");
    if (!done) return;
    go(link("requests"));
    await live.renew(context.sandbox);
    render();
  }

  for (const name of NEWS) live.addEventListener(name, later);
  labels().then(() => { rows = new WeakMap(); texts = new WeakMap(); later(); });
  return {
    step,
    present: () => pane.again(),
    show: (id) => { chosen = /^\d+$/.test(id ?? "") ? Number(id) : null; render(); },
    close: () => {
      clearTimeout(waiting);
      for (const name of NEWS) live.removeEventListener(name, later);
    },
  };
}

/** Put these rows into the list; when it only grew at its top, the others stay, and the focus with them. */
function arrange(list, rows) {
  const at = list.firstChild ? rows.indexOf(list.firstChild) : -1;
  const kept = rows.slice(at);
  const isGrown = at >= 0 && kept.every((one, place) => one === list.children[place]);
  if (!isGrown) return fill(list, rows);
  while (list.children.length > kept.length) list.lastChild.remove();
  list.prepend(...rows.slice(0, at));
  return list;
}

/** Whether somebody is at it, by keyboard or by marking a text: then it stays as it is. */
function isRead(place) {
  const marked = getSelection();
  return place.contains(document.activeElement) || (!marked.isCollapsed && place.contains(marked.anchorNode));
}

/** How all paths begin, which a short line can do without. */
const KNOWN = /^((\/rest|\/edge)?\/api\/v1\/account(?=\/)|\/auth\/realms\/eat_realm\/protocol)/;

/** A request in three short lines: what was called, how it went, and why it did not. */
function row(entry) {
  const why = reason(entry);
  return el("li", {}, el("a", {
    href: link("requests", entry.number), class: `entry ${mood(entry)}`, "data-number": entry.number,
    tabindex: "-1",
  },
  el("span", { class: "status" }, entry.fault ? "fault" : entry.status),
  el("span", { class: "what" }, entry.operation ?? "no such path"),
  el("span", { class: "when" }, timeOfDay(entry.realTime)),
  el("span", { class: "path" }, `${entry.method} ${entry.path.replace(KNOWN, "…")}`),
  el("span", { class: "took" }, duration(entry.milliseconds)),
  why && el("span", { class: "why" }, why)));
}

function reason(entry) {
  const codes = entry.codes.map((code) => [badge(code, "bad"), " ", labels.of(code), " "]);
  const rule = entry.rule && [badge("rule", "warn"), " ", entry.rule, " "];
  if (codes.length || rule) return [rule, codes];
  if (entry.status >= 400 && entry.matched) return entry.answer?.error_description ?? entry.answer?.message;
  return entry.fault ?? (entry.warnings.length ? [badge("note", "info"), " ", entry.warnings[0]] : null);
}

let texts = new WeakMap();

/** What a filter may find of an exchange: all that was sent, and of the answer what it comes down to. */
function text(entry) {
  if (!texts.has(entry)) {
    const { number, operation, method, path, query, status, codes, rule, fault, user, body, answer, warnings } = entry;
    const told = [status, ...codes, ...codes.map(labels.of), rule, fault, answer?.content?.processId, ...warnings];
    const sent = [`#${number}`, operation, method, path, user, JSON.stringify(query), JSON.stringify(body)];
    texts.set(entry, [...sent, ...told].join(" ").toLowerCase());
  }
  return texts.get(entry);
}
