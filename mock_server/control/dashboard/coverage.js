/* What the client met of the API, and what it never met. */

import { badge, el, fill, soft } from "./dom.js";
import { labels } from "./labels.js";

/** The view of the coverage. */
export function coverage(place, context) {
  const shown = el("div", { class: "grid" });

  async function load() {
    const [found] = await Promise.all([context.call("GET", "/coverage"), labels()]);
    const { operations, codes, pages, processes } = found;
    fill(shown,
      part("Operations", operations, ({ calls, statuses }) => `${calls} · ${Object.keys(statuses).join(" ")}`),
      part("Error codes", codes, String, labels.of),
      part("Outcomes of imports", processes, String, labels.of),
      Object.entries(pages).map(([search, edges]) => part(`Edges of the pages of ${search}`, edges, String)),
      found.unmatched > 0 && el("section", { class: "panel" }, el("h2", {}, "Paths that the API does not have"),
        el("p", {}, badge(found.unmatched, "bad"), " calls of the client went to none of the operations.")));
  }

  fill(place, el("div", { class: "page" }, el("h1", {}, "Coverage"),
    el("p", { class: "soft" }, "Counted over all calls since the start, or since the journal was reset."), shown));
  load();
  return { grown: load };
}

function part(title, { met, never }, words, label = () => "") {
  const names = Object.keys(met);
  const all = names.length + never.length;
  return el("section", { class: "panel" },
    el("h2", {}, title, soft(` ${names.length} of ${all}`)),
    el("progress", { max: all, value: names.length, "aria-label": `${title} met` }),
    el("ul", { class: "met" },
      names.map((name) => el("li", {},
        el("b", {}, name), " ", soft(label(name)), el("span", { class: "count" }, words(met[name])))),
      never.map((name) => el("li", { class: "never" },
        el("span", {}, name), " ", soft(label(name)), el("span", { class: "hidden" }, "never")))));
}
