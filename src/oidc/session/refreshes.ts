/**
 * New tokens for a session whose tokens end: one request to the provider for each, over all threads that share {@link Marks}.
 *
 * Providers replace refresh tokens, and some end the whole session when a replaced one comes again. Browsers send several requests with the old cookie
 * before the first answer brings the new one. So whoever refreshes sets the mark `refresh` first. While it is set (`CLAIM_MS`), every other thread lets
 * requests with the old cookie pass, and the thread that has refreshed answers them with the new one. Afterwards an old cookie is dead, if
 * its refresh token was replaced (`replaced`) or refused (`refused`): a copy of it is good for nothing.
 *
 * ```text
 *                       refresh set        refresh over
 *   under way           elsewhere          (another attempt)
 *   tokens replaced     elsewhere          refused
 *   refused             refused            refused
 *   provider is down    elsewhere          another attempt
 * ```
 */
import { BackOff } from "../provider/back-off.ts";
import type { Marks } from "./marks.ts";
import type { OidcSession } from "./session.ts";

export type RefreshOutcome =
  | { readonly kind: "refreshed"; readonly session: OidcSession }
  /** The provider gives no tokens any more, or has given those that came after this session's. */
  | { readonly kind: "refused"; readonly reason: string }
  /** Somebody else refreshes, or has just done so. */
  | { readonly kind: "elsewhere" }
  | { readonly kind: "unavailable"; readonly reason: string };

/** How long others leave a session alone that is being refreshed or was. */
export const CLAIM_MS = 30_000;
const REMEMBERED_MAX = 10_000;

export class Refreshes {
  readonly #marks: Marks;
  readonly #sessionMaxAgeMs: number;
  readonly #request: (session: OidcSession) => Promise<RefreshOutcome>;
  readonly #running = new Map<string, Promise<RefreshOutcome>>();
  readonly #refreshed = new Map<string, { readonly outcome: RefreshOutcome; readonly untilMs: number }>();
  readonly #backOff = new BackOff();

  /** @param request asks the provider; it never rejects */
  constructor(marks: Marks, sessionMaxAgeMs: number, request: (session: OidcSession) => Promise<RefreshOutcome>) {
    this.#marks = marks;
    this.#sessionMaxAgeMs = sessionMaxAgeMs;
    this.#request = request;
  }

  /** Whether this thread is asking for new tokens of that session now. */
  isRunning(session: OidcSession): boolean {
    return this.#running.has(keyOf(session));
  }

  refresh(session: OidcSession, nowMs: number): Promise<RefreshOutcome> {
    const key = keyOf(session);
    const done = this.#refreshed.get(key);
    if (done !== undefined && done.untilMs > nowMs) return Promise.resolve(done.outcome);
    const running = this.#running.get(key);
    if (running !== undefined) return running;
    const started = this.#refresh(session, key, nowMs).finally(() => {
      this.#running.delete(key);
    });
    this.#running.set(key, started);
    return started;
  }

  async #refresh(session: OidcSession, key: string, nowMs: number): Promise<RefreshOutcome> {
    if (this.#backOff.remainingMs(nowMs) > 0) return { kind: "unavailable", reason: "was not to be reached shortly before" };
    if (await this.#has(`refused:${key}`, nowMs)) return { kind: "refused", reason: "was refused before" };
    if (await this.#has(`refresh:${key}`, nowMs)) return { kind: "elsewhere" };
    if (await this.#has(`replaced:${key}`, nowMs)) return { kind: "refused", reason: "was replaced by newer tokens" };
    if (!(await this.#set(`refresh:${key}`, nowMs + CLAIM_MS, nowMs))) return { kind: "elsewhere" };
    const outcome = await this.#request(session);
    const endMs = session.startedAtMs + this.#sessionMaxAgeMs;
    if (outcome.kind === "unavailable") this.#backOff.failed(nowMs);
    else this.#backOff.succeeded();
    if (outcome.kind === "refused") await this.#set(`refused:${key}`, endMs, nowMs);
    if (outcome.kind === "refreshed") {
      if (outcome.session.refreshToken !== session.refreshToken) await this.#set(`replaced:${key}`, endMs, nowMs);
      this.#remember(key, outcome, nowMs);
    }
    return outcome;
  }

  /** Without marks, each thread is on its own: one more request may pass, and none stops. */
  async #has(mark: string, nowMs: number): Promise<boolean> {
    try {
      return await this.#marks.has(mark, nowMs);
    } catch {
      return false;
    }
  }

  async #set(mark: string, untilMs: number, nowMs: number): Promise<boolean> {
    try {
      return await this.#marks.set(mark, untilMs, nowMs);
    } catch {
      return true;
    }
  }

  #remember(key: string, outcome: RefreshOutcome, nowMs: number): void {
    this.#refreshed.set(key, { outcome, untilMs: nowMs + CLAIM_MS });
    // In the order in which they were made, and so in which they end.
    for (const [oldest, { untilMs }] of this.#refreshed) {
      if (untilMs > nowMs && this.#refreshed.size <= REMEMBERED_MAX) break;
      this.#refreshed.delete(oldest);
    }
  }
}

function keyOf(session: OidcSession): string {
  return `${session.id}.${session.generation}`;
}
