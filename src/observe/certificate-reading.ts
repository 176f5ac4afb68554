/** A certificate that a listener serves, for /status and /metrics. It says nothing of the key but its kind. */
export interface CertificateReading {
  /** Address of the listener, as configured. */
  readonly listener: string;
  readonly names: readonly string[];
  /** Kind of the key. */
  readonly key: "ecdsa" | "rsa" | "other";
  /** When it ends, in epoch milliseconds. */
  readonly notAfterMs: number;
  /** Since when it is in use, in epoch milliseconds. */
  readonly readAtMs: number;
}

/** How often files of TLS have changed while they were in use. */
export interface CertificateFileCounts {
  readonly read: number;
  readonly refused: number;
}
