// Control calls with the types of openapi-typescript: URL and sandbox are the arguments.
import assert from "node:assert/strict";
import createClient from "openapi-fetch";
import type { paths } from "./schema.js";

const [, , baseUrl, sandbox] = process.argv as [string, string, string, string];
const client = createClient<paths>({ baseUrl, headers: { "X-Mock-Sandbox": sandbox } });

const health = await client.GET("/__admin/health");
assert.equal(health.data?.status, "UP");
await client.PUT("/__admin/clock", { body: { now: "2031-01-01T09:00:00", frozen: true } });
assert.match(String((await client.GET("/__admin/clock")).data?.now), /^2031-01-01T09:00/);
await client.POST("/__admin/dossiers", { body: { siret: "99050000100013", dossierReference: "PO-1" } });
assert.equal((await found()).length, 1);
const document = { path: { dossier_id: 804127, code: "I2" } };
assert.equal((await client.POST("/__admin/dossiers/{dossier_id}/documents/{code}/evidences", { params: document, body: {} })).response.status, 201);
const rule = { name: "down", when: { operation: "getDossier" as const }, then: { respond: { status: 503 } } };
assert.equal((await client.POST("/__admin/rules", { body: { rules: [rule] } })).response.status, 201);
const verified = await client.POST("/__admin/verify", { body: { expectations: [{ request: { operation: "getToken" }, count: 0 }] } });
assert.equal(verified.data?.verified, true);
await client.POST("/__admin/reset", { body: {} });
assert.equal((await found()).length, 0);

async function found() {
  const { data } = await client.GET("/__admin/dossiers", { params: { query: { search: "PO-1" } } });
  return data?.dossiers as unknown[];
}
