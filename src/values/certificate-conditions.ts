/** The schema of conditions on the verified certificate of a client. */
import { z } from "zod";
import { FINGERPRINT } from "../policy/route/certificate-conditions.ts";
import { oneOrMore } from "./scalars.ts";
import { hostPattern } from "./texts.ts";

function filled(what: string): z.ZodString {
  return z.string().min(1, { error: `expected ${what}` });
}

/** Conditions on a certificate. All that are given must hold. */
export const certificateConditions = z.strictObject({
  subject: oneOrMore(filled("a distinguished name")).optional().meta({
    description:
      "Distinguished name or names of the certificate's owner, as a whole and as the access log shows it: `CN=alice,O=Example`, which `openssl x509 -noout -subject -nameopt RFC2253` prints.",
  }),
  issuer: oneOrMore(filled("a distinguished name")).optional().meta({ description: "The same of the authority that has signed it." }),
  fingerprint: oneOrMore(
    z.string().regex(FINGERPRINT, { error: "expected a SHA-256 fingerprint: 64 hexadecimal digits, with colons or without" }),
  )
    .optional()
    .meta({ description: "SHA-256 fingerprint or fingerprints, as `openssl x509 -noout -fingerprint -sha256` prints them." }),
  dns: oneOrMore(hostPattern).optional().meta({
    description: "DNS name or names, one of which the certificate must have; `*.example.com` takes every name below it at any depth.",
  }),
  uri: oneOrMore(filled("a URI")).optional().meta({
    description: "URI or URIs, one of which the certificate must have; `spiffe://example/shop/*` takes every one with that beginning.",
  }),
  email: oneOrMore(filled("an e-mail address"))
    .optional()
    .meta({ description: "E-mail address or addresses, one of which the certificate must have." }),
});
