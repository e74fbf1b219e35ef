/* What the page asks in a dialog of its own. */

import { code, el, field } from "./dom.js";

/** Ask a form's worth of something; the FormData of it, or null when it was left. */
export function ask(title, body, { confirm = "OK", cancel = "Cancel" } = {}) {
  return new Promise((answered) => {
    const form = el("form", { method: "dialog" },
      el("h2", {}, title), body,
      el("div", { class: "row end" },
        cancel && el("button", { type: "button", class: "quiet", onclick: () => dialog.close() }, cancel),
        el("button", { value: "yes" }, confirm)));
    const dialog = el("dialog", { "aria-label": title }, form);
    let given = null;
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      given = new FormData(form);
      dialog.close();
    });
    dialog.addEventListener("close", () => {
      dialog.remove();
      answered(given);
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}

/** Ask for the control token of the server; null when none is given. */
export async function askToken(mistake) {
  const input = el("input", { name: "token", type: "password", required: true, autocomplete: "off", spellcheck: "false" });
  const given = await ask("This server asks for its control token", [
    el("p", {}, "It was started with ", code("--control-token"), " or ",
      code("MOCK_SERVER_CONTROL_TOKEN"), ". The token is kept in this tab alone."),
    mistake && el("p", { class: "mistake", role: "alert" }, mistake),
    field("Control token", input),
  ], { confirm: "Use it", cancel: null });
  return given?.get("token").trim() || null;
}
