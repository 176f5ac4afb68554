/** Sessions in sealed cookies. What was opened is remembered, because a browser sends the same cookie with each of its requests. */
import { SealedCookies, type SealedCookieOptions } from "../cookies/sealed-cookies.ts";
import type { CookieName, RequestCookies } from "../cookies/request-cookies.ts";
import { readSession, writeSession, type OidcSession } from "./session.ts";

/** Sessions are up to 12 KB each. */
const REMEMBERED_MAX = 256;

export class SessionCookies {
  readonly #sealed: SealedCookies;
  readonly #name: CookieName;
  readonly #maxAgeMs: number;
  readonly #opened = new Map<string, OidcSession>();

  constructor(name: CookieName, options: Omit<SealedCookieOptions, "purpose" | "chunksMax">) {
    this.#sealed = new SealedCookies({ ...options, purpose: "session", chunksMax: 4 });
    this.#name = name;
    this.#maxAgeMs = options.maxAgeMs;
  }

  /** Null: there is none that is good. */
  open(cookies: RequestCookies, nowMs: number): OidcSession | null {
    const text = this.#sealed.joined(cookies, this.#name);
    if (text === null) return null;
    // With the full name, because a cookie of plain HTTP is none of HTTPS.
    const key = `${cookies.fullName(this.#name)}=${text}`;
    const session = this.#opened.get(key) ?? this.#read(cookies, nowMs);
    if (session === null) return null;
    if (nowMs >= session.startedAtMs + this.#maxAgeMs) {
      this.#opened.delete(key);
      return null;
    }
    this.#remember(key, session);
    return session;
  }

  /** The `Set-Cookie` values for a session, without its ID token if it is too large otherwise. Null: it is too large for cookies. */
  seal(cookies: RequestCookies, session: OidcSession, nowMs: number): string[] | null {
    return (
      this.#sealed.seal(cookies, this.#name, writeSession(session), nowMs) ??
      this.#sealed.seal(cookies, this.#name, writeSession({ ...session, idToken: null }), nowMs)
    );
  }

  remove(cookies: RequestCookies): string[] {
    return this.#sealed.remove(cookies, this.#name);
  }

  #read(cookies: RequestCookies, nowMs: number): OidcSession | null {
    const opened = this.#sealed.open(cookies, this.#name, nowMs);
    return opened === null ? null : readSession(opened.value);
  }

  #remember(key: string, session: OidcSession): void {
    if (this.#opened.has(key)) return;
    this.#opened.set(key, session);
    if (this.#opened.size <= REMEMBERED_MAX) return;
    for (const oldest of this.#opened.keys()) {
      this.#opened.delete(oldest);
      break;
    }
  }
}
