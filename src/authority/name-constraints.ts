/**
 * The extension that binds an authority to names and addresses (RFC 5280 section 4.2.1.10). Certificates for others are refused by all who verify
 * them, even with the authority installed and its key stolen. The library has no class for it, so its few bytes are written here.
 */
import type { Extension, X509Certificate } from "@peculiar/x509";
import { parseCidr } from "../base/cidr.ts";
import type { Block } from "../base/cidr.ts";
import { x509 } from "../x509/library.ts";

const OID = "2.5.29.30";

/** Tags of DER (X.690): universal, or of the context by number. */
const SEQUENCE = 0x30;
const PERMITTED = 0xa0;
const DNS_NAME = 0x82;
const IP_ADDRESS = 0x87;

/**
 * Permits names and addresses, and no others of their kind. Critical, so that whoever does not understand it takes no certificate at all.
 * @param domains each permits itself and all names below it
 * @param blocks CIDR blocks; give some of both families, because an address is refused only where some address is permitted
 */
export function nameConstraints(domains: readonly string[], blocks: readonly string[]): Extension {
  const subtrees = [
    ...domains.map((domain) => element(SEQUENCE, element(DNS_NAME, Buffer.from(domain, "latin1")))),
    ...blocks.map((block) => element(SEQUENCE, element(IP_ADDRESS, addressAndMask(block)))),
  ];
  const value = element(SEQUENCE, element(PERMITTED, Buffer.concat(subtrees)));
  return new x509.Extension(OID, true, value);
}

/** Whether a certificate is bound to exactly these. */
export function isBoundTo(certificate: X509Certificate, domains: readonly string[], blocks: readonly string[]): boolean {
  const [found, ...more] = certificate.getExtensions(OID);
  if (found === undefined || more.length > 0 || !found.critical) return false;
  return Buffer.from(found.value).equals(Buffer.from(nameConstraints(domains, blocks).value));
}

/** The address and the mask behind it, as RFC 5280 writes a block. */
function addressAndMask(text: string): Buffer {
  const block = parseCidr(text);
  if (block === null) throw new RangeError(`${JSON.stringify(text)} is no CIDR block`);
  return block.family === 4 ? block4(block) : block6(block);
}

function block4({ start, end }: Extract<Block, { family: 4 }>): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeUInt32BE(start, 0);
  bytes.writeUInt32BE(~(end - start) >>> 0, 4);
  return bytes;
}

function block6({ groups, prefix }: Extract<Block, { family: 6 }>): Buffer {
  const bytes = Buffer.alloc(32);
  for (const [index, group] of groups.entries()) {
    const ones = Math.min(16, Math.max(0, prefix - index * 16));
    const mask = (0xffff << (16 - ones)) & 0xffff;
    bytes.writeUInt16BE(group & mask, index * 2);
    bytes.writeUInt16BE(mask, 16 + index * 2);
  }
  return bytes;
}

/** One element of DER with a length of one to three bytes. */
function element(tag: number, content: Buffer): Buffer {
  const { length } = content;
  const head = length < 0x80 ? [tag, length] : length < 0x100 ? [tag, 0x81, length] : [tag, 0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from(head), content]);
}
