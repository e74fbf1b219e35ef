// A sandbox of the dossiers API for each test: copy this file into your tests.
import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { createInterface } from "node:readline";

let server; // one for all tests of a file; node ends it when it ends

/** The base URL of the server: a running one, such as a container, or a process that starts now. */
async function serverUrl() {
  const running = process.env.DOSSIERS_SANDBOX_URL;
  if (running) return running.replace(/\/$/, "");
  const command = ["serve", "--port", "0", "--log-level", "warning"];
  const child = spawn("mock-server", command, { stdio: ["ignore", "pipe", "inherit"] });
  process.once("exit", () => child.kill());
  await once(child, "spawn"); // rejects if there is no command mock-server
  for await (const line of createInterface({ input: child.stdout })) {
    const ready = /^mock-server ready on (\S+)/.exec(line);
    if (ready) {
      child.unref(); // tests end without waiting for the server
      child.stdout.unref();
      return ready[1];
    }
  }
  throw new Error("mock-server did not start; its log is above");
}

/** A new sandbox. The user name selects it, so the client under test needs nothing else. */
export async function openSandbox() {
  const url = await (server ??= serverUrl());
  const name = `node-${randomUUID()}`;
  return {
    baseUrl: `${url}/api/v1`,
    authUrl: url,
    username: `api+${name}@example.com`,
    password: "demo",

    /** A control call, such as `control("POST", "/clock/advance", { by: "PT1S" })`. */
    async control(method, path, body) {
      const headers = { "Content-Type": "application/json", "X-Mock-Sandbox": name };
      const answer = await fetch(`${url}/__admin${path}`, { method, headers, body: JSON.stringify(body) });
      const text = await answer.text();
      if (!answer.ok) throw new Error(`${method} /__admin${path}: ${text}`);
      return text ? JSON.parse(text) : null;
    },

    /** Print what the client sent, and why it was refused: for a test that failed. */
    async explain() {
      const { requests } = await this.control("GET", "/requests");
      for (const { number } of requests) {
        const { method, path, body, status, why } = await this.control("GET", `/requests/${number}`);
        console.error(number, method, path, JSON.stringify(body), "->", status, ...why.map((each) => each.sentence));
      }
    },

    close() {
      return this.control("DELETE", `/sandboxes/${name}`);
    },
  };
}
