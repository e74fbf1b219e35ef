// Tests with node:test and fetch. `login` stands for your own client: it needs two URLs, a user and a password.
import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { openSandbox } from "./sandbox.mjs";

const SIRET = "99050000100013";
let sandbox, call;

async function login({ baseUrl, authUrl, username, password }) {
  const form = { grant_type: "password", client_id: "ea-api-edge", username, password };
  const tokenUrl = `${authUrl}/auth/realms/eat_realm/protocol/openid-connect/token`;
  const answer = await fetch(tokenUrl, { method: "POST", body: new URLSearchParams(form) });
  const { access_token: token } = await answer.json();
  const headers = { Authorization: `Bearer ${token}`, "Content-Type": "application/json" };
  return async (method, path, body) => {
    const url = `${baseUrl}/account/119631${path}`;
    const called = await fetch(url, { method, headers, body: body && JSON.stringify(body) });
    const text = await called.text();
    return { status: called.status, ...(text && JSON.parse(text)) };
  };
}

beforeEach(async () => {
  sandbox = await openSandbox();
  call = await login(sandbox);
});

afterEach(async (t) => {
  if (!t.passed) await sandbox.explain();
  await sandbox.close();
});

async function importDossier(siret, dossierReference) {
  const order = { companyIdType: "CIT001", companyIdValue: siret, dossierReference };
  const { content } = await call("POST", "/dossiers", order);
  await sandbox.control("POST", "/clock/advance", { by: "PT1S" }); // instead of waiting
  return (await call("GET", `/dossiers/process/${content.processId}`)).content;
}

test("an import creates a dossier", async () => {
  const result = await importDossier(SIRET, "PO-1");

  assert.deepEqual([result.complete, result.success], [true, true]);
  const found = await call("GET", "/dossiers?dossierReference=PO-1");
  assert.equal(found.content[0].siret, SIRET);
});

test("a reference that the third party has is refused", async () => {
  await sandbox.control("POST", "/dossiers", { siret: SIRET, dossierReference: "PO-1" });

  const result = await importDossier(SIRET, "PO-1");

  assert.deepEqual(result.errors.map((error) => error.code), ["E202"]);
});

test("a stopped dossier cannot be changed", async () => {
  await call("POST", "/dossiers/804127/stop");

  const refused = await call("POST", "/dossiers/804127", { dossierReference: "NEW" });

  assert.deepEqual([refused.status, refused.messages.error[0].code], [400, "E201"]);
});

test("the second search succeeds after an outage", async () => {
  const outage = { name: "outage", when: { operation: "listDossiers", nth: 1 }, then: { respond: { status: 503 } } };
  await sandbox.control("POST", "/rules", { rules: [outage] });

  const statuses = [(await call("GET", "/dossiers")).status, (await call("GET", "/dossiers")).status];

  assert.deepEqual(statuses, [503, 200]);
  await sandbox.control("POST", "/verify", { expectations: [{ request: { operation: "listDossiers" }, count: 2 }] });
});
