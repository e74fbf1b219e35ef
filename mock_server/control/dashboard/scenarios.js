/* The scenarios view: the active scenario, the active rules, and all scenarios. */

import { oneAtATime } from "./api.js";
import { badge, button, code, el, empty, field, fill, refill, soft, table } from "./dom.js";
import { many } from "./format.js";

const STARTED = "Started";
const HEAD = ["Rule", "Source", "When", "Then", "Matched", "Applied"];

/** The scenarios view. */
export function scenarios(place, context) {
  const now = el("section", { class: "panel", "aria-label": "Active scenario" });
  const list = el("div");
  const search = el("input", {
    type: "search", placeholder: "name, title, tag …", "aria-label": "Filter the scenarios", oninput: () => rows(),
  });
  let scenarioList = { scenarios: [], playing: null, state: null };

  const load = oneAtATime(async () => {
    scenarioList = await context.call("GET", "/scenarios");
    const { rules } = await context.call("GET", "/rules");
    refill(now, scenarioList.playing ? activePanel(rules) : el("p", {}, "No scenario is active: the sandbox behaves as the real API."),
      rules.length > 0 && ruleTable(rules));
    rows();
  });

  const activePanel = (rules) => el("div", { class: "row" },
    el("h2", {}, badge("active", "warn"), " ", scenarioList.playing),
    states(rules),
    el("span", { class: "grow" }),
    button("Stop", () => act("DELETE", "/scenario", undefined, "Stopped; data and clock stay"),
      { title: "Removes its rules; data, clock and variants stay" }));

  function states(rules) {
    const names = [...new Set([STARTED, ...rules.flatMap((rule) => [rule.state, rule.newState]).filter(Boolean)])];
    if (names.length === 1) return null;
    const path = `/scenarios/${encodeURIComponent(scenarioList.playing)}/state`;
    const select = el("select", { onchange: () => act("PUT", path, { state: select.value }, "State changed") },
      names.map((name) => el("option", { value: name, selected: name === scenarioList.state }, name)));
    return field("State", select);
  }

  const ruleTable = (rules) => table("Active rules", HEAD, rules.map((rule) => [
    el("b", {}, rule.name), rule.adHoc ? "ad hoc" : "scenario",
    code(ruleText(rule.when)), code(ruleText(rule.then)), rule.matched, rule.applied,
  ]));

  async function act(method, path, body, done) {
    await context.attempt(() => context.call(method, path, body), done);
    await load();
  }

  function rows() {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const matching = scenarioList.scenarios.filter((one) => words.every((word) => JSON.stringify(one).toLowerCase().includes(word)));
    refill(list, matching.length ? el("ul", { class: "cards" }, matching.map(card)) : empty("No scenario matches"));
  }

  const card = (one) => el("li", { class: one.name === scenarioList.playing ? "current" : null },
    el("div", {},
      el("h3", {}, one.name),
      el("p", {}, one.title ?? el("span", { class: "error" }, one.error)),
      el("p", { class: "row" }, (one.tags ?? []).map((tag) => badge(tag)),
        one.rules > 0 && soft(many(one.rules, "rule")))),
    one.title && button(one.name === scenarioList.playing ? "Restart" : "Start",
      () => act("PUT", "/scenario", { name: one.name }, `${one.name} is active`),
      { class: "quiet small", "aria-label": `Start ${one.name}` }));

  fill(place, el("div", { class: "page" },
    el("h1", {}, "Scenarios"), now,
    el("p", { class: "soft" }, "Starting a scenario resets this sandbox and loads the scenario's data, clock and rules."
      + " Stopping removes its rules; data stays."),
    el("div", { class: "tools" }, search), list));
  load();
  const state = ["PUT", "/scenarios/NAME/state", { state: STARTED }];
  return { offers: () => [["Start", "PUT", "/scenario", { name: "NAME" }], ["Stop", "DELETE", "/scenario"], ["Set the state", ...state]],
    onExchange: () => context.call("GET", "/rules").then(({ rules }) => rules.length && load()),
    onSandboxes: (all) => {
      const one = all.find(({ name }) => name === context.sandbox);
      if (one && (one.playing !== scenarioList.playing || one.state !== scenarioList.state)) load(); // changed from elsewhere
    } };
}

/** A part of a rule in one line. */
function ruleText(part) {
  const text = (value) => (typeof value === "string" ? value : JSON.stringify(value));
  return Object.entries(part).map(([name, value]) => `${name}: ${text(value)}`).join(", ") || "any call";
}
