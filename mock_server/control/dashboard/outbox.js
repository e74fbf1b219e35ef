/* The e-mails that the platform would have sent. */

import { badge, code, el, empty, fill, refill, table } from "./dom.js";
import { moment } from "./format.js";
import { link } from "./route.js";

/** The view of the outbox. */
export function outbox(place, context) {
  const shown = el("div");

  async function load() {
    const { mails } = await context.call("GET", "/outbox");
    refill(shown, mails.length ? letters(mails) : empty("No e-mail yet",
      el("p", {}, "Imports, updates and reactivations invite third parties and ask them for documents."
        + " Those e-mails are kept here; none ever leaves.")));
  }

  fill(place, el("div", { class: "page" }, el("h1", {}, "Outbox"), shown));
  load();
  return { grown: load };
}

const HEAD = ["Sent", "To", "What", "Documents", "Dossier", "Subscription key"];

const letters = (mails) => table("E-mails, newest first", HEAD, mails.toReversed().map((mail) => [
  el("span", { class: "nowrap" }, moment(mail.sentAt)),
  el("b", {}, mail.to),
  badge(mail.kind, "info"),
  mail.documentCodes.map((code) => [badge(code), " "]),
  mail.dossierId && el("a", { href: link("dossiers", mail.dossierId) }, mail.dossierId),
  code(mail.subscriptionKey),
]));
