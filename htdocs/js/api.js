// SPDX-License-Identifier: Apache-2.0
// The only module that fetches. Returns data or throws ApiError.

import { session } from "./auth.js";
import { base } from "./base.js";

export { base };

export class ApiError extends Error {
  constructor(status, data, requestId) {
    super((data && data.message) || reason(status));
    this.status = status;
    this.data = data;
    this.requestId = requestId;
  }
}

function reason(status) {
  if (status === 0) return "The server cannot be reached. Check the connection and try again.";
  if (status === 401) return "You are not signed in.";
  if (status === 403) return "You may not do this. An Owner can change what your role allows.";
  if (status === 404) return "There is no such thing on this server.";
  if (status === 503) return "The server is busy or restarting. Try again in a moment.";
  return `The server answered ${status}.`;
}

export function headersFor(body, given) {
  const headers = { Accept: "application/json", "X-Requested-With": "console", ...given };
  if (session.token) headers.Authorization = `Bearer ${session.token}`;
  if (typeof body === "string" && !headers["Content-Type"]) headers["Content-Type"] = "application/json";
  return headers;
}

/** fetch, with a token that has ended renewed once (or the person asked again) and the
 *  call repeated, so that nothing typed is lost. */
async function send(method, path, body, { headers, signal, retry = true } = {}) {
  let res;
  try {
    res = await fetch(base + path, { method, body, signal, headers: headersFor(body, headers), credentials: "same-origin" });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError(0, null, "");
  }
  if (res.status === 401 && retry && (await session.recover())) return send(method, path, body, { headers, signal, retry: false });
  return res;
}

/** One exchange, with the raw answer: {status, headers, text, milliseconds}. */
export async function exchange(method, path, body, options) {
  const begun = performance.now();
  const res = await send(method, path, body, options);
  const text = await res.text();
  return { status: res.status, headers: res.headers, text, milliseconds: performance.now() - begun };
}

function parsed(text) {
  try { return text ? JSON.parse(text) : null; } catch { return text; }
}

async function call(method, path, body, options) {
  const answer = await exchange(method, path, body === undefined || typeof body === "string" || body instanceof FormData ? body : JSON.stringify(body), options);
  const data = parsed(answer.text);
  if (answer.status >= 400) throw new ApiError(answer.status, data, answer.headers.get("X-Request-Id"));
  return data;
}

/** Bytes to save: {blob, name}. */
async function file(path, accept) {
  const res = await send("GET", path, undefined, { headers: { Accept: accept } });
  if (!res.ok) throw new ApiError(res.status, parsed(await res.text()), res.headers.get("X-Request-Id"));
  return res.blob();
}

const part = encodeURIComponent;
const get = (path, options) => call("GET", path, undefined, options);
const asQuery = (parameters) => {
  const given = new URLSearchParams(Object.entries(parameters || {}).filter(([, v]) => v !== "" && v !== null && v !== undefined));
  return given.size ? `?${given}` : "";
};
const service = (name, version) => `/services/${part(name)}/${part(version)}`;
const admin = (path) => `/admin/api/${path}`;

export const api = {
  services: (options) => get("/services", options),
  versions: (name) => get(`/services/${part(name)}`),
  remove: (name, version) => call("DELETE", service(name, version)),
  publishCode: (method, name, version, body) => call(method, service(name, version), body),
  swagger: (name, version) => get(`/api/${part(name)}/${part(version)}/swagger.json`),
  status: () => get("/status"),
  openapi: () => get("/openapi.json"),

  me: () => get(admin("me")),
  usage: () => get(admin("usage")),
  usageOf: (name, version, minutes) => get(admin(`usage/${part(name)}/${part(version)}?minutes=${minutes}`)),
  failures: (name, version) => get(admin(`services/${part(name)}/${part(version)}/failures`)),
  card: (name, version) => get(admin(`services/${part(name)}/${part(version)}/model`)),
  access: (name, version) => get(admin(`services/${part(name)}/${part(version)}/permissions`)),
  inspect: (form, options) => upload("POST", admin("models/inspect"), form, options),

  sessions: () => get("/sessions"),
  allSessions: (parameters) => get(admin(`sessions${asQuery(parameters)}`)),
  endSession: (id, whole) => call("DELETE", whole ? admin(`sessions/${part(id)}`) : `/sessions/${part(id)}`),
  snapshots: () => get("/snapshots"),
  removeSnapshot: (id) => call("DELETE", `/snapshots/${part(id)}`),

  roles: () => get(admin("roles")),
  addMapping: (mapping) => call("POST", admin("roles/mappings"), mapping),
  changeMapping: (id, mapping) => call("PUT", admin(`roles/mappings/${part(id)}`), mapping),
  removeMapping: (id) => call("DELETE", admin(`roles/mappings/${part(id)}`)),
  flushRoles: () => call("POST", admin("roles/flush")),
  explain: (name) => get(admin(`explain-user${asQuery({ name })}`)),
  permissions: () => get(admin("permissions")),

  tokens: (parameters) => get(admin(`tokens${asQuery(parameters)}`)),
  revoke: (id) => call("DELETE", admin(`tokens/${part(id)}`)),
  revokeAll: (user) => call("DELETE", admin(`tokens${asQuery({ user })}`)),
  audit: (parameters) => get(admin(`audit${asQuery(parameters)}`)),
  /** One page of the records as CSV: {text, next}. */
  async auditCsv(parameters, options) {
    const answer = await exchange("GET", admin(`audit${asQuery(parameters)}`), undefined, { ...options, headers: { Accept: "text/csv" } });
    if (answer.status >= 400) throw new ApiError(answer.status, parsed(answer.text), answer.headers.get("X-Request-Id"));
    return { text: answer.text, next: answer.headers.get("X-Next-Cursor") };
  },

  configuration: () => get(admin("configuration")),
  licences: () => get(admin("licences")),
  diagnostics: () => file(admin("diagnostics"), "application/zip"),
  pools: () => get(admin("pools")),
  runtimes: () => get(admin("runtimes")),
  pool: (name, version) => get(`${service(name, version)}/pool`),
  setPool: (name, version, body) => call("POST", `${service(name, version)}/pool`, body),
  removePool: (name, version) => call("DELETE", `${service(name, version)}/pool`),
};

let paths = null;

/** Which operations this server has, from its own document: a screen whose endpoint
 *  is not there stays hidden instead of failing. */
export async function learnPaths() {
  paths ??= Object.keys((await api.openapi().catch(() => null))?.paths || {});
}
export const offers = (path) => Boolean(paths && paths.includes(path));

export const consumePath = (name, version) => `/api/${part(name)}/${part(version)}`;
export const publishPath = (name, version) => `/realtime-services/${part(name)}/${part(version)}`;

/** Upload with progress, which fetch cannot report. Resolves to the answer's data. */
export async function upload(method, path, form, options = {}) {
  try {
    return await sendForm(method, path, form, options);
  } catch (error) {
    if (error.status !== 401 || !(await session.recover())) throw error;
    return sendForm(method, path, form, options);
  }
}

function sendForm(method, path, form, { progress, signal }) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open(method, base + path);
    for (const [name, value] of Object.entries(headersFor(null, {}))) request.setRequestHeader(name, value);
    request.upload.onprogress = (event) => progress && progress(event.loaded, event.total);
    request.onload = () => {
      const data = parsed(request.responseText);
      if (request.status >= 400) reject(new ApiError(request.status, data, request.getResponseHeader("X-Request-Id")));
      else resolve(data);
    };
    request.onerror = () => reject(new ApiError(0, null, ""));
    request.onabort = () => reject(new DOMException("cancelled", "AbortError"));
    if (signal) signal.addEventListener("abort", () => request.abort());
    request.send(form);
  });
}
