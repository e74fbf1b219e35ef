/* Elements made of data: text stays text, whatever a client sent. Nothing here, or anywhere, reads markup. */

/** An element: its tag, its attributes (a function under `on…` listens), and what is in it. */
export function el(tag, given = {}, ...inside) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(given)) give(made, name, value);
  made.append(...inside.flat(Infinity).filter(isSomething));
  return made;
}

/** Put these in place of what an element has. */
export function fill(place, ...inside) {
  place.replaceChildren(...inside.flat(Infinity).filter(isSomething));
  return place;
}

/** The same, with the focus and what was unfolded as they were, as far as they are still there. */
export function refill(place, ...inside) {
  const focused = place.contains(document.activeElement) && nameOf(document.activeElement);
  const unfolded = [...place.querySelectorAll("details[open] > summary")].map(nameOf);
  fill(place, ...inside);
  for (const one of place.querySelectorAll("summary")) one.parentElement.open = unfolded.includes(nameOf(one));
  const reached = [...place.querySelectorAll("a, button, select, summary, [tabindex]")];
  if (focused) reached.find((one) => nameOf(one) === focused)?.focus();
}

/** A text in which what stands between backticks is code. */
export const rich = (text) => text.split("`").map((part, at) => (at % 2 ? code(part) : part));

/** A button that does something; it is disabled while that is under way. */
export function button(text, act, given = {}) {
  const press = async (event) => {
    event.currentTarget.setAttribute("aria-disabled", "true");
    const pressed = event.currentTarget;
    try {
      await act(event);
    } finally {
      pressed.removeAttribute("aria-disabled");
    }
  };
  return el("button", { type: "button", onclick: (event) => !isBusy(event) && press(event), ...given }, text);
}

/** A table with its head; rows are lists of cells. */
export function table(caption, head, rows, given = {}) {
  return el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": caption },
    el("table", given,
      el("caption", { class: "hidden" }, caption),
      el("thead", {}, el("tr", {}, head.map((name) => el("th", { scope: "col" }, name)))),
      el("tbody", {}, rows.map((cells) => el("tr", {}, cells.map((cell) => el("td", {}, cell)))))));
}

/** Pairs of a name and a value, those without a value left out. */
export function facts(pairs) {
  const there = pairs.filter(([, value]) => isSomething(value));
  return el("dl", { class: "facts" },
    there.map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value))));
}

/** What a view says when there is nothing to show. */
export const empty = (title, ...inside) => el("div", { class: "empty" }, el("h2", {}, title), inside);

/** A field with its label. */
export const field = (text, input) => el("label", { class: "field" }, el("span", {}, text), input);

/** What is said beside something, in a softer colour. */
export const soft = (...inside) => el("span", { class: "soft" }, inside);

/** What is written as it stands: a path, an address, a name of the API. */
export const code = (text) => el("code", {}, text);

/** A code, a state, a rule: a short word that stands out. */
export const badge = (text, kind = "") => el("span", { class: `badge ${kind}` }, text);

/** A group of buttons of which one is pressed: `choices` are [value, text] pairs. */
export function chips(label, choices, chosen, choose) {
  const group = el("div", { class: "chips", role: "group", "aria-label": label });
  const press = (value) => {
    for (const one of group.children) one.setAttribute("aria-pressed", String(one.dataset.value === value));
    choose(value);
  };
  group.append(...choices.map(([value, ...text]) => el("button",
    { type: "button", "aria-pressed": String(value === chosen), "data-value": value, onclick: () => press(value) },
    text)));
  return group;
}

function give(made, name, value) {
  if (value === undefined || value === null || value === false) return;
  if (typeof value === "function") made.addEventListener(name.slice(2), value);
  else if (name === "value" || name === "checked") made[name] = value;
  else made.setAttribute(name, value === true ? "" : value);
}

const nameOf = (made) => made.getAttribute("aria-label") ?? made.textContent;
const isBusy = (event) => event.currentTarget.getAttribute("aria-disabled") === "true";
const isSomething = (part) => part !== null && part !== undefined && part !== "" && part !== false;
