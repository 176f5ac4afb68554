/** Checks the files that TLS of listeners names: whether they can be read and used. */
import path from "node:path";
import type { PlacedTls } from "../../config/listener-tls-in-file.ts";
import type { ClientCertificatesConfig } from "../../config/schema/tls/client-certificates-schema.ts";
import type { CertificateConfig } from "../../config/schema/tls/listener-tls-schema.ts";
import { error } from "../../values/finding.ts";
import type { Finding, KeyPath } from "../../values/finding.ts";
import type { NoteFile } from "../named-files/config-files.ts";
import { readOcsp, readPair, readTicketKeys, readTrust } from "./read-material.ts";
import type { ReadMaterial } from "./read-material.ts";

/**
 * @param folder the folder to which paths are relative
 * @param noted called with each file before it is read
 */
export function tlsFindings(folder: string, noted: NoteFile = () => {}): (listeners: readonly PlacedTls[]) => readonly Finding[] {
  const pathOf = (name: string): string => {
    const file = path.resolve(folder, name);
    noted(file);
    return file;
  };
  return (listeners) => listeners.flatMap((listener) => ofListener(listener, pathOf));
}

type PathOf = (name: string) => string;

function ofListener({ path, tls }: PlacedTls, pathOf: PathOf): Finding[] {
  const { certificates, client_certificates: clients, tickets } = tls;
  const keyFile = tickets === false ? undefined : tickets.key_file;
  return [
    ...certificates.flatMap((entry, index) => ofCertificate(entry, [...path, "certificates", index], pathOf)),
    ...ofClients(clients, [...path, "client_certificates"], pathOf),
    ...(keyFile === undefined ? [] : problemOf(readTicketKeys(pathOf(keyFile)), [...path, "tickets"])),
  ];
}

function ofCertificate(entry: CertificateConfig, path: KeyPath, pathOf: PathOf): Finding[] {
  const { cert_file: file, key_file: keyFile, ocsp_file: ocspFile, client_certificates: clients } = entry;
  const files = { cert_file: pathOf(file), ...(keyFile === undefined ? {} : { key_file: pathOf(keyFile) }) };
  return [
    ...problemOf(readPair({ ...entry, ...files }), path),
    ...(ocspFile === undefined ? [] : problemOf(readOcsp(pathOf(ocspFile)), path)),
    ...ofClients(clients, [...path, "client_certificates"], pathOf),
  ];
}

function ofClients(rule: ClientCertificatesConfig | false | undefined, path: KeyPath, pathOf: PathOf): Finding[] {
  if (rule === undefined || rule === false) return [];
  const { ca_file: caFile, crl_file: crlFile } = rule;
  return problemOf(readTrust({ ca_file: pathOf(caFile), crl_file: crlFile === undefined ? undefined : pathOf(crlFile) }), path);
}

function problemOf(read: ReadMaterial<unknown>, path: KeyPath): Finding[] {
  return "value" in read ? [] : [error([...path, read.key], read.problem)];
}
