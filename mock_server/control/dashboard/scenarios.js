/* The scenarios: which one plays, the rules in force, and those that could. */

import { badge, button, code, el, empty, field, fill, refill, soft, table } from "./dom.js";
import { many } from "./format.js";

const STARTED = "Started";
const HEAD = ["Rule", "From", "Means", "Does", "Met", "Applied"];

/** The view of the scenarios. */
export function scenarios(place, context) {
  const now = el("section", { class: "panel", "aria-label": "What plays" });
  const list = el("div");
  const search = el("input", {
    type: "search", placeholder: "name, title, tag …", "aria-label": "Filter the scenarios", oninput: () => rows(),
  });
  let all = [];
  let playing = null;

  async function load() {
    const found = await context.call("GET", "/scenarios");
    all = found.scenarios;
    await playingIs(found);
    rows();
  }

  async function playingIs(found) {
    playing = found.playing;
    const { rules } = await context.call("GET", "/rules");
    refill(now, playing ? plays(found, rules) : el("p", {}, "No scenario plays: the sandbox behaves as the API does."),
      rules.length > 0 && ruleTable(rules));
  }

  const plays = (found, rules) => el("div", { class: "row" },
    el("h2", {}, badge("plays", "warn"), " ", found.playing),
    states(found, rules),
    el("span", { class: "grow" }),
    button("Leave it", () => act("DELETE", "/scenario", undefined, "Left; content and clock stay"),
      { title: "Its rules end; content, clock and variants stay" }));

  function states(found, rules) {
    const names = [...new Set([STARTED, ...rules.flatMap((rule) => [rule.state, rule.newState]).filter(Boolean)])];
    if (names.length === 1) return null;
    const path = `/scenarios/${encodeURIComponent(found.playing)}/state`;
    const select = el("select", { onchange: () => act("PUT", path, { state: select.value }, "Jumped") },
      names.map((name) => el("option", { value: name, selected: name === found.state }, name)));
    return field("State", select);
  }

  const ruleTable = (rules) => table("Rules in force", HEAD, rules.map((rule) => [
    el("b", {}, rule.name), rule.byHand ? "made by hand" : "the scenario",
    code(words(rule.when)), code(words(rule.then)), rule.matched, rule.applied,
  ]));

  async function act(method, path, body, done) {
    const found = await context.attempt(() => context.call(method, path, body), done);
    if (found) await playingIs(found);
    rows();
  }

  function rows() {
    const wanted = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const fitting = all.filter((one) => wanted.every((word) => JSON.stringify(one).toLowerCase().includes(word)));
    refill(list, fitting.length ? el("ul", { class: "cards" }, fitting.map(card)) : empty("No scenario is like that"));
  }

  const card = (one) => el("li", { class: one.name === playing ? "current" : null },
    el("div", {},
      el("h3", {}, one.name),
      el("p", {}, one.title ?? el("span", { class: "mistake" }, one.mistake)),
      el("p", { class: "row" }, (one.tags ?? []).map((tag) => badge(tag)),
        one.rules > 0 && soft(many(one.rules, "rule")))),
    one.title && button(one.name === playing ? "Start anew" : "Start",
      () => act("PUT", "/scenario", { name: one.name }, `${one.name} plays`),
      { class: "quiet small", "aria-label": `Start ${one.name}` }));

  fill(place, el("div", { class: "page" },
    el("h1", {}, "Scenarios"), now,
    el("p", { class: "soft" }, "A scenario begins this sandbox anew, with what it gives, its clock and its rules."
      + " Leaving it ends its rules alone."),
    el("div", { class: "tools" }, search), list));
  load();
  return { grown: () => context.call("GET", "/rules").then(({ rules }) => rules.length && load()) };
}

/** What a rule says, in one line. */
function words(part) {
  const said = (value) => (typeof value === "string" ? value : JSON.stringify(value));
  return Object.entries(part).map(([name, value]) => `${name}: ${said(value)}`).join(", ") || "any call";
}
