/* What stands around the view: tabs, the sandbox and its time, and what is said in passing. */

import { badge, el, fill } from "./dom.js";
import { mood, moment } from "./format.js";
import { link } from "./route.js";

const STATES = {
  live: ["good", "live"],
  connecting: ["off", "connecting"],
  lost: ["bad", "no connection"],
  gone: ["bad", "sandbox is gone"],
};

const at = (id) => document.getElementById(id);

/** The tabs, each with the digit that opens it. */
export function showTabs(names, current) {
  fill(at("tabs"), names.map((name, number) => el("a", {
    href: link(name),
    "aria-current": name === current ? "page" : null,
    "aria-keyshortcuts": String(number + 1),
  }, name[0].toUpperCase() + name.slice(1))));
  at("tabs").querySelector("[aria-current]").scrollIntoView({ block: "nearest", inline: "nearest" });
}

/** The sandboxes to switch between; the one shown stays in the list when it is gone. */
export function showSandboxes(present, shown) {
  const names = present.map((one) => one.name);
  const listed = names.includes(shown) ? names : [...names, shown];
  const select = at("sandbox");
  if (document.activeElement === select) return; // it may be open, and somebody about to choose
  const isSame = [...select.options].map((option) => option.value).join() === listed.join();
  if (!isSame) fill(select, listed.map((name) => el("option", { value: name }, name)));
  select.value = shown;
}

let ticking = 0;

/** The connection, the scenario that plays, and the clock, which ticks here as it does there. */
export function showState(found, state) {
  clearInterval(ticking);
  const [kind, words] = STATES[state];
  const clock = el("span", { class: "time" });
  fill(at("state"),
    found?.playing && el("a", { class: "chip warn", href: link("scenarios"), title: "The scenario that plays" },
      found.playing, found.state !== "Started" && ` · ${found.state}`),
    found && el("a", { class: "chip", href: link("clock"), title: "The sandbox's clock, in French time" },
      clock, found.frozen && badge("frozen", "info")),
    el("span", { class: `link ${kind}` }, words));
  if (!found) return;
  const began = performance.now();
  const reckoned = Date.parse(`${found.now}Z`);
  const tick = () => {
    const passed = found.frozen ? 0 : performance.now() - began;
    clock.textContent = moment(new Date(reckoned + passed).toISOString());
  };
  tick();
  if (!found.frozen) ticking = setInterval(tick, 1000);
}

const unsaid = [];
let saying = 0;

/** Tell those who do not see the list what came in, not more often than one can listen. */
export function announce(entry) {
  unsaid.push(entry);
  saying ||= setTimeout(() => {
    const refused = unsaid.filter((one) => mood(one) === "bad");
    const last = refused.at(-1);
    const how = last && `${last.fault ?? last.status} ${last.codes.join(" ")}`;
    const what = last ? `Request ${last.number}, ${last.operation ?? last.path}: ${how}.` : "";
    at("status").textContent = `${unsaid.length} new, ${refused.length} refused. ${what}`;
    unsaid.length = 0;
    saying = 0;
  }, 2000);
}

/** Say it for a while, in a corner. */
export function toast(text, kind = "") {
  const made = el("p", { class: `toast ${kind}` }, text);
  at("toasts").append(made);
  setTimeout(() => made.remove(), kind === "bad" ? 12000 : 4000);
}

/** Put a text where the next paste takes it from. */
export async function copy(text, what) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = el("textarea", { class: "hidden", value: text }); // not a secure context: http, and not localhost
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
  toast(`${what} copied`, "good");
}
