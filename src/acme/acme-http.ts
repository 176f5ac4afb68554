/** What the protocol needs of HTTP. control/outside/bounded-requests.ts implements it; tests put a double in its place. */

export interface AcmeRequest {
  readonly method: "GET" | "HEAD" | "POST";
  readonly url: string;
  /** Media types of the answer, as the Accept field lists them. */
  readonly accept?: string;
  readonly contentType?: string;
  readonly body?: string;
  /** Aborted: the request is given up, and the promise rejects. */
  readonly signal: AbortSignal;
}

export interface AcmeResponse {
  readonly status: number;
  /** The value of a field, by its name in lower case; null when there is none. */
  readonly field: (name: string) => string | null;
  readonly body: string;
}

/** Asks a certificate authority. Follows no redirect. Rejects with an Error of one plain line when no whole answer came. */
export type AskAuthority = (request: AcmeRequest) => Promise<AcmeResponse>;

/** Time, as an argument. */
export interface AcmeClock {
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** Resolves after that time, or at once when the signal is aborted. */
  readonly wait: (ms: number, signal: AbortSignal) => Promise<void>;
}
