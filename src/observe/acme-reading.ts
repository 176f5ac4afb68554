/** Certificates that are obtained over ACME, as the admin address shows them. */

/** The state of the process's orders at a moment. */
export interface AcmeReading {
  readonly certificates: readonly AcmeCertificateReading[];
  /** How many orders came to an end since the start. */
  readonly orders: { readonly obtained: number; readonly failed: number };
}

export interface AcmeCertificateReading {
  readonly names: readonly string[];
  /** Epoch milliseconds; null: there is no certificate. */
  readonly untilMs: number | null;
  /** When it is ordered next, epoch milliseconds; null: not known yet. */
  readonly nextMs: number | null;
  /** Why the last order has failed; null: it has not. */
  readonly problem: string | null;
  /** Whether a client has named it, and no configuration. */
  readonly onDemand: boolean;
}
