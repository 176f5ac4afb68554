/** What the table of disagreements asks of a wire. */
import type { Parting } from "./compare.ts";
import { valuesOf } from "./reading.ts";

/** The first line that is not empty, without its end. */
export function startLineOf(rest: string): string {
  return /^(?:\r\n)*([^\r\n]*)/.exec(rest)?.[1] ?? "";
}

/** Of the message that the wire begins with. */
export function isTabBehindCoding(rest: string): boolean {
  const head = /^(?:\r\n)*[^]*?\r\n\r\n/.exec(rest)?.[0] ?? "";
  return /\r\ntransfer-encoding:[ \t]*chunked[ \t]*\t[ \t]*\r\n/i.test(head);
}

/** Node sees no chunks behind that coding, and does not refuse it: only in requests that ask for no upgrade it does. */
export function missesCoding({ side, node, rest }: Parting): boolean {
  return (side === "response" || valuesOf(node?.fields ?? [], "upgrade").length > 0) && isTabBehindCoding(rest);
}

/** What stands behind the size of each chunk of a complete message. */
export function extensionsOf(raw: string): string[] {
  const found: string[] = [];
  let at = raw.indexOf("\r\n\r\n", raw.search(/[^\r\n]/)) + 4;
  for (;;) {
    const end = raw.indexOf("\r\n", at);
    const [line, size] = /^([0-9A-Fa-f]+)[^\r\n]*$/.exec(raw.slice(at, end)) ?? [];
    if (line === undefined || size === undefined) return found;
    found.push(line.slice(size.length));
    at = end + 4 + Number.parseInt(size, 16);
    if (/^0+$/.test(size)) return found;
  }
}

/** The grammar of RFC 9112 section 7.1.1, and the same without the white space that it calls bad. */
export const EXTENSIONS: RegExp = extensions("[ \\t]*");
export const PLAIN_EXTENSIONS: RegExp = extensions("");

function extensions(space: string): RegExp {
  const token = "[\\w!#$%&'*+\\-.^`|~]+";
  const quoted = '"(?:[\\t\\x20-\\x21\\x23-\\x5b\\x5d-\\x7e\\x80-\\xff]|\\\\[\\t\\x20-\\x7e\\x80-\\xff])*"';
  return new RegExp(`^(?:${space};${space}${token}(?:${space}=${space}(?:${token}|${quoted}))?)*$`);
}
