/* Where the page is: `#/requests/12?sandbox=gw3`. A link made here can be pasted into a bug report. */

export const DEFAULT = "default";

/** The view, the id of the one thing it shows (or null), and the sandbox, of the address. */
export function here() {
  const [path, query] = location.hash.replace(/^#\/?/, "").split("?");
  const [view, id] = path.split("/").map(decoded);
  return { view: view || "requests", id: id || null, sandbox: new URLSearchParams(query).get("sandbox") || DEFAULT };
}

/** The address of a view, of one thing in it, in the sandbox shown or another one. */
export function link(view, id = null, sandbox = here().sandbox) {
  const path = id === null ? view : `${view}/${encodeURIComponent(id)}`;
  return `#/${path}${sandbox === DEFAULT ? "" : `?sandbox=${encodeURIComponent(sandbox)}`}`;
}

/** Go there, without a step more in the history when only another thing of the same list is shown. */
export function go(address, { replace = false } = {}) {
  if (replace) {
    history.replaceState(null, "", address);
    dispatchEvent(new HashChangeEvent("hashchange"));
  } else {
    location.hash = address;
  }
}

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
