/* The sandboxes of the server: switch to one, let it begin anew, drop it. */

import { ask } from "./dialogs.js";
import { badge, button, code, el, fill, refill, table } from "./dom.js";
import { moment } from "./format.js";
import { DEFAULT, link } from "./route.js";
import { call } from "./api.js";

/** The view of the sandboxes. */
export function sandboxes(place, context) {
  const shown = el("div", {});
  let last = "";

  function present(found) {
    const now = JSON.stringify(found.map(({ now: _, ...rest }) => rest));
    if (now === last && found.every((one) => one.frozen)) return;
    last = now;
    refill(shown, rows(found));
  }

  const rows = (found) => table("Sandboxes", ["Sandbox", "Clock", "Plays", "Requests so far", ""], found.map((one) => [
    el("a", { href: link("requests", null, one.name), "aria-label": `Show ${one.name}` }, one.name),
    [el("span", { class: "nowrap" }, moment(one.now)), one.frozen && [" ", badge("frozen", "info")]],
    one.playing && [badge(one.playing, "warn"), " ", one.state],
    one.latestRequest,
    el("div", { class: "row end" },
      button("Begin anew", () => reset(one.name), { class: "quiet small", "aria-label": `Begin ${one.name} anew` }),
      one.name !== DEFAULT && button("Drop", () => drop(one.name),
        { class: "quiet small", "aria-label": `Drop ${one.name}` })),
  ]));

  async function reset(name) {
    const what = "Content, clock, scenario, rules, outbox and journal are as after the start.";
    const sure = await ask(`Begin ${name} anew?`, el("p", {}, what), { confirm: "Begin anew" });
    if (sure) await context.attempt(() => call("POST", "/reset", { sandbox: name }), `${name} begins anew`);
  }

  async function drop(name) {
    const what = "Asked for again, it is as after the start.";
    const sure = await ask(`Drop ${name}?`, el("p", {}, what), { confirm: "Drop it" });
    if (sure) await context.attempt(() => call("DELETE", `/sandboxes/${encodeURIComponent(name)}`), `${name} dropped`);
  }

  fill(place, el("div", { class: "page" }, el("h1", {}, "Sandboxes"),
    el("p", { class: "soft" }, "A user name with a plus tag opens one: ", code("api+gw3@example.com"),
      " has the sandbox ", code("gw3"), " to itself."), shown));
  return { present };
}
