/** Reads a client's first message as the proxy does and as OpenSSL does: the name and the protocols that the proxy goes by must be those of the handshake. */
import { Buffer } from "node:buffer";
import { readClientHello } from "../src/tls/client-hello.ts";
import type { ClientHello, ReadHello } from "../src/tls/client-hello.ts";
import type { HelloCase } from "./hello-draw.ts";
import { readByOpenSsl } from "./openssl-server.ts";
import type { OpenSslReading } from "./openssl-server.ts";

export interface HelloVerdict {
  /** The rule that is broken; null: none. */
  readonly rule: string | null;
  readonly detail: string;
  /** Why we refuse what OpenSSL takes. */
  readonly listed: string | null;
  readonly agreed: boolean;
}

const ACME = "acme-tls/1";

export function judgeHello({ wire, cuts }: HelloCase, readOther: (bytes: Buffer) => OpenSslReading | null = readByOpenSsl): HelloVerdict {
  const bytes = Buffer.from(wire, "latin1");
  const ours = readClientHello(bytes, 0, bytes.length);
  const verdict = (rule: string | null, listed: string | null = null): HelloVerdict => ({
    rule,
    listed,
    agreed: false,
    detail: rule === null ? "" : `ours ${JSON.stringify(ours)}, OpenSSL ${JSON.stringify(other)}`,
  });
  let other: OpenSslReading | null = null;
  for (const cut of cuts) {
    const soFar = readClientHello(bytes, 0, cut);
    if (typeof soFar !== "number" && JSON.stringify(soFar) !== JSON.stringify(ours))
      return verdict("what was read changes when more comes");
    if (typeof soFar === "number" && typeof ours === "object" && cut + soFar > bytes.length)
      return verdict("it waits for more bytes than the message has");
  }
  other = readOther(bytes);
  if (other === null) return verdict(null);
  if (typeof ours !== "object") return other.accepted ? refusedHere(ours, wire, other, verdict) : verdict(null);
  const rule = differenceOf(ours, other);
  return { ...verdict(rule), agreed: rule === null && other.accepted };
}

function differenceOf({ serverName, protocols }: ClientHello, other: OpenSslReading): string | null {
  // A client that OpenSSL has refused may have been refused before its name was read.
  if ((other.accepted || other.serverName !== null) && folded(other.serverName) !== serverName) return "another name than OpenSSL's";
  if (!other.accepted) return null;
  if ((other.protocol === null) !== (protocols.length === 0)) return "only one of the two sees protocols";
  if (other.protocol !== null && !protocols.includes(other.protocol)) return "OpenSSL has chosen a protocol that was not seen here";
  return protocols.includes(ACME) === (other.protocol === ACME) ? null : "only one of the two sees the protocol of ACME";
}

/** OpenSSL goes on with what we do not take: the connection is refused, which no client may complain of that is in this list. */
function refusedHere(
  ours: Exclude<ReadHello, ClientHello>,
  wire: string,
  { serverName }: OpenSslReading,
  verdict: (rule: string | null, listed?: string) => HelloVerdict,
): HelloVerdict {
  if (ours === "invalid" && serverName !== null && !/^[!-~]+$/.test(serverName)) return verdict(null, "hello-name-octets");
  if (ours === "invalid" && hasEmptyRecord(wire)) return verdict(null, "hello-empty-record");
  return verdict(`${typeof ours === "number" ? "incomplete" : ours} here, taken by OpenSSL`);
}

function hasEmptyRecord(wire: string): boolean {
  for (let at = 0; at + 5 <= wire.length;) {
    const length = wire.charCodeAt(at + 3) * 0x100 + wire.charCodeAt(at + 4);
    if (length === 0) return true;
    at += 5 + length;
  }
  return false;
}

function folded(name: string | null): string | null {
  if (name === null) return null;
  const lower = name.toLowerCase();
  return lower.endsWith(".") && lower.length > 1 ? lower.slice(0, -1) : lower;
}
