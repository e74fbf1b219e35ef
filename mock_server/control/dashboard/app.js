/* The start of the dashboard: show the view that the address names, refresh the header, listen to keys. */

import { call, oneAtATime, onTokenNeeded, Problem } from "./api.js";
import { clock } from "./clock.js";
import { controlCurl, startCurlPanel } from "./curl.js";
import { ask, askToken, button, el, fill, toast } from "./dom.js";
import { dossiers } from "./dossiers.js";
import { history } from "./history.js";
import { imports } from "./imports.js";
import { Live } from "./live.js";
import { announce, DEFAULT, go, currentRoute, link, showSandboxes, showState, showTabs } from "./navigation.js";
import { requests } from "./requests.js";
import { scenarios } from "./scenarios.js";
import { absent, askReset, coverage, outbox, sandboxes } from "./views.js";

const VIEWS = { requests, dossiers, scenarios, clock, coverage, outbox, sandboxes, imports, history };
const REFRESH_MS = 3000;

const main = document.getElementById("main");
const live = new Live();
let shown = { view: null, sandbox: null };
let existing = new Set([DEFAULT]);
let current = {};
let timer = 0;
let isResetting = false;

/** The context of a view: its sandbox, the live journal, control calls, and how to report a result. */
function context(sandbox) {
  return {
    sandbox,
    live,
    call: (method, path, body) => call(method, path, { sandbox, body }),
    refresh,
    /** Run an action and show its success or error; returns its result, undefined after an error. */
    attempt: async (act, done) => {
      try {
        const result = await act();
        if (done) toast(done, "good");
        await refresh();
        return result;
      } catch (error) {
        if (!(error instanceof Problem)) throw error;
        toast(error.message, "bad");
        return undefined;
      }
    },
    /**
     * Ask with a dialog, then make the control call that `request` returns for its FormData: method, path, body.
     * The dialog shows it as a curl command, and stays open while the server rejects it. Returns the answer.
     */
    askAndCall: async (title, body, request, { confirm, done, target = sandbox, after = () => {} }) => {
      let result;
      const given = await ask(title, body, {
        confirm,
        preview: (form) => {
          const [method, path, content] = request(form);
          return controlCurl(method, path, content, target);
        },
        submit: async (form) => {
          const [method, path, content] = await request(form, true);
          result = await call(method, path, { sandbox: target, body: content });
        },
      });
      if (!given) return undefined;
      toast(done, "good");
      await after();
      await refresh();
      return result ?? {};
    },
    /** Reset a sandbox, or parts of it. Meanwhile the view fetches nothing: what it shows may not exist any more. */
    reset: async (name = sandbox) => {
      isResetting = true;
      try {
        return await askReset(context(sandbox), name, () => name === shown.sandbox && restart());
      } finally {
        isResetting = false;
      }
    },
  };
}

/** Show the view from its start, without the id in the address: what it names may not exist any more. */
async function restart() {
  shown = { ...shown, view: null };
  go(link(currentRoute().view), { replace: true });
  await live.reload(shown.sandbox);
}

/** Show the view of the address. A sandbox that does not exist gets no call: a call would create it. */
function navigate() {
  const route = currentRoute();
  const view = route.view in VIEWS ? route.view : "requests";
  const render = existing.has(route.sandbox) || view === "sandboxes" ? VIEWS[view] : absent;
  const isOther = view !== shown.view || route.sandbox !== shown.sandbox || render !== shown.render;
  if (route.sandbox !== shown.sandbox) {
    live.stop();
    live.follow(route.sandbox);
  }
  if (isOther) {
    current.close?.();
    fill(main);
    main.dataset.view = view;
    current = render(main, context(route.sandbox)) ?? {};
    if (shown.view && shown.render !== absent) main.focus({ preventScroll: true });
  }
  startCurlPanel(route.sandbox, () => current.offers?.() ?? []);
  shown = { view, sandbox: route.sandbox, render };
  showTabs(Object.keys(VIEWS), view);
  document.title = `${[view, route.id].filter(Boolean).join(" ")} · ${route.sandbox} · Dossiers sandbox`;
  current.show?.(route.id);
  refresh();
}

/** Show a sandbox that exists only now. */
function sandboxCreated() {
  if (live.state === "missing") live.follow(shown.sandbox);
  navigate();
}

/** Fetch the list of sandboxes and update the header. */
const refresh = oneAtATime(async () => {
  clearTimeout(timer);
  try {
    const { sandboxes: list } = await call("GET", "/sandboxes");
    showSandboxes(list, shown.sandbox);
    showState(list.find((sandbox) => sandbox.name === shown.sandbox), live.state);
    current.onSandboxes?.(list);
    existing = new Set(list.map((sandbox) => sandbox.name));
    if (existing.has(shown.sandbox) && shown.render === absent) sandboxCreated();
  } catch {
    showState(null, "lost");
  }
  clearTimeout(timer);
  timer = setTimeout(refresh, document.hidden ? REFRESH_MS * 10 : REFRESH_MS);
});

/** Connect again when the page becomes visible. */
function resume() {
  live.follow(shown.sandbox);
  refresh();
}

let soon = 0;
function refreshSoon() {
  soon ||= setTimeout(() => {
    soon = 0;
    refresh();
    if (!isResetting) current.onExchange?.();
  }, 250);
}

onTokenNeeded(askToken);
live.addEventListener("added", ({ detail }) => {
  announce(detail);
  refreshSoon();
});
live.addEventListener("state", () => refresh());
document.addEventListener("visibilitychange", () => (document.hidden ? live.pause() : resume()));
addEventListener("pagehide", () => live.pause());
addEventListener("pageshow", ({ persisted }) => persisted && resume());
document.getElementById("sandbox").addEventListener("change", ({ target }) => {
  const { view } = currentRoute();
  location.hash = link(view, null, target.value);
});
document.getElementById("actions").append(button("Reset", () => (existing.has(shown.sandbox)
  ? context(shown.sandbox).reset() : toast(`There is no sandbox “${shown.sandbox}” to reset.`)), { class: "quiet small", id: "reset" }));
document.getElementById("skip").addEventListener("click", (event) => {
  event.preventDefault(); // the address names the view, so it must not change
  main.focus();
});
addEventListener("hashchange", navigate);
// Control calls name a sandbox by ?sandbox=, so an address of this page may do so, too.
const asked = new URLSearchParams(location.search).get("sandbox");
if (asked && !location.hash) window.history.replaceState(null, "", `${location.pathname}${link("requests", null, asked)}`);
addEventListener("unhandledrejection", ({ reason }) => {
  if (reason?.name !== "AbortError") toast(reason?.message ?? String(reason), "bad");
});
installKeys(Object.keys(VIEWS), () => current);
navigate();

const KEYS_OFF = "keys-off";
const TYPING = "input, textarea, select, dialog, [contenteditable]";

/* Keyboard: single keys only, never with Ctrl, Alt or Meta, never while typing. */

const HELP = [
  ["1 to 9", "Open a view, from left to right"],
  ["j, k", "Next and previous request"],
  ["↓ ↑ Home End", "The same, in the list"],
  ["/", "Go to the filter or search field"],
  ["Esc", "Leave the filter, back to the list"],
  ["?", "This help"],
];

/** Listen to keys; `current` returns the shown view, which may have `step(by)`. */
function installKeys(views, current) {
  addEventListener("keydown", (event) => {
    const isPlain = !event.ctrlKey && !event.altKey && !event.metaKey && !event.defaultPrevented;
    if (!isPlain || event.target.closest(TYPING) || areKeysOff(event)) return;
    const act = keyAction(event.key, views, current());
    if (act) {
      event.preventDefault();
      act();
    }
  });
}

function keyAction(key, views, view) {
  const filter = document.querySelector("main input[type=search]");
  if (key >= "1" && key <= String(views.length)) return () => go(link(views[key - 1]));
  if (key === "/" && filter) return () => filter.focus();
  if (key === "j" && view.step) return () => view.step(1);
  if (key === "k" && view.step) return () => view.step(-1);
  if (key === "?") return showHelp;
  return null;
}

const areKeysOff = (event) => event.key !== "?" && localStorage.getItem(KEYS_OFF) === "yes";

async function showHelp() {
  const box = el("input", { type: "checkbox", name: "off", value: "yes", checked: localStorage.getItem(KEYS_OFF) === "yes" });
  const given = await ask("Keys", [
    el("dl", { class: "keys" }, HELP.map(([keys, what]) =>
      el("div", {}, el("dt", {}, el("kbd", {}, keys)), el("dd", {}, what)))),
    el("label", { class: "check" }, box, " Switch off all keys except ?"),
  ], { confirm: "Done", cancel: null });
  if (given) localStorage.setItem(KEYS_OFF, given.get("off") ?? "no");
}
