/** Where secrets stand in a configuration, and where one may stand by mistake. */
import { DECLARED } from "../../features/declared.ts";
import type { FeatureDeclaration } from "../../values/declaration.ts";
import type { KeyPath } from "../../values/finding.ts";
import { standsFor } from "./defaults-schema.ts";

/**
 * Whether the value at this path is a secret: `admin.token`, users and passwords of stores, passphrases of keys, the keys of `acme.eab`, `authentication.required_token` of the short form, and the
 * secrets that features declare.
 */
export function isSecret(given: KeyPath): boolean {
  const path = standsFor(given);
  const [first, second, key, ...inside] = path;
  if (first === "admin")
    return (second === "token" && path.length === 2) || (second === "tls" && key === "key_passphrase" && path.length === 3);
  if (first === "authentication") return second === "required_token" && path.length === 2;
  if (first === "listeners") return isPassphrase(path) || isBindingKey(path);
  if (first === "upstreams") return key === "tls" && inside.join() === "key_passphrase";
  if (first === "stores") return (key === "username" || key === "password") && path.length === 3;
  if (first !== "routes" || typeof second !== "number" || typeof key !== "string") return false;
  const places = SECRETS.get(key);
  return (
    places !== undefined &&
    places.includes(inside.reduce<string>((place, part) => `${place}${typeof part === "number" ? "[]" : `.${part}`}`, key))
  );
}

/** Whether the value at this path is the passphrase of a private key. */
function isPassphrase(path: KeyPath): boolean {
  return path[2] === "tls" && path[3] === "certificates" && path[5] === "key_passphrase" && path.length === 6;
}

/** Whether the value at this path is the key by which an authority knows its customer. */
function isBindingKey(path: KeyPath): boolean {
  return path.slice(2).join(".") === "tls.acme.eab.hmac_key";
}

/**
 * Whether messages must not show texts at this path. That holds for everything below a feature that has secrets (`authentication`), in
 * either form, below the `certificates` and `acme.eab` of a listener, and below `admin` except for the keys that never hold a secret: a token may stand in a wrong
 * place there.
 */
export function mayBeSecret(path: KeyPath): boolean {
  if (path[0] === "admin") return path[1] !== "address" && path[1] !== "hosts";
  // A passphrase, or a whole key, may stand in a wrong place.
  if (path[0] === "listeners") return path[2] === "tls" && (path[3] === "certificates" || (path[3] === "acme" && path[4] === "eab"));
  const [first, , key, inside] = standsFor(path);
  // A password may stand in a URL by mistake.
  if (first === "stores") return key !== "type" && key !== "on_failure" && key !== "timeout" && key !== "prefix";
  if (first === "upstreams" && key === "tls") return inside === "key_passphrase";
  return path.some((part) => typeof part === "string" && SECRETS.has(part));
}

/** For each feature that has secrets, their places in a route, such as `authentication.tokens[]`. */
const SECRETS: ReadonlyMap<string, readonly string[]> = new Map(
  Object.entries(DECLARED).flatMap(([key, { secrets = [] }]: readonly [string, FeatureDeclaration]) =>
    secrets.length === 0 ? [] : [[key, secrets.map((place) => `${key}.${place}`)]],
  ),
);
