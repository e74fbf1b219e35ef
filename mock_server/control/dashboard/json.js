/* JSON read without losing a digit, and shown in colours, as text. */

import { el } from "./dom.js";

const LONG = 100_000;

/** A number that JavaScript would write otherwise: an id of 64 bits, or 1.0. It reckons as any other. */
export class Exact extends Number {
  constructor(value, source) {
    super(value);
    this.source = source;
  }

  toString() {
    return this.source;
  }

  toJSON() {
    return JSON.rawJSON?.(this.source) ?? this.valueOf();
  }
}

/** What JSON says; ids of 64 bits keep all their digits. */
export const parse = (text) => JSON.parse(text, exact);

function exact(_name, value, context) {
  const isOtherwise = typeof value === "number" && context && String(value) !== context.source;
  return isOtherwise ? new Exact(value, context.source) : value;
}

/** A value as JSON on several lines. */
export const pretty = (value) => JSON.stringify(value, null, 2);

/** The same in colours, unless it is so long that they would take their time. */
export function show(value) {
  const text = pretty(value);
  return el("pre", { class: "json", tabindex: "0" }, text.length > LONG ? text : parts(value, "\n"));
}

function parts(value, line) {
  if (Array.isArray(value)) return listed("[", value.map((each) => parts(each, `${line}  `)), "]", line);
  if (value && typeof value === "object" && !(value instanceof Exact)) {
    const members = Object.entries(value).map(([name, each]) =>
      [el("span", { class: "name" }, JSON.stringify(name)), ": ", parts(each, `${line}  `)]);
    return listed("{", members, "}", line);
  }
  if (value instanceof Exact) return el("span", { class: "number" }, value.source);
  return el("span", { class: value === null ? "null" : typeof value }, JSON.stringify(value));
}

function listed(open, members, close, line) {
  if (!members.length) return open + close;
  return [open, members.map((member, at) => [`${line}  `, member, at < members.length - 1 ? "," : ""]), line, close];
}
