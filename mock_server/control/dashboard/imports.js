/* The imports view: every import, the page of one, and how to end a running one. */

import { labels, oneAtATime } from "./api.js";
import { badge, button, code, el, empty, facts, fill, refill, rich, soft, table } from "./dom.js";
import { moment } from "./format.js";
import { link, requestList } from "./navigation.js";

const CODES = ["E101", "E102", "E103", "E104", "E105"];

/** The imports view: the list, or one import. */
export function imports(place, context) {
  let inner = {};
  const show = (id) => {
    inner.close?.();
    inner = id === null ? list(place, context) : page(place, context, id);
  };
  return {
    show,
    onExchange: () => inner.onExchange?.(),
    onSandboxes: () => inner.onExchange?.(), // the clock may have ended an import
    offers: () => inner.offers?.() ?? [],
    close: () => inner.close?.(),
  };
}

function list(place, context) {
  const shown = el("div");
  let last = "";
  let isClosed = false;

  const load = oneAtATime(async () => {
    const { processes } = await context.call("GET", "/processes");
    const now = JSON.stringify(processes);
    if (isClosed || now === last) return;
    last = now;
    refill(shown, processes.length ? rows(processes) : empty("No import yet",
      el("p", {}, "Each ", code("importDossier"), " of the client appears here. A running one can be put on hold,"
        + " finished, or failed with a code.")));
  });

  const rows = (processes) => table("Imports, newest first",
    ["Import", "State", "Reference", "Company", "Started", "Ends", "Dossier", "Change"],
    processes.toReversed().map((one) => [
      el("a", { href: link("imports", one.processId), title: one.processId }, code(one.processId.slice(0, 8))),
      stateOf(one), el("b", {}, one.dossierReference), one.companyIdValue,
      nowrap(moment(one.creation)), nowrap(endOf(one)), toDossier(one.dossierId),
      importButtons(one, context, load, ` ${one.dossierReference}`),
    ]));

  fill(place, el("div", { class: "page" }, el("h1", {}, "Imports"),
    el("p", { class: "soft" }, "An import runs on the sandbox's clock. Hold it, finish it now, or let it fail with an error"
      + " of the data provider."), shown));
  load();
  return { onExchange: load, close: () => { isClosed = true; }, offers: () => offers("PROCESS_ID") };
}

function page(place, context, id) {
  const path = `/processes/${encodeURIComponent(id)}`;
  let last = "";
  let isClosed = false;

  const load = oneAtATime(async () => {
    try {
      const [found] = await Promise.all([context.call("GET", path), labels()]);
      const requests = context.live.entries.filter((entry) => isAbout(entry, id));
      const now = JSON.stringify([found, requests.map((one) => one.number)]);
      if (isClosed || now === last) return;
      last = now;
      refill(place, article(found, requests));
    } catch (problem) {
      if (!isClosed) fill(place, el("div", { class: "page" }, back(), empty(`No import ${id}`, el("p", {}, problem.message))));
    }
  });

  const article = (found, requests) => el("div", { class: "page" },
    back(),
    el("div", { class: "row" }, el("h1", {}, `Import of ${found.dossierReference}`), stateOf(found),
      el("span", { class: "grow" }), importButtons(found, context, load)),
    el("section", { class: `reasons ${found.errors.length ? "bad" : found.success ? "" : "warn"}`, "aria-label": "Result" },
      found.why.map((cause) => causeText(cause))),
    facts([
      ["Started", moment(found.creation)],
      [found.complete ? "Ended" : "Ends", endOf(found)],
      ["Reference", el("b", {}, found.dossierReference)],
      ["Company", `${found.companyIdType} ${found.companyIdValue}`],
      ["Dossier", toDossier(found.dossierId)],
      ["Account", found.accountId],
      ["thirdpartyEmail", found.thirdpartyEmail.join(", ") || "none: no invitation is sent"],
      ["Process", code(found.processId)],
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
const endOf = (one) => (one.ends ? moment(one.ends) : "never by itself");

function stateOf(one) {
  if (one.success) return badge("finished", "good");
  if (one.complete) return ["failed ", one.errors.map((name) => [badge(name, "bad"), " "])];
  return one.ends ? badge("running", "info") : badge("on hold", "warn");
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
  const set = (wanted, done) => context.attempt(() => context.call(...outcome(process.processId, wanted)), `The import ${done}`).then(after);
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
