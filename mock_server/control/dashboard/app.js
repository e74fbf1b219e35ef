/* The shell: which view of which sandbox is shown, and what is said of that sandbox above it. */

import { Problem, call, onTokenNeeded } from "./api.js";
import { fill } from "./dom.js";
import { askToken } from "./dialogs.js";
import { installKeys } from "./keys.js";
import { Live } from "./live.js";
import { DEFAULT, here, link } from "./route.js";
import { announce, showSandboxes, showState, showTabs, toast } from "./shell.js";
import { absent } from "./absent.js";
import { clock } from "./clock.js";
import { coverage } from "./coverage.js";
import { dossiers } from "./dossiers.js";
import { outbox } from "./outbox.js";
import { requests } from "./requests.js";
import { sandboxes } from "./sandboxes.js";
import { scenarios } from "./scenarios.js";

const VIEWS = { requests, dossiers, scenarios, clock, coverage, outbox, sandboxes };
const POLLED_EVERY = 3000;

const main = document.getElementById("main");
const live = new Live();
let shown = { view: null, sandbox: null };
let there = new Set([DEFAULT]);
let current = {};
let timer = 0;

/** What a view is given: the live journal, calls about its sandbox, and ways to tell what happened. */
function context(sandbox) {
  return {
    sandbox,
    live,
    call: (method, path, body) => call(method, path, { sandbox, body }),
    refresh,
    /** Do something that may be refused; what it gives, or undefined when it was. */
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
  };
}

/** Show what the address says. Nothing is asked about a sandbox that is not there: that would make it. */
function navigate() {
  const route = here();
  const view = route.view in VIEWS ? route.view : "requests";
  const made = there.has(route.sandbox) || view === "sandboxes" ? VIEWS[view] : absent;
  const isOther = view !== shown.view || route.sandbox !== shown.sandbox || made !== shown.made;
  if (route.sandbox !== shown.sandbox) {
    live.stop();
    live.follow(route.sandbox);
  }
  if (isOther) {
    current.close?.();
    fill(main);
    main.dataset.view = view;
    current = made(main, context(route.sandbox)) ?? {};
    if (shown.view && shown.made !== absent) main.focus({ preventScroll: true });
  }
  shown = { view, sandbox: route.sandbox, made };
  showTabs(Object.keys(VIEWS), view);
  document.title = `${[view, route.id].filter(Boolean).join(" ")} · ${route.sandbox} · Dossiers sandbox`;
  current.show?.(route.id);
  refresh();
}

/** The sandbox shown was not there before, or nobody had asked. */
function appeared() {
  if (live.state === "gone") live.follow(shown.sandbox);
  navigate();
}

/** Ask how the sandboxes are, and say it above the view. */
async function refresh() {
  clearTimeout(timer);
  try {
    const { sandboxes: present } = await call("GET", "/sandboxes");
    showSandboxes(present, shown.sandbox);
    showState(present.find((one) => one.name === shown.sandbox), live.state);
    current.present?.(present);
    there = new Set(present.map((one) => one.name));
    if (there.has(shown.sandbox) && shown.made === absent) appeared();
  } catch {
    showState(null, "lost");
  }
  clearTimeout(timer);
  timer = setTimeout(refresh, document.hidden ? POLLED_EVERY * 10 : POLLED_EVERY);
}

/** Look again, after nobody did. */
function wake() {
  live.follow(shown.sandbox);
  refresh();
}

let soon = 0;
function refreshSoon() {
  soon ||= setTimeout(() => {
    soon = 0;
    refresh();
    current.grown?.();
  }, 250);
}

onTokenNeeded(askToken);
live.addEventListener("grown", ({ detail }) => {
  announce(detail);
  refreshSoon();
});
live.addEventListener("state", () => refresh());
document.addEventListener("visibilitychange", () => (document.hidden ? live.pause() : wake()));
addEventListener("pagehide", () => live.pause());
addEventListener("pageshow", ({ persisted }) => persisted && wake());
document.getElementById("sandbox").addEventListener("change", ({ target }) => {
  const { view } = here();
  location.hash = link(view, null, target.value);
});
document.getElementById("skip").addEventListener("click", (event) => {
  event.preventDefault(); // the address says which view is shown
  main.focus();
});
addEventListener("hashchange", navigate);
addEventListener("unhandledrejection", ({ reason }) => {
  if (reason?.name !== "AbortError") toast(reason?.message ?? String(reason), "bad");
});
installKeys(Object.keys(VIEWS), () => current);
navigate();
