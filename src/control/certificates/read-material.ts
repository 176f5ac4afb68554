/** Reads the files of TLS: certificates with their keys, OCSP responses, what certificates are verified with, ticket keys. */
import type { Buffer } from "node:buffer";
import { authoritiesProblem, revocationProblem } from "../../certificates/client-trust.ts";
import { readOcspResponse } from "../../certificates/ocsp-response.ts";
import type { OcspResponse } from "../../certificates/ocsp-response.ts";
import { servedPair } from "../../certificates/served-pair.ts";
import type { ServedPair } from "../../certificates/served-pair.ts";
import { parseTicketKeys } from "../../certificates/ticket-keys.ts";
import { shownFile } from "../../config/problems/shown.ts";
import type { CertificateConfig } from "../../config/schema/tls/listener-tls-schema.ts";
import type { TicketKey } from "../../shared/listener-tls.ts";
import { lineOf, readBytes } from "../named-files/config-files.ts";

/** What was read, or what is wrong. */
export type ReadMaterial<T> = { readonly value: T } | MaterialProblem;

export interface MaterialProblem {
  /** The key of the configuration that names the file. */
  readonly key: string;
  /** Names the file; quotes nothing of it. */
  readonly problem: string;
  /** Whether someone may be replacing two files, one after the other. */
  readonly mayBeHalf?: boolean;
}

export type CertificateFiles = Pick<CertificateConfig, "cert_file" | "key_file" | "key_passphrase">;

/** An OCSP response, read. */
export interface OcspFile extends OcspResponse {
  readonly bytes: Uint8Array;
}

/** Files by which the certificates of clients or endpoints are verified. */
export interface TrustFiles {
  readonly ca_file?: string | undefined;
  readonly crl_file?: string | undefined;
}

/** The PEM texts of {@link TrustFiles}; null: no such file is named. */
export interface Trust {
  readonly ca: string | null;
  readonly crl: string | null;
}

export function readPair({
  cert_file: file,
  key_file: keyFile = file,
  key_passphrase: passphrase,
}: CertificateFiles): ReadMaterial<ServedPair> {
  const certificate = readFile("cert_file", file);
  if (!("value" in certificate)) return certificate;
  const ofKey = keyFile === file ? certificate : readFile("key_file", keyFile);
  if (!("value" in ofKey)) return ofKey;
  const pair = servedPair(textOf(certificate.value), textOf(ofKey.value), passphrase);
  if (!("in" in pair)) return { value: pair };
  const isOfKey = pair.in !== "certificate" && keyFile !== file;
  const problem = `${shownFile(isOfKey ? keyFile : file)} ${pair.problem}`;
  const key = pair.in === "passphrase" ? "key_passphrase" : isOfKey ? "key_file" : "cert_file";
  return { key, problem, mayBeHalf: pair.mayBeHalf };
}

export function readOcsp(file: string): ReadMaterial<OcspFile> {
  const read = readFile("ocsp_file", file);
  if (!("value" in read)) return read;
  const bytes = Uint8Array.from(read.value);
  const response = readOcspResponse(bytes);
  if (typeof response === "string") return { key: "ocsp_file", problem: `${shownFile(file)} ${response}` };
  return { value: { ...response, bytes } };
}

export function readTrust({ ca_file: caFile, crl_file: crlFile }: TrustFiles): ReadMaterial<Trust> {
  const ca = caFile === undefined ? NONE : readChecked("ca_file", caFile, authoritiesProblem);
  if (!("value" in ca)) return ca;
  const crl = crlFile === undefined ? NONE : readChecked("crl_file", crlFile, revocationProblem);
  return "value" in crl ? { value: { ca: ca.value, crl: crl.value } } : crl;
}

const NONE: { readonly value: null } = { value: null };

function readChecked(key: string, file: string, problemOf: (text: string) => string | null): ReadMaterial<string> {
  const read = readFile(key, file);
  if (!("value" in read)) return read;
  const wrong = problemOf(textOf(read.value));
  return wrong === null ? { value: textOf(read.value) } : { key, problem: `${shownFile(file)} ${wrong}` };
}

export function readTicketKeys(file: string): ReadMaterial<readonly TicketKey[]> {
  const read = readFile("key_file", file);
  if (!("value" in read)) return read;
  const keys = parseTicketKeys(textOf(read.value));
  return typeof keys === "string" ? { key: "key_file", problem: `${shownFile(file)} ${keys}` } : { value: keys };
}

function readFile(key: string, file: string): ReadMaterial<Buffer> {
  try {
    return { value: readBytes(file) };
  } catch (error) {
    return { key, problem: lineOf(error) };
  }
}

/** PEM is ASCII; what stands between its blocks may be in any encoding. */
function textOf(bytes: Buffer): string {
  return bytes.toString("latin1");
}
