/* A request of the journal as a command to try it again; its token, which nobody sees here, is left to the shell. */

import { pretty } from "./json.js";

const OF_THE_CONNECTION = new Set(["host", "content-length", "accept-encoding", "connection", "user-agent", "accept"]);
const FORM = "application/x-www-form-urlencoded";

/** The command. */
export function curl(entry) {
  const query = new URLSearchParams(entry.query).toString();
  const path = entry.path.split("/").map(encodeURIComponent).join("/");
  const url = `${location.origin}${path}${query && `?${query}`}`;
  const headers = Object.entries(entry.headers).filter(([name]) => !OF_THE_CONNECTION.has(name));
  const method = entry.method !== "GET" && `-X ${quoted(entry.method)}`;
  const words = ["curl -i", method, ...headers.map(header), ...data(entry), quoted(url)];
  return words.filter(Boolean).join(" \\\n  ");
}

function header([name, value]) {
  if (name === "authorization") return `-H "Authorization: Bearer $TOKEN"`;
  return `-H ${quoted(`${name}: ${value}`)}`;
}

function data({ body, headers }) {
  if (body === null || body === undefined) return [];
  if (headers["content-type"]?.startsWith(FORM)) {
    return Object.entries(body).map(([name, value]) => `--data-urlencode ${quoted(`${name}=${value}`)}`);
  }
  return [`--data-raw ${quoted(typeof body === "string" ? body : pretty(body))}`];
}

/** A word as the shell takes it, whatever is in it. */
const quoted = (text) => `'${String(text).replaceAll("'", "'\\''")}'`;
