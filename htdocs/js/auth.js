// SPDX-License-Identifier: Apache-2.0
// Who is signed in. Tokens live in memory only; one tab renews at a time.

import { base } from "./api.js";

const RENEW_BEFORE = 5 * 60; // seconds

class Session extends EventTarget {
  token = null;
  user = null;
  expires = 0; // seconds since 1970
  #refresh = null;
  #renewing = null;
  #timer = null;

  get signedIn() {
    return this.token !== null || this.ambient;
  }

  ambient = false; // httpd itself has authenticated the user

  async signIn(username, password) {
    const res = await fetch(`${base}/login`, {
      method: "POST",
      headers: { "Content-Type": "application/json", Accept: "application/json" },
      body: JSON.stringify({ username, password }),
    }).catch(() => null);
    if (!res) throw new Error("The server cannot be reached. Check the connection and try again.");
    const data = await res.json().catch(() => null);
    if (!res.ok) {
      const wait = Number(res.headers.get("Retry-After"));
      throw new Error((data && data.message) || (wait ? `Too many tries. Try again in ${wait} s.` : "User name or password is wrong."));
    }
    this.#take(data, username);
  }

  #take(data, user) {
    this.token = data.access_token;
    this.#refresh = data.refresh_token || null;
    this.user = claims(data.access_token).sub || user;
    this.expires = Number(data.expires_on) || Date.now() / 1000 + (Number(data.expires_in) || 3600);
    this.#plan();
    this.dispatchEvent(new Event("change"));
  }

  #plan() {
    clearTimeout(this.#timer);
    const wait = Math.max(10, this.expires - Date.now() / 1000 - RENEW_BEFORE);
    this.#timer = setTimeout(() => this.refresh(), Math.min(wait, 86400) * 1000);
  }

  /** True when there is a new access token afterwards. */
  refresh() {
    if (!this.#refresh) return Promise.resolve(false);
    this.#renewing ??= this.#renew().finally(() => { this.#renewing = null; });
    return this.#renewing;
  }

  async #renew() {
    const renew = async () => {
      const res = await fetch(`${base}/login/refreshToken`, {
        method: "POST",
        headers: { "Content-Type": "application/json", Accept: "application/json" },
        body: JSON.stringify({ refreshToken: this.#refresh }),
      }).catch(() => null);
      if (!res) return false;
      if (!res.ok) {
        this.#forget("Your session has ended. Sign in again; what you typed is kept.");
        return false;
      }
      this.#take(await res.json(), this.user);
      return true;
    };
    return navigator.locks ? navigator.locks.request("mlserver-renew", renew) : renew();
  }

  #forget(message) {
    clearTimeout(this.#timer);
    this.token = this.#refresh = null;
    this.dispatchEvent(new CustomEvent("ended", { detail: message }));
  }

  async signOut() {
    const token = this.#refresh;
    if (token) {
      await fetch(`${base}/login/refreshToken?refreshToken=${encodeURIComponent(token)}`, {
        method: "DELETE",
        headers: { Authorization: `Bearer ${this.token}`, Accept: "application/json" },
      }).catch(() => null);
    }
    this.user = null;
    this.#forget("");
  }

  /** Seconds of the access token that are left. */
  get left() {
    return Math.max(0, Math.round(this.expires - Date.now() / 1000));
  }
}

function claims(token) {
  try {
    const bytes = Uint8Array.from(atob(token.split(".")[1].replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return {};
  }
}

export const session = new Session();
