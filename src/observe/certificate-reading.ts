import type { AcmeReading } from "./acme-reading.ts";

/** What is known of TLS at a moment. */
export interface TlsReading {
  readonly certificates: readonly CertificateReading[];
  readonly certificateFiles: CertificateFileCounts;
  /** Certificates over ACME; null: no listener has wanted some. */
  readonly acme: AcmeReading | null;
}

/** The reading of a process without TLS. */
export const NO_TLS: TlsReading = { certificates: [], certificateFiles: { read: 0, refused: 0 }, acme: null };

/** What a certificate is used for: served by a listener, shown to the endpoints of an upstream, served by the admin address. */
export const CERTIFICATE_USES = ["listener", "upstream", "admin"] as const;
export type CertificateUse = (typeof CERTIFICATE_USES)[number];

/** A certificate that is in use, for /status and /metrics. It says nothing of the key but its kind. */
export interface CertificateReading {
  readonly use: CertificateUse;
  /** Address of the listener, name of the upstream, or the admin address, as configured. */
  readonly of: string;
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
