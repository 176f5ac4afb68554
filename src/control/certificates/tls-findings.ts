/**
 * Checks TLS of listeners, of the admin address and towards endpoints beyond the schema: whether the files can be read and used, and what about them is doubtful. A certificate that has expired is a
 * warning: the proxy must be able to start again for the sake of all the others.
 */
import { statSync } from "node:fs";
import path from "node:path";
import { ocspFault } from "../../certificates/ocsp-response.ts";
import { ciphersProblem, curvesProblem } from "../../certificates/openssl-lists.ts";
import { clientPairFindings, dayOf, pairFindings } from "../../certificates/pair-findings.ts";
import { revocationEndMs } from "../../certificates/revocation-lists.ts";
import type { ServedPair } from "../../certificates/served-pair.ts";
import type { PlacedTls, PlacedUpstreamTls, TlsInFile } from "../../config/listener-tls-in-file.ts";
import { shownFile } from "../../config/problems/shown.ts";
import type { ClientCertificatesConfig } from "../../config/schema/tls/client-certificates-schema.ts";
import type { CertificateConfig } from "../../config/schema/tls/listener-tls-schema.ts";
import { mapUpstreamTlsFiles } from "../../config/schema/tls/tls-files.ts";
import type { AdminTlsConfig } from "../../config/schema/tls/admin-tls-schema.ts";
import { error, warning } from "../../values/finding.ts";
import type { Finding, KeyPath } from "../../values/finding.ts";
import { acmeFindings } from "../acme/acme-findings.ts";
import type { NoteFile } from "../named-files/config-files.ts";
import { readOcsp, readPair, readTicketKeys, readTrust } from "./read-material.ts";
import type { ReadMaterial } from "./read-material.ts";
import { namesTwice, unservedHosts } from "./served-names.ts";
import type { PlacedCertificate } from "./served-names.ts";

/**
 * @param folder the folder to which paths are relative
 * @param noted called with each file before it is read
 * @param nowMs epoch milliseconds
 */
export function tlsFindings(
  folder: string,
  noted: NoteFile = () => {},
  nowMs: number = Date.now(),
): (file: TlsInFile) => readonly Finding[] {
  return (file) => {
    const findings: Finding[] = [];
    const names = new Set<string>();
    for (const listener of file.listeners) {
      const check = new TlsCheck(folder, noted, nowMs);
      findings.push(...check.listener(listener), ...namesTwice(check.certificates));
      for (const each of check.certificates) for (const name of each.names) names.add(name);
      for (const name of listener.tls.acme?.domains.flat() ?? []) names.add(name);
    }
    if (file.admin !== null) findings.push(...new TlsCheck(folder, noted, nowMs).adminAddress(file.admin));
    for (const upstream of file.upstreams) findings.push(...new TlsCheck(folder, noted, nowMs).upstream(upstream));
    const isComplete = !findings.some(({ severity }) => severity === "error");
    const isOpen = file.listeners.some(({ tls }) => tls.acme?.on_demand !== undefined);
    return file.hosts !== null && isComplete && !isOpen && names.size > 0 ? [...findings, ...unservedHosts(file.hosts, names)] : findings;
  };
}

/** The checks of one listener, of the admin address, or of TLS towards the endpoints of one upstream. */
class TlsCheck {
  /** Those that could be read. */
  readonly certificates: PlacedCertificate[] = [];
  private readonly folder: string;
  private readonly noted: NoteFile;
  private readonly nowMs: number;

  constructor(folder: string, noted: NoteFile, nowMs: number) {
    this.folder = folder;
    this.noted = noted;
    this.nowMs = nowMs;
  }

  listener({ path, tls }: PlacedTls): Finding[] {
    const { certificates, client_certificates: clients, tickets, acme } = tls;
    const keyFile = tickets === false ? undefined : tickets.key_file;
    const [ciphers, curves] = [ciphersProblem(tls.ciphers), curvesProblem(tls.curves)];
    return [
      ...certificates.flatMap((entry, index) => this.certificate(entry, [...path, "certificates", index], clients)),
      ...(acme === undefined ? [] : acmeFindings(acme, [...path, "acme"], this.folder, (name) => this.authorities(name))),
      ...this.clients(clients, [...path, "client_certificates"]),
      ...(ciphers === null ? [] : [error([...path, "ciphers"], ciphers)]),
      ...(curves === null ? [] : [error([...path, "curves"], curves)]),
      ...(keyFile === undefined ? [] : this.ticketKeys(this.pathOf(keyFile), [...path, "tickets"])),
    ];
  }

  /** What is wrong with a file of trusted certificates; null: nothing. */
  private authorities(name: string): string | null {
    const read = readTrust({ ca_file: this.pathOf(name) });
    return "value" in read ? null : read.problem;
  }

  adminAddress({ client_certificates: clients, ...files }: AdminTlsConfig): Finding[] {
    const rule = clients === undefined ? undefined : { ...clients, verify_depth: 1 };
    return this.certificate({ ...files, client_certificates: rule }, ["admin", "tls"], undefined);
  }

  upstream({ path, tls: given }: PlacedUpstreamTls): Finding[] {
    const tls = { ...given };
    mapUpstreamTlsFiles(tls, (name) => this.pathOf(name));
    const { cert_file: file, key_file: keyFile = file } = tls;
    const trust = readTrust(tls);
    if (!("value" in trust)) return problemOf(trust, path);
    const ended = this.endedList(trust.value.crl, tls.crl_file, "endpoint", path);
    const pair = file === undefined ? null : readPair({ ...tls, cert_file: file });
    if (file === undefined || keyFile === undefined || pair === null) return ended;
    if (!("value" in pair)) return problemOf(pair, path);
    return [
      ...ended,
      ...clientPairFindings(pair.value, this.nowMs).map((doubt) => warning([...path, "cert_file"], `${shownFile(file)} ${doubt}`)),
      ...idlePassphrase(pair.value, tls.key_passphrase, path),
      ...readable(keyFile, [...path, keyFile === file ? "cert_file" : "key_file"]),
    ];
  }

  private certificate(given: CertificateConfig, path: KeyPath, all: ClientCertificatesConfig | undefined): Finding[] {
    const { cert_file: file, key_file: keyFile, ocsp_file: ocspFile, client_certificates: own = all } = given;
    const files = { cert_file: this.pathOf(file), ...(keyFile === undefined ? {} : { key_file: this.pathOf(keyFile) }) };
    const read = readPair({ ...given, ...files });
    const findings = "value" in read ? this.pair(read.value, files, given, path) : problemOf(read, path);
    if (ocspFile !== undefined) findings.push(...this.ocsp(this.pathOf(ocspFile), read, path));
    findings.push(...this.clients(given.client_certificates, [...path, "client_certificates"]));
    if (!("value" in read)) return findings;
    const clients = own === undefined || own === false ? null : this.withPaths(own);
    const { names, keyKind } = read.value;
    this.certificates.push({ path, names, keyKind, clients: JSON.stringify(clients) });
    return findings;
  }

  private pair(
    pair: ServedPair,
    { cert_file: file, key_file: keyFile }: Pick<CertificateConfig, "cert_file" | "key_file">,
    { key_passphrase: passphrase }: CertificateConfig,
    path: KeyPath,
  ): Finding[] {
    const doubts = pairFindings(pair, this.nowMs).map((doubt) => warning([...path, "cert_file"], `${shownFile(file)} ${doubt}`));
    return [
      ...doubts,
      ...idlePassphrase(pair, passphrase, path),
      ...readable(keyFile ?? file, [...path, keyFile === undefined ? "cert_file" : "key_file"]),
    ];
  }

  private ocsp(file: string, pair: ReadMaterial<ServedPair>, path: KeyPath): Finding[] {
    const read = readOcsp(file);
    if (!("value" in read)) return problemOf(read, path);
    const leaf = "value" in pair ? pair.value.certificates[0] : undefined;
    const fault = leaf === undefined ? null : ocspFault(read.value, leaf, this.nowMs);
    return fault === null ? [] : [warning([...path, "ocsp_file"], `${shownFile(file)} ${fault}: it is not sent along`)];
  }

  private clients(rule: ClientCertificatesConfig | false | undefined, path: KeyPath): Finding[] {
    if (rule === undefined || rule === false) return [];
    const read = readTrust(this.withPaths(rule));
    if (!("value" in read)) return problemOf(read, path);
    return this.endedList(read.value.crl, rule.crl_file, "client", path);
  }

  private endedList(crl: string | null, file: string | undefined, who: "client" | "endpoint", path: KeyPath): Finding[] {
    const endMs = crl === null ? null : revocationEndMs(crl);
    if (endMs === null || endMs > this.nowMs) return [];
    const text = `${shownFile(this.pathOf(file ?? ""))} has ended on ${dayOf(endMs)}: every ${who} is refused until there is a new one`;
    return [warning([...path, "crl_file"], text)];
  }

  private ticketKeys(file: string, path: KeyPath): Finding[] {
    const read = readTicketKeys(file);
    return "value" in read ? readable(file, [...path, "key_file"]) : problemOf(read, path);
  }

  private withPaths({ ca_file: caFile, crl_file: crlFile, ...rest }: ClientCertificatesConfig): ClientCertificatesConfig {
    return { ...rest, ca_file: this.pathOf(caFile), ...(crlFile === undefined ? {} : { crl_file: this.pathOf(crlFile) }) };
  }

  private pathOf(name: string): string {
    const file = path.resolve(this.folder, name);
    this.noted(file);
    return file;
  }
}

function idlePassphrase({ wasEncrypted }: ServedPair, passphrase: string | undefined, path: KeyPath): Finding[] {
  if (passphrase === undefined || wasEncrypted) return [];
  return [warning([...path, "key_passphrase"], "it is not needed: the key is not encrypted", true)];
}

/** Permission of the users that are neither the file's owner nor of its group. */
const OTHERS_READ = 0o004;

/** A warning about a secret file that every user of the machine can read. */
function readable(file: string, path: KeyPath): Finding[] {
  const isOpen = process.platform !== "win32" && (modeOf(file) & OTHERS_READ) !== 0;
  return isOpen ? [warning(path, `${shownFile(file)} can be read by every user of this machine (chmod o-r)`)] : [];
}

function modeOf(file: string): number {
  try {
    return statSync(file).mode;
  } catch {
    return 0;
  }
}

function problemOf(read: ReadMaterial<unknown>, path: KeyPath): Finding[] {
  return "value" in read ? [] : [error([...path, read.key], read.problem)];
}
