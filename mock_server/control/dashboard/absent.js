/* In place of any view, as long as the sandbox is not there. */

import { code, el, empty, fill } from "./dom.js";

/** What there is to say of a sandbox that is not there: nothing, until the server was asked. */
export function absent(place, { sandbox, live }) {
  const say = () => live.state === "gone" && fill(place, empty(`There is no sandbox “${sandbox}”`,
    el("p", {}, "It was dropped, or is not there yet: a sandbox is made when a client logs in to it, as ",
      code(`api+${sandbox}@example.com`), ". This page shows it as soon as it is there.")));
  live.addEventListener("state", say);
  say();
  return { close: () => live.removeEventListener("state", say) };
}
