/* HTML elements, dialogs and short messages. Text of a client stays text: nothing in the dashboard parses markup. */

/** Create an element from its tag, attributes (`on…` takes a listener) and content. */
export function el(tag, attributes = {}, ...content) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) setAttribute(element, name, value);
  element.append(...content.flat(Infinity).filter(isShown));
  return element;
}

/** Replace the content of an element. */
export function fill(place, ...inside) {
  place.replaceChildren(...inside.flat(Infinity).filter(isShown));
  return place;
}

/** Replace the content of an element; keep the focus and open details where they still exist. */
export function refill(place, ...inside) {
  const focused = place.contains(document.activeElement) && nameOf(document.activeElement);
  const opened = [...place.querySelectorAll("details[open] > summary")].map(nameOf);
  fill(place, ...inside);
  for (const summary of place.querySelectorAll("summary")) summary.parentElement.open = opened.includes(nameOf(summary));
  const targets = [...place.querySelectorAll("a, button, select, summary, [tabindex]")];
  if (focused) targets.find((target) => nameOf(target) === focused)?.focus();
}

/** A text; parts between backticks become code. */
export const rich = (text) => text.split("`").map((part, at) => (at % 2 ? code(part) : part));

/** A button with an action; it is disabled while the action runs. */
export function button(text, act, attributes = {}) {
  const press = async (event) => {
    event.currentTarget.setAttribute("aria-disabled", "true");
    const pressed = event.currentTarget;
    try {
      await act(event);
    } finally {
      pressed.removeAttribute("aria-disabled");
    }
  };
  return el("button", { type: "button", onclick: (event) => !isBusy(event) && press(event), ...attributes }, text);
}

/** A table with a header; a row is a list of cells. */
export function table(caption, head, rows, attributes = {}) {
  return el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": caption },
    el("table", attributes,
      el("caption", { class: "hidden" }, caption),
      el("thead", {}, el("tr", {}, head.map((name) => el("th", { scope: "col" }, name)))),
      el("tbody", {}, rows.map((cells) => el("tr", {}, cells.map((cell, at) =>
        el("td", { "data-label": head[at] }, el("div", {}, cell))))))));
}

/** A list of names and values; pairs without a value are left out. */
export function facts(pairs) {
  const present = pairs.filter(([, value]) => isShown(value));
  return el("dl", { class: "facts" },
    present.map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value))));
}

/** The message of a view without content. */
export const empty = (title, ...inside) => el("div", { class: "empty" }, el("h2", {}, title), inside);

/** An input with its label. */
export const field = (text, input) => el("label", { class: "field" }, el("span", {}, text), input);

/** Secondary text in a softer colour. */
export const soft = (...inside) => el("span", { class: "soft" }, inside);

/** Literal text: a path, an address, a name of the API. */
export const code = (text) => el("code", {}, text);

/** A highlighted short word: a code, a state, a rule. */
export const badge = (text, kind = "") => el("span", { class: `badge ${kind}` }, text);

/** A group of buttons, one of them pressed; `choices` are [value, text] pairs. */
export function chips(label, choices, chosen, choose) {
  const group = el("div", { class: "chips", role: "group", "aria-label": label });
  const press = (value) => {
    for (const chip of group.children) chip.setAttribute("aria-pressed", String(chip.dataset.value === value));
    choose(value);
  };
  group.append(...choices.map(([value, ...text]) => el("button",
    { type: "button", "aria-pressed": String(value === chosen), "data-value": value, onclick: () => press(value) },
    text)));
  return group;
}

function setAttribute(element, name, value) {
  if (value === undefined || value === null || value === false) return;
  if (typeof value === "function") element.addEventListener(name.slice(2), value);
  else if (name === "value" || name === "checked") element[name] = value;
  else element.setAttribute(name, value === true ? "" : value);
}

const nameOf = (element) => element.getAttribute("aria-label") ?? element.textContent;
const isBusy = (event) => event.currentTarget.getAttribute("aria-disabled") === "true";
const isShown = (part) => part !== null && part !== undefined && part !== "" && part !== false;

/**
 * Show a dialog with a form; returns its FormData, or null when it was cancelled. `preview` returns a command for
 * the present input. `submit` gets the FormData; while it fails, the dialog stays open and shows the reason.
 */
export function ask(title, body, { confirm = "OK", cancel = "Cancel", preview, submit = async () => {} } = {}) {
  return new Promise((resolve) => {
    const problem = el("p", { class: "error", role: "alert" });
    const command = el("pre", { class: "json", tabindex: "0", "aria-label": "The same as a curl command" });
    const update = () => { command.textContent = preview?.(new FormData(form)) ?? ""; };
    const form = el("form", { method: "dialog", oninput: update },
      el("h2", {}, title), body, preview && command, problem,
      el("div", { class: "row end" },
        preview && el("button", { type: "button", class: "quiet", onclick: () => copy(command.textContent, "Command") },
          "Copy as curl"),
        el("span", { class: "grow" }),
        cancel && el("button", { type: "button", class: "quiet", onclick: () => dialog.close() }, cancel),
        el("button", { value: "yes" }, confirm)));
    const dialog = el("dialog", { "aria-label": title }, form);
    let result = null;
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const formData = new FormData(form);
      problem.textContent = "";
      try {
        await submit(formData);
        result = formData;
        dialog.close();
      } catch (error) {
        problem.textContent = error.message;
      }
    });
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(result);
    });
    update();
    document.body.append(dialog);
    dialog.showModal();
    dialog.querySelector("[type=radio]:checked")?.focus();
  });
}

/** Ask for the control token; null when the user enters none. */
export async function askToken(problem) {
  const input = el("input", { name: "token", type: "password", required: true, autocomplete: "off", spellcheck: "false" });
  const formData = await ask("This server needs its control token", [
    el("p", {}, "It was started with ", code("--control-token"), " or ",
      code("MOCK_SERVER_CONTROL_TOKEN"), ". The token is kept in this browser tab only."),
    problem && el("p", { class: "error", role: "alert" }, problem),
    field("Control token", input),
  ], { confirm: "Use token", cancel: null });
  return formData?.get("token").trim() || null;
}

/** Show a message in the corner for some seconds. */
export function toast(text, kind = "") {
  const message = el("p", { class: `toast ${kind}` }, text);
  document.getElementById("toasts").append(message);
  setTimeout(() => message.remove(), kind === "bad" ? 12000 : 4000);
}

/** Copy a text to the clipboard and say so; `advice` ends the message. */
export async function copy(text, what, advice = "") {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = el("textarea", { class: "hidden", value: text }); // not a secure context: http, and not localhost
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
  toast(`${what} copied${advice}`, "good");
}
