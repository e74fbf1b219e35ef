/* The dossiers view: search, and the page of one dossier with its documents and requests. */

import { oneAtATime } from "./api.js";
import { badge, button, chips, code, el, empty, facts, field, fill, refill, soft, table } from "./dom.js";
import { day, highlightJson, many, moment, size } from "./format.js";
import { go, link, requestList } from "./navigation.js";

const PAGE_SIZE = 50;
const STANDINGS = [["", "All"], ["complete", "Complete"], ["incomplete", "Incomplete"], ["stopped", "Stopped"]];

/** The dossiers view: the list, or one dossier. */
export function dossiers(place, context) {
  const filters = { search: "", standing: "", limit: PAGE_SIZE };
  let id = null;
  let subview = {};

  const show = (newId) => {
    subview.close?.();
    id = newId;
    subview = id === null ? list(place, context, filters) : dossier(place, context, id);
  };
  return {
    show, onExchange: () => subview.onExchange?.(), offers: () => subview.offers?.() ?? [], close: () => subview.close?.(),
  };
}

function list(place, context, filters) {
  const result = el("div", { class: "result" });
  const status = el("p", { class: "hidden", role: "status" });
  let last = "";
  const search = el("input", {
    type: "search", value: filters.search, placeholder: "reference, id, company, SIRET, code …",
    "aria-label": "Search the dossiers",
    oninput: () => { filters.search = search.value; filters.limit = PAGE_SIZE; later(); },
  });
  const standings = chips("State", STANDINGS.map(([value, text]) => [value, text, el("span", { class: "count" })]),
    filters.standing, (value) => { filters.standing = value; filters.limit = PAGE_SIZE; load(); });
  let timer = 0;
  const later = () => { clearTimeout(timer); timer = setTimeout(load, 150); };

  const load = oneAtATime(async () => {
    const query = new URLSearchParams({ limit: filters.limit, search: filters.search });
    if (filters.standing) query.set("standing", filters.standing);
    const found = await context.call("GET", `/dossiers?${query}`);
    if (JSON.stringify(found) === last) return;
    last = JSON.stringify(found);
    status.textContent = many(found.total, "dossier");
    count(found.counts);
    refill(result, found.total ? rows(found) : noDossiers(filters), found.dossiers.length < found.total && button(
      `Show more: ${found.dossiers.length} of ${many(found.total, "dossier")} are shown`,
      () => { filters.limit += 4 * PAGE_SIZE; return load(); }, { class: "quiet" }));
  });

  function count(counts) {
    const all = Object.values(counts).reduce((sum, count) => sum + count, 0);
    for (const chip of standings.children) {
      chip.lastElementChild.textContent = (counts[chip.dataset.value] ?? all).toLocaleString("en");
    }
  }

  const tools = el("div", { class: "tools" }, search, standings);
  fill(place, el("div", { class: "page" },
    el("div", { class: "row" }, el("h1", { class: "grow" }, "Dossiers"), button("New dossier…", () => create(context))), tools, status, result));
  load();
  return {
    onExchange: load,
    offers: () => [["New dossier", "POST", "/dossiers", { siret: "99050000100013", dossierReference: "PO-1" }]],
    close: () => clearTimeout(timer),
  };
}

const input = (name, attributes = {}) => el("input", { name, spellcheck: "false", ...attributes });
const filledFields = (form) => Object.fromEntries([...form].filter(([, value]) => value !== ""));

/** Ask for a new dossier, and create it. The control call does not check the rules of the API. */
async function create(context) {
  const { accounts, defaultAccount } = await context.call("GET", "/fixture");
  const created = await context.askAndCall("New dossier", [
    field("Reference", input("dossierReference", { required: true })),
    field("Company", el("div", { class: "row nowrap" },
      el("select", { name: "companyIdType", "aria-label": "Kind of number" },
        Object.entries(KINDS).map(([kind, text]) => el("option", { value: kind }, text))),
      input("companyIdValue", { required: true, placeholder: "99050000100013", class: "grow", "aria-label": "Number" }))),
    field("Account", el("select", { name: "accountId" }, accounts.map(({ accountId, name }) =>
      el("option", { value: accountId, selected: accountId === defaultAccount }, `${accountId} ${name ?? ""}`)))),
    field("Third-party code", input("thirdpartyCode")),
    field("Description", input("description")),
    field("Expires (empty: never)", input("expirationDate", { type: "date" })),
    field("Documents (codes, separated by commas; empty: those of the account)", input("documents")),
  ], (form) => {
    const { documents, accountId, ...rest } = filledFields(form);
    const codes = documents?.split(",").map((part) => part.trim()).filter(Boolean);
    return ["POST", "/dossiers", { ...rest, accountId: Number(accountId),
      ...(codes && { documents: codes.map((documentCode) => ({ documentCode })) }) }];
  }, { confirm: "Create", done: "Created" });
  if (!created) return;
  const { dossiers: [newest] } = await context.call("GET", "/dossiers?limit=1");
  go(link("dossiers", created.dossierId ?? newest.dossierId));
}

const rows = (result) => table("Dossiers, newest first",
  ["Dossier", "Reference", "State", "Third party", "Code", "Documents", "Expires", "Account"],
  result.dossiers.map((dossier) => [
    el("a", { href: link("dossiers", dossier.dossierId) }, dossier.dossierId),
    el("b", {}, dossier.dossierReference),
    standing(dossier),
    [dossier.name, el("span", { class: "soft block" }, dossier.companyIdValue)],
    dossier.thirdpartyCode,
    el("span", { class: "nowrap" }, `${dossier.documentsPresent} of ${dossier.documentsAsked}`),
    dossier.expirationDate && el("span", { class: "nowrap" }, day(dossier.expirationDate)),
    dossier.accountId,
  ]));

/** The state of a dossier in its colour, with the reason of a stop. */
const standing = (one) => [
  badge(one.standing, STATE_COLOURS[one.standing]),
  one.stoppingReason && el("span", { class: "soft block" }, one.stoppingReason)];

const noDossiers = (filters) => filters.search || filters.standing
  ? empty("No dossier matches",
    el("p", {}, "Search for a part of the reference, the dossier id, the company's name or number, or the third-party code."))
  : empty("No dossier in this sandbox", el("p", {}, "Import one with ", code("importDossier"), ", create one directly with ",
    code("POST /__admin/dossiers"), ", or load another fixture."));

/** The colour of each state of a dossier. */
export const STATE_COLOURS = { complete: "good", incomplete: "warn", stopped: "off" };

const KINDS = { CIT001: "SIRET", CIT002: "VAT number", CIT003: "DUNS" };

/** The page of one dossier. */
export function dossier(place, context, id) {
  let isClosed = false;
  let last = "";

  const load = oneAtATime(async () => {
    try {
      const details = await context.call("GET", `/dossiers/${id}`);
      const { requests } = await context.call("POST", "/requests/find", { dossierId: details.dossierId });
      const now = JSON.stringify([details, requests.length]);
      if (isClosed || now === last) return;
      last = now;
      refill(place, page(details, requests));
    } catch (problem) {
      const message = empty(`No dossier ${id}`, el("p", {}, problem.message));
      if (!isClosed) fill(place, el("div", { class: "page" }, back(), message));
    }
  });

  const change = (body, done) => context.attempt(() => context.call("PATCH", `/dossiers/${id}`, body), done).then(load);

  /** Ask for new values; only changed ones are sent. */
  const edit = (details) => context.askAndCall(`Change dossier ${id}`, [
    el("p", { class: "soft" }, "The rules of the API are not checked."),
    EDITABLE.map(([name, text, members]) => field(text, input(name, { ...members, value: details[name] ?? "" }))),
  ], (form) => ["PATCH", `/dossiers/${id}`, Object.fromEntries(EDITABLE.map(([name]) => [name, form.get(name) || null])
    .filter(([name, value]) => value !== (details[name] || null)))], { confirm: "Change", done: "Changed" }).then(load);

  const closeCompany = (details) => context.askAndCall(`Close ${details.name}?`, el("p", {},
    "The company goes out of business: its dossiers stop, in every account, and it cannot be imported again."),
  () => ["POST", `/thirdparties/${details.thirdpartyId}/close`], { confirm: "Close the company", done: "Closed" }).then(load);

  const deposit = (document) => context.askAndCall(`Deposit a file for ${document.documentCode}`, [
    el("p", { class: "soft" }, document.label),
    field("Valid until (empty: no expiry)", input("expirationDate", { type: "date" })),
    field("File (empty: a generated PDF)", el("input", { type: "file", name: "content" })),
  ], (form, isSent = false) => {
    const { content, ...body } = filledFields(form);
    const call = (members) => ["POST", evidences(id, document.documentCode), { ...body, ...members }];
    if (!content?.size) return call({});
    return isSent ? base64(content).then((text) => call({ content: text })) : call({ content: "FILE_IN_BASE64" });
  }, { confirm: "Deposit", done: `${document.documentCode} deposited` }).then(load);

  const page = (details, requests) => el("div", { class: "page" },
    back(),
    el("div", { class: "row" },
      el("h1", {}, `Dossier ${details.dossierId}`), el("span", {}, standing(details)), el("span", { class: "grow" }),
      button("Change…", () => edit(details), { class: "quiet" }),
      !details.outOfBusiness && button("Close company…", () => closeCompany(details), { class: "quiet" }),
      details.standing === "stopped"
        ? button("Reactivate", () => change({ stoppingReason: null }, "Reactivated"))
        : button("Stop", () => change({ stoppingReason: "STOPREQUEST" }, "Stopped"), { class: "quiet" })),
    facts([
      ["Reference", el("b", {}, details.dossierReference)],
      ["Third party", `${details.name} (${details.thirdpartyId})`],
      [KINDS[details.companyIdType], details.companyIdValue],
      ["Code", details.thirdpartyCode],
      ["Account", details.accountId],
      ["Start", moment(details.startingDate)],
      ["Expires", day(details.expirationDate)],
      ["Stopped", details.stoppingDate && `${moment(details.stoppingDate)}, ${details.stoppingReason}`],
      ["Company", details.outOfBusiness && badge("out of business", "bad")],
      ["Description", details.description],
      ["Import", details.processId && el("a", { href: link("imports", details.processId) }, code(details.processId))],
    ]),
    el("h2", {}, "Documents"),
    details.documents.length ? documents(details) : el("p", { class: "soft" }, "No document is requested."),
    el("h2", {}, "Requests about this dossier"),
    requests.length ? requestList(requests) : el("p", { class: "soft" }, "The journal has no request about this dossier."),
    el("details", {}, el("summary", {}, "Answer of the API"), highlightJson(details.answer)));

  const documents = (details) => table("Documents", ["Code", "Document", "Present", "Evidence", "Requested", ""],
    details.documents.map((document) => [
      el("b", {}, document.documentCode), document.label,
      document.present ? badge("present", "good") : badge("missing", "warn"),
      document.evidences.length > 0 && el("ul", { class: "plain" }, document.evidences.map((evidence) => el("li", {}, evidenceText(evidence)))),
      el("span", { class: "nowrap" }, day(document.requestDate)),
      button("Deposit", () => deposit(document),
        { class: "quiet small", "aria-label": `Deposit ${document.documentCode}` }),
    ]));

  fill(place);
  load();
  return {
    onExchange: load,
    close: () => { isClosed = true; },
    offers: () => [
      ["Change", "PATCH", `/dossiers/${id}`, { dossierReference: "PO-2" }],
      ["Stop", "PATCH", `/dossiers/${id}`, { stoppingReason: "STOPREQUEST" }],
      ["Reactivate", "PATCH", `/dossiers/${id}`, { stoppingReason: null }],
      ["Deposit a document", "POST", evidences(id, "CODE"), { expirationDate: "2031-06-30" }],
      ["Close its company", "POST", "/thirdparties/THIRDPARTY_ID/close"],
    ],
  };
}

const EDITABLE = [
  ["dossierReference", "Reference", { required: true }], ["thirdpartyCode", "Third-party code"],
  ["description", "Description"], ["purchasingCategory", "Purchasing category"],
  ["expirationDate", "Expires (empty: never)", { type: "date" }],
];

const evidences = (id, code) => `/dossiers/${id}/documents/${encodeURIComponent(code)}/evidences`;

const back = () => el("p", { class: "eyebrow" }, el("a", { href: link("dossiers") }, "← All dossiers"));

function evidenceText(evidence) {
  const what = evidence.formdata ? `a form of ${evidence.formdata} answers` : `a file of ${size(evidence.fileSize)}`;
  const validity = evidence.expirationDate ? `valid until ${day(evidence.expirationDate)}` : "no expiry";
  return [`${what}, ${validity}`, !evidence.valid && [" ", badge("expired", "warn")]];
}

async function base64(file) {
  const bytes = new Uint8Array(await file.arrayBuffer());
  let text = "";
  for (let at = 0; at < bytes.length; at += 0x8000) text += String.fromCharCode(...bytes.subarray(at, at + 0x8000));
  return btoa(text);
}
