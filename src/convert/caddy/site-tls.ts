/** `tls` of a site: its certificates, what it asks of clients, and what is spoken. */
import { defined } from "../model/conditions.ts";
import type { Keys } from "../model/draft.ts";
import type { ClientRule } from "../model/tls.ts";
import { acmeLine, isPath, issuerKeys } from "./acme.ts";
import type { AcmeKeys, AddNote, GlobalTls } from "./acme.ts";
import type { Directive } from "./parse.ts";
import { withEnvironment } from "./placeholders.ts";

export interface SiteTls {
  /** Entries of `certificates`. */
  readonly certificates: readonly Keys[];
  /** The certificates are those of a local authority. */
  readonly isInternal: boolean;
  readonly isOnDemand: boolean;
  readonly acme: AcmeKeys;
  readonly rule: ClientRule | null;
  /** It asks clients for something that has no equivalent, so nobody may come in. */
  readonly isClosed: boolean;
  /** Keys of `tls` that are for all names of a listener. */
  readonly common: Keys;
  /** The directive, for notes; undefined: there is none. */
  readonly directive: Directive | undefined;
}

export function siteTls(body: readonly Directive[], globals: GlobalTls, note: AddNote): SiteTls {
  const certificates: Keys[] = [];
  let isInternal = globals.isLocal;
  let isOnDemand = false;
  let { acme } = globals;
  let common: Keys = {};
  let rule: ClientRule | "closed" | null = null;
  const directives = body.filter(({ name }) => name === "tls");
  for (const directive of directives) {
    const [first = "", second] = directive.args.map(withEnvironment);
    if (first === "internal") isInternal = true;
    else if (second !== undefined && isPath(first) && isPath(second))
      certificates.push(second === first ? { cert_file: first } : { cert_file: first, key_file: second });
    else if (second !== undefined) note(directive, "certificates that are chosen by a placeholder have no equivalent");
    else if (first.includes("@")) acme = { ...acme, ...acmeLine("email", directive, note) };
    for (const line of directive.block ?? []) {
      if (line.name === "on_demand") isOnDemand = true;
      else if (line.name === "client_auth") rule = clientRule(line, note);
      else if (line.name === "issuer") {
        const keys = issuerKeys(line, note);
        if (keys === "internal") isInternal = true;
        else acme = { ...acme, ...keys };
      } else if (/^(?:protocols|ciphers|curves)$/.test(line.name)) common = { ...common, ...spoken(line, note) };
      else {
        const keys = acmeLine(line.name, line, note);
        if (keys !== null) acme = { ...acme, ...keys };
        else if (!NOT_NEEDED.has(line.name)) note(line, OTHERS[line.name] ?? "has no equivalent", `tls ${line.name}`);
      }
    }
  }
  return {
    certificates,
    isInternal,
    isOnDemand,
    acme,
    rule: rule === "closed" ? null : rule,
    isClosed: rule === "closed",
    common,
    directive: directives[0],
  };
}

const NOT_NEEDED: ReadonlySet<string> = new Set(["alpn", "insecure_secrets_log", "force_automate"]);
const OTHERS: Readonly<Record<string, string>> = {
  load: "folders of certificates are not read: write an entry of `certificates` for each",
  get_certificate: "certificates that another service keeps have no equivalent",
  must_staple: "certificates that insist on stapling are not ordered (docs/tls.md)",
};

/** `client_auth`; "closed": it admits some in a way that has no equivalent. */
function clientRule(directive: Directive, note: AddNote): ClientRule | "closed" | null {
  const lines = directive.block ?? [];
  const pool = lines.find(({ name }) => name === "trust_pool");
  const files = [
    ...lines.filter(({ name }) => name === "trusted_ca_cert_file").flatMap(({ args }) => args),
    ...(pool?.args[0] === "file"
      ? [...pool.args.slice(1), ...(pool.block ?? []).filter(({ name }) => name === "pem_file").flatMap(({ args }) => args)]
      : []),
  ].map(withEnvironment);
  const others = lines.filter(
    ({ name, args }) =>
      /^(?:trusted_ca_cert|trusted_leaf_cert|trusted_leaf_cert_file|verifier)$/.test(name) || (name === "trust_pool" && args[0] !== "file"),
  );
  const [file] = files;
  const given = lines.find(({ name }) => name === "mode")?.args[0];
  const mode = given ?? (file !== undefined || others.length > 0 ? "require_and_verify" : "require");
  const closed = (why: string): "closed" => {
    note(
      directive,
      `${why}, so nobody is let in here: write \`client_certificates\`, and take out \`access\` (docs/client-certificates.md)`,
    );
    return "closed";
  };
  if (mode === "request" && file === undefined) {
    note(directive, "certificates that nobody has verified are not asked for: the site sees none");
    return null;
  }
  if (others.length > 0) return closed("certificates are trusted by files of authorities alone");
  if (file === undefined || !isPath(file)) return closed("certificates that no authority of a file has signed have no equivalent");
  if (files.length > 1) note(directive, "there is one file of authorities: add the others to it, if their clients are to come in");
  if (mode === "require" || mode === "request")
    note(directive, "a client whose certificate is not trusted is served nothing, where Caddy leaves it to the application");
  return { mode: mode === "request" || mode === "verify_if_given" ? "optional" : "required", ca_file: file };
}

const CURVES: Readonly<Record<string, string>> = {
  x25519mlkem768: "X25519MLKEM768",
  x25519: "X25519",
  secp256r1: "prime256v1",
  secp384r1: "secp384r1",
  secp521r1: "secp521r1",
};

function spoken(line: Directive, note: AddNote): Keys {
  const args = line.args.map(withEnvironment);
  if (line.name === "protocols") {
    const [lowest, highest] = args;
    if (highest !== undefined && highest !== "tls1.3") note(line, "TLS 1.3 is spoken too: there is no highest version");
    return lowest === "tls1.3" ? { min_version: "1.3" } : {};
  }
  const names = args.map((name) => (line.name === "curves" ? CURVES[name] : opensslName(name)));
  const known = names.filter((name) => name !== undefined);
  if (known.length < names.length) note(line, "some of its names have no equivalent");
  return known.length === 0 ? {} : { [line.name]: known };
}

/** `TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256` as OpenSSL names it. */
function opensslName(name: string): string | undefined {
  if (/^TLS_(?:AES|CHACHA20)_/.test(name)) return name;
  const [, exchange = "", cipher = ""] = /^TLS_((?:ECDHE_)?(?:RSA|ECDSA))_WITH_([A-Z0-9_]+)$/.exec(name) ?? [];
  const known = CIPHERS[cipher];
  return known === undefined ? undefined : `${exchange === "RSA" ? "" : `${exchange.replace("_", "-")}-`}${known}`;
}

const CIPHERS: Readonly<Record<string, string>> = {
  AES_128_GCM_SHA256: "AES128-GCM-SHA256",
  AES_256_GCM_SHA384: "AES256-GCM-SHA384",
  CHACHA20_POLY1305_SHA256: "CHACHA20-POLY1305",
  CHACHA20_POLY1305: "CHACHA20-POLY1305",
  AES_128_CBC_SHA: "AES128-SHA",
  AES_256_CBC_SHA: "AES256-SHA",
};

/** The keys that several sites of one listener say; what differs is told. */
export function commonKeys(sites: readonly SiteTls[], note: AddNote): Keys {
  const [first] = sites;
  for (const { common, directive } of sites.slice(1))
    if (directive !== undefined && JSON.stringify(common) !== JSON.stringify(first?.common))
      note(directive, "a listener has one list of versions, ciphers and curves for all names: that of the first site counts");
  return first === undefined ? {} : defined(first.common);
}
