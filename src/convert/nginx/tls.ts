/** What `server` blocks say about TLS towards clients. */
import { defined } from "../model/conditions.ts";
import type { Keys, Value } from "../model/draft.ts";
import type { Notes } from "../model/notes.ts";
import { literal } from "../model/regex-text.ts";
import type { Sources } from "../model/sources.ts";
import type { ClientRule, SecureSite } from "../model/tls.ts";
import type { Directive } from "./parse.ts";
import type { Scope } from "./scope.ts";
import type { Server } from "./servers.ts";

/** A block whose names are served with TLS. */
export interface TlsServer extends SecureSite {
  readonly server: Server;
  /** It asks for certificates in a way that cannot be kept, so nobody may come in. */
  readonly isClosed: boolean;
  /** `ssl_reject_handshake`: there is no certificate for its names. */
  readonly isRejecting: boolean;
}

export function tlsServer(server: Server, notes: Notes, comments: string[]): TlsServer {
  const { scope } = server;
  const isRejecting = scope.value("ssl_reject_handshake") === "on";
  const found = clientRule(scope, notes, comments);
  return {
    server,
    certificates: isRejecting ? [] : certificatesOf(scope, notes, comments),
    rule: found === "closed" ? null : found,
    isClosed: found === "closed",
    isRejecting,
  };
}

function certificatesOf(scope: Scope, notes: Notes, comments: string[]): readonly Keys[] {
  const certificates = scope.all("ssl_certificate");
  const keys = scope.all("ssl_certificate_key");
  const passwords = scope.last("ssl_password_file");
  const staple = scope.last("ssl_stapling_file");
  const note = ({ name: what, place }: Directive, why: string): void => notes.add({ place, what, why }, comments);
  const entries = certificates.flatMap((directive, index): readonly Keys[] => {
    const [file = ""] = directive.args;
    const key = keys[index];
    const keyFile = key?.args[0] ?? file;
    if (!isPath(file) || !isPath(keyFile)) {
      note(
        directive,
        "a certificate that is chosen by a variable, or is no file, has no equivalent: write an entry of `certificates` for each",
      );
      return [];
    }
    return [
      defined({
        cert_file: literal(file),
        key_file: keyFile === file ? undefined : literal(keyFile),
        key_passphrase: passwords === undefined ? undefined : `file:${literal(passwords.args[0] ?? "")}`,
      }),
    ];
  });
  if (passwords !== undefined && entries.length > 0)
    note(
      passwords,
      "of the file the first line counts as `key_passphrase`, where nginx tries each: give each certificate a file of its own",
    );
  const [only, ...others] = entries;
  if (staple === undefined || only === undefined) return entries;
  if (others.length === 0 && isPath(staple.args[0] ?? "")) return [{ ...only, ocsp_file: literal(staple.args[0] ?? "") }];
  note(staple, "an answer is about one certificate: write it as `ocsp_file` of the entry that it is for");
  return entries;
}

function isPath(text: string): boolean {
  return text !== "" && !/\$(?!\{[A-Z])|^(?:data|engine|store|pkcs11):/.test(text);
}

/** What the block asks of clients; "closed": it asks for something that has no equivalent. */
function clientRule(scope: Scope, notes: Notes, comments: string[]): ClientRule | "closed" | null {
  const verify = scope.last("ssl_verify_client");
  const mode = verify?.args[0] ?? "off";
  if (verify === undefined || mode === "off") return null;
  const note = ({ name: what, place }: Directive, why: string): void => notes.add({ place, what, why }, comments);
  const own = scope.last("ssl_client_certificate");
  const trusted = scope.last("ssl_trusted_certificate");
  const file = (own ?? trusted)?.args[0] ?? "";
  const crl = scope.last("ssl_crl")?.args[0];
  const online = scope.last("ssl_ocsp");
  if (online !== undefined && online.args[0] !== "off") {
    note(online, "clients' certificates are not asked about over OCSP; `crl_file` names those that are revoked");
    return "closed";
  }
  if (!isPath(file) || (crl !== undefined && !isPath(crl))) {
    if (mode !== "optional_no_ca") return "closed";
    note(verify, "certificates that nobody has verified are not asked for: the site sees none");
    return null;
  }
  if (mode === "optional_no_ca")
    note(verify, "a client whose certificate is not trusted is served nothing, where nginx leaves it to the application");
  if (own !== undefined && trusted !== undefined)
    note(trusted, "nginx takes clients with certificates below these too: add them to the file of `ca_file`, if any are to come in");
  const depth = Number(scope.value("ssl_verify_depth") ?? 1);
  return defined<ClientRule>({
    mode: mode === "on" ? "required" : "optional",
    ca_file: literal(file),
    crl_file: crl === undefined ? undefined : literal(crl),
    verify_depth: Number.isInteger(depth) && depth !== 1 ? Math.min(Math.max(depth, 0), 10) : undefined,
  });
}

/** One listener has one of each; nginx takes most of them from the default server too. */
const COMMON = ["ssl_protocols", "ssl_ciphers", "ssl_ecdh_curve", "ssl_session_tickets", "ssl_session_ticket_key", "ssl_conf_command"];

/** The keys of `tls` that are for all names of a listener. @param servers the blocks that listen there, the default one first */
export function commonTlsKeys(servers: readonly TlsServer[], sources: Sources, notes: Notes, comments: string[]): Keys {
  const serving = servers.filter(({ isRejecting }) => !isRejecting);
  const scope = serving[0]?.server.scope;
  if (scope === undefined) return {};
  const note = ({ name: what, place }: Directive, why: string): void => notes.add({ place, what, why }, comments);
  for (const { server } of serving.slice(1))
    for (const name of COMMON) {
      const own = server.scope.ownLast(name);
      if (own !== undefined && own.args.join() !== (scope.last(name)?.args ?? []).join())
        note(own, "a listener has one for all names: that of the default server counts");
    }
  return defined({
    min_version: minVersion(scope.last("ssl_protocols"), note),
    ciphers: ciphers(scope, sources, note),
    curves: curves(scope.last("ssl_ecdh_curve"), sources, note),
    strict_sni: strictSni(servers, note),
    plain_http: leadsPlainToHttps(servers) ? "redirect" : undefined,
    tickets: tickets(scope, note),
  });
}

type AddNote = (directive: Directive, why: string) => void;

function minVersion(directive: Directive | undefined, note: AddNote): Value | undefined {
  if (directive === undefined) return undefined;
  const versions = directive.args;
  if (versions.some((name) => /^(?:SSLv[23]|TLSv1(?:\.1)?)$/.test(name)))
    note(directive, "older versions than TLS 1.2 are broken, and never spoken");
  const isNewest = versions.every((name) => name === "TLSv1.3");
  if (!isNewest && !versions.includes("TLSv1.3")) note(directive, "TLS 1.3 is spoken too: there is no highest version");
  return isNewest ? "1.3" : undefined;
}

function ciphers(scope: Scope, sources: Sources, note: AddNote): Value | undefined {
  const directive = scope.last("ssl_ciphers");
  const commands = scope.all("ssl_conf_command");
  for (const command of commands)
    if (!/^ciphersuites$/i.test(command.args[0] ?? "")) note(command, "options of OpenSSL other than `Ciphersuites` have no equivalent");
  const suites = commands.find(({ args }) => /^ciphersuites$/i.test(args[0] ?? ""));
  const list = [suites?.args[1] ?? "", directive?.args.join(":") ?? ""].join(":");
  const given = directive ?? suites;
  return given === undefined ? undefined : listed(list, given, "what Mozilla recommends is offered", sources.unknownCiphers, note);
}

function curves(directive: Directive | undefined, sources: Sources, note: AddNote): Value | undefined {
  const list = directive?.args.join(":") ?? "auto";
  return directive === undefined || list === "auto"
    ? undefined
    : listed(list, directive, "the default is offered", sources.unknownCurves, note);
}

/** The list without what OpenSSL does not know any more. */
function listed(
  list: string,
  directive: Directive,
  instead: string,
  unknownIn: (list: string) => readonly string[],
  note: AddNote,
): Value | undefined {
  const text = list.replace(/[\s,:]+/g, ":").replace(/^:|:$/g, "");
  if (!/^[A-Za-z0-9_:@=+!.-]{1,2000}$/.test(text) || text.includes("PROFILE=")) {
    note(directive, `its list has no equivalent; ${instead}`);
    return undefined;
  }
  const unknown = unknownIn(text);
  const known = text.split(":").filter((name) => !unknown.includes(name));
  const isEmpty = !known.some((name) => !/^[!@-]/.test(name));
  if (unknown.length > 0) note(directive, `OpenSSL does not know ${unknown.join(", ")}${isEmpty ? `; ${instead}` : ""}`);
  return isEmpty ? undefined : known.join(":");
}

function strictSni([first, ...others]: readonly TlsServer[], note: AddNote): Value | undefined {
  for (const { isRejecting, server } of others) {
    const directive = server.scope.last("ssl_reject_handshake");
    if (isRejecting && directive !== undefined)
      note(directive, "names that no certificate has get that of the default server; what they ask for is refused");
  }
  if (first?.isRejecting !== true) return undefined;
  const directive = first.server.scope.last("ssl_reject_handshake");
  if (directive !== undefined)
    note(directive, "`strict_sni` refuses names that no certificate has; clients that name none get the first certificate");
  return true;
}

/** 497 is what nginx answers to plain HTTP on a port with TLS. */
function leadsPlainToHttps(servers: readonly TlsServer[]): boolean {
  return servers.some(({ server }) =>
    server.scope.all("error_page").some(({ args }) => args.includes("497") && (args.at(-1) ?? "").startsWith("https://")),
  );
}

function tickets(scope: Scope, note: AddNote): Value | undefined {
  if (scope.value("ssl_session_tickets") === "off") return false;
  const directive = scope.last("ssl_session_ticket_key");
  if (directive !== undefined)
    note(
      directive,
      "its keys are in another format: put each file of 48 bytes into one file as a line of Base64 (`base64 -w0 FILE`), and write `tickets: { key_file }` (docs/tls.md); until then sessions are resumed on this machine only",
    );
  return undefined;
}
