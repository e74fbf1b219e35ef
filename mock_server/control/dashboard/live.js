/* The journal of the sandbox shown, as it grows: first what there is, then each exchange as it happens. */

import { call, events } from "./api.js";

export const MOST = 1000; // exchanges kept here; more would make the page slow, and the journal has them all

const AGAIN_AFTER = 2000;

/** Events: `grown` with the new entries, `renewed` when all are others, `state` when the connection is. */
export class Live extends EventTarget {
  entries = [];
  complete = true;
  state = "connecting";
  #abort = new AbortController();

  /** Follow a sandbox until `stop`, connecting again whenever the stream breaks. */
  async follow(sandbox) {
    this.pause();
    const { signal } = (this.#abort = new AbortController());
    while (!signal.aborted) {
      try {
        await this.#once(sandbox, signal);
      } catch (error) {
        if (signal.aborted) return;
        this.#become("lost", error.message);
      }
      if (this.state === "gone") return;
      // A stream that ends at once, as under a server that has none, is no reason to haste.
      await later(AGAIN_AFTER, signal);
    }
  }

  /** Let go of the connection, of which a browser has six for all tabs; `follow` goes on from here. */
  pause() {
    this.#abort.abort();
  }

  /** Forget it all: another sandbox is to be followed. */
  stop() {
    this.pause();
    this.entries = [];
    this.state = "connecting";
  }

  /** The entry of that number, if it is here. */
  find(number) {
    return this.entries.find((entry) => entry.number === number);
  }

  /** Read the journal anew, after it was cleared. */
  async renew(sandbox, signal) {
    const { requests, complete } = await call("GET", `/requests?limit=${MOST}`, { sandbox, signal });
    const isSame = ends(requests) === ends(this.entries);
    this.entries = requests;
    this.complete = complete && requests.length < MOST;
    if (!isSame) this.dispatchEvent(new Event("renewed"));
  }

  async #once(sandbox, signal) {
    const { sandboxes } = await call("GET", "/sandboxes", { signal });
    const found = sandboxes.find((one) => one.name === sandbox);
    if (!found) {
      this.#become("gone");
      return;
    }
    await this.renew(sandbox, signal);
    const stream = events(sandbox, Math.max(found.latestRequest, this.entries.at(-1)?.number ?? 0), signal);
    this.#become("live");
    for await (const [name, data] of stream) this.#take(name, data);
  }

  #take(name, data) {
    if (name === "dropped") this.complete = false;
    if (name !== "exchange") return;
    this.entries.push(data);
    if (this.entries.length > MOST) {
      this.entries.shift();
      this.complete = false;
    }
    this.dispatchEvent(new CustomEvent("grown", { detail: data }));
  }

  #become(state, why = "") {
    this.state = state;
    this.dispatchEvent(new CustomEvent("state", { detail: why }));
  }
}

const ends = (entries) => `${entries[0]?.number} ${entries.at(-1)?.number} ${entries.at(-1)?.realTime}`;

const later = (ms, signal) => new Promise((done) => {
  setTimeout(done, ms);
  signal.addEventListener("abort", done);
});
