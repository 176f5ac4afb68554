/** When a certificate is renewed. All times are epoch milliseconds. */

export interface Term {
  /** When the certificate's validity begins and ends. */
  readonly fromMs: number;
  readonly untilMs: number;
}

/** The times between which the authority wants it to be renewed (RFC 9773). */
export interface SuggestedWindow {
  readonly startMs: number;
  readonly endMs: number;
}

/** Without a window it is renewed after this share of its term: a certificate of 90 days has 30 left, one of six days two. */
const SHARE = 2 / 3;
/** Spread over this share of the term, so that certificates of one day are not all renewed at one moment. */
const SPREAD = 1 / 20;

/**
 * The moment of renewal, drawn anew with each call. It may be in the past: then at once.
 * @param random at least 0 and below 1
 */
export function renewalTime({ fromMs, untilMs }: Term, window: SuggestedWindow | null, random: number): number {
  const term = untilMs - fromMs;
  const drawn = window === null ? fromMs + term * (SHARE + SPREAD * random) : window.startMs + (window.endMs - window.startMs) * random;
  // A window that ends with the certificate, or later, would leave no time for a second try.
  return Math.round(Math.min(drawn, untilMs - term * SPREAD));
}
