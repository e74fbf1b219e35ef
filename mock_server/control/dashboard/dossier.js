/* One dossier: its documents and what answered them, what the client did to it, and what the other side may do. */

import { badge, button, code, el, empty, facts, field, fill, refill, soft, table } from "./dom.js";
import { ask } from "./dialogs.js";
import { standing } from "./dossiers.js";
import { day, moment, mood, size, timeOfDay } from "./format.js";
import { show as json } from "./json.js";
import { link } from "./route.js";

const KINDS = { CIT001: "SIRET", CIT002: "VAT number", CIT003: "DUNS" };

/** The page of a dossier. */
export function dossier(place, context, id) {
  let isClosed = false;
  let before = "";

  async function load() {
    try {
      const found = await context.call("GET", `/dossiers/${id}`);
      const { requests } = await context.call("POST", "/requests/find", { dossierId: found.dossierId });
      const now = JSON.stringify([found, requests.length]);
      if (isClosed || now === before) return;
      before = now;
      refill(place, page(found, requests));
    } catch (problem) {
      const said = empty(`No dossier ${id}`, el("p", {}, problem.message));
      if (!isClosed) fill(place, el("div", { class: "page" }, back(), said));
    }
  }

  const change = (body, done) => context.attempt(() => context.call("PATCH", `/dossiers/${id}`, body), done).then(load);

  async function deposit(document) {
    const day = el("input", { type: "date", name: "day" });
    const file = el("input", { type: "file", name: "file" });
    const given = await ask(`The third party answers ${document.documentCode}`, [
      el("p", { class: "soft" }, document.label),
      field("Valid until; left empty, for good", day),
      field("A file; left empty, a PDF is made", file),
    ], { confirm: "Deposit" });
    if (!given) return;
    const content = given.get("file").size ? await base64(given.get("file")) : undefined;
    const body = { ...(given.get("day") && { expirationDate: given.get("day") }), ...(content && { content }) };
    const path = `/dossiers/${id}/documents/${encodeURIComponent(document.documentCode)}/evidences`;
    await context.attempt(() => context.call("POST", path, body), `${document.documentCode} deposited`);
    await load();
  }

  const page = (found, requests) => el("div", { class: "page" },
    back(),
    el("div", { class: "row" },
      el("h1", {}, `Dossier ${found.dossierId}`), el("span", {}, standing(found)), el("span", { class: "grow" }),
      found.standing === "stopped"
        ? button("Make it active again", () => change({ stoppingReason: null }, "Active again"))
        : button("Stop the monitoring", () => change({ stoppingReason: "STOPREQUEST" }, "Stopped"), { class: "quiet" })),
    facts([
      ["Reference", el("b", {}, found.dossierReference)],
      ["Third party", `${found.name} (${found.thirdpartyId})`],
      [KINDS[found.companyIdType], found.companyIdValue],
      ["Code", found.thirdpartyCode],
      ["Account", found.accountId],
      ["Since", moment(found.startingDate)],
      ["Expires", day(found.expirationDate)],
      ["Stopped", found.stoppingDate && `${moment(found.stoppingDate)}, ${found.stoppingReason}`],
      ["Company", found.outOfBusiness && badge("out of business", "bad")],
      ["Description", found.description],
      ["Import", found.processId && code(found.processId)],
    ]),
    el("h2", {}, "Documents"),
    found.documents.length ? documents(found) : el("p", { class: "soft" }, "No document is asked for."),
    el("h2", {}, "What the client did to it"),
    requests.length ? calls(requests) : el("p", { class: "soft" }, "No request in the journal is about this dossier."),
    el("details", {}, el("summary", {}, "As the API shows it"), json(found.answer)));

  const documents = (found) => table("Documents", ["Code", "Document", "Present", "Answered with", "Asked for", ""],
    found.documents.map((document) => [
      el("b", {}, document.documentCode), document.label,
      document.present ? badge("present", "good") : badge("missing", "warn"),
      el("ul", { class: "plain" }, document.evidences.map((evidence) => el("li", {}, evidenceWords(evidence)))),
      el("span", { class: "nowrap" }, day(document.requestDate)),
      button("Deposit", () => deposit(document),
        { class: "quiet small", "aria-label": `Deposit ${document.documentCode}` }),
    ]));

  fill(place);
  load();
  return { grown: load, close: () => { isClosed = true; } };
}

const back = () => el("p", { class: "eyebrow" }, el("a", { href: link("dossiers") }, "← All dossiers"));

function evidenceWords(evidence) {
  const what = evidence.formdata ? `a form of ${evidence.formdata} answers` : `a file of ${size(evidence.fileSize)}`;
  const until = evidence.expirationDate ? `until ${day(evidence.expirationDate)}` : "for good";
  return [`${what}, valid ${until}`, !evidence.valid && [" ", badge("lapsed", "warn")]];
}

const calls = (requests) => el("ol", { class: "plain" }, requests.toReversed().slice(0, 20).map((one) => el("li", {},
  badge(one.fault ?? one.status, mood(one)), " ",
  el("a", { href: link("requests", one.number) }, `${one.number} ${one.operation}`), " ",
  one.codes.map((name) => [badge(name, "bad"), " "]), soft(timeOfDay(one.realTime)))));

async function base64(file) {
  const bytes = new Uint8Array(await file.arrayBuffer());
  let text = "";
  for (let at = 0; at < bytes.length; at += 0x8000) text += String.fromCharCode(...bytes.subarray(at, at + 0x8000));
  return btoa(text);
}
