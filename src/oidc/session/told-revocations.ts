/**
 * Revocations that several machines tell each other. Each machine keeps all of them in its own table and asks nobody: so the check of a session waits for nothing, and what a machine
 * has revoked or learnt holds while the others cannot be reached.
 */
import { hash } from "node:crypto";
import type { RevocableSession, Revocation, Revocations } from "./revocations.ts";
import type { SharedRevocations } from "./shared-session-state.ts";

/** When it was made, in milliseconds since 1970, and what it names. */
const TOLD = /^([0-9]{13}) ([\w-]{43})$/;

export class ToldRevocations implements Revocations {
  readonly #own: SharedRevocations;
  readonly #tell: (text: string) => void;

  /**
   * @param own of this machine; with names by {@link toldName}
   * @param tell tells a text to all machines, which give it to {@link learn}
   */
  constructor(own: SharedRevocations, tell: (text: string) => void) {
    this.#own = own;
    this.#tell = tell;
  }

  revoke(revocation: Revocation, nowMs: number): void {
    this.#own.revoke(revocation, nowMs);
    this.#tell(`${Math.floor(nowMs)} ${toldName(revocation)}`);
  }

  revoked(session: RevocableSession, nowMs: number): boolean {
    return this.#own.revoked(session, nowMs);
  }
}

/** What a revocation is called between machines: nothing can be read in it of users and sessions. */
export function toldName({ issuer, by, value }: Revocation): string {
  return hash("sha256", JSON.stringify([issuer, by, value]), "base64url");
}

/** Takes what a machine has told into the own table. Whatever is no revocation is dropped. */
export function learn(own: SharedRevocations, text: string, nowMs: number): void {
  const [, madeMs, name] = TOLD.exec(text) ?? [];
  // A clock that is ahead must not end sessions that begin later.
  if (name !== undefined) own.revokeNamed(name, Math.min(Number(madeMs), nowMs), nowMs);
}
