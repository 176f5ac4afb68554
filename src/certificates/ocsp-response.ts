/** Reads what an OCSP response says (RFC 6960 section 4.2), so that none is stapled that clients would refuse. Its signature is the clients' to verify. */
import type { X509Certificate } from "node:crypto";
import { DER, contextTag, derChild, derChildren, derContent, derTime, derValue } from "./der.ts";
import type { DerValue } from "./der.ts";

export interface OcspResponse {
  /** What is said of each certificate. */
  readonly answers: readonly OcspAnswer[];
  /** When the first of them ends, in epoch milliseconds; Infinity: none says so. */
  readonly endsMs: number;
}

export interface OcspAnswer {
  /** Hexadecimal, upper case, without leading zeros. */
  readonly serialNumber: string;
  readonly status: "good" | "revoked" | "unknown";
  /** Epoch milliseconds; null: newer answers can be had at any time. */
  readonly nextUpdateMs: number | null;
}

/** Text: what is wrong with the response, to be put after the name of its file. */
export function readOcspResponse(bytes: Uint8Array): OcspResponse | string {
  const response = derValue(bytes);
  const status = derChild(response, DER.enumerated);
  if (response?.tag !== DER.sequence || status === null) return "holds no OCSP response in DER";
  if (derContent(status)[0] !== 0) return `is an OCSP response without an answer (status ${derContent(status)[0] ?? ""})`;
  // OCSPResponse { responseStatus, [0] { type, octets { BasicOCSPResponse { ResponseData { ..., responses }, ... } } } }
  const basic = derChild(derChild(derChild(response, contextTag(0)), DER.sequence), DER.octets);
  const data = derChild(basic === null ? null : derValue(derContent(basic)), DER.sequence);
  const answers = derChildren(derChild(data, DER.sequence) ?? NOTHING)?.map(answerOf) ?? [];
  const read = answers.filter((answer) => answer !== null);
  return read.length === 0 || read.length < answers.length
    ? "holds an OCSP response that cannot be read"
    : { answers: read, endsMs: Math.min(...read.map(({ nextUpdateMs }) => nextUpdateMs ?? Infinity)) };
}

/** Why clients would not accept the response for a certificate, to be put after the name of its file; null: they do, if its signature is right. */
export function ocspFault(
  { answers, endsMs }: OcspResponse,
  { serialNumber }: Pick<X509Certificate, "serialNumber">,
  nowMs: number,
): string | null {
  const answer = answers.find((each) => each.serialNumber === serialNumber.toUpperCase().replace(/^0+/, ""));
  if (answer === undefined) return "is about another certificate";
  if (endsMs <= nowMs) return `has ended on ${new Date(endsMs).toISOString().slice(0, 10)}`;
  return answer.status === "good" ? null : `says that the certificate is ${answer.status}`;
}

const NOTHING: DerValue = { tag: DER.sequence, bytes: new Uint8Array(), start: 0, end: 0 };

/** Tags of the choices of CertStatus: good is NULL, revoked has a time and a reason, unknown is NULL. */
const STATUSES: ReadonlyMap<number, OcspAnswer["status"]> = new Map([
  [0x80, "good"],
  [0xa1, "revoked"],
  [0x82, "unknown"],
]);

/** SingleResponse { CertID { algorithm, nameHash, keyHash, serialNumber }, CertStatus, thisUpdate, [0] nextUpdate, ... } */
function answerOf(value: DerValue): OcspAnswer | null {
  const [certificate, status, thisUpdate] = derChildren(value) ?? [];
  const serial = derChild(certificate, DER.integer);
  const word = STATUSES.get(status?.tag ?? 0);
  if (serial === null || word === undefined || derTime(thisUpdate) === null) return null;
  const next = derChild(value, contextTag(0));
  return {
    serialNumber: [...derContent(serial)]
      .map((byte) => byte.toString(16).padStart(2, "0"))
      .join("")
      .toUpperCase()
      .replace(/^0+/, ""),
    status: word,
    nextUpdateMs: next === null ? null : derTime(derChild(next, DER.generalizedTime)),
  };
}
