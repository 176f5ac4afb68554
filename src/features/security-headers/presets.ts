/** The fields of both presets. README.md has the reason for each value. */

export type Preset = "standard" | "strict";

export interface SecurityField {
  readonly name: string;
  readonly standard: string;
  readonly strict: string;
  /** Sent only over TLS. */
  readonly tlsOnly?: boolean;
}

export const SECURITY_FIELDS: readonly SecurityField[] = [
  {
    name: "Strict-Transport-Security",
    standard: "max-age=31536000",
    strict: "max-age=63072000; includeSubDomains",
    tlsOnly: true,
  },
  { name: "X-Content-Type-Options", standard: "nosniff", strict: "nosniff" },
  { name: "X-Frame-Options", standard: "SAMEORIGIN", strict: "DENY" },
  { name: "Referrer-Policy", standard: "strict-origin-when-cross-origin", strict: "no-referrer" },
  {
    name: "Permissions-Policy",
    standard: "camera=(self), geolocation=(self), microphone=(self), payment=(self), usb=(self)",
    strict:
      "camera=(), display-capture=(), geolocation=(), microphone=(), midi=(), payment=(), publickey-credentials-get=(self), serial=(), usb=()",
  },
];
