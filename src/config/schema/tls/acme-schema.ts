/** The schema of certificates that an authority gives out over ACME (RFC 8555). */
import { z } from "zod";
import { WAIT, WAIT_OR_ZERO, duration, wholeNumber } from "../../../values/scalars.ts";
import { dnsName, filePath, secret } from "../../../values/texts.ts";

/** Directory of Let's Encrypt. */
export const LETS_ENCRYPT = "https://acme-v02.api.letsencrypt.org/directory";
/** The one for trying: its certificates are trusted by nobody, and its limits are high. */
export const LETS_ENCRYPT_STAGING = "https://acme-staging-v02.api.letsencrypt.org/directory";

/** Names of one certificate. Let's Encrypt takes no more. */
const NAMES_MAX = 100;

/** A URL without credentials. http is for services of the same machine: whoever is on the way can change the answers. */
function serviceUrl(example: string): z.ZodType<string, string> {
  const error = `expected a URL such as ${example}`;
  return z
    .string({ error })
    .regex(/^https?:\/\/[^\s/?#@]+(?:[/?][^\s#]*)?$/i, { error, abort: true })
    .refine((url) => URL.canParse(url), { error })
    .meta({ title: "URL" });
}

const base64url = z
  .string()
  .regex(/^[A-Za-z0-9_-]+=*$/, { error: "expected the key as the authority gives it, in base64url" })
  .meta({ title: "secret" });

/** The key by which an authority knows its customer. */
export const bindingKey: z.ZodType<string, z.input<typeof secret>> = secret.pipe(base64url);

const eab = z.strictObject({
  key_id: z.string().min(1).meta({ title: "text", description: "The name of the key, as the authority gives it." }),
  hmac_key: bindingKey.meta({
    description: "The key itself, in base64url. Keep it out of the file, and let it change while it is in use: see docs/secrets.md.",
  }),
});

const dns = z.strictObject({
  command: z.array(z.string().min(1)).min(1, { error: "expected a program and its arguments" }).meta({
    title: "list of texts",
    description:
      "The program that sets and removes the record, with its arguments; no shell is between. Appended are `present` or `remove`, the record's name (`_acme-challenge.example.com`) and its value. It ends with 0 once the record can be seen. A path that begins with `./` is relative to the configuration's folder.",
  }),
  timeout: duration(WAIT)
    .prefault("5m")
    .meta({ description: "Time that the program may take; then it is killed, and the order has failed." }),
  wait: duration(WAIT_OR_ZERO).prefault("0s").meta({
    description: "Time after the program until the authority is told to look, for providers whose servers take a while to agree.",
  }),
});

const onDemand = z.strictObject({
  ask: serviceUrl("http://127.0.0.1:9000/ask").meta({
    description:
      "The service that is asked for each new name, by `GET ask?domain=NAME`: 2xx admits the name, every other status refuses it. Without it anybody could have certificates ordered for any name that leads here.",
  }),
  max_names: wholeNumber({ min: 1, max: 10_000 }).default(1000).meta({
    description: "Names that are served on demand at most. Further ones are refused, and the log says so. Bounds memory and orders.",
  }),
  orders_per_minute: wholeNumber({ min: 1, max: 1000 }).default(10).meta({
    description: "New names for which certificates are ordered in a minute at most. Authorities have limits of their own.",
  }),
});

export const acmeSchema = z.strictObject({
  domains: z
    .array(z.union([dnsName, z.array(dnsName).min(1).max(NAMES_MAX)]))
    .default([])
    .meta({
      title: "list of names, or of lists of names",
      description:
        "The names for which certificates are obtained: one certificate for each entry, and an entry that is a list is one certificate for all its names. `*.example.com` needs `challenge: dns-01`.",
    }),
  email: z
    .string()
    .regex(/^[^\s@]+@[^\s@]+$/, { error: "expected an email address" })
    .optional()
    .meta({ title: "email address", description: "Where the authority may write to about the account." }),
  directory: serviceUrl(LETS_ENCRYPT)
    .default(LETS_ENCRYPT)
    .meta({ description: "URL of the authority's directory. Default: that of Let's Encrypt." }),
  staging: serviceUrl(LETS_ENCRYPT_STAGING).optional().meta({
    description:
      "URL of the authority's directory for trying, which `millrace check --acme` uses. Default: that of Let's Encrypt where `directory` is.",
  }),
  terms_agreed: z.boolean().default(false).meta({
    description: "That you agree to the authority's terms of service. It must be `true`: without it no authority makes an account.",
  }),
  challenge: z.enum(["tls-alpn-01", "http-01", "dns-01"]).default("tls-alpn-01").meta({
    description:
      "How the authority sees that a name is yours: `tls-alpn-01` by a connection to port 443, which this listener answers; `http-01` by a request to port 80, which every plain listener answers; `dns-01` by a record that `dns.command` sets, for wildcards and for machines that the authority cannot reach.",
  }),
  dns: dns.optional().meta({ description: "How the record of `dns-01` is set." }),
  storage: filePath.meta({
    description:
      "Folder for the account's key, the certificates and their keys, relative to the configuration's folder. Made with mode 0700. It must outlive the process: authorities limit how many certificates they give out. Several processes may share it.",
  }),
  key: z
    .enum(["ecdsa", "rsa"])
    .default("ecdsa")
    .meta({ description: "Kind of the certificates' keys: ECDSA on P-256, or RSA with 2048 bits." }),
  profile: z
    .string()
    .regex(/^[A-Za-z0-9_.-]{1,64}$/, { error: "expected the name of a profile, such as shortlived" })
    .optional()
    .meta({ title: "text", description: "Kind of certificate by the authority's own name for it, such as `shortlived` of Let's Encrypt." }),
  eab: eab.optional().meta({ description: "External account binding: by what an authority knows its customers." }),
  ca_file: filePath.optional().meta({
    description: "PEM file of the certificates by which the authority's own address is trusted. Default: those that Node trusts.",
  }),
  on_demand: onDemand.optional().meta({
    description:
      "Obtains a certificate at the first handshake for a name that is none of `domains`, if a service admits the name. Absent: never.",
  }),
});

/** ACME of a listener, with every default filled in. */
export type AcmeConfig = z.output<typeof acmeSchema>;
