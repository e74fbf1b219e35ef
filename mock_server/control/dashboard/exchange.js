/* The details of one request: why it got its answer, the request and the answer. Without any request: how to make one. */

import { requestCurl } from "./curl.js";
import { badge, button, code, copy, el, empty, facts, fill, refill, soft, table } from "./dom.js";
import { BASE, duration, highlightJson, moment, operationOf, realMoment, severity } from "./format.js";
import { fork, goBack, saveScenario } from "./history.js";
import { causeText, importButtons } from "./imports.js";
import { DEFAULT, link } from "./navigation.js";

const HEADINGS = {
  rule: "Changed by a rule", fault: "Network fault", unmatched: "No such path", access: "Access denied",
  format: "Malformed request", refusal: "Refused by a business rule", import: "Result of the import",
};

const SETTLE_MS = 120; // a request is the latest for this long before its reasons are loaded

/** The pane of one exchange. */
export function exchange(place, context) {
  let shownKey = null;
  let unfinished = null;

  /** Show the request of that number; `follows` if it is shown as the latest and was not selected. */
  async function show(number, { follows, again = false }) {
    const entry = context.live.find(number);
    const key = `${number} ${entry?.realTime} ${follows}`;
    if (key === shownKey) return;
    shownKey = key;
    unfinished = null;
    if (entry && !again) fill(place, article(entry, null, follows, { context }));
    if (follows) await new Promise((done) => setTimeout(done, SETTLE_MS));
    if (key !== shownKey) return;
    let details = entry;
    try {
      details = await context.call("GET", `/requests/${number}`);
    } catch (problem) {
      if (key === shownKey && !entry) fill(place, empty(`No request ${number}`, el("p", {}, problem.message)));
    }
    const earlier = details && await earlierChanges(details, context);
    const running = details && await runningImport(details, context);
    if (key !== shownKey || !details) return;
    refill(place, article(details, details.why ?? [], follows, { context, earlier, running }));
    if (details.why?.some(isRunning)) unfinished = [number, { follows, again: true }];
  }

  /** Load again a request whose import was still running. */
  function refreshUnfinished() {
    if (!unfinished) return;
    shownKey = null;
    show(...unfinished);
  }

  /** Forget the request: what is still loading of it is not shown. */
  function forget() {
    shownKey = null;
    unfinished = null;
  }

  return { show, forget, refreshUnfinished };
}

const isRunning = (cause) => cause.kind === "import" && cause.code === null && cause.dossierId === null;

/** The buttons of the import of this request while it runs. */
async function runningImport(entry, context) {
  const processId = entry.processId ?? entry.answer?.content?.processId;
  if (!processId) return null;
  const process = await context.call("GET", `/processes/${encodeURIComponent(processId)}`).catch(() => null);
  return process && el("div", { class: "row" },
    el("a", { href: link("imports", processId) }, `Import of ${process.dossierReference}`),
    importButtons(process, context, () => {}));
}

/** What a user can do with a request. */
const actions = (entry, context) => [
  button("Go back…", () => goBack(context, { before: entry.number }, `request ${entry.number}`),
    { class: "quiet small", title: "Restore the state before this request" }),
  button("Fork…", () => fork(context, { before: entry.number }, `request ${entry.number}`),
    { class: "quiet small", title: "Continue the state before this request in another sandbox" }),
  button("Export scenario", () => saveScenario(context, entry.number - 1),
    { class: "quiet small", title: "This request and the later ones as a scenario that repeats them" }),
  button("Copy link", () => copy(new URL(link("requests", entry.number), location.href).href, "Link"), { class: "quiet small" }),
  button("Copy as curl", () => copyCurl(entry), { class: "quiet small" }),
];

/** Copy the request as a curl command, and say what has to be filled in. */
function copyCurl(entry) {
  const command = requestCurl(entry);
  const advice = command.includes("$TOKEN") ? ": set TOKEN to an access token"
    : command.includes("***") ? ": replace *** by the password or token" : "";
  return copy(command, "Command", advice);
}

function article(entry, why, follows, { context, earlier = null, running = null }) {
  const query = new URLSearchParams(entry.query).toString();
  return el("article", { class: "exchange", "aria-label": `Request ${entry.number}` },
    el("header", {},
      el("p", { class: "eyebrow back" }, el("a", { href: link("requests") }, "← All requests")),
      el("div", { class: "row" },
        el("p", { class: "eyebrow grow nowrap" }, `Request ${entry.number}`,
          follows && (severity(entry) === "bad" ? " · latest error" : " · latest")),
        el("div", { class: "row" }, actions(entry, context))),
      el("h2", {}, badge(entry.fault ?? entry.status, `big ${severity(entry)}`), " ",
        operationOf(entry)),
      el("p", { class: "line" }, el("b", {}, entry.method), " ", entry.path, query && soft(`?${query}`)),
      el("p", { class: "row soft" },
        el("span", { title: "Time of the sandbox's clock" }, `${moment(entry.at)}, in ${duration(entry.milliseconds)}`),
        el("span", { title: "Time of the server's machine" }, `real time ${realMoment(entry.realTime)}`),
        entry.user && el("span", {}, entry.user),
        entry.dossierId !== undefined && toDossier(entry.dossierId, "dossier"))),
    why && reasons(entry, why, earlier, running, context.live.entries),
    (entry.comparisons ?? []).map(comparison),
    (entry.changes ?? []).map(dossierChange),
    el("div", { class: "sides" },
      side("Request", entry.query, entry.headers, entry.body, entry.bodyNote, "The request has no body."),
      side("Answer", null, entry.answerHeaders, entry.answer, entry.answerNote,
        entry.fault ? "The client received no answer." : "The answer has no body.")));
}

const toDossier = (id, noun) => el("a", { href: link("dossiers", id) }, `${noun} ${id}`);

function reasons(entry, why, earlier, running, entries) {
  const tone = why.some((cause) => cause.code) ? "bad" : severity(entry);
  return el("section", { class: `reasons ${tone}`, "aria-label": "Why" },
    why.map((cause) => causeText(cause, HEADINGS[cause.kind],
      cause.kind === "rule" && el("a", { href: link("scenarios") }, "Active rules"),
      cause.kind === "import" && importLink(entry, cause, entries))),
    running, earlier,
    !why.length && el("p", { class: "soft" }, tone === "good" ? "A normal answer." : "No further reason is known."),
    entry.matched && entry.warnings.length > 0 && el("div", { class: "cause" },
      el("h3", {}, badge("hint", "info"), " Ignored by the API"),
      el("ul", {}, entry.warnings.map((warning) => el("li", {}, warning)))));
}

/** What the request has, and what the nearest rule or expectation wanted instead. */
const comparison = ({ kind, name, differences }) => el("section", { class: "side" },
  el("h3", {}, kind === "rule" ? `Why the rule “${name}” did not apply` : `Compared with the expectation ${name}`),
  table("Differences", ["Where", "The client sent", "Expected"], differences.map(({ at, found, expected, sentence }) => [
    code(at), value(found), [code(expected), sentence && el("span", { class: "soft block" }, sentence)],
  ])));

/** What the request changed in a dossier. */
const dossierChange = ({ dossierId, differences }) => el("section", { class: "side" },
  el("h3", {}, "Before and after: ", toDossier(dossierId, "dossier")),
  table("Changed members", ["Member", "Before", "After"], differences.map(({ at, before, after }) =>
    [code(at), value(before), value(after)])));

const value = (content) => (content === null || content === undefined ? soft("nothing")
  : code(typeof content === "string" ? content : JSON.stringify(content)));

/** A link from the result of an import to its importDossier request. */
function importLink(entry, { code, processId }, entries) {
  if (entry.operation === "importDossier") return code && el("span", {}, "getProcess returns this error, importDossier does not.");
  const importRequest = entries.find((request) => request.operation === "importDossier" && request.answer?.content?.processId === processId);
  return importRequest && el("a", { href: link("requests", importRequest.number) }, `importDossier, request ${importRequest.number}`);
}

function side(title, query, headers, body, note, none) {
  const isAbsent = body === null || body === undefined;
  return el("section", { class: "side" },
    el("h3", {}, title),
    query && Object.keys(query).length > 0 && facts(Object.entries(query)),
    !isAbsent && (typeof body === "string" ? el("pre", { class: "json", tabindex: "0" }, body) : highlightJson(body)),
    note && el("p", { class: "soft" }, `The body is ${note}.`),
    isAbsent && !note && el("p", { class: "soft" }, none),
    el("details", {}, el("summary", {}, `Headers (${Object.keys(headers).length})`), facts(Object.entries(headers))));
}

/** Earlier changes of the same dossier by the client: often they are the cause. */
async function earlierChanges(entry, context) {
  const dossierId = entry.dossierId ?? entry.why?.find((cause) => cause.dossierId !== null)?.dossierId;
  if (dossierId === undefined || severity(entry) !== "bad") return null;
  const { requests } = await context.call("POST", "/requests/find", { dossierId });
  const earlier = requests.filter((request) => request.number < entry.number && request.method !== "GET").slice(-5).reverse();
  if (!earlier.length) return null;
  return el("div", { class: "earlier" }, el("p", { class: "soft" }, `Earlier changes of dossier ${dossierId}:`),
    el("ol", { class: "row plain" }, earlier.map((request) => el("li", {},
      badge(request.fault ?? request.status, severity(request)), " ",
      el("a", { href: link("requests", request.number) }, `${request.operation}, request ${request.number}`)))));
}

/** The page before the first request: how to point a client at this sandbox. */
export function welcome(context) {
  const place = el("div", {});
  context.call("GET", "/fixture").then((fixture) => fill(place, instructions(context.sandbox, fixture)));
  return place;
}

function instructions(sandbox, { users, defaultAccount }) {
  const [name, domain] = (users[0]?.username ?? "api@example.com").split("@");
  const username = `${name}${sandbox === DEFAULT ? "" : `+${sandbox}`}@${domain}`;
  const account = defaultAccount ?? users[0]?.accounts[0];
  const script = `TOKEN=$(curl -s ${BASE}/auth/realms/eat_realm/protocol/openid-connect/token \\
  -d grant_type=password -d client_id=ea-api-edge \\
  -d username=${username} -d password=demo \\
  | sed 's/.*"access_token":"\\([^"]*\\).*/\\1/')
curl -H "Authorization: Bearer $TOKEN" \\
  ${BASE}/api/v1/account/${account}/dossiers`;
  return empty("No request yet",
    el("p", {}, "Each request of your client appears here, with its answer and the reason of an error."),
    el("dl", { class: "facts wide" },
      el("div", {}, el("dt", {}, "API"), el("dd", {}, code(`${BASE}/api/v1`))),
      el("div", {}, el("dt", {}, "Authorisation server"), el("dd", {}, code(BASE))),
      el("div", {}, el("dt", {}, "User of this sandbox"),
        el("dd", {}, code(username), ", password ", code("demo")))),
    el("p", {}, "Or try it with curl:"),
    el("pre", { class: "json", tabindex: "0" }, script),
    button("Copy the commands", () => copy(script, "Commands")));
}
