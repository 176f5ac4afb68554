/** The schema of TLS towards the endpoints of an upstream: whom to trust, what to show them, and what else must hold. */
import { z } from "zod";
import { pinnedKey, serverName } from "../../../values/texts.ts";
import { clientCertificatesSchema } from "./client-certificates-schema.ts";
import { certificateSchema, minVersion } from "./listener-tls-schema.ts";

/** More of them would be a mistake: a certificate is compared with each. */
const PINS_MAX = 100;

export const upstreamTlsSchema = z.strictObject({
  verify: z.boolean().default(true).meta({
    description:
      "Whether an `https` endpoint must prove its name with a trusted certificate. Off and without `pinned_keys`, anybody on the way can read and change the traffic; a warning says so at each start.",
  }),
  server_name: serverName.optional().meta({
    description: "Name that is sent (SNI) and that the certificate must carry. Default: the host of the endpoint's URL.",
  }),
  ca_file: clientCertificatesSchema.shape.ca_file.optional().meta({
    description:
      "PEM file of the certificates to trust instead of the list that Node brings (Mozilla's), relative to the configuration's folder. Read again when it changes. The system's own store counts with `NODE_OPTIONS=--use-system-ca`.",
  }),
  crl_file: clientCertificatesSchema.shape.crl_file.meta({
    description:
      "PEM file of revocation lists (CRL), one of each authority in an endpoint's chain. A certificate that it names is refused, and so is every certificate when the list of its authority is missing or out of date. Read again when it changes.",
  }),
  cert_file: certificateSchema.shape.cert_file.optional().meta({
    description:
      "PEM file of the certificate to show to endpoints that ask for one (mutual TLS), and of the intermediate certificates after it, relative to the configuration's folder. Read again when it changes.",
  }),
  key_file: certificateSchema.shape.key_file,
  key_passphrase: certificateSchema.shape.key_passphrase,
  min_version: minVersion,
  pinned_names: z.array(serverName).min(1).max(PINS_MAX).optional().meta({
    description:
      "Names of which the certificate must carry one, in place of `server_name` and of the URL's host. What is sent (SNI) stays the same.",
  }),
  pinned_keys: z.array(pinnedKey).min(1).max(PINS_MAX).optional().meta({
    description:
      "Public keys of which the certificate must carry one, each as `sha256/` and the Base64 of the SHA-256 of its SubjectPublicKeyInfo, as `--pinnedpubkey` of curl takes it. With `verify: false` the key alone is what is trusted: good for self-signed certificates. See docs/tls-to-origins.md.",
  }),
});

/** TLS towards endpoints, with every default filled in. */
export type UpstreamTlsConfig = z.output<typeof upstreamTlsSchema>;
