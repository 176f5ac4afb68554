/** What Caddy is told about certificate authorities, in the global options or in `tls` of a site, as keys of `tls.acme`. */
import type { Keys } from "../model/draft.ts";
import type { Directive } from "./parse.ts";
import { withEnvironment } from "./placeholders.ts";

/** Keys of `acme` besides its names. */
export type AcmeKeys = Readonly<{
  email?: string;
  directory?: string;
  ca_file?: string;
  challenge?: string;
  key?: string;
  eab?: Keys;
  dns?: Keys;
}>;

export type AddNote = (directive: Directive, why: string, what?: string) => void;

/** The program that stands for a provider's module. */
const PROGRAM = "./acme-record";
const ZERO_SSL = "https://acme.zerossl.com/v2/DV90";

/** Keys that a line says; null: it is not about authorities. @param name of an option, as `tls` names it */
export function acmeLine(name: string, directive: Directive, note: AddNote): AcmeKeys | null {
  const args = directive.args.map(withEnvironment);
  const [first = "", second] = args;
  switch (name) {
    case "email":
      return /^[^\s@{}]+@[^\s@{}]+$|^\$\{[^}]*\}$/.test(first) ? { email: first } : {};
    case "ca":
    case "dir":
      return directoryKeys(first, directive, note);
    case "ca_root":
    case "trusted_roots":
      return isPath(first) ? { ca_file: first } : {};
    case "key_type":
      if (first === "rsa2048" || first === "rsa4096") {
        if (first === "rsa4096") note(directive, "keys of RSA have 2048 bits here");
        return { key: "rsa" };
      }
      if (first !== "p256") note(directive, "keys of ECDSA are on P-256 here");
      return {};
    case "dns":
      return dnsKeys(first, directive, note);
    case "disable_tlsalpn_challenge":
      return { challenge: "http-01" };
    case "eab":
      return eabKeys(first || valueOf(directive, "key_id"), second ?? valueOf(directive, "mac_key"), directive, note);
    default:
      return QUIET.test(name) ? {} : null;
  }
}

/** Done in another way here, or by the program that sets records. */
const QUIET =
  /^(?:disable_http_challenge|test_dir|resolvers|propagation_timeout|propagation_delay|dns_ttl|dns_challenge_override_domain|timeout|alt_http_port|alt_tlsalpn_port|renewal_window_ratio)$/;

/** `issuer` in `tls`, or `cert_issuer`; "internal": certificates are those of a local authority. */
export function issuerKeys(directive: Directive, note: AddNote): AcmeKeys | "internal" {
  const [name = "", key] = directive.args.map(withEnvironment);
  const lines = (directive.block ?? []).map((line) => {
    const keys = acmeLine(line.name, line, note);
    if (keys === null) note(line, "has no equivalent", `issuer ${line.name}`);
    return keys ?? {};
  });
  const own: AcmeKeys = Object.assign({}, ...lines) as AcmeKeys;
  if (name === "internal") return "internal";
  if (name === "acme") return key === undefined ? own : { ...directoryKeys(key, directive, note), ...own };
  if (name === "zerossl") {
    note(directive, "ZeroSSL gives its customers a pair of keys: write it as `eab`");
    return { ...own, directory: ZERO_SSL };
  }
  note(directive, "the issuer has no equivalent");
  return own;
}

function directoryKeys(url: string, directive: Directive, note: AddNote): AcmeKeys {
  if (/^\$\{[^}]*\}$|^https:\/\/[^\s/?#@{}]+(?:[/?][^\s#{}]*)?$/.test(url)) return { directory: url };
  note(directive, "an authority is asked over https only");
  return {};
}

function dnsKeys(provider: string, directive: Directive, note: AddNote): AcmeKeys {
  const name = /^[a-z0-9_]{1,40}$/.test(provider) ? provider : "the provider";
  note(
    directive,
    `write the program ${PROGRAM}, which sets the record at ${name} and has the credentials in its environment (docs/acme.md)`,
  );
  return { challenge: "dns-01", dns: { command: [PROGRAM] } };
}

function eabKeys(id: string | undefined, key: string | undefined, directive: Directive, note: AddNote): AcmeKeys {
  if (id !== undefined && key !== undefined && id !== "" && /^[A-Za-z0-9_-]+=*$|^\$\{[^}]*\}$/.test(key))
    return { eab: { key_id: id, hmac_key: key } };
  note(directive, "its keys have no equivalent: write `eab: { key_id, hmac_key }`");
  return {};
}

function valueOf({ block }: Directive, name: string): string | undefined {
  const found = (block ?? []).find((line) => line.name === name)?.args[0];
  return found === undefined ? undefined : withEnvironment(found);
}

/** Whether a text with variables of the environment can be the path of a file. */
export function isPath(text: string): boolean {
  return text !== "" && !text.replace(/\$\{[^}]*\}/g, "").includes("{");
}

/** The global options about authorities. */
export interface GlobalTls {
  readonly acme: AcmeKeys;
  /** All certificates are those of a local authority. */
  readonly isLocal: boolean;
  /** Whether certificates are obtained, and whether plain HTTP is led to https. */
  readonly isAutomatic: boolean;
  /** Whether names alone mean no https. */
  readonly isOff: boolean;
  readonly isRedirecting: boolean;
  readonly httpPort: string;
  readonly httpsPort: string;
  /** The service that admits names on demand. */
  readonly ask: string | undefined;
}

const OPTIONS: Readonly<Record<string, string>> = {
  email: "email",
  acme_ca: "ca",
  acme_ca_root: "ca_root",
  acme_eab: "eab",
  acme_dns: "dns",
  key_type: "key_type",
};

export function globalTls(globals: readonly Directive[], note: AddNote): GlobalTls {
  let acme: AcmeKeys = {};
  let isLocal = globals.some(({ name }) => name === "local_certs");
  let ask: string | undefined;
  for (const directive of globals) {
    const line = OPTIONS[directive.name];
    if (line !== undefined) acme = { ...acme, ...acmeLine(line, directive, note) };
    else if (directive.name === "cert_issuer") {
      const keys = issuerKeys(directive, note);
      if (keys === "internal") isLocal = true;
      else acme = { ...acme, ...keys };
    } else if (directive.name === "on_demand_tls") ask = askOf(directive, note) ?? ask;
    else if (directive.name === "default_sni" || directive.name === "fallback_sni")
      note(directive, "clients that name no name get the first certificate");
    else if (directive.name === "preferred_chains") note(directive, "the authority's own chain is taken");
    else if (directive.name === "storage" && directive.args[0] !== "file_system")
      note(directive, "certificates are stored in a folder, which several processes may share");
  }
  const value = (name: string, otherwise: string): string =>
    withEnvironment(globals.find((directive) => directive.name === name)?.args[0] ?? otherwise);
  const modes = globals.filter(({ name }) => name === "auto_https").flatMap(({ args }) => args);
  return {
    acme,
    isLocal,
    isOff: modes.includes("off"),
    isAutomatic: !modes.some((mode) => mode === "off" || mode === "disable_certs"),
    isRedirecting: !modes.some((mode) => mode === "off" || mode === "disable_redirects"),
    httpPort: value("http_port", "80"),
    httpsPort: value("https_port", "443"),
    ask,
  };
}

function askOf(directive: Directive, note: AddNote): string | undefined {
  const lines = directive.block ?? [];
  const permission = lines.find(({ name, args }) => name === "permission" && args[0] === "http");
  const url =
    lines.find(({ name }) => name === "ask")?.args[0] ??
    permission?.args[1] ??
    permission?.block?.find(({ name }) => name === "endpoint")?.args[0];
  if (url === undefined) return undefined;
  const text = withEnvironment(url);
  if (/^\$\{[^}]*\}$|^https?:\/\/[^\s/?#@{}]+(?:[/?][^\s#{}]*)?$/.test(text)) return text;
  note(directive, "the address of the service has no equivalent");
  return undefined;
}
