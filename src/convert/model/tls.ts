/** TLS of a listener in the making: the sites that share it, each with its certificates and with what it asks of clients. */
import { defined } from "./conditions.ts";
import type { Conditions } from "./conditions.ts";
import type { Keys, RouteDraft } from "./draft.ts";

/** What a site asks of clients, as the keys of `client_certificates`. */
export interface ClientRule {
  readonly mode: "required" | "optional";
  readonly ca_file: string;
  readonly crl_file?: string | undefined;
  readonly verify_depth?: number | undefined;
}

export interface SecureSite {
  /** Entries of `certificates`; none: its certificate is one that the listener obtains or makes. */
  readonly certificates: readonly Keys[];
  /** null: it asks for no certificate. */
  readonly rule: ClientRule | null;
}

export interface SharedTls {
  /** Keys of `tls`. */
  readonly keys: Keys;
  /** Whether not all sites ask the same, so that a site which requires a certificate must look at each request. */
  readonly differs: boolean;
  /** Sites whose rule cannot be kept beside the others. */
  readonly closed: ReadonlySet<SecureSite>;
}

/** Puts the sites of one listener together. The first certificate serves clients that name no name. */
export function sharedTls(sites: readonly SecureSite[]): SharedTls {
  const [first] = sites;
  const isOne = sites.every(({ rule }) => textOf(rule) === textOf(first?.rule ?? null));
  const closed = new Set<SecureSite>();
  const common = isOne
    ? (first?.rule ?? null)
    : agreed(
        sites.filter(({ certificates }) => certificates.length === 0),
        closed,
      );
  const entries = new Map<string, { readonly keys: Keys; readonly sites: SecureSite[] }>();
  for (const site of sites)
    for (const keys of site.certificates) {
      const id = JSON.stringify([keys["cert_file"], keys["key_file"]]);
      const known = entries.get(id);
      if (known === undefined) entries.set(id, { keys, sites: [site] });
      else known.sites.push(site);
    }
  const certificates = [...entries.values()].map(({ keys, sites: owners }) => {
    const rule = isOne ? common : agreed(owners, closed);
    if (textOf(rule) === textOf(common)) return keys;
    return { ...keys, client_certificates: rule === null ? false : ruleKeys(rule) };
  });
  return {
    keys: defined({
      certificates: certificates.length === 0 ? undefined : certificates,
      client_certificates: common === null ? undefined : ruleKeys(common),
    }),
    differs: !isOne,
    closed,
  };
}

/** One rule for sites that share a certificate: who wants less than the others is asked for less, and routes ask for the rest. */
function agreed(sites: readonly SecureSite[], closed: Set<SecureSite>): ClientRule | null {
  const asking = sites.flatMap(({ rule }) => rule ?? []);
  const [rule] = asking;
  if (rule === undefined) return null;
  for (const site of sites) if (site.rule !== null && trustOf(site.rule) !== trustOf(rule)) closed.add(site);
  const isRequired = sites.every((site) => site.rule?.mode === "required" && !closed.has(site));
  return { ...rule, mode: isRequired ? "required" : "optional" };
}

function trustOf({ ca_file: file, crl_file: crl, verify_depth: depth }: ClientRule): string {
  return JSON.stringify([file, crl, depth]);
}

function textOf(rule: ClientRule | null): string {
  return JSON.stringify(rule);
}

function ruleKeys(rule: ClientRule): Keys {
  return defined({ ...rule, mode: rule.mode === "required" ? undefined : rule.mode });
}

/** Clients that have shown a verified certificate. */
export const SHOWN: Conditions = { certificate: {} };

/** The route that refuses those who have shown none, for a site that requires one. */
export function guardRoute(host: Conditions, comment: string): RouteDraft {
  return { match: [{ ...host, not: [SHOWN] }], keys: { respond: { status: 403 } }, comments: [comment] };
}

/** Nobody: for what was kept closed in a way that has no equivalent. */
export const NOBODY: Keys = { deny: ["0.0.0.0/0", "::/0"] };

/** The routes, none of which admits anybody. */
export function closedRoutes(routes: readonly RouteDraft[]): readonly RouteDraft[] {
  return routes.map((route) => ({ ...route, keys: { ...route.keys, access: NOBODY } }));
}
