/* What a developer sees before the first request: how to make one. */

import { button, code, el, empty, fill } from "./dom.js";
import { DEFAULT } from "./route.js";
import { copy } from "./shell.js";

/** How to point a client at this sandbox. */
export function welcome(context) {
  const place = el("div", {});
  context.call("GET", "/fixture").then((fixture) => fill(place, ways(context.sandbox, fixture)));
  return place;
}

function ways(sandbox, { users, defaultAccount }) {
  const [name, domain] = (users[0]?.username ?? "api@example.com").split("@");
  const username = `${name}${sandbox === DEFAULT ? "" : `+${sandbox}`}@${domain}`;
  const account = defaultAccount ?? users[0]?.accounts[0];
  const script = `TOKEN=$(curl -s ${location.origin}/auth/realms/eat_realm/protocol/openid-connect/token \\
  -d grant_type=password -d client_id=ea-api-edge \\
  -d username=${username} -d password=demo \\
  | sed 's/.*"access_token":"\\([^"]*\\).*/\\1/')
curl -H "Authorization: Bearer $TOKEN" \\
  ${location.origin}/api/v1/account/${account}/dossiers`;
  return empty("No request yet",
    el("p", {}, "Every call of your client shows here as it happens, with its answer, and why it was refused."),
    el("dl", { class: "facts wide" },
      el("div", {}, el("dt", {}, "API"), el("dd", {}, code(`${location.origin}/api/v1`))),
      el("div", {}, el("dt", {}, "Authorisation server"), el("dd", {}, code(location.origin))),
      el("div", {}, el("dt", {}, "User of this sandbox"),
        el("dd", {}, code(username), ", password ", code("demo")))),
    el("p", {}, "Or try it by hand:"),
    el("pre", { class: "json", tabindex: "0" }, script),
    button("Copy the commands", () => copy(script, "Commands")));
}
