// The usual calls of a client, with the types of openapi-typescript: URL and user are the arguments.
import assert from "node:assert/strict";
import createClient from "openapi-fetch";
import type { paths } from "./schema.js";

const [, , baseUrl, username] = process.argv as [string, string, string, string];
const accountId = 119631, dossierId = 804127, documentId = 511394021, siret = "99050000100013";
const client = createClient<paths>({ baseUrl });
const account = { path: { accountId } };

const login = await client.POST("/auth/realms/eat_realm/protocol/openid-connect/token", {
  body: { grant_type: "password", client_id: "ea-api-edge", username, password: "demo" },
  headers: { "Content-Type": "application/x-www-form-urlencoded" },
  bodySerializer: (fields) => new URLSearchParams(fields as Record<string, string>),
});
client.use({ onRequest: ({ request }) => request.headers.set("Authorization", `Bearer ${login.data?.access_token}`) });

const accounts = await client.GET("/account");
assert.equal(accounts.data?.content[0]?.id, accountId);
assert.equal((await find("TEST")).dossierId, dossierId);
const page = await client.GET("/account/{accountId}/dossiers", { params: { ...account, query: { monitored: true, page: 1, pageSize: 2 } } });
assert.equal(page.data?.content.length, 2);
assert.ok(page.data.totalElements > 4);

const launched = await client.POST("/account/{accountId}/dossiers", {
  params: account,
  body: { companyIdType: "CIT001", companyIdValue: siret, dossierReference: "PO-1" },
});
await ended(launched.data?.content.processId ?? "");
const imported = { path: { accountId, dossierId: (await find("PO-1")).dossierId } };

await client.POST("/account/{accountId}/dossiers/{dossierId}", { params: imported, body: { dossierReference: "PO-2" } });
const changed = await client.GET("/account/{accountId}/dossiers/{dossierId}", { params: imported });
assert.equal(changed.data?.content.dossierReference, "PO-2");
assert.equal(changed.data.content.siret, siret);
await client.POST("/account/{accountId}/dossiers/{dossierId}/requirements", { params: imported, body: { newRequiredDocuments: ["I2"] } });
const documents = await client.GET("/account/{accountId}/dossiers/{dossierId}/documents", { params: imported });
assert.ok(documents.data && documents.data.content.length >= 1);

const answered = { path: { accountId, dossierId, documentId } };
const files = await client.GET("/account/{accountId}/dossiers/{dossierId}/documents/{documentId}/files", { params: answered });
const file = await client.GET("/account/{accountId}/dossiers/{dossierId}/documents/{documentId}/files/{fileId}", {
  params: { path: { ...answered.path, fileId: files.data?.content[0]?.fileId ?? 0 } },
  parseAs: "arrayBuffer",
});
assert.equal(Buffer.from(file.data as ArrayBuffer).subarray(0, 4).toString(), "%PDF");

await client.POST("/account/{accountId}/dossiers/{dossierId}/stop", { params: imported });
assert.equal((await client.GET("/account/{accountId}/dossiers/{dossierId}", { params: imported })).data?.content.monitored, false);
const refused = await client.POST("/account/{accountId}/dossiers/{dossierId}", { params: imported, body: { description: "too late" } });
assert.equal(refused.response.status, 400);
assert.ok(refused.error && "messages" in refused.error);
assert.deepEqual(refused.error.messages.error.map(({ code }) => code), ["E201"]);

async function find(dossierReference: string) {
  const hits = await client.GET("/account/{accountId}/dossiers", { params: { ...account, query: { dossierReference } } });
  assert.equal(hits.data?.totalElements, 1);
  return hits.data.content[0]!;
}

async function ended(processId: string) {
  for (let poll = 0; poll < 100; poll++) {
    const found = await client.GET("/account/{accountId}/dossiers/process/{processId}", { params: { path: { accountId, processId } } });
    if (found.data?.content.complete) return assert.equal(found.data.content.success, true);
    await new Promise((done) => setTimeout(done, 50));
  }
  assert.fail("the import did not end");
}
