/** The schema of TLS on a listener: certificates, what is asked of clients, versions and ciphers, session tickets. */
import { z } from "zod";
import { duration } from "../../../values/scalars.ts";
import type { Range } from "../../../values/scalars.ts";
import { filePath, secret } from "../../../values/texts.ts";
import { acmeSchema } from "./acme-schema.ts";
import { CIPHERS, CURVES, nameList, withSuitesOfTls13 } from "./cipher-lists.ts";
import { clientCertificatesSchema } from "./client-certificates-schema.ts";

/** The most certificates of a listener. Each thread holds a context of about 34 KB for each. */
export const CERTIFICATES_MAX = 10_000;
/** Tickets of more than a week are refused by TLS 1.3 (RFC 8446 section 4.6.1), and a key outlives its tickets by its own time. */
const ROTATE: Range = { min: 60_000, max: 7 * 86_400_000 };

export const certificateSchema = z.strictObject({
  cert_file: filePath.meta({
    description:
      "PEM file of the certificate and of the intermediate certificates after it (`fullchain.pem`), relative to the configuration's folder. The names that it serves are those in the certificate, exact, as `*.example.com` for one label, or IP addresses. Read again when it changes; see docs/tls.md.",
  }),
  key_file: filePath.optional().meta({ description: "PEM file of the private key. Default: the key stands in `cert_file`." }),
  key_passphrase: secret.optional().meta({
    description: "Passphrase of an encrypted key. Keep it out of the file, and let it change while it is in use: see docs/secrets.md.",
  }),
  ocsp_file: filePath.optional().meta({
    description: "File of an OCSP response in DER, which is sent along (stapled). Read again when it changes; see docs/tls.md.",
  }),
  client_certificates: z
    .union([z.literal(false), clientCertificatesSchema], { error: "expected a mapping with ca_file, or false" })
    .optional()
    .meta({
      description:
        "What is asked of clients under the names of this certificate, in place of what the listener says; `false`: no certificate is asked for.",
    }),
});

const tickets = z.strictObject({
  key_file: filePath.optional().meta({
    description:
      "File of ticket keys, one a line: 48 bytes in Base64, as `openssl rand -base64 48` prints them. The first encrypts, all decrypt. Machines that share the file resume each other's sessions; whoever has it can read recorded connections of TLS 1.2, so give it new keys often. Read again when it changes. Default: keys are made and stay in memory.",
  }),
  rotate: duration(ROTATE).prefault("12h").meta({
    description:
      "Time after which a new ticket key is made; the one before still decrypts for as long. Nothing where there is a `key_file`.",
  }),
});

export const minVersion = z
  .union([z.enum(["1.2", "1.3"]), z.literal(1.2), z.literal(1.3)], { error: "expected 1.2 or 1.3" })
  .transform((given) => (String(given) === "1.3" ? ("1.3" as const) : ("1.2" as const)))
  .prefault("1.2")
  .meta({ title: "`1.2` or `1.3`", description: "The lowest version of TLS. Older ones than 1.2 are broken and never spoken." });

const internal = z.strictObject({
  storage: filePath.optional().meta({
    description:
      "Folder of the authority's key and certificate, relative to the configuration's folder; it is made where there is none, for its owner alone. Default: `millrace/authority` in `$XDG_DATA_HOME`, else in `~/.local/share`, so that all proxies of a user share one authority.",
  }),
});

const settings = z.strictObject({
  certificates: z.array(certificateSchema).max(CERTIFICATES_MAX).default([]).meta({
    description:
      "Certificates with their keys. The first one serves clients that name no name, and those that name one that no certificate has. Certificates of one name with keys of different kinds (ECDSA and RSA) serve side by side.",
  }),
  internal: internal.optional().meta({
    description:
      "Certificates of a local authority, made when clients ask for a name: `localhost`, names below `.localhost`, `.test` and `.internal`, loopback and private addresses. `tls: internal` is short for `tls: { internal: {} }`. `millrace trust` has this machine trust them; see docs/local-https.md.",
  }),
  acme: acmeSchema.optional().meta({
    description:
      "Obtains certificates from an authority such as Let's Encrypt, and renews them; see docs/acme.md. Until there is one for a name its handshakes are refused with an alert, or get the first certificate of the listener where it has one and `strict_sni` is off.",
  }),
  client_certificates: clientCertificatesSchema.optional().meta({
    description: "Asks clients for a certificate (mutual TLS). Absent: no certificate is asked for.",
  }),
  min_version: minVersion,
  ciphers: nameList("OpenSSL's names of cipher suites", "ECDHE-RSA-AES128-GCM-SHA256")
    .transform(withSuitesOfTls13)
    .prefault(CIPHERS.join(":"))
    .meta({
      title: "text or list",
      description:
        "Cipher suites by OpenSSL's names, in a list or joined by colons. Where none of TLS 1.3 (`TLS_...`) is named, all of its suites are offered. The default is what Mozilla recommends for clients of the last ten years (intermediate): forward secrecy and authenticated encryption only.",
    }),
  curves: nameList("OpenSSL's names of groups", "X25519").prefault(CURVES.join(":")).meta({
    title: "text or list",
    description:
      "Groups for the key exchange by OpenSSL's names, the preferred one first. The default begins with a hybrid that quantum computers of later do not break.",
  }),
  strict_sni: z.boolean().default(false).meta({
    description:
      "Whether clients that name a name which no certificate has are refused with an alert. Off: they get the first certificate, as those do that name none.",
  }),
  plain_http: z.enum(["refuse", "redirect"]).default("refuse").meta({
    description:
      "What plain HTTP on this port gets: 400 in plain text, or a redirect to `https` on the same port. The first request has crossed the network in the clear by then.",
  }),
  tickets: z
    .union([z.literal(false), tickets], { error: "expected a mapping with key_file or rotate, or false" })
    .prefault({})
    .meta({ description: "Session tickets, by which clients that come again need no full handshake; `false`: none are given." }),
});

/** `internal` stands for certificates of the local authority and all defaults. */
export const listenerTlsSchema = z
  .union([z.literal("internal"), settings])
  .transform((given) => (given === "internal" ? settings.parse({ internal: {} }) : given));

/** TLS of a listener, with every default filled in. */
export type ListenerTlsConfig = z.output<typeof listenerTlsSchema>;

/** An entry of `certificates`. */
export type CertificateConfig = ListenerTlsConfig["certificates"][number];
