/* The imports view: every import, the page of one, and how to end a running one. */

import { labels, oneAtATime } from "./api.js";
import { badge, button, code, el, empty, facts, fill, refill, rich, soft, table } from "./dom.js";
import { moment } from "./format.js";
import { link, requestList } from "./navigation.js";

const CODES = ["E101", "E102", "E103", "E104", "E105"];

/** The imports view: the list, or one import. */
export function imports(place, context) {
  let subview = {};
  const show = (id) => {
    subview.close?.();
    subview = id === null ? list(place, context) : page(place, context, id);
  };
  return {
    show,
    onExchange: () => subview.onExchange?.(),
    onSandboxes: () => subview.onExchange?.(), // the clock may have ended an import
    offers: () => subview.offers?.() ?? [],
    close: () => subview.close?.(),
  };
}

function list(place, context) {
  const content = el("div");
  let last = "";
  let isClosed = false;

  const load = oneAtATime(async () => {
    const { processes } = await context.call("GET", "/processes");
    const now = JSON.stringify(processes);
    if (isClosed || now === last) return;
    last = now;
    refill(content, processes.length ? rows(processes) : empty("No import yet",
      el("p", {}, "Each ", code("importDossier"), " of the client appears here. A running one can be put on hold,"
        + " finished, or failed with a code.")));
  });

  const rows = (processes) => table("Imports, newest first",
    ["Import", "State", "Reference", "Company", "Started", "Ends", "Dossier", "Change"],
    processes.toReversed().map((process) => [
      el("a", { href: link("imports", process.processId), title: process.processId }, code(process.processId.slice(0, 8))),
      stateOf(process), el("b", {}, process.dossierReference), process.companyIdValue,
      nowrap(moment(process.creation)), nowrap(endOf(process)), toDossier(process.dossierId),
      importButtons(process, context, load, ` ${process.dossierReference}`),
    ]));

  fill(place, el("div", { class: "page" }, el("h1", {}, "Imports"),
    el("p", { class: "soft" }, "An import runs on the sandbox's clock. Hold it, finish it now, or let it fail with an error"
      + " of the data provider."), content));
  load();
  return { onExchange: load, close: () => { isClosed = true; }, offers: () => offers("PROCESS_ID") };
}

function page(place, context, id) {
  const path = `/processes/${encodeURIComponent(id)}`;
  let last = "";
  let isClosed = false;

  const load = oneAtATime(async () => {
    try {
      const [process] = await Promise.all([context.call("GET", path), labels()]);
      const requests = context.live.entries.filter((entry) => isAbout(entry, id));
      const now = JSON.stringify([process, requests.map((request) => request.number)]);
      if (isClosed || now === last) return;
      last = now;
      refill(place, article(process, requests));
    } catch (problem) {
      if (!isClosed) fill(place, el("div", { class: "page" }, back(), empty(`No import ${id}`, el("p", {}, problem.message))));
    }
  });

  const article = (process, requests) => el("div", { class: "page" },
    back(),
    el("div", { class: "row" }, el("h1", {}, `Import of ${process.dossierReference}`), stateOf(process),
      el("span", { class: "grow" }), importButtons(process, context, load)),
    el("section", { class: `reasons ${process.errors.length ? "bad" : process.success ? "" : "warn"}`, "aria-label": "Result" },
      process.why.map((cause) => causeText(cause))),
    facts([
      ["Started", moment(process.creation)],
      [process.complete ? "Ended" : "Ends", endOf(process)],
      ["Reference", el("b", {}, process.dossierReference)],
      ["Company", `${process.companyIdType} ${process.companyIdValue}`],
      ["Dossier", toDossier(process.dossierId)],
      ["Account", process.accountId],
      ["thirdpartyEmail", process.thirdpartyEmail.join(", ") || "none: no invitation is sent"],
      ["Process", code(process.processId)],
    ]),
    el("h2", {}, "Requests about this import"),
    requests.length ? requestList(requests) : el("p", { class: "soft" }, "The journal has no request about this import."));

  fill(place);
  load();
  return { onExchange: load, close: () => { isClosed = true; }, offers: () => offers(id) };
}

const back = () => el("p", { class: "eyebrow" }, el("a", { href: link("imports") }, "← All imports"));
const toDossier = (id) => id !== null && el("a", { href: link("dossiers", id) }, id);
const isAbout = (entry, id) => entry.processId === id || entry.answer?.content?.processId === id;
const nowrap = (text) => el("span", { class: "nowrap" }, text);
const endOf = (process) => (process.ends ? moment(process.ends) : "never by itself");

function stateOf(process) {
  if (process.success) return badge("finished", "good");
  if (process.complete) return ["failed ", process.errors.map((name) => [badge(name, "bad"), " "])];
  return process.ends ? badge("running", "info") : badge("on hold", "warn");
}

/** The call that sets the outcome of an import. */
const outcome = (id, outcome, code) =>
  ["POST", `/processes/${encodeURIComponent(id)}`, code ? { outcome, code } : { outcome }];

const offers = (id) => [
  ["Finish", ...outcome(id, "finish")], ["Hold", ...outcome(id, "hold")], ["Fail", ...outcome(id, "fail", "E103")],
];

/** The buttons of a running import, none for one that has ended; `after` runs after each action. */
export function importButtons(process, context, after, name = "") {
  if (process.complete) return null;
  const set = (newOutcome, done) => context.attempt(() => context.call(...outcome(process.processId, newOutcome)), `The import ${done}`).then(after);
  const labelled = (text) => ({ class: "quiet small", "aria-label": `${text}${name}` });
  return el("div", { class: "row" },
    process.ends && button("Hold", () => set("hold", "is on hold"), labelled("Hold")),
    button("Finish", () => set("finish", "was ended"), labelled("Finish")),
    button("Fail…", () => fail(process, context).then(after), labelled("Fail")));
}

async function fail(process, context) {
  await labels();
  return context.askAndCall(`Fail the import of ${process.dossierReference}`, [
    el("fieldset", {}, el("legend", {}, "Error of the data provider"), CODES.map((name) => el("label", { class: "check" },
      el("input", { type: "radio", name: "code", value: name, checked: name === "E103" }),
      el("span", {}, badge(name, "bad"), " ", labels.of(name))))),
  ], (form) => outcome(process.processId, "fail", form.get("code")), { confirm: "Fail", done: "The import was ended with an error" });
}

/** A reason in a sentence, with its code, its rule and links. */
export const causeText = (cause, heading = "", ...links) => el("div", { class: "cause" },
  (cause.code || heading) && el("h3", {}, cause.code && badge(cause.code, "bad"), " ", cause.label ?? heading),
  el("p", {}, cause.sentence),
  el("p", { class: "row soft" },
    cause.when && el("span", { title: `This rule is ${cause.provenance}` }, "Rule: ", rich(cause.when)),
    cause.dossierId !== null && el("a", { href: link("dossiers", cause.dossierId) }, `Dossier ${cause.dossierId}`),
    links));
