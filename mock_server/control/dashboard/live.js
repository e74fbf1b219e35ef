/* The journal of the shown sandbox: first its requests so far, then each exchange as it happens. */

import { call, events } from "./api.js";

export const MAX_ENTRIES = 1000; // of the page, which more would slow down; the journal keeps more

const RECONNECT_MS = 2000;

/** Events: `added` with a new entry, `replaced` after a reload, `state` when the connection changes. */
export class Live extends EventTarget {
  entries = [];
  complete = true;
  state = "connecting";
  #abort = new AbortController();

  /** Follow a sandbox until `stop`; reconnect when the stream breaks. */
  async follow(sandbox) {
    this.pause();
    const { signal } = (this.#abort = new AbortController());
    while (!signal.aborted) {
      try {
        await this.#connect(sandbox, signal);
      } catch (error) {
        if (signal.aborted) return;
        this.#setState("lost", error.message);
      }
      if (this.state === "missing") return;
      // Some servers end the stream at once: wait before the next try.
      await sleep(RECONNECT_MS, signal);
    }
  }

  /** Close the connection (a browser allows six for all tabs); `follow` continues from here. */
  pause() {
    this.#abort.abort();
  }

  /** Close the connection and forget the entries, before another sandbox is followed. */
  stop() {
    this.pause();
    this.entries = [];
    this.state = "connecting";
  }

  /** The entry of that number, or undefined. */
  find(number) {
    return this.entries.find((entry) => entry.number === number);
  }

  /** Read the journal again. */
  async reload(sandbox, signal) {
    const { requests, complete } = await call("GET", `/requests?limit=${MAX_ENTRIES}`, { sandbox, signal });
    const isSame = identity(requests) === identity(this.entries);
    this.entries = requests;
    this.complete = complete && requests.length < MAX_ENTRIES;
    if (!isSame) this.dispatchEvent(new Event("replaced"));
  }

  async #connect(sandbox, signal) {
    const { sandboxes } = await call("GET", "/sandboxes", { signal });
    const found = sandboxes.find(({ name }) => name === sandbox);
    if (!found) {
      this.#setState("missing");
      return;
    }
    await this.reload(sandbox, signal);
    const stream = events(sandbox, Math.max(found.latestRequest, this.entries.at(-1)?.number ?? 0), signal);
    this.#setState("live");
    for await (const [name, data] of stream) this.#receive(name, data);
  }

  #receive(name, data) {
    if (name === "dropped") this.complete = false;
    if (name !== "exchange") return;
    this.entries.push(data);
    if (this.entries.length > MAX_ENTRIES) {
      this.entries.shift();
      this.complete = false;
    }
    this.dispatchEvent(new CustomEvent("added", { detail: data }));
  }

  #setState(state, why = "") {
    this.state = state;
    this.dispatchEvent(new CustomEvent("state", { detail: why }));
  }
}

const identity = (entries) => `${entries[0]?.number} ${entries.at(-1)?.number} ${entries.at(-1)?.realTime}`;

const sleep = (ms, signal) => new Promise((done) => {
  setTimeout(done, ms);
  signal.addEventListener("abort", done);
});
