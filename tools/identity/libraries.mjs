/* Run the JavaScript libraries against the server whose URL is the argument; print a JSON line per check. */

import Keycloak from "keycloak-connect";
import * as openid from "openid-client";
import { ResourceOwnerPassword } from "simple-oauth2";

const base = process.argv[2], realm = `${base}/auth/realms/eat_realm`;
const CLIENT = "ea-api-edge", USER = "api+identity@example.com", PASSWORD = "demo", SCOPE = "openid profile email";
const login = { username: USER, password: PASSWORD, scope: SCOPE };

/** Run one check and print its outcome; a false value counts as failed. */
async function check(library, name, run) {
  let found, outcome;
  try {
    found = await run();
    outcome = found ? "ok" : String(found);
  } catch (error) {
    outcome = `${error?.name}: ${error?.message ?? error} ${error?.cause ?? ""}`;
  }
  console.log(JSON.stringify({ library, check: name, outcome }));
  return found;
}

async function openidClient() {
  const name = "openid-client";
  const config = await check(name, "discovery", () => openid.discovery(new URL(realm), CLIENT));
  const oauth = { algorithm: "oauth2" };
  await check(name, "RFC 8414", () => openid.discovery(new URL(realm), CLIENT, undefined, undefined, oauth));
  const token = await check(name, "password", () => openid.genericGrantRequest(config, "password", login));
  await check(name, "openid", () => token.id_token && token.scope === SCOPE);
  const subject = JSON.parse(Buffer.from(token.access_token.split(".")[1], "base64url")).sub;
  await check(name, "userinfo", async () => (await openid.fetchUserInfo(config, token.access_token, subject)).email === USER);
  await check(name, "introspection", async () => (await openid.tokenIntrospection(config, token.access_token)).active);
  await check(name, "refresh", async () => (await openid.refreshTokenGrant(config, token.refresh_token)).access_token);
  const logout = openid.buildEndSessionUrl(config, { id_token_hint: token.id_token });
  await check(name, "logout", async () => (await fetch(logout)).ok);
  const basic = await openid.discovery(new URL(realm), CLIENT, undefined, openid.ClientSecretBasic("any secret"));
  const second = await check(name, "Basic", () => openid.genericGrantRequest(basic, "password", login));
  await check(name, "revocation", async () => (await openid.tokenRevocation(basic, second.refresh_token)) === undefined);
}

async function keycloakConnect() {
  const name = "keycloak-connect";
  const shared = { realm: "eat_realm", "auth-server-url": `${base}/auth/`, resource: CLIENT };
  const keycloak = new Keycloak({}, { ...shared, "public-client": true });
  const manager = keycloak.grantManager;
  const grant = await check(name, "password", () => manager.obtainDirectly(USER, PASSWORD));
  await check(name, "openid", () => grant.id_token.content.sub);
  await check(name, "public_key", async () => (await manager.validateToken(grant.access_token, "Bearer")).token);
  await check(name, "userinfo", async () => (await manager.userInfo(grant.access_token)).email === USER);
  await check(name, "introspection", () => manager.validateAccessToken(grant.access_token));
  const before = grant.access_token.token;
  grant.isExpired = () => true;
  await check(name, "refresh", async () => (await manager.ensureFreshness(grant)).access_token.token !== before);
  await check(name, "logout", async () => (await fetch(keycloak.logoutUrl(base, grant.id_token.token))).ok);
  const secret = new Keycloak({}, { ...shared, credentials: { secret: "any secret" } });
  await check(name, "Basic", () => secret.grantManager.obtainDirectly(USER, PASSWORD));
}

async function simpleOauth2() {
  const name = "simple-oauth2", path = "/auth/realms/eat_realm/protocol/openid-connect";
  const auth = { tokenHost: base, tokenPath: `${path}/token`, revokePath: `${path}/revoke` };
  const client = new ResourceOwnerPassword({ client: { id: CLIENT, secret: "any secret" }, auth });
  const token = await check(name, "password", () => client.getToken(login));
  await check(name, "Basic", () => token.token.access_token);
  await check(name, "openid", () => token.token.id_token);
  const renewed = await check(name, "refresh", () => token.refresh());
  await check(name, "revocation", async () => (await renewed.revokeAll()) === undefined);
}

for (const library of [openidClient, keycloakConnect, simpleOauth2]) await library();
