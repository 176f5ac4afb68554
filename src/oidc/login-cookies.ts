/** What the browser keeps between the start of a login and its end, a cookie for each login: several tabs may log in at once. */
import { createHash } from "node:crypto";
import type { CookieName, RequestCookies } from "./cookies/request-cookies.ts";
import { SealedCookies, type SealedCookieOptions } from "./cookies/sealed-cookies.ts";

/** A login under way. */
export interface PendingLogin {
  readonly state: string;
  readonly nonce: string;
  readonly codeVerifier: string;
  /** The origin that was asked, to which the provider sends back. */
  readonly origin: string;
  /** The local path to return to. */
  readonly returnTo: string;
}

/** A user has this long to log in at the provider. */
const LOGIN_MS = 600_000;
/** Logins that one browser may have under way; the oldest give way. */
const LOGINS_MAX = 5;
/** Cookies of logins that are looked at in one request. A request may hold hundreds that somebody has made up; the next one is rid of more. */
const LOOKED_AT_MAX = 20;
/** After so many logins in this time the next one is a loop: the session does not last, and the provider asks nothing. */
const LOOP_LOGINS = 4;
const LOOP_MS = 60_000;

export class LoginCookies {
  readonly #pending: SealedCookies;
  readonly #completed: SealedCookies;
  readonly #name: CookieName;

  constructor(name: CookieName, options: Omit<SealedCookieOptions, "purpose" | "chunksMax" | "maxAgeMs">) {
    this.#name = name;
    this.#pending = new SealedCookies({ ...options, purpose: "login", chunksMax: 1, maxAgeMs: LOGIN_MS });
    this.#completed = new SealedCookies({ ...options, purpose: "completed logins", chunksMax: 1, maxAgeMs: LOOP_MS });
  }

  /** The `Set-Cookie` values of a login that begins. Null: `login` is too large. */
  begin(cookies: RequestCookies, login: PendingLogin, nowMs: number): string[] | null {
    const { state, nonce, codeVerifier, origin, returnTo } = login;
    const text = JSON.stringify([state, nonce, codeVerifier, origin, returnTo]);
    const lines = this.#pending.seal(cookies, this.#nameOf(state), text, nowMs);
    return lines === null ? null : [...lines, ...this.#giveWay(cookies, nowMs)];
  }

  /** The login that the provider's answer belongs to. Null: this browser did not begin it, or too long ago, or it is over. */
  find(cookies: RequestCookies, state: string, nowMs: number): PendingLogin | null {
    const opened = this.#pending.open(cookies, this.#nameOf(state), nowMs);
    if (opened === null) return null;
    const parts: unknown = JSON.parse(opened.value);
    if (!Array.isArray(parts) || !parts.every((part) => typeof part === "string")) return null;
    const [held = "", nonce = "", codeVerifier = "", origin = "", returnTo = ""] = parts;
    return held === state ? { state, nonce, codeVerifier, origin, returnTo } : null;
  }

  /** The `Set-Cookie` values that end a login: its answer is worth nothing when it comes again. */
  end(cookies: RequestCookies, state: string): string[] {
    return this.#pending.remove(cookies, this.#nameOf(state));
  }

  /** Whether this browser has logged in again and again just now. */
  isLoop(cookies: RequestCookies, nowMs: number): boolean {
    return this.#recent(cookies, nowMs).length >= LOOP_LOGINS;
  }

  /** The `Set-Cookie` values after a login that has succeeded. */
  completed(cookies: RequestCookies, nowMs: number): string[] {
    const times = [...this.#recent(cookies, nowMs), nowMs].slice(-LOOP_LOGINS);
    return this.#completed.seal(cookies, this.#loopName(), JSON.stringify(times), nowMs) ?? [];
  }

  #recent(cookies: RequestCookies, nowMs: number): number[] {
    const opened = this.#completed.open(cookies, this.#loopName(), nowMs);
    const times: unknown = opened === null ? [] : JSON.parse(opened.value);
    if (!Array.isArray(times)) return [];
    return times.filter((time): time is number => typeof time === "number" && nowMs - time < LOOP_MS);
  }

  /** Removes the cookies of logins that are over, and of the oldest ones. */
  #giveWay(cookies: RequestCookies, nowMs: number): string[] {
    const found = cookies
      .names(this.#nameStart())
      .slice(0, LOOKED_AT_MAX)
      .map((name) => ({ name, sealedAtMs: this.#pending.open(cookies, name, nowMs)?.sealedAtMs ?? -1 }))
      .toSorted((a, b) => b.sealedAtMs - a.sealedAtMs);
    return found.filter(({ sealedAtMs }, index) => sealedAtMs < 0 || index >= LOGINS_MAX - 1).map(({ name }) => cookies.removeLine(name));
  }

  #nameStart(): CookieName {
    return `${this.#name}-login-`;
  }

  /** A digest: a state may hold what no name of a cookie may. */
  #nameOf(state: string): CookieName {
    return this.#nameStart() + createHash("sha256").update(state).digest("hex").slice(0, 16);
  }

  #loopName(): CookieName {
    return `${this.#name}-logins`;
  }
}
