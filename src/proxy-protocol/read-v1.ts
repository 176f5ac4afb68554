/** Version 1: one line of text, such as `PROXY TCP4 192.0.2.1 198.51.100.1 56324 443`. */
import { parseIpAddress } from "../base/cidr.ts";
import { formatIp } from "../base/format-ip.ts";
import { MORE, fault } from "./header.ts";
import type { ConnectionAddresses, ProxyRead } from "./header.ts";

/** The longest line with its CRLF, of the unknown kind with all its fields (specification section 2.1). */
const LINE_BYTES_MAX = 107;

const CR = 0x0d;
const LF = 0x0a;

/** Reads a line at `bytes[start, end)`, which begins with `PROXY `. */
export function readV1(bytes: Uint8Array, start: number, end: number): ProxyRead {
  const last = Math.min(end, start + LINE_BYTES_MAX);
  let line = "";
  for (let at = start; at < last; at++) {
    const byte = bytes[at] ?? 0;
    if (byte === LF) return fault("bad_line");
    if (byte !== CR) {
      line += String.fromCharCode(byte);
      continue;
    }
    if (at + 1 === last) break;
    return bytes[at + 1] === LF ? headerOf(line, at + 2) : fault("bad_line");
  }
  return last === start + LINE_BYTES_MAX ? fault("too_long") : MORE;
}

function headerOf(line: string, end: number): ProxyRead {
  // What follows is for people: the specification says that the receiver ignores it.
  if (line === "PROXY UNKNOWN" || line.startsWith("PROXY UNKNOWN ")) return read(null, end);
  const said = /^PROXY TCP([46]) ([0-9A-Fa-f.:]+) ([0-9A-Fa-f.:]+) (0|[1-9][0-9]{0,4}) (0|[1-9][0-9]{0,4})$/.exec(line);
  if (said === null) return fault("bad_line");
  const [, family, from = "", to = "", fromPort, toPort] = said;
  const [source, destination] = [addressOf(from, family === "6"), addressOf(to, family === "6")];
  const [sourcePort, destinationPort] = [Number(fromPort), Number(toPort)];
  if (source === null || destination === null || sourcePort > 65_535 || destinationPort > 65_535) return fault("bad_line");
  return read({ source, sourcePort, destination, destinationPort }, end);
}

function read(addresses: ConnectionAddresses | null, end: number): ProxyRead {
  return { kind: "header", header: { version: 1, addresses, details: null }, end };
}

function addressOf(text: string, isIpv6: boolean): string | null {
  if (text.includes(":") !== isIpv6) return null;
  const address = parseIpAddress(text);
  return address === null ? null : formatIp(address);
}
