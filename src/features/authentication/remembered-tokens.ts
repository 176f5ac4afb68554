/** Who the tokens belong to that were verified lately. Tokens themselves are not kept, but what they say is, so their length counts. */
import type { Identity } from "../../proxy/ports/identity.ts";

/** Tokens of one route that a thread remembers. */
const TOKENS_MAX = 10_000;
/** Their lengths together, in characters: as much as 10,000 tokens of a usual length have. What is kept of a token takes some times as much. */
const CHARACTERS_MAX = 16 * 1024 * 1024;

export interface VerifiedToken {
  readonly identity: Identity;
  readonly untilMs: number;
  /** The token's length. */
  readonly characters: number;
}

export interface RememberedTokensOptions {
  readonly tokensMax?: number;
  readonly charactersMax?: number;
}

export class RememberedTokens {
  private readonly tokensMax: number;
  private readonly charactersMax: number;
  /** By digest, the oldest first. */
  private readonly tokens: Map<string, VerifiedToken> = new Map();
  private characters: number = 0;

  constructor({ tokensMax = TOKENS_MAX, charactersMax = CHARACTERS_MAX }: RememberedTokensOptions = {}) {
    this.tokensMax = tokensMax;
    this.charactersMax = charactersMax;
  }

  /** Whose it is; null: it is not remembered, or its time is over. */
  find(digest: string, nowMs: number): Identity | null {
    const known = this.tokens.get(digest);
    if (known === undefined) return null;
    if (nowMs < known.untilMs) return known.identity;
    this.forget(digest, known);
    return null;
  }

  /** Remembers a token; for it the oldest go. */
  add(digest: string, verified: VerifiedToken): void {
    const same = this.tokens.get(digest);
    if (same !== undefined) this.forget(digest, same);
    this.tokens.set(digest, verified);
    this.characters += verified.characters;
    for (const [oldest, known] of this.tokens) {
      if (this.tokens.size <= this.tokensMax && this.characters <= this.charactersMax) return;
      this.forget(oldest, known);
    }
  }

  get size(): number {
    return this.tokens.size;
  }

  private forget(digest: string, { characters }: VerifiedToken): void {
    this.tokens.delete(digest);
    this.characters -= characters;
  }
}
