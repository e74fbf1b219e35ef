/* The smaller views: clock, coverage, outbox, sandboxes, and the message for a sandbox that does not exist. */

import { call, labels } from "./api.js";
import { badge, button, code, el, empty, field, fill, refill, rich, soft, table } from "./dom.js";
import { many, moment, ZONE } from "./format.js";
import { DEFAULT, link } from "./navigation.js";

const DURATIONS = {
  PT1S: "1 second", PT1M: "1 minute", PT1H: "1 hour", P1D: "1 day", P30D: "30 days", P1Y: "1 year",
};

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
  const showTimeline = async () => refill(actions, timelinePanel(await context.call("GET", "/timeline"), clear));
  const clear = async () => {
    await context.attempt(() => context.call("DELETE", "/timeline"), "Timeline removed");
    await showTimeline();
  };
  const advance = (duration) => put("/clock/advance", { by: duration, tokens: tokens.checked }, "POST");
  const form = (label, inside, text, act) => el("form", {
    class: "row", "aria-label": label, onsubmit: (event) => { event.preventDefault(); act(); },
  }, inside, el("button", {}, text));

  fill(place, el("div", { class: "page narrow" },
    el("h1", {}, "Clock"), face,
    el("section", { class: "panel" }, el("h2", {}, "Advance"),
      el("div", { class: "row" }, Object.entries(DURATIONS).map(([duration, text]) =>
        button(text, () => advance(duration), { class: "quiet" }))),
      form("Advance by a duration", field("ISO duration", by), "Advance", () => advance(by.value.trim())),
      el("label", { class: "check" }, tokens, " Existing tokens get older, too")),
    el("section", { class: "panel" }, el("h2", {}, "Set, freeze, unfreeze"),
      form("Set the clock", field(`${ZONE} time`, at), "Set and freeze", () => put("/clock", { now: at.value })),
      el("div", { class: "row" },
        button("Freeze", () => put("/clock", { frozen: true }), { class: "quiet" }),
        button("Unfreeze", () => put("/clock", { frozen: false }), { class: "quiet" }))),
    effects, actions));
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
      const found = sandboxes.find((one) => one.name === context.sandbox);
      if (!found) return;
      fill(face, moment(found.now), " ", found.frozen ? badge("frozen", "info") : badge("running", "good"));
      if (!at.value) at.value = found.now.slice(0, 19);
    },
  };
}

function effectList({ now, effects }) {
  return el("section", { class: "panel" },
    el("h2", {}, `Now ${moment(now)}`),
    effects.length
      ? el("ol", { class: "plain" }, effects.map((event) => el("li", {},
        soft(moment(event.at)), " ", el("b", {}, event.what), " ", effectSubject(event))))
      : el("p", { class: "soft" }, "No effects: no dossier expired, no document expired,"
        + " no import ended."));
}

/** The actions to come, the next one first, and the past ones, the latest first; nothing without a timeline. */
function timelinePanel({ timeline, past }, clear) {
  if (!timeline.length && !past.length) return [];
  const head = ["Time", "Action", "Body", "Result"];
  const row = ({ at, control, body, error }, result) => [
    el("span", { class: "nowrap" }, moment(at)), code(control),
    Object.keys(body).length > 0 && code(JSON.stringify(body)), error ? badge(error, "bad") : result,
  ];
  return el("section", { class: "panel" },
    el("div", { class: "row" }, el("h2", {}, "Timeline"), el("span", { class: "grow" }),
      timeline.length > 0 && button("Remove", clear, { class: "quiet small", title: "Removes the actions to come" })),
    timeline.length > 0 && table("Actions to come, the next one first", head, timeline.map((one) => row(one, "to come"))),
    past.length > 0 && table("Past actions, the latest first", head, past.toReversed().map((one) => row(one, badge("done", "good")))));
}

const effectSubject = ({ dossierId, processId, control }) => (control ? code(control)
  : dossierId ? el("a", { href: link("dossiers", dossierId) }, `dossier ${dossierId}`) : processId);

/** The coverage view. */
export function coverage(place, context) {
  const shown = el("div", { class: "grid" });

  async function load() {
    const [found] = await Promise.all([context.call("GET", "/coverage"), labels()]);
    const { operations, codes, pages, processes } = found;
    fill(shown,
      coveragePanel("Operations", operations, ({ calls, statuses }) => `${calls} · ${Object.keys(statuses).join(" ")}`),
      coveragePanel("Error codes", codes, String, labels.of),
      coveragePanel("Import outcomes", processes, String, labels.of),
      Object.entries(pages).map(([search, edges]) => coveragePanel(`Page edges of ${search}`, edges, String)),
      found.unmatched > 0 && el("section", { class: "panel" }, el("h2", {}, "Unknown paths"),
        el("p", {}, badge(found.unmatched, "bad"), " calls of the client matched no operation of the API.")));
  }

  fill(place, el("div", { class: "page" }, el("h1", {}, "Coverage"),
    el("p", { class: "soft" }, "Counts of all calls since the start, or since the last reset of the journal."), shown));
  load();
  place.tabIndex = 0; // the view has no link or button, so this is how the keyboard scrolls it
  return { onExchange: load, close: () => { place.tabIndex = -1; } };
}

function coveragePanel(title, { met, never }, words, label = () => "") {
  const names = Object.keys(met);
  const all = names.length + never.length;
  return el("section", { class: "panel" },
    el("h2", {}, title, soft(` ${names.length} of ${all}`)),
    el("progress", { max: all, value: names.length, "aria-label": `${title} reached` }),
    el("ul", { class: "coverage" },
      names.map((name) => el("li", {},
        el("b", {}, name), " ", soft(label(name)), el("span", { class: "count" }, words(met[name])))),
      never.map((name) => el("li", { class: "never" },
        el("span", {}, name), " ", soft(label(name)), el("span", { class: "hidden" }, "never")))));
}

/** The outbox view. */
export function outbox(place, context) {
  const shown = el("div");

  async function load() {
    const { mails } = await context.call("GET", "/outbox");
    if (mails.length) return refill(shown, mailTable(mails));
    const { processes } = await context.call("GET", "/processes");
    return refill(shown, noMails(processes));
  }

  fill(place, el("div", { class: "page" }, el("h1", {}, "Outbox"), shown));
  load();
  return { onExchange: load, offers: () => [["Empty the outbox", "POST", "/reset", { only: ["outbox"] }]] };
}

/** Why there is no e-mail: mostly no import names an address of the third party. */
function noMails(processes) {
  const withAddress = processes.filter((one) => one.thirdpartyEmail.length);
  const running = withAddress.filter((one) => !one.complete).length;
  const failed = withAddress.filter((one) => one.complete && !one.success).length;
  const why = () => {
    if (!processes.length) return "The client has imported nothing yet.";
    if (!withAddress.length) return `${many(processes.length, "import")} so far, none with \`thirdpartyEmail\`.`;
    if (running) return "An import with `thirdpartyEmail` is still running: its invitation is sent when it ends.";
    if (failed) return "The imports with `thirdpartyEmail` failed: only a new dossier sends an invitation.";
    return "The outbox was emptied, or the third party is registered and has no other user.";
  };
  return empty("No e-mail yet", el("p", {}, el("b", {}, rich(why()))),
    el("p", {}, rich("An import invites the addresses in its `thirdpartyEmail`; without this member no invitation is sent."
      + " Updates and reactivations ask the users of a registered third party for documents.")),
    el("p", {}, "The sandbox keeps these e-mails here and sends none."));
}

const MAIL_HEAD = ["Sent", "To", "Kind", "Documents", "Dossier", "Subscription key"];

const mailTable = (mails) => table("E-mails, newest first", MAIL_HEAD, mails.toReversed().map((mail) => [
  el("span", { class: "nowrap" }, moment(mail.sentAt)),
  el("b", {}, mail.to),
  badge(mail.kind, "info"),
  mail.documentCodes.map((code) => [badge(code), " "]),
  mail.dossierId && el("a", { href: link("dossiers", mail.dossierId) }, mail.dossierId),
  code(mail.subscriptionKey),
]));

/** The sandboxes view. */
export function sandboxes(place, context) {
  const shown = el("div", {});
  let last = "";

  function onSandboxes(found) {
    const now = JSON.stringify(found.map(({ now: _, ...rest }) => rest));
    if (now === last && found.every((one) => one.frozen)) return;
    last = now;
    refill(shown, rows(found));
  }

  const rows = (found) => table("Sandboxes", ["Sandbox", "Clock", "Scenario", "Requests", ""], found.map((one) => [
    el("a", { href: link("requests", null, one.name), "aria-label": `Show ${one.name}` }, one.name),
    [el("span", { class: "nowrap" }, moment(one.now)), one.frozen && [" ", badge("frozen", "info")]],
    one.playing && [badge(one.playing, "warn"), " ", one.state],
    one.latestRequest,
    el("div", { class: "row end" },
      button("Reset", () => context.reset(one.name), { class: "quiet small", "aria-label": `Reset ${one.name}` }),
      one.name !== DEFAULT && button("Delete", () => remove(one.name),
        { class: "quiet small", "aria-label": `Delete ${one.name}` })),
  ]));

  const remove = (name) => context.askAndCall(`Delete ${name}?`,
    el("p", {}, "The next login or control call that names it creates it again."),
    () => ["DELETE", `/sandboxes/${encodeURIComponent(name)}`], { confirm: "Delete", done: `${name} deleted`, target: DEFAULT });

  fill(place, el("div", { class: "page" }, el("h1", {}, "Sandboxes"),
    el("p", { class: "soft" }, "A user name with a plus tag selects a sandbox: ", code("api+gw3@example.com"),
      " uses the sandbox ", code("gw3"), "."), shown));
  return { onSandboxes, offers: () => [["Delete a sandbox", "DELETE", "/sandboxes/gw3"]] };
}

/** Ask which parts of a sandbox to reset, with what each of them undoes, and reset them; `after` runs then. */
export async function askReset(context, name, after) {
  const get = (path) => call("GET", path, { sandbox: name });
  const paths = ["/sandboxes", "/fixture", "/dossiers?limit=0", "/processes", "/rules", "/variants", "/outbox", "/requests?limit=0"];
  const [all, fixture, dossiers, imports, rules, variants, mails, requests] = await Promise.all(paths.map(get));
  const { now, frozen, playing } = all.sandboxes.find((one) => one.name === name) ?? {};
  const adHoc = rules.rules.filter((rule) => rule.adHoc).length;
  const chosen = Object.entries(variants.variants ?? {}).map(([variant, value]) => `${variant}=${value}`).join(", ");
  const parts = {
    state: ["Data", `${many(dossiers.total, "dossier")} and ${many(imports.processes.length, "import")} return to the fixture “${fixture.name}”`],
    scenario: ["Scenario", playing ? `“${playing}” is active; what the server started with is active again` : "none is active"],
    rules: ["Ad hoc rules", `${many(adHoc, "rule")} removed`],
    clock: ["Clock", `now ${moment(now)}${frozen ? ", frozen" : ""}; returns to its start`],
    variants: ["Variants", chosen ? `now ${chosen}` : "none is changed"],
    rateLimit: ["Rate limit", "counted calls are forgotten"],
    outbox: ["Outbox", `${many(mails.mails.length, "e-mail")} deleted`],
    journal: ["Journal", `${many(requests.total, "request")} and the coverage deleted`],
  };
  const names = Object.keys(parts);
  const only = (form) => (names.every((part) => form.has(part)) ? {} : { only: names.filter((part) => form.has(part)) });
  return context.askAndCall(`Reset ${name}?`, [
    el("p", {}, "Each selected part returns to its start. This cannot be undone."),
    el("div", { class: "parts" }, names.map((part) => el("label", { class: "check" },
      el("input", { type: "checkbox", name: part, checked: true }),
      el("span", {}, el("b", {}, parts[part][0]), soft(` ${parts[part][1]}`))))),
  ], (form) => ["POST", "/reset", only(form)], { confirm: "Reset", done: `${name} was reset`, target: name, after });
}

/** The message for a sandbox that does not exist; empty until the server has answered. */
export function absent(place, { sandbox, live }) {
  const update = () => live.state === "missing" && fill(place, empty(`There is no sandbox “${sandbox}”`,
    el("p", {}, "It was deleted, or was never created. A client creates it by logging in as ",
      code(`api+${sandbox}@example.com`), ". This page shows it as soon as it exists.")));
  live.addEventListener("state", update);
  update();
  return { close: () => live.removeEventListener("state", update) };
}
