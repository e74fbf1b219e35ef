/* One exchange: why it was answered as it was, then the request and the answer side by side. */

import { badge, button, el, empty, facts, fill, refill, rich, soft } from "./dom.js";
import { curl } from "./curl.js";
import { duration, moment, mood, timeOfDay } from "./format.js";
import { show as json } from "./json.js";
import { link } from "./route.js";
import { copy } from "./shell.js";

const HEADINGS = {
  rule: "Bent by a rule", fault: "A fault on the wire", unmatched: "No such path", access: "Not let in",
  format: "Refused ahead of any rule", refusal: "Refused by a rule of the business", import: "How the import went on",
};

const AT_REST = 120; // milliseconds that a request is the latest before its reasons are asked for

/** A pane that shows exchanges, one at a time. */
export function exchange(place, context) {
  let shown = null;
  let unfinished = null;

  /** Show the request of that number; `follows` when it was not chosen, but is the latest of note. */
  async function show(number, { follows }) {
    const entry = context.live.find(number);
    const key = `${number} ${entry?.realTime} ${follows}`;
    if (key === shown) return;
    shown = key;
    unfinished = null;
    if (entry) fill(place, article(entry, null, follows));
    if (follows) await new Promise((done) => setTimeout(done, AT_REST));
    if (key !== shown) return;
    let found = entry;
    try {
      found = await context.call("GET", `/requests/${number}`);
    } catch (problem) {
      if (key === shown && !entry) fill(place, empty(`No request ${number}`, el("p", {}, problem.message)));
    }
    const earlier = found && await before(found, context);
    if (key !== shown || !found) return;
    refill(place, article(found, found.why ?? [], follows, { earlier, entries: context.live.entries }));
    if (found.why?.some(runs)) unfinished = [number, { follows }];
  }

  /** Ask again about an import that was still running. */
  function again() {
    if (!unfinished) return;
    shown = null;
    show(...unfinished);
  }

  return { show, again };
}

const runs = (cause) => cause.kind === "import" && cause.code === null && cause.dossierId === null;

function article(entry, why, follows, { earlier = null, entries = [] } = {}) {
  const query = new URLSearchParams(entry.query).toString();
  return el("article", { class: "exchange", "aria-label": `Request ${entry.number}` },
    el("header", {},
      el("p", { class: "eyebrow back" }, el("a", { href: link("requests") }, "← All requests")),
      el("div", { class: "row" },
        el("p", { class: "eyebrow grow" }, `Request ${entry.number}`,
          follows && (mood(entry) === "bad" ? " · the latest refusal" : " · the latest")),
        button("Copy link", () => copy(new URL(link("requests", entry.number), location.href).href, "Link"),
          { class: "quiet small" }),
        button("Copy as curl", () => copy(curl(entry), "Command"), { class: "quiet small" })),
      el("h2", {}, badge(entry.fault ?? entry.status, `big ${mood(entry)}`), " ",
        entry.operation ?? "No operation of the API"),
      el("p", { class: "line" }, el("b", {}, entry.method), " ", entry.path, query && soft(`?${query}`)),
      el("p", { class: "row soft" },
        el("span", {}, `${timeOfDay(entry.realTime)}, in ${duration(entry.milliseconds)}`),
        el("span", { title: "On the sandbox's clock" }, `sandbox: ${moment(entry.at)}`),
        entry.user && el("span", {}, entry.user),
        entry.dossierId !== undefined && toDossier(entry.dossierId, "dossier"))),
    why && reasons(entry, why, earlier, entries),
    el("div", { class: "sides" },
      side("Request", entry.query, entry.headers, entry.body, entry.bodyNote, "The request has no body."),
      side("Answer", null, entry.answerHeaders, entry.answer, entry.answerNote,
        entry.fault ? "The client saw no answer." : "The answer has no body.")));
}

const toDossier = (id, noun) => el("a", { href: link("dossiers", id) }, `${noun} ${id}`);

function reasons(entry, why, earlier, entries) {
  const tone = why.some((cause) => cause.code) ? "bad" : mood(entry);
  return el("section", { class: `reasons ${tone}`, "aria-label": "Why" },
    why.map((cause) => el("div", { class: "cause" },
      el("h3", {}, cause.code && badge(cause.code, "bad"), " ", cause.label ?? HEADINGS[cause.kind]),
      el("p", {}, cause.sentence),
      el("p", { class: "row soft" },
        cause.when && el("span", { title: `This rule is ${cause.provenance}` }, "Rule: ", rich(cause.when)),
        cause.dossierId !== null && toDossier(cause.dossierId, "Dossier"),
        cause.kind === "rule" && el("a", { href: link("scenarios") }, "The rules in force"),
        cause.kind === "import" && launch(entry, cause, entries)))),
    earlier,
    !why.length && el("p", { class: "soft" }, tone === "good" ? "Answered as asked." : "The answer says it all."),
    entry.matched && entry.warnings.length > 0 && el("div", { class: "cause" },
      el("h3", {}, badge("note", "info"), " Ignored by the API"),
      el("ul", {}, entry.warnings.map((warning) => el("li", {}, warning)))));
}

/** From an answer that tells of an import to the request that launched it; there, that it is told elsewhere. */
function launch(entry, { code, processId }, entries) {
  if (entry.operation === "importDossier") return code && el("span", {}, "The answer does not tell; getProcess does.");
  const launched = entries.find((one) => one.operation === "importDossier" && one.answer?.content?.processId === processId);
  return launched && el("a", { href: link("requests", launched.number) }, `The import itself, request ${launched.number}`);
}

function side(title, query, headers, body, note, none) {
  const isNothing = body === null || body === undefined;
  return el("section", { class: "side" },
    el("h3", {}, title),
    query && Object.keys(query).length > 0 && facts(Object.entries(query)),
    !isNothing && (typeof body === "string" ? el("pre", { class: "json", tabindex: "0" }, body) : json(body)),
    note && el("p", { class: "soft" }, `The body is ${note}.`),
    isNothing && !note && el("p", { class: "soft" }, none),
    el("details", {}, el("summary", {}, `Headers (${Object.keys(headers).length})`), facts(Object.entries(headers))));
}

/** What the client did to the same dossier before: often the cause lies there. */
async function before(entry, context) {
  const dossierId = entry.dossierId ?? entry.why?.find((cause) => cause.dossierId !== null)?.dossierId;
  if (dossierId === undefined || mood(entry) !== "bad") return null;
  const { requests } = await context.call("POST", "/requests/find", { dossierId });
  const earlier = requests.filter((one) => one.number < entry.number && one.method !== "GET").slice(-5).reverse();
  if (!earlier.length) return null;
  return el("div", { class: "earlier" }, el("p", { class: "soft" }, `Before that, to dossier ${dossierId}:`),
    el("ol", { class: "row plain" }, earlier.map((one) => el("li", {},
      badge(one.fault ?? one.status, mood(one)), " ",
      el("a", { href: link("requests", one.number) }, `${one.operation}, request ${one.number}`)))));
}
