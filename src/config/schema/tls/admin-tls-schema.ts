/** The schema of TLS on the admin address. */
import { z } from "zod";
import { clientCertificatesSchema } from "./client-certificates-schema.ts";
import { certificateSchema, minVersion } from "./listener-tls-schema.ts";

export const adminTlsSchema = z.strictObject({
  ...certificateSchema.pick({ cert_file: true, key_file: true, key_passphrase: true }).shape,
  min_version: minVersion,
  client_certificates: z
    .strictObject({
      mode: z.enum(["required", "optional"]).default("required").meta({
        description:
          "`required`: a client without a certificate that is trusted and valid gets no connection. `optional`: one without any gets `/healthz` and `/readyz` and nothing else, for probes that have none.",
      }),
      ...clientCertificatesSchema.pick({ ca_file: true, crl_file: true }).shape,
    })
    .optional()
    .meta({
      description:
        "Asks whoever uses the address for a certificate. `token` is asked for besides, where it is set and other machines can reach the address. Absent: no certificate is asked for.",
    }),
});

/** TLS of the admin address, with every default filled in. */
export type AdminTlsConfig = z.output<typeof adminTlsSchema>;
