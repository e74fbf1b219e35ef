/* The sandbox's clock, and what turning it brings about. */

import { badge, button, el, field, fill, soft } from "./dom.js";
import { moment } from "./format.js";
import { link } from "./route.js";

const STEPS = {
  PT1S: "1 second", PT1M: "1 minute", PT1H: "1 hour", P1D: "1 day", P30D: "30 days", P1Y: "1 year",
};

/** The view of the clock. */
export function clock(place, context) {
  const face = el("p", { class: "face" });
  const effects = el("div", { "aria-live": "polite" });
  const tokens = el("input", { type: "checkbox" });
  const by = el("input", { value: "P30D", pattern: "P.*", required: true, size: "10", spellcheck: "false" });
  const at = el("input", { type: "datetime-local", step: "1", required: true });

  const put = async (path, body, method = "PUT") => {
    const turned = await context.attempt(() => context.call(method, path, body));
    if (turned) fill(effects, told(turned));
  };
  const advance = (duration) => put("/clock/advance", { by: duration, tokens: tokens.checked }, "POST");
  const form = (label, inside, text, act) => el("form", {
    class: "row", "aria-label": label, onsubmit: (event) => { event.preventDefault(); act(); },
  }, inside, el("button", {}, text));

  fill(place, el("div", { class: "page narrow" },
    el("h1", {}, "Clock"), face,
    el("section", { class: "panel" }, el("h2", {}, "Go forward"),
      el("div", { class: "row" }, Object.entries(STEPS).map(([duration, text]) =>
        button(text, () => advance(duration), { class: "quiet" }))),
      form("Go forward by a duration", field("By an ISO duration", by), "Go forward", () => advance(by.value.trim())),
      el("label", { class: "check" }, tokens, " The tokens issued so far grow older as well")),
    el("section", { class: "panel" }, el("h2", {}, "Set, freeze, run on"),
      form("Set the clock", field("French time", at), "Set and freeze", () => put("/clock", { now: at.value })),
      el("div", { class: "row" },
        button("Freeze it now", () => put("/clock", { frozen: true }), { class: "quiet" }),
        button("Let it run on", () => put("/clock", { frozen: false }), { class: "quiet" }))),
    effects));

  return {
    present(sandboxes) {
      const found = sandboxes.find((one) => one.name === context.sandbox);
      if (!found) return;
      fill(face, moment(found.now), " ", found.frozen ? badge("frozen", "info") : badge("running", "good"));
      if (!at.value) at.value = found.now.slice(0, 19);
    },
  };
}

function told({ now, effects }) {
  return el("section", { class: "panel" },
    el("h2", {}, `It is ${moment(now)}`),
    effects.length
      ? el("ol", { class: "plain" }, effects.map((event) => el("li", {},
        soft(moment(event.at)), " ", el("b", {}, event.what), " ", concerned(event))))
      : el("p", { class: "soft" }, "Nothing fell due on the way: no dossier expired, no document lapsed,"
        + " no import ended."));
}

const concerned = ({ dossierId, processId }) =>
  (dossierId ? el("a", { href: link("dossiers", dossierId) }, `dossier ${dossierId}`) : processId);
