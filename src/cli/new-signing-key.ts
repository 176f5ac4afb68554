import { createPrivateKey, createPublicKey, generateKeyPairSync, hash } from "node:crypto";
import type { KeyObject } from "node:crypto";
import { readFileSync } from "node:fs";
import { messageOf } from "../base/errors.ts";
import { signingKeys } from "../features/authentication/read-signing-key.ts";

type Print = (text: string) => void;

/**
 * `millrace new-key --internal`: makes a key for `internal_jwt`. The private key goes to stdout, for a file; its public half, for whoever verifies, to stderr. Returns
 * the exit code.
 */
export function newSigningKeyCommand(algorithm: "ES256" | "EdDSA", out: Print, err: Print): number {
  const { privateKey, publicKey } =
    algorithm === "ES256" ? generateKeyPairSync("ec", { namedCurve: "P-256" }) : generateKeyPairSync("ed25519");
  const kid = thumbprint(publicKey);
  out(`${JSON.stringify({ ...privateKey.export({ format: "jwk" }), kid, alg: algorithm, use: "sig" })}\n`);
  err(
    `# the public key, for applications that verify tokens; \`millrace new-key --public FILE\` prints it again\n${publicSet([{ publicKey, kid, algorithm }])}`,
  );
  return 0;
}

/** `millrace new-key --public FILE`: prints the public halves of the keys in a file of `internal_jwt` as a key set. Returns the exit code. */
export function publicKeysCommand(file: string, out: Print, err: Print): number {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    err(`millrace: ${file}: ${messageOf(error)}\n`);
    return 1;
  }
  const read = signingKeys(text);
  if ("problems" in read) {
    err(read.problems.map((problem) => `millrace: ${file}: ${problem}\n`).join(""));
    return 1;
  }
  const keys = read.keys.map(({ algorithm, id, jwk }) => {
    const publicKey = createPublicKey(createPrivateKey({ key: { ...jwk }, format: "jwk" }));
    return { publicKey, algorithm, kid: id };
  });
  out(publicSet(keys));
  return 0;
}

interface PublicKey {
  readonly publicKey: KeyObject;
  readonly kid: string;
  readonly algorithm: string;
}

function publicSet(keys: readonly PublicKey[]): string {
  const all = keys.map(({ publicKey, kid, algorithm }) => ({
    ...publicKey.export({ format: "jwk" }),
    ...(kid === "" ? {} : { kid }),
    alg: algorithm,
    use: "sig",
  }));
  return `${JSON.stringify({ keys: all })}\n`;
}

/** The name of a key that depends on nothing but the key (RFC 7638 section 3). */
function thumbprint(key: KeyObject): string {
  const { crv, kty, x, y } = key.export({ format: "jwk" });
  return hash("sha256", JSON.stringify(y === undefined ? { crv, kty, x } : { crv, kty, x, y }), "base64url");
}
