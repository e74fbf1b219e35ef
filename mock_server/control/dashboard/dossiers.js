/* The dossiers of all accounts: found by how they stand and by a part of a name; one of them on a page of its own. */

import { badge, button, chips, code, el, empty, fill, refill, table } from "./dom.js";
import { dossier } from "./dossier.js";
import { STANDING, day, many } from "./format.js";
import { link } from "./route.js";

const AT_ONCE = 50;
const STANDINGS = [["", "All"], ["complete", "Complete"], ["incomplete", "Incomplete"], ["stopped", "Stopped"]];

/** The view of the dossiers of a sandbox. */
export function dossiers(place, context) {
  const kept = { search: "", standing: "", limit: AT_ONCE };
  let id = null;
  let inner = {};

  const show = (wanted) => {
    inner.close?.();
    id = wanted;
    inner = id === null ? list(place, context, kept) : dossier(place, context, id);
  };
  return { show, grown: () => inner.grown?.(), close: () => inner.close?.() };
}

function list(place, context, kept) {
  const result = el("div", { class: "result" });
  const said = el("p", { class: "hidden", role: "status" });
  let before = "";
  const search = el("input", {
    type: "search", value: kept.search, placeholder: "reference, id, company, SIRET, code …",
    "aria-label": "Search the dossiers",
    oninput: () => { kept.search = search.value; kept.limit = AT_ONCE; later(); },
  });
  const standings = chips("How they stand", STANDINGS.map(([value, text]) => [value, text, el("span", { class: "count" })]),
    kept.standing, (value) => { kept.standing = value; kept.limit = AT_ONCE; load(); });
  let asked = 0;
  let timer = 0;
  const later = () => { clearTimeout(timer); timer = setTimeout(load, 150); };

  async function load() {
    const mine = (asked += 1);
    const query = new URLSearchParams({ limit: kept.limit, search: kept.search });
    if (kept.standing) query.set("standing", kept.standing);
    const found = await context.call("GET", `/dossiers?${query}`);
    if (mine !== asked) return;
    if (JSON.stringify(found) === before) return;
    before = JSON.stringify(found);
    said.textContent = many(found.total, "dossier");
    count(found.counts);
    refill(result, found.total ? rows(found) : nothing(kept), found.dossiers.length < found.total && button(
      `Show more: ${found.dossiers.length} of ${many(found.total, "dossier")} are shown`,
      () => { kept.limit += 4 * AT_ONCE; return load(); }, { class: "quiet" }));
  }

  function count(counts) {
    const all = Object.values(counts).reduce((sum, one) => sum + one, 0);
    for (const one of standings.children) {
      one.lastElementChild.textContent = (counts[one.dataset.value] ?? all).toLocaleString("en");
    }
  }

  const tools = el("div", { class: "tools" }, search, standings);
  fill(place, el("div", { class: "page" }, el("h1", {}, "Dossiers"), tools, said, result));
  load();
  return { grown: load, close: () => { clearTimeout(timer); asked += 1; } };
}

const rows = (found) => table("Dossiers, newest first",
  ["Dossier", "Reference", "State", "Third party", "Code", "Documents", "Expires", "Account"],
  found.dossiers.map((one) => [
    el("a", { href: link("dossiers", one.dossierId) }, one.dossierId),
    el("b", {}, one.dossierReference),
    standing(one),
    [one.name, el("span", { class: "soft block" }, one.companyIdValue)],
    one.thirdpartyCode,
    el("span", { class: "nowrap" }, `${one.documentsPresent} of ${one.documentsAsked}`),
    el("span", { class: "nowrap" }, day(one.expirationDate)),
    one.accountId,
  ]));

/** How a dossier stands, in its colour. */
export const standing = (one) => [
  badge(one.standing, STANDING[one.standing]),
  one.stoppingReason && el("span", { class: "soft block" }, one.stoppingReason)];

const nothing = (kept) => kept.search || kept.standing
  ? empty("No dossier is like that",
    el("p", {}, "Search for a part of the reference, the id, the company's name or number, or its code."))
  : empty("No dossier in this sandbox", el("p", {}, "Import one with ", code("importDossier"), ", put one in place with ",
    code("POST /__admin/dossiers"), ", or start over from another fixture."));
