/**
 * Warnings about routes that ask for what none of their ways to let clients in tells of a client: `require` then refuses everybody, and a limit
 * counts by address. They read the values of the file, which may be of any kind.
 */
import { at, entriesOf, listOf, warning } from "../../values/finding.ts";
import type { Finding, KeyPath } from "../../values/finding.ts";

/** What a method of `authentication` can tell of a client besides that it may come in. */
type Told = "user" | "roles" | "scopes" | "claims" | "api_key";

const TOLD_BY: Readonly<Record<string, (method: unknown) => readonly Told[]>> = {
  tokens: () => [],
  api_keys: () => ["user", "roles", "scopes", "api_key"],
  jwt: () => ["user", "roles", "scopes", "claims"],
  basic: (basic) => (at(basic, "groups_file") === undefined ? ["user"] : ["user", "roles"]),
  certificate: () => ["user"],
  forward: (forward) => (["user", "roles"] as const).filter((key) => at(forward, key) !== undefined),
  oidc: () => ["user", "roles", "scopes", "claims"],
};

/** What would tell it, for messages. */
const TELLS = {
  roles: "api_keys, jwt, oidc, basic with groups_file, and forward with roles",
  scopes: "api_keys, jwt and oidc",
  claims: "jwt and oidc",
} as const;

/** @param file the whole file, in which `route` stands at position `index` */
export function untoldIdentity(route: unknown, index: number, file: unknown): Finding[] {
  const authentication = at(route, "authentication");
  const methods = Object.entries(TOLD_BY).filter(([method]) => at(authentication, method) !== undefined);
  if (methods.length === 0) return [];
  const told = new Set(methods.flatMap(([method, tells]) => tells(at(authentication, method))));
  const path: KeyPath = ["routes", index];
  return [
    ...(["roles", "scopes", "claims"] as const)
      .filter((key) => at(at(route, "require"), key) !== undefined && !told.has(key))
      .map((key) =>
        warning(
          [...path, "require", key],
          `nobody has any, so everybody gets 403: none of ${names(methods)} tells ${key} of a client; ${TELLS[key]} do`,
          true,
        ),
      ),
    ...limitsOfUntold(at(route, "rate_limit"), [...path, "rate_limit"], told, names(methods)),
    ...(at(authentication, "certificate") === undefined ? [] : certificatesOfNobody([...path, "authentication", "certificate"], file)),
  ];
}

/** A warning where clients come over TLS and are asked for no certificate. Where no listener has TLS, its part of the file may not be written yet. */
function certificatesOfNobody(path: KeyPath, file: unknown): Finding[] {
  const hasTls = listOf(at(file, "listeners")).some((listener) => at(listener, "tls") !== undefined);
  if (!hasTls || asksForCertificates(file)) return [];
  return [warning(path, "no listener asks clients for a certificate (tls.client_certificates): nobody can show one", true)];
}

/** Whether a listener of the file asks its clients for certificates, under at least one name. */
export function asksForCertificates(file: unknown): boolean {
  return listOf(at(file, "listeners")).some((listener) => {
    const tls = at(listener, "tls");
    return [tls, ...listOf(at(tls, "certificates"))].some((each) => entriesOf(at(each, "client_certificates")).length > 0);
  });
}

function limitsOfUntold(value: unknown, path: KeyPath, told: ReadonlySet<Told>, methods: string): Finding[] {
  const limits: readonly (readonly [limit: unknown, place: KeyPath])[] = Array.isArray(value)
    ? value.map((limit: unknown, position) => [limit, [...path, position]] as const)
    : [[value, path]];
  return limits.flatMap(([limit, place]) => {
    const key = at(limit, "key");
    const parts: readonly unknown[] = Array.isArray(key) ? key : [key];
    const untold = (["user", "api_key"] as const).find((part) => parts.includes(part) && !told.has(part));
    if (untold === undefined) return [];
    const what = untold === "user" ? "names a user" : "tells the id of a key";
    return [warning([...place, "key"], `every client counts by its address: none of ${methods} ${what}`, true)];
  });
}

function names(methods: readonly (readonly [method: string, ...rest: unknown[]])[]): string {
  return `this route's methods (${methods.map(([method]) => method).join(", ")})`;
}
