/* Moments, sizes and standings in words. */

const TIME = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const DAY = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric", timeZone: "UTC" });

/** A real instant as the time of day here. */
export const timeOfDay = (text) => TIME.format(new Date(text));

/** A moment of the platform's clock, which has no zone: `24 Nov 2026, 01:08:44`. */
export function moment(text) {
  return text && `${day(text)}, ${text.slice(11, 19)}`;
}

/** The day of such a moment, or a plain day. */
export const day = (text) => text && DAY.format(new Date(`${text.slice(0, 10)}T00:00:00Z`));

/** Milliseconds, as exact as they are of use. */
export function duration(ms) {
  if (ms >= 1000) return `${(ms / 1000).toFixed(2)} s`;
  return `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`;
}

/** Bytes. */
export function size(bytes) {
  if (bytes < 1024) return `${bytes} B`;
  return bytes < 1024 ** 2 ? `${Math.round(bytes / 1024)} kB` : `${(bytes / 1024 ** 2).toFixed(1)} MB`;
}

/** So many of something. */
export const many = (count, one, several = `${one}s`) => `${count.toLocaleString("en")} ${count === 1 ? one : several}`;

/** Whether an exchange did not go as its client will have hoped: bad, bent, good. */
export function mood(entry) {
  if (entry.fault || entry.status >= 500) return "bad";
  if (entry.status >= 400 || entry.codes.length) return "bad";
  return entry.rule ? "warn" : "good";
}

/** How a dossier stands, and the colour of that. */
export const STANDING = { complete: "good", incomplete: "warn", stopped: "off" };
