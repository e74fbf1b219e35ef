/* The smaller views: coverage, outbox, sandboxes, and the message for a sandbox that does not exist. */

import { call, download, labels, oneAtATime } from "./api.js";
import { badge, button, code, el, empty, fill, refill, rich, soft, table } from "./dom.js";
import { many, moment } from "./format.js";
import { DEFAULT, link } from "./navigation.js";

/** The coverage view. */
export function coverage(place, context) {
  const content = el("div", { class: "grid" });

  const load = oneAtATime(async () => {
    const [report] = await Promise.all([context.call("GET", "/coverage"), labels()]);
    const { operations, codes, pages, processes } = report;
    fill(content,
      coveragePanel("Operations", operations, ({ calls, statuses }) => `${calls} · ${Object.keys(statuses).join(" ")}`),
      coveragePanel("Error codes", codes, String, labels.of),
      coveragePanel("Import outcomes", processes, String, labels.of),
      Object.entries(pages).map(([search, edges]) => coveragePanel(`Page edges of ${search}`, edges, String)),
      report.unmatched > 0 && el("section", { class: "panel" }, el("h2", {}, "Unknown paths"),
        el("p", {}, badge(report.unmatched, "bad"), " calls of the client matched no operation of the API.")));
  });

  const save = () => context.attempt(() => download("/report?format=html", `report-${context.sandbox}.html`, context.sandbox));
  fill(place, el("div", { class: "page" }, el("h1", {}, "Coverage"),
    el("div", { class: "row" },
      el("p", { class: "soft grow" }, "Counts of all calls since the start, or since the last reset of the journal."),
      button("Save the report", save, { class: "quiet small", title: "What the client did, as a page: calls, retries, slowest, coverage" })),
    content));
  load();
  return { onExchange: load, offers: () => [["The report", "GET", "/report?format=html"]] };
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
  const content = el("div");

  const load = oneAtATime(async () => {
    const { mails } = await context.call("GET", "/outbox");
    if (mails.length) return refill(content, mailTable(mails));
    const { processes } = await context.call("GET", "/processes");
    return refill(content, noMails(processes));
  });

  fill(place, el("div", { class: "page" }, el("h1", {}, "Outbox"), content));
  load();
  return { onExchange: load, offers: () => [["Empty the outbox", "POST", "/reset", { only: ["outbox"] }]] };
}

/** Why there is no e-mail: mostly no import names an address of the third party. */
function noMails(processes) {
  const withAddress = processes.filter((process) => process.thirdpartyEmail.length);
  const running = withAddress.filter((process) => !process.complete).length;
  const failed = withAddress.filter((process) => process.complete && !process.success).length;
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
  const content = el("div", {});
  let last = "";

  function onSandboxes(existing) {
    const now = JSON.stringify(existing.map(({ now: _, ...rest }) => rest));
    if (now === last && existing.every((sandbox) => sandbox.frozen)) return;
    last = now;
    refill(content, rows(existing));
  }

  const rows = (existing) => table("Sandboxes", ["Sandbox", "Clock", "Scenario", "Requests", ""], existing.map((sandbox) => [
    el("a", { href: link("requests", null, sandbox.name), "aria-label": `Show ${sandbox.name}` }, sandbox.name),
    [el("span", { class: "nowrap" }, moment(sandbox.now)), sandbox.frozen && [" ", badge("frozen", "info")]],
    sandbox.playing && [badge(sandbox.playing, "warn"), " ", sandbox.state],
    sandbox.latestRequest,
    el("div", { class: "row end" },
      button("Reset", () => context.reset(sandbox.name), { class: "quiet small", "aria-label": `Reset ${sandbox.name}` }),
      sandbox.name !== DEFAULT && button("Delete", () => remove(sandbox.name),
        { class: "quiet small", "aria-label": `Delete ${sandbox.name}` })),
  ]));

  const remove = (name) => context.askAndCall(`Delete ${name}?`,
    el("p", {}, "The next login or control call that names it creates it again."),
    () => ["DELETE", `/sandboxes/${encodeURIComponent(name)}`], { confirm: "Delete", done: `${name} deleted`, target: DEFAULT });

  fill(place, el("div", { class: "page" }, el("h1", {}, "Sandboxes"),
    el("p", { class: "soft" }, "A user name with a plus tag selects a sandbox: ", code("api+gw3@example.com"),
      " uses the sandbox ", code("gw3"), "."), content));
  return { onSandboxes, offers: () => [["Delete a sandbox", "DELETE", "/sandboxes/gw3"]] };
}

/** Ask which parts of a sandbox to reset, with what each of them undoes, and reset them; `after` runs then. */
export async function askReset(context, name, after) {
  const get = (path) => call("GET", path, { sandbox: name });
  const paths = ["/sandboxes", "/fixture", "/dossiers?limit=0", "/processes", "/rules", "/variants", "/strict", "/outbox", "/requests?limit=0"];
  const [all, fixture, dossiers, imports, rules, variants, { strict }, mails, requests] = await Promise.all(paths.map(get));
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
    strict: ["Strict mode", `now ${strict}; returns to that of the server`],
    outbox: ["Outbox", `${many(mails.mails.length, "e-mail")} deleted`],
    journal: ["Journal", `${many(requests.total, "request")} and the coverage deleted`],
  };
  const names = Object.keys(parts);
  const only = (form) => (names.every((part) => form.has(part)) ? {} : { only: names.filter((part) => form.has(part)) });
  return context.askAndCall(`Reset ${name}?`, [
    el("p", {}, "Each selected part returns to its start. The page History can undo this, except for the journal."),
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
