/* Values as text: times with their zone, sizes, and JSON in colours. */

/** The URL of the server, with a path prefix if it is behind one: this file is at `/__admin/ui/` below it. */
export const BASE = new URL("../..", import.meta.url).href.replace(/\/$/, "");

import { el } from "./dom.js";

const DAY = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric", timeZone: "UTC" });

/** The zone of the sandbox's clock, and of every time that the API returns. */
export const ZONE = "Paris";

/** An instant of the sandbox's clock: `24 Nov 2026, 01:08:44 Paris`. */
export const moment = (text) => text && `${day(text)}, ${timeOfDay(text)}`;

/** Its time of day: `01:08:44 Paris`. */
export const timeOfDay = (text) => `${text.slice(11, 19)} ${ZONE}`;

/** An instant of the machine's clock: `24 Nov 2026, 00:08:44 UTC`. */
export const realMoment = (text) => `${day(text)}, ${text.slice(11, 19)} UTC`;

/** The day of such an instant, or of a date. */
export const day = (text) => text && DAY.format(new Date(`${text.slice(0, 10)}T00:00:00Z`));

/** Milliseconds with useful precision. */
export function duration(ms) {
  if (ms >= 1000) return `${(ms / 1000).toFixed(2)} s`;
  return `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`;
}

/** A number of bytes. */
export function size(bytes) {
  if (bytes < 1024) return `${bytes} B`;
  return bytes < 1024 ** 2 ? `${Math.round(bytes / 1024)} kB` : `${(bytes / 1024 ** 2).toFixed(1)} MB`;
}

/** A count with its noun: `3 requests`. */
export const many = (count, one, several = `${one}s`) => `${count.toLocaleString("en")} ${count === 1 ? one : several}`;

/** The colour of an exchange: `bad` for an error, `warn` if a rule changed it, else `good`. */
export function severity(entry) {
  if (entry.fault || entry.status >= 500) return "bad";
  if (entry.status >= 400 || entry.codes.length) return "bad";
  return entry.rule ? "warn" : "good";
}

const MAX_COLOURED = 100_000;

/** A number that JavaScript writes differently, such as an id of 64 bits or 1.0: it keeps its digits. */
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

/** Parse JSON; ids of 64 bits keep all their digits. */
export const parse = (text) => JSON.parse(text, exact);

function exact(_name, value, context) {
  const isDifferent = typeof value === "number" && context && String(value) !== context.source;
  return isDifferent ? new Exact(value, context.source) : value;
}

/** A value as indented JSON. */
export const pretty = (value) => JSON.stringify(value, null, 2);

/** A value as indented JSON in colours; very long JSON has no colours, which would be slow. */
export function highlightJson(value) {
  const text = pretty(value);
  return el("pre", { class: "json", tabindex: "0" }, text.length > MAX_COLOURED ? text : parts(value, "\n"));
}

function parts(value, line) {
  if (Array.isArray(value)) return bracketed("[", value.map((item) => parts(item, `${line}  `)), "]", line);
  if (value && typeof value === "object" && !(value instanceof Exact)) {
    const members = Object.entries(value).map(([name, item]) =>
      [el("span", { class: "name" }, JSON.stringify(name)), ": ", parts(item, `${line}  `)]);
    return bracketed("{", members, "}", line);
  }
  if (value instanceof Exact) return el("span", { class: "number" }, value.source);
  return el("span", { class: value === null ? "null" : typeof value }, JSON.stringify(value));
}

function bracketed(open, members, close, line) {
  if (!members.length) return open + close;
  return [open, members.map((member, at) => [`${line}  `, member, at < members.length - 1 ? "," : ""]), line, close];
}

const AUTHORISATION = /^\/(auth|\.well-known)\//;

/** The operation of a request, or what it is instead. */
export const operationOf = ({ operation, matched, path }) => operation
  ?? (!matched ? "unknown path or method" : AUTHORISATION.test(path) ? "authorisation server" : "invalid path");
