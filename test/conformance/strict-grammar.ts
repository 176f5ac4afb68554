/**
 * The pieces of the RFCs' grammar that the strict readers of this suite judge by, written from the ABNF and not from Millrace's source:
 * the two must agree without sharing a line.
 */

/** RFC 9110 section 5.6.2. */
export const TOKEN: RegExp = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
/** RFC 9110 section 5.5: field-vchar, SP and HTAB; the value stands between the white space around it. */
const FIELD_LINE =
  /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*((?:[\x21-\x7e\x80-\xff](?:[\t\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?)?)[ \t]*$/;

/** RFC 3986 section 3.2.2 */
const REG_NAME = /^(?:[A-Za-z0-9\-._~!$&'()*+,;=]|%[0-9A-Fa-f]{2})*$/;
const IPV_FUTURE = /^v[0-9A-Fa-f]+\.[A-Za-z0-9\-._~!$&'()*+,;=:]+$/i;

export interface Field {
  readonly name: string;
  /** Lower case. */
  readonly key: string;
  readonly value: string;
}

/** The fields of lines without their CRLF, or what is wrong with the first bad one. */
export function readFields(lines: readonly string[]): Field[] | string {
  const fields: Field[] = [];
  for (const line of lines) {
    const found = FIELD_LINE.exec(line);
    if (found === null) return `field line ${JSON.stringify(line.slice(0, 200))}`;
    const [, name = "", value = ""] = found;
    fields.push({ name, key: name.toLowerCase(), value });
  }
  return fields;
}

export function valuesOf(fields: readonly Field[], key: string): string[] {
  return fields.filter((field) => field.key === key).map(({ value }) => value);
}

/** Members of a comma-separated list (RFC 9110 section 5.6.1), lower case, without empty ones. */
export function listMembers(values: readonly string[]): string[] {
  return values
    .flatMap((value) => value.split(","))
    .map((member) => member.replaceAll(/^[ \t]+|[ \t]+$/g, "").toLowerCase())
    .filter((member) => member !== "");
}

/** `uri-host [ ":" port ]` with a host that is not empty (RFC 9110 section 7.2, RFC 3986 section 3.2.2). */
export function isAuthority(text: string): boolean {
  const found = /^(\[[^\]]*\]|[^:[\]]*)(?::[0-9]*)?$/.exec(text);
  const host = found?.[1] ?? "";
  if (host === "") return false;
  if (!host.startsWith("[")) return REG_NAME.test(host);
  const literal = host.slice(1, -1);
  return IPV_FUTURE.test(literal) || isIpv6(literal);
}

/** RFC 3986 section 3.2.2, IPv6address. */
function isIpv6(text: string): boolean {
  const halves = text.split("::");
  if (halves.length > 2) return false;
  let groups = 0;
  for (const [at, half] of halves.entries()) {
    if (half === "") continue;
    const parts = half.split(":");
    for (const [index, part] of parts.entries()) {
      const last = at === halves.length - 1 && index === parts.length - 1;
      if (/^[0-9A-Fa-f]{1,4}$/.test(part)) groups++;
      else if (last && isIpv4(part)) groups += 2;
      else return false;
    }
  }
  return halves.length === 2 ? groups <= 7 : groups === 8;
}

function isIpv4(text: string): boolean {
  const parts = text.split(".");
  return parts.length === 4 && parts.every((part) => /^(?:0|[1-9][0-9]{0,2})$/.test(part) && Number(part) <= 255);
}
