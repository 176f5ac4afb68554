/** Obtains a certificate: an order, a proof for each of its names, a signing request, the chain (RFC 8555 section 7.4 and 7.5). */
import { createPrivateKey, generateKeyPair } from "node:crypto";
import type { KeyObject } from "node:crypto";
import { promisify } from "node:util";
import type { AcmeClient } from "./acme-client.ts";
import { AcmeFault, AcmeProblem, listOf, property, shown } from "./acme-error.ts";
import { objectOf } from "./answer.ts";
import { authorize } from "./authorization.ts";
import type { ChallengeResponder, ChallengeType } from "./challenge.ts";
import { checkedChain } from "./issued-certificate.ts";
import type { Signer } from "./jws.ts";
import { whenFinished } from "./polling.ts";

export interface OrderSettings {
  /** The names, in lower case and in their ASCII form: `example.com`, `*.example.com`. */
  readonly names: readonly string[];
  readonly challenge: ChallengeType;
  readonly key: "ecdsa" | "rsa";
  /** The kind of certificate, as the authority names it; null: its usual one. */
  readonly profile: string | null;
  /** The identifier of the certificate that this one replaces (RFC 9773 section 5); null: none, or not known. */
  readonly replaces: string | null;
}

/** A certificate and its key, as PEM texts. */
export interface ObtainedCertificate {
  readonly chain: string;
  readonly key: string;
}

/** The longest that an order takes. Slow validations take minutes, and some authorities have somebody look at an order. */
const ORDER_MS = 15 * 60_000;
/** Bytes of a chain. */
const CHAIN_BYTES_MAX = 128 * 1024;

/** Rejects with an {@link AcmeProblem} or an {@link AcmeFault} when there is no certificate. */
export async function obtainCertificate(
  client: AcmeClient,
  signer: Signer,
  settings: OrderSettings,
  answers: ChallengeResponder,
): Promise<ObtainedCertificate> {
  const untilMs = client.clock.now() + ORDER_MS;
  const { order, url } = await newOrder(client, signer, settings);
  if (property(order, "status") === "pending") {
    const authorizations = listOf(property(order, "authorizations"));
    if (authorizations.length === 0 || authorizations.length > settings.names.length)
      throw new AcmeFault("the order has other names than were asked for");
    const urls = authorizations.map((each) => client.admitted(String(each), "authorization"));
    await authorize(client, signer, urls, settings, answers, untilMs);
  }
  const ready = await whenFinished(client, signer, url, ["pending"], "the order", untilMs);
  throwIfInvalid(ready);
  const key = await freshKey(settings.key);
  const finished = await finalized(client, signer, { order: ready, url }, key, settings, untilMs);
  const response = await client.post(signer, client.urlIn(finished, "certificate"), null, "application/pem-certificate-chain");
  if (response.body.length > CHAIN_BYTES_MAX) throw new AcmeFault("the authority's chain is too long");
  const chain = checkedChain(response.body, key, settings.names, client.clock.now());
  return { chain, key: key.export({ type: "pkcs8", format: "pem" }) };
}

interface Order {
  readonly order: object;
  readonly url: string;
}

async function newOrder(client: AcmeClient, signer: Signer, { names, profile, replaces }: OrderSettings): Promise<Order> {
  const directory = await client.directory();
  if (profile !== null && directory.profiles?.includes(profile) !== true) {
    const known = directory.profiles === null ? "knows no profiles" : `has ${shown(directory.profiles.join(", "))}`;
    throw new AcmeFault(`the authority has no profile ${profile}: it ${known}`);
  }
  const identifiers = names.map((value) => ({ type: "dns", value }));
  const payload = { identifiers, ...(profile === null ? {} : { profile }) };
  const replacing = replaces === null || directory.renewalInfo === null ? {} : { replaces };
  const response = await client.post(signer, directory.newOrder, { ...payload, ...replacing }).catch((error: unknown) => {
    // RFC 9773 section 5: the authority does not know the certificate, or another order has replaced it. That is no reason to go without one.
    const refusesReplacing =
      error instanceof AcmeProblem && (error.type === "alreadyReplaced" || error.status === 409 || error.type === "malformed");
    if (replaces === null || !refusesReplacing) throw error;
    return client.post(signer, directory.newOrder, payload);
  });
  return { order: objectOf(response), url: client.location(response, "order") };
}

/** The order once its certificate is there. */
async function finalized(
  client: AcmeClient,
  signer: Signer,
  { order, url }: Order,
  key: KeyObject,
  { names }: OrderSettings,
  untilMs: number,
): Promise<object> {
  const { signingRequest } = await import("./x509.ts");
  if (property(order, "status") !== "ready")
    throw new AcmeFault(`the order is ${shown(String(property(order, "status")))} before it was asked for`);
  await client.post(signer, client.urlIn(order, "finalize"), { csr: await signingRequest(key, names) });
  const finished = await whenFinished(client, signer, url, ["ready", "processing"], "the certificate", untilMs);
  throwIfInvalid(finished);
  return finished;
}

function throwIfInvalid(order: object): void {
  const status = property(order, "status");
  if (status !== "invalid") return;
  const problem = property(order, "error");
  throw problem === undefined ? new AcmeFault("the authority has refused the order") : new AcmeProblem(problem, 200, null);
}

/** Made off the main thread: an RSA key takes a tenth of a second. */
async function freshKey(kind: "ecdsa" | "rsa"): Promise<KeyObject> {
  const encodings = { publicKeyEncoding: { type: "spki", format: "pem" }, privateKeyEncoding: { type: "pkcs8", format: "pem" } } as const;
  const { privateKey } =
    kind === "rsa"
      ? await promisify(generateKeyPair)("rsa", { modulusLength: 2048, ...encodings })
      : await promisify(generateKeyPair)("ec", { namedCurve: "P-256", ...encodings });
  return createPrivateKey(privateKey);
}
