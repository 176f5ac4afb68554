/**
 * The account with a certificate authority (RFC 8555 section 7.3). It is a key and a URL. An authority may forget an account, or somebody may end it:
 * then a new one takes its place, because a proxy that renews its certificates alone has nobody to ask.
 */
import { createPrivateKey, generateKeyPairSync } from "node:crypto";
import type { KeyObject } from "node:crypto";
import type { AcmeClient } from "./acme-client.ts";
import { AcmeFault, AcmeProblem, property } from "./acme-error.ts";
import { objectOf } from "./answer.ts";
import { accountBinding } from "./jws.ts";
import type { Signer } from "./jws.ts";

export interface AccountSettings {
  /** Where the authority writes to; null: nowhere. */
  readonly email: string | null;
  /** External account binding: what the authority gave to its customer. */
  readonly eab: { readonly key_id: string; readonly hmac_key: string } | null;
}

/** An account as it is stored. */
export interface StoredAccount {
  /** The private key as PEM text. */
  readonly key: string;
  readonly url: string;
  /** The address that the authority was told. */
  readonly email: string | null;
}

/** What there is to sign with. */
export function signerOf({ key, url }: StoredAccount): Signer {
  return { key: createPrivateKey(key), account: url };
}

/** The account to use: the stored one, with another address where that has changed, or a new one. */
export async function openAccount(client: AcmeClient, stored: StoredAccount | null, settings: AccountSettings): Promise<StoredAccount> {
  if (stored === null) return newAccount(client, settings, freshKey());
  if (stored.email === settings.email) return stored;
  await client.post(signerOf(stored), stored.url, { contact: contactOf(settings) });
  return { ...stored, email: settings.email };
}

/**
 * The account to use after the authority has refused a request of this one: null when the account is in order, and the refusal is about something else.
 */
export async function replacementFor(
  client: AcmeClient,
  stored: StoredAccount,
  settings: AccountSettings,
  problem: AcmeProblem,
): Promise<StoredAccount | null> {
  if (problem.type === "accountDoesNotExist") return registered(client, settings, createPrivateKey(stored.key));
  if (problem.type !== "unauthorized" || (await isValid(client, stored))) return null;
  // A key whose account was ended can have no other account.
  return newAccount(client, settings, freshKey());
}

async function isValid(client: AcmeClient, stored: StoredAccount): Promise<boolean> {
  try {
    const response = await client.post(signerOf(stored), stored.url, null);
    return property(objectOf(response), "status") === "valid";
  } catch (error) {
    if (error instanceof AcmeProblem && error.type !== "rateLimited" && error.status < 500) return false;
    throw error;
  }
}

/** The account of a key that the authority had one for. Where it will have none for this key any more, that of a new key. */
async function registered(client: AcmeClient, settings: AccountSettings, key: KeyObject): Promise<StoredAccount> {
  try {
    return await newAccount(client, settings, key);
  } catch (error) {
    if (error instanceof AcmeProblem && error.type === "unauthorized") return newAccount(client, settings, freshKey());
    throw error;
  }
}

/** Registers the key. If the authority knows it already, it answers with the account that there is. */
async function newAccount(client: AcmeClient, settings: AccountSettings, key: KeyObject): Promise<StoredAccount> {
  const { newAccount: url, externalAccountRequired } = await client.directory();
  const { eab } = settings;
  if (externalAccountRequired && eab === null) throw new AcmeFault("the authority serves its customers only: acme.eab is needed");
  const binding = eab === null ? {} : { externalAccountBinding: accountBinding(key, url, eab.key_id, eab.hmac_key) };
  const payload = { termsOfServiceAgreed: true, contact: contactOf(settings), ...binding };
  const response = await client.post({ key, account: null }, url, payload);
  return {
    key: key.export({ type: "pkcs8", format: "pem" }),
    url: client.location(response, "account"),
    email: settings.email,
  };
}

function contactOf({ email }: AccountSettings): readonly string[] {
  return email === null ? [] : [`mailto:${email}`];
}

function freshKey(): KeyObject {
  return generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
}
