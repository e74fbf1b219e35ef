/* What the codes of the API mean, asked for once. */

import { call } from "./api.js";

const known = new Map();
let asked = null;

/** Have the labels; `labels.of(code)` is empty until they are there. */
export function labels() {
  asked ??= call("GET", "/provenance").then(({ errors }) => {
    for (const error of errors) known.set(error.code, error);
    return known;
  });
  return asked;
}

labels.of = (code) => known.get(code)?.label ?? "";
