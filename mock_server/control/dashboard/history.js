/* The history view: the commands that changed the sandbox. Going back, forking and exporting, here and at a request. */

import { download, oneAtATime } from "./api.js";
import { button, code, el, empty, field, refill, soft, table } from "./dom.js";
import { many, moment } from "./format.js";
import { go, link } from "./navigation.js";

const HEAD = ["No.", "Time", "Request", "Command", ""];
const MAX_SHOWN = 200;

/** The history view. */
export function history(place, context) {
  const content = el("div");
  let last = null;

  const load = oneAtATime(async () => {
    const answer = await context.call("GET", "/history");
    if (answer.last === last) return;
    last = answer.last;
    refill(content, answer.commands.length ? rows(answer) : nothing());
  });

  const rows = ({ commands, complete }) => [
    table("Commands, newest first", HEAD, commands.toReversed().slice(0, MAX_SHOWN).map((command) => [
      command.number,
      el("span", { class: "nowrap" }, moment(command.at)),
      command.request ? el("a", { href: link("requests", command.request), "aria-label": `Request ${command.request}` }, command.request)
        : soft("control"),
      [el("b", {}, words(command.command)), " ", members(command.members)],
      el("div", { class: "row end nowrap" },
        button("Go back…", () => goBack(context, { beforeCommand: command.number }, `command ${command.number}`),
          { class: "quiet small", "aria-label": `Go back to before command ${command.number}` }),
        button("Fork…", () => fork(context, { beforeCommand: command.number }, `command ${command.number}`),
          { class: "quiet small", "aria-label": `Fork before command ${command.number}` })),
    ])),
    (!complete || commands.length > MAX_SHOWN) && el("p", { class: "quiet pad" },
      `The list shows the latest ${many(Math.min(commands.length, MAX_SHOWN), "command")}.`),
  ];

  const nothing = () => empty("No command yet",
    el("p", {}, "A command is a change of the sandbox, by a request of the client or by a control call."));

  place.append(el("div", { class: "page" },
    el("div", { class: "row" }, el("h1", {}, "History"), el("span", { class: "grow" }),
      el("div", { class: "row" },
        button("Export state", () => saveState(context),
          { class: "quiet small", title: "All of the sandbox as JSON, passwords included" }),
        button("Export scenario", () => saveScenario(context),
          { class: "quiet small", title: "The requests as a scenario that repeats them" }))),
    el("p", { class: "soft" }, "The sandbox keeps the state before each command: go back to it, or continue from it in another sandbox."),
    content));
  load();
  return {
    onExchange: load,
    onSandboxes: load,
    offers: () => [
      ["Go back to before a command", "POST", "/rewind", { beforeCommand: 1 }],
      ["Fork", "POST", `/sandboxes/${encodeURIComponent(context.sandbox)}/fork`, { as: "try2", beforeCommand: 1 }],
      ["Export the state", "GET", "/state"],
      ["Export the requests as a scenario", "GET", "/requests?format=scenario"],
    ],
  };
}

/** A command in words: `AdvanceClock` is `Advance clock`. */
function words(command) {
  const text = command.replace(/(?<!^)([A-Z])/g, " $1").toLowerCase();
  return text[0].toUpperCase() + text.slice(1);
}

const members = (commandMembers) => Object.entries(commandMembers).filter(([, value]) => value !== 0)
  .map(([name, value]) => [code(`${name === "rest" ? "by" : name} ${value}`), " "]);

/** Ask, then restore the state before a request or a command. */
export const goBack = (context, before, name) => context.askAndCall(`Back to before ${name}?`,
  el("p", {}, "Data, clock, rules and variants return to what they were. The requests stay in the list."),
  () => ["POST", "/rewind", before], { confirm: "Go back", done: `Back to before ${name}` });

/** Ask for a name, then create a sandbox that continues the state before a request or a command, and show it. */
export async function fork(context, before, name) {
  const as = el("input", {
    name: "as", value: `${context.sandbox}-2`, required: true, pattern: "[A-Za-z0-9._\\-]{1,64}", maxlength: "64", spellcheck: "false",
  });
  const created = await context.askAndCall(`Fork before ${name}?`, [
    el("p", {}, "The new sandbox starts from that state. A client uses it with the name as the tag in its user name."),
    field("Name of the new sandbox", as),
  ], (form) => ["POST", `/sandboxes/${encodeURIComponent(context.sandbox)}/fork`, { as: form.get("as"), ...before }],
  { confirm: "Fork", done: "Forked" });
  if (created) go(link("dossiers", null, created.sandbox));
}

/** Save the requests after a number, by default all, as a scenario file. */
export const saveScenario = (context, since = "start") => context.attempt(() =>
  download(`/requests?format=scenario&since=${since}`, "exported.yaml", context.sandbox));

const saveState = (context) => context.attempt(() => download("/state", `${context.sandbox}.json`, context.sandbox));
