// SPDX-License-Identifier: Apache-2.0
// Who is signed in. Tokens live in the memory of this server's open tabs only; they
// share them, and one tab renews at a time (Web Locks).

import { api, offers } from "./api.js";
import { base } from "./base.js";

const RENEW_BEFORE = 5 * 60; // seconds
const ASK_TABS = 120; // milliseconds to wait for another tab's word
const json = { "Content-Type": "application/json", Accept: "application/json" };

class Session extends EventTarget {
  token = null;
  user = null;
  expires = 0; // seconds since 1970
  ambient = false; // httpd itself has authenticated the user
  /** Role and what it may do, as GET /admin/api/me has them. */
  me = null;
  /** Ask for the password over the page that is open; resolves to true when signed in. */
  ask = async () => false;

  #refresh = null;
  #renewing = null;
  #asking = null;
  #timer = null;
  #tabs = new BroadcastChannel(`mlserver ${base}`);

  constructor() {
    super();
    this.#tabs.onmessage = ({ data }) => this.#heard(data);
  }

  get signedIn() {
    return this.token !== null || this.ambient;
  }

  /** Seconds of the access token that are left. */
  get left() {
    return Math.max(0, Math.round(this.expires - Date.now() / 1000));
  }

  may(what) {
    return Boolean(this.me?.permissions?.[what]);
  }

  // --- start ---

  /** Another tab may have signed in, or httpd may know who this is already. `learned` is
   *  done when it is known what the server offers. */
  async begin(learned) {
    if (await this.#others()) {
      this.#tabs.postMessage({ type: "ask" });
      await Promise.race([new Promise((done) => this.addEventListener("change", done, { once: true })), pause(ASK_TABS)]);
    }
    await learned;
    if (this.token) return this.load();
    this.me = await this.#who();
    this.user = this.me?.user ?? null;
    this.ambient = Boolean(this.user);
    return this.ambient;
  }

  /** Is another tab of this server open? Each holds a shared lock for as long as it lives. */
  async #others() {
    if (!navigator.locks) return true;
    const name = `mlserver-tab ${base}`;
    const { held } = await navigator.locks.query();
    navigator.locks.request(name, { mode: "shared" }, () => new Promise(() => {}));
    return held.some((lock) => lock.name === name);
  }

  async load() {
    this.me = await this.#who();
    this.user = this.me?.user ?? this.user;
    return true;
  }

  async #who() {
    if (offers("/admin/api/me")) return api.me();
    return { user: this.token ? this.user : null, role: null, permissions: { publish: true, sessions: true, admin: false } };
  }

  // --- in and out ---

  async signIn(username, password) {
    const res = await fetch(`${base}/login`, { method: "POST", headers: json, body: JSON.stringify({ username, password }) }).catch(() => null);
    if (!res) throw new Error("The server cannot be reached. Check the connection and try again.");
    const data = await res.json().catch(() => null);
    if (!res.ok) {
      const wait = Number(res.headers.get("Retry-After"));
      throw new Error((data && data.message) || (wait ? `Too many tries. Try again in ${wait} s.` : "User name or password is wrong."));
    }
    this.#take(data, username);
    await this.load();
  }

  async signOut() {
    const token = this.#refresh;
    if (token) {
      await fetch(`${base}/login/refreshToken?refreshToken=${encodeURIComponent(token)}`, {
        method: "DELETE", headers: { Authorization: `Bearer ${this.token}`, Accept: "application/json" },
      }).catch(() => null);
    }
    this.#tabs.postMessage({ type: "out" });
    this.#out();
  }

  #out() {
    clearTimeout(this.#timer);
    this.token = this.#refresh = this.user = this.me = null;
    this.dispatchEvent(new Event("ended"));
  }

  // --- staying signed in ---

  /** After a 401: renew, or ask for the password. True when the call may be repeated. */
  async recover() {
    if (this.ambient) return false;
    if (await this.refresh()) return true;
    this.#asking ??= this.ask().finally(() => { this.#asking = null; });
    return this.#asking;
  }

  /** True when there is a new access token afterwards. */
  refresh() {
    if (!this.#refresh) return Promise.resolve(false);
    this.#renewing ??= this.#renew().finally(() => { this.#renewing = null; });
    return this.#renewing;
  }

  async #renew() {
    const old = this.token;
    const begun = performance.now();
    const renew = async () => {
      if (performance.now() - begun > 5) await pause(ASK_TABS); // another tab held the lock: its word is coming
      if (this.token !== old) return true;
      const res = await fetch(`${base}/login/refreshToken`, { method: "POST", headers: json, body: JSON.stringify({ refreshToken: this.#refresh }) }).catch(() => null);
      if (!res) return false;
      if (!res.ok) {
        this.#refresh = null;
        return false;
      }
      this.#take(await res.json(), this.user);
      return true;
    };
    return navigator.locks ? navigator.locks.request(`mlserver-renew ${base}`, renew) : renew();
  }

  #take(data, user) {
    this.token = data.access_token;
    this.#refresh = data.refresh_token || null;
    this.user = claims(data.access_token).sub || user;
    this.expires = Number(data.expires_on) || Date.now() / 1000 + (Number(data.expires_in) || 3600);
    this.#plan();
    this.#tell();
    this.dispatchEvent(new Event("change"));
  }

  #plan() {
    clearTimeout(this.#timer);
    const life = this.expires - Date.now() / 1000;
    this.#timer = setTimeout(() => this.refresh(), Math.min(Math.max(life - RENEW_BEFORE, life / 2, 1), 86400) * 1000);
  }

  // --- the other tabs ---

  #tell() {
    this.#tabs.postMessage({ type: "token", token: this.token, refresh: this.#refresh, user: this.user, expires: this.expires });
  }

  #heard(data) {
    if (data.type === "ask" && this.token) this.#tell();
    if (data.type === "out" && this.token) this.#out();
    if (data.type === "token" && data.expires > this.expires && (!this.user || data.user === this.user)) {
      this.token = data.token;
      this.#refresh = data.refresh;
      this.user = data.user;
      this.expires = data.expires;
      this.#plan();
      this.dispatchEvent(new Event("change"));
    }
  }
}

function pause(milliseconds) {
  return new Promise((done) => { setTimeout(done, milliseconds); });
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
