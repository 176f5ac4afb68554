/** The certificates of origins that speak TLS, by the name in SNI. */
import { after } from "node:test";
import { randomBytes } from "node:crypto";
import { createSecureContext } from "node:tls";
import { TestAuthority, temporaryFiles } from "../support/certificates.ts";
import type { TestCertificate } from "../support/certificates.ts";
import { CIPHERS } from "../support/sealed-records.ts";
import type { Contexts } from "../support/tls-wire.ts";

const authority = await TestAuthority.create();
const files = temporaryFiles({ after }, { "origin-ca.pem": authority.certificate });

/** The file of the authority that has signed all of them. */
export const ORIGIN_CA: string = files["origin-ca.pem"];

/** A name whose certificate has expired. The certificate for any other name is for 127.0.0.1. */
export const EXPIRED = "expired.test";

/** The only version that an origin speaks. */
export type Version = "TLSv1.2" | "TLSv1.3";

const contexts: Map<Version, Promise<Contexts>> = new Map();

export async function originContexts(version: Version): Promise<Contexts> {
  const made = contexts.get(version) ?? makeContexts(version);
  contexts.set(version, made);
  return await made;
}

/** All sessions so far are forgotten: tickets that clients bring are of no use. */
export async function forgetSessions(): Promise<void> {
  for (const made of contexts.values())
    for (const { context } of (await made).values()) (context as TicketKeys).setTicketKeys(randomBytes(48));
}

/** What Node's own server does in its method of that name. */
interface TicketKeys {
  setTicketKeys(keys: Buffer): void;
}

async function makeContexts(version: Version): Promise<Contexts> {
  const [plain, expired] = await Promise.all([authority.issue(["127.0.0.1"]), authority.issue([EXPIRED], { valid: "expired" })]);
  return new Map([
    ["", contextOf(plain, version)],
    [EXPIRED, contextOf(expired, version)],
  ]);
}

function contextOf({ chain, key }: TestCertificate, version: Version): ReturnType<typeof createSecureContext> {
  return createSecureContext({ cert: chain, key, ciphers: CIPHERS, minVersion: version, maxVersion: version });
}
