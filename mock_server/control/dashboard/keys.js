/* Keys for those who do not reach for the mouse: single ones, never with Ctrl, Alt or Meta, never while typing. */

import { el } from "./dom.js";
import { ask } from "./dialogs.js";
import { go, link } from "./route.js";

const OFF = "keys-off";
const TYPING = "input, textarea, select, dialog, [contenteditable]";

const HELP = [
  ["1 to 7", "the views, from left to right"],
  ["j, k", "the next and the former request"],
  ["↓ ↑ Home End", "the same, in the list"],
  ["/", "to the filter or the search"],
  ["Esc", "out of the filter, back to the list"],
  ["?", "this help"],
];

/** Listen to keys; `current` gives the view shown, which may know `step(by)`. */
export function installKeys(views, current) {
  addEventListener("keydown", (event) => {
    const isOurs = !event.ctrlKey && !event.altKey && !event.metaKey && !event.defaultPrevented;
    if (!isOurs || event.target.closest(TYPING) || isOff(event)) return;
    const act = action(event.key, views, current());
    if (act) {
      event.preventDefault();
      act();
    }
  });
}

function action(key, views, view) {
  const filter = document.querySelector("main input[type=search]");
  if (key >= "1" && key <= String(views.length)) return () => go(link(views[key - 1]));
  if (key === "/" && filter) return () => filter.focus();
  if (key === "j" && view.step) return () => view.step(1);
  if (key === "k" && view.step) return () => view.step(-1);
  if (key === "?") return help;
  return null;
}

const isOff = (event) => event.key !== "?" && localStorage.getItem(OFF) === "yes";

async function help() {
  const box = el("input", { type: "checkbox", name: "off", value: "yes", checked: localStorage.getItem(OFF) === "yes" });
  const given = await ask("Keys", [
    el("dl", { class: "keys" }, HELP.map(([keys, what]) =>
      el("div", {}, el("dt", {}, el("kbd", {}, keys)), el("dd", {}, what)))),
    el("label", { class: "check" }, box, " Switch them off, but for this one"),
  ], { confirm: "Done", cancel: null });
  if (given) localStorage.setItem(OFF, given.get("off") ?? "no");
}
