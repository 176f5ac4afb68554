/** The schema of what is asked of clients: a certificate of their own (mutual TLS). */
import { z } from "zod";
import { wholeNumber } from "../../../values/scalars.ts";
import { filePath } from "../../../values/texts.ts";

export const clientCertificatesSchema = z.strictObject({
  mode: z.enum(["required", "optional"]).default("required").meta({
    description:
      "`required`: a client without a certificate that is trusted and valid is served nothing. `optional`: a client may send none; one that it sends must be trusted and valid.",
  }),
  ca_file: filePath.meta({
    description:
      "PEM file of the certificates to trust, relative to the configuration's folder. No others are trusted, the system's neither. Read again when it changes.",
  }),
  crl_file: filePath.optional().meta({
    description:
      "PEM file of revocation lists (CRL), one of each authority in a client's chain. A certificate that it names is refused, and so is every certificate when the list of its authority is missing or out of date. Read again when it changes.",
  }),
  verify_depth: wholeNumber({ min: 0, max: 10 }).default(1).meta({
    description: "Intermediate certificates that may stand between a client's certificate and one of `ca_file`.",
  }),
  forward: z.enum(["Client-Cert", "xfcc"]).optional().meta({
    description:
      "The field in which endpoints get the client's certificate: `Client-Cert` with `Client-Cert-Chain` (RFC 9440), or `X-Forwarded-Client-Cert` as Envoy writes it. Absent: none. Whatever clients send in these fields is removed on every listener.",
  }),
});

/** What is asked of clients, with every default filled in. */
export type ClientCertificatesConfig = z.output<typeof clientCertificatesSchema>;
