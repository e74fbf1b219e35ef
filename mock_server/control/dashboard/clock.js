/* The clock view: the time, what changing it caused, and the timeline. */

import { oneAtATime } from "./api.js";
import { badge, button, code, el, field, fill, refill, soft, table } from "./dom.js";
import { moment, ZONE } from "./format.js";
import { link } from "./navigation.js";

const DURATIONS = {
  PT1S: "1 second", PT1M: "1 minute", PT1H: "1 hour", P1D: "1 day", P30D: "30 days", P365D: "365 days",
};

/** Effects that the control API names otherwise. */
const EFFECTS = { "documents lapsed": "documents expired", "process finished": "import ended" };

/** The clock view. */
export function clock(place, context) {
  const face = el("p", { class: "face" });
  const effects = el("div", { "aria-live": "polite" });
  const tokens = el("input", { type: "checkbox" });
  const by = el("input", { value: "P30D", pattern: "P.*", required: true, size: "10", spellcheck: "false" });
  const at = el("input", { type: "datetime-local", step: "1", required: true });

  const actions = el("div");

  const put = async (path, body, method = "PUT") => {
    const changed = await context.attempt(() => context.call(method, path, body));
    if (changed) fill(effects, effectList(changed));
    await showTimeline();
  };
  const showTimeline = oneAtATime(async () =>
    refill(actions, timelinePanel(await context.call("GET", "/timeline"), clear)));
  const clear = async () => {
    await context.attempt(() => context.call("DELETE", "/timeline"), "Timeline removed");
    await showTimeline();
  };
  const advance = (duration) => put("/clock/advance", { by: duration, tokens: tokens.checked }, "POST");
  const form = (label, inside, text, act) => el("form", {
    class: "row", "aria-label": label, onsubmit: (event) => { event.preventDefault(); act(); },
  }, inside, el("button", {}, text));

  fill(place, el("div", { class: "page narrow" },
    el("h1", {}, "Clock"), face, effects, actions,
    el("section", { class: "panel" }, el("h2", {}, "Advance"),
      el("div", { class: "row" }, Object.entries(DURATIONS).map(([duration, text]) =>
        button(text, () => advance(duration), { class: "quiet" }))),
      form("Advance by a duration", field("ISO duration", by), "Advance", () => advance(by.value.trim())),
      el("label", { class: "check" }, tokens, " Existing tokens get older, too")),
    el("section", { class: "panel" }, el("h2", {}, "Set, freeze, unfreeze"),
      form("Set the clock", field(`${ZONE} time`, at), "Set and freeze", () => put("/clock", { now: at.value })),
      el("div", { class: "row" },
        button("Freeze", () => put("/clock", { frozen: true }), { class: "quiet" }),
        button("Unfreeze", () => put("/clock", { frozen: false }), { class: "quiet" })))));
  showTimeline();

  return {
    onExchange: showTimeline,
    offers: () => [
      ["Advance", "POST", "/clock/advance", { by: "P30D", tokens: false }],
      ["Set and freeze", "PUT", "/clock", { now: "2031-01-01T00:00:00" }],
      ["Freeze", "PUT", "/clock", { frozen: true }],
      ["Unfreeze", "PUT", "/clock", { frozen: false }],
      ["Add to the timeline", "POST", "/timeline", { timeline: [{ after: "P60D", control: "POST /thirdparties/875/close" }] }],
      ["Remove the timeline", "DELETE", "/timeline"],
    ],
    onSandboxes(sandboxes) {
      const sandbox = sandboxes.find(({ name }) => name === context.sandbox);
      if (!sandbox) return;
      fill(face, moment(sandbox.now), " ", sandbox.frozen ? badge("frozen", "info") : badge("running", "good"));
      if (!at.value) at.value = sandbox.now.slice(0, 19);
    },
  };
}

function effectList({ now, effects }) {
  return el("section", { class: "panel" },
    el("h2", {}, `Now ${moment(now)}`),
    effects.length
      ? el("ol", { class: "plain effects", tabindex: "0", "aria-label": "Effects" }, effects.map((event) => el("li", {},
        soft(moment(event.at)), " ", el("b", {}, EFFECTS[event.what] ?? event.what), " ", effectSubject(event))))
      : el("p", { class: "soft" }, "No effects: no dossier expired, no document expired,"
        + " no import ended."));
}

/** The actions to come, the next one first, and the past ones, the latest first; nothing without a timeline. */
function timelinePanel({ timeline, past }, clear) {
  if (!timeline.length && !past.length) return [];
  const head = ["Time", "Action", "Result"];
  const row = ({ at, control, body, error }, result) => [
    el("span", { class: "nowrap" }, moment(at)),
    el("span", { class: "long" }, code(control), Object.keys(body).length > 0 && [" ", code(JSON.stringify(body))]),
    error ? badge(error, "bad") : result,
  ];
  return el("section", { class: "panel" },
    el("div", { class: "row" }, el("h2", {}, "Timeline"), el("span", { class: "grow" }),
      timeline.length > 0 && button("Remove", clear, { class: "quiet small", title: "Removes the actions to come" })),
    timeline.length > 0 && table("Actions to come, the next one first", head, timeline.map((action) => row(action, "to come"))),
    past.length > 0 && table("Past actions, the latest first", head, past.toReversed().map((action) => row(action, badge("done", "good")))));
}

const effectSubject = ({ dossierId, processId, control }) => (control ? code(control)
  : dossierId ? el("a", { href: link("dossiers", dossierId) }, `dossier ${dossierId}`) : processId);
