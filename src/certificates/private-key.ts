/** Reads private keys. No message ever quotes one, or its passphrase. */
import { createPrivateKey } from "node:crypto";
import type { KeyObject } from "node:crypto";
import { privateKeyBlock } from "./pem.ts";

/** The key, or what is wrong with it or with its passphrase, to be put after the name of its file. */
export type ReadKey =
  | { readonly key: KeyObject; readonly wasEncrypted: boolean }
  | { readonly in: "key" | "passphrase"; readonly problem: string };

/** @param passphrase of an encrypted key */
export function readPrivateKey(text: string, passphrase: string | undefined): ReadKey {
  const block = privateKeyBlock(text);
  if (block === null) return { in: "key", problem: "holds no PEM private key" };
  const isEncrypted = /ENCRYPTED/.test(block.slice(0, 200));
  if (isEncrypted && passphrase === undefined) return { in: "key", problem: "is encrypted: it needs a key_passphrase" };
  try {
    const key = createPrivateKey({ key: block, format: "pem", ...(passphrase === undefined ? {} : { passphrase }) });
    return { key, wasEncrypted: isEncrypted };
  } catch {
    // OpenSSL's own reasons say what its decoder has tried, and nothing that helps.
    if (!isEncrypted) return { in: "key", problem: "holds a private key that cannot be read" };
    return { in: "passphrase", problem: "cannot be decrypted: its key_passphrase is another one, or it is damaged" };
  }
}

/** The kind of a key, by which certificates of one name serve side by side. */
export function keyKindOf({ asymmetricKeyType }: KeyObject): "ecdsa" | "rsa" | "other" {
  if (asymmetricKeyType === "ec") return "ecdsa";
  return asymmetricKeyType === "rsa" ? "rsa" : "other";
}
