// SPDX-License-Identifier: Apache-2.0
// The only module that fetches. Returns data or throws ApiError.

import { session } from "./auth.js";

// The console lies at <mount>/console/, the interface at <mount>/.
export const base = new URL("..", document.baseURI).href.replace(/\/$/, "");

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
  if (status === 403) return "You may not do this.";
  if (status === 404) return "There is no such thing on this server.";
  return `The server answered ${status}.`;
}

function headersFor(body, given) {
  const headers = { Accept: "application/json", "X-Requested-With": "console", ...given };
  if (session.token) headers.Authorization = `Bearer ${session.token}`;
  if (typeof body === "string" && !headers["Content-Type"]) headers["Content-Type"] = "application/json";
  return headers;
}

/** One exchange, with the raw answer: {status, headers, text, milliseconds}. A token that
 *  has ended is renewed once and the call repeated, so that nothing typed is lost. */
export async function exchange(method, path, body, { headers, signal, retry = true } = {}) {
  const begun = performance.now();
  let res;
  try {
    res = await fetch(base + path, { method, body, signal, headers: headersFor(body, headers), credentials: "same-origin" });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError(0, null, "");
  }
  if (res.status === 401 && retry && path !== "/login" && (await session.refresh())) {
    return exchange(method, path, body, { headers, signal, retry: false });
  }
  const text = await res.text();
  return { status: res.status, headers: res.headers, text, milliseconds: performance.now() - begun };
}

async function call(method, path, body, options) {
  const answer = await exchange(method, path, body, options);
  let data = null;
  try { data = answer.text ? JSON.parse(answer.text) : null; } catch { data = answer.text; }
  if (answer.status >= 400) throw new ApiError(answer.status, data, answer.headers.get("X-Request-Id"));
  return data;
}

const part = encodeURIComponent;

export const api = {
  services: (options) => call("GET", "/services", undefined, options),
  versions: (name) => call("GET", `/services/${part(name)}`),
  service: (name, version) => call("GET", `/services/${part(name)}/${part(version)}`),
  remove: (name, version) => call("DELETE", `/services/${part(name)}/${part(version)}`),
  swagger: (name, version) => call("GET", `/api/${part(name)}/${part(version)}/swagger.json`),
  status: () => call("GET", "/status"),
  openapi: () => call("GET", "/openapi.json"),
};

export const consumePath = (name, version) => `/api/${part(name)}/${part(version)}`;

/** Upload with progress, which fetch cannot report. Resolves to {status, data}. */
export function upload(method, path, form, { progress, signal } = {}) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open(method, base + path);
    for (const [name, value] of Object.entries(headersFor(null, {}))) request.setRequestHeader(name, value);
    request.upload.onprogress = (event) => progress && progress(event.loaded, event.total);
    request.onload = () => {
      let data = null;
      try { data = JSON.parse(request.responseText); } catch { data = request.responseText; }
      if (request.status >= 400) reject(new ApiError(request.status, data, request.getResponseHeader("X-Request-Id")));
      else resolve({ status: request.status, data });
    };
    request.onerror = () => reject(new ApiError(0, null, ""));
    request.onabort = () => reject(new DOMException("cancelled", "AbortError"));
    if (signal) signal.addEventListener("abort", () => request.abort());
    request.send(form);
  });
}

export const publishPath = (name, version) => `/realtime-services/${part(name)}/${part(version)}`;
