/** Reads a key set (RFC 7517 section 5), from a file or from a key server. Only public keys for signatures are kept. */
import type { ReadCredentials } from "../../values/declaration.ts";

/** Members that only private and symmetric keys have (RFC 7518 section 6). */
const SECRET_MEMBERS = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];
const KINDS = new Set(["RSA", "EC", "OKP"]);

export const readKeySet: ReadCredentials = (text) => {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { problems: ["it is not valid JSON"] };
  }
  const keys: unknown = typeof value === "object" && value !== null ? Reflect.get(value, "keys") : undefined;
  if (!Array.isArray(keys)) return { problems: ['expected a key set: { "keys": [...] }'] };
  const problems: string[] = [];
  const kept = keys.filter((key: unknown, index): key is Record<string, unknown> => {
    if (typeof key !== "object" || key === null) {
      problems.push(`key #${index + 1} is no object`);
      return false;
    }
    // A private key that lies here has been published, or soon will be. A symmetric one would let everybody who can verify sign as well.
    const secret = SECRET_MEMBERS.find((member) => Object.hasOwn(key, member));
    if (secret !== undefined)
      problems.push(`key #${index + 1} is a private or symmetric key (it has "${secret}"): only public keys belong here`);
    // Keys for encryption, and of kinds that are not known, may stand beside the others.
    return secret === undefined && KINDS.has(String(Reflect.get(key, "kty"))) && Reflect.get(key, "use") !== "enc";
  });
  if (problems.length === 0 && kept.length === 0) problems.push("there is no public key for signatures in it");
  return problems.length > 0 ? { problems } : { text: JSON.stringify({ keys: kept }) };
};
