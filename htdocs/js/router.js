// SPDX-License-Identifier: Apache-2.0
// Paths after the hash, so that a static folder serves every deep link.

const routes = [
  ["services", () => import("./pages/services.js")],
  ["services/:name", () => import("./pages/service.js")],
  ["services/:name/:version", () => import("./pages/service.js")],
  ["services/:name/:version/:tab", () => import("./pages/service.js")],
  ["publish", () => import("./pages/publish.js")],
  ["publish/:name", () => import("./pages/publish.js")],
  ["sessions", () => import("./pages/sessions.js")],
  ["pools", () => import("./pages/pools.js")],
  ["roles", () => import("./pages/roles.js")],
  ["roles/:tab", () => import("./pages/roles.js")],
  ["tokens", () => import("./pages/tokens.js")],
  ["audit", () => import("./pages/audit.js")],
  ["server", () => import("./pages/server.js")],
  ["server/:tab", () => import("./pages/server.js")],
];

function matches(template, segments) {
  const parts = template.split("/");
  if (parts.length !== segments.length) return null;
  const found = {};
  for (const [i, part] of parts.entries()) {
    if (part[0] === ":") found[part.slice(1)] = segments[i];
    else if (part !== segments[i]) return null;
  }
  return found;
}

/** {page loader, parameters, query} of the address, or null. */
export function resolve(hash = location.hash) {
  const [path, query = ""] = hash.replace(/^#\/?/, "").split("?");
  let segments;
  try { segments = path.split("/").filter(Boolean).map(decodeURIComponent); } catch { return null; }
  if (segments.length === 0) segments = ["services"];
  for (const [template, load] of routes) {
    const parameters = matches(template, segments);
    if (parameters) return { load, parameters, query: new URLSearchParams(query), section: segments[0] };
  }
  return null;
}

/** An address for segments, each escaped. */
export function to(...segments) {
  return "#/" + segments.map(encodeURIComponent).join("/");
}

export function go(address) {
  if (location.hash === address) window.dispatchEvent(new HashChangeEvent("hashchange"));
  else location.hash = address;
}

/** Keep filters in the address without a step in the history. */
export function remember(address, parameters) {
  const given = new URLSearchParams(Object.entries(parameters).filter(([, v]) => v));
  history.replaceState(history.state, "", given.size ? `${address}?${given}` : address);
}
