/** What is read from PEM and DER: names, keys, OCSP responses, revocation lists, ticket keys. */
import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { test } from "node:test";
import fc from "fast-check";
import { TestAuthority } from "../../test/support/certificates.ts";
import { namesOf } from "./alternative-names.ts";
import { der, ocspResponse } from "./ocsp-response.fixture.ts";
import { ocspFault, readOcspResponse } from "./ocsp-response.ts";
import type { OcspResponse } from "./ocsp-response.ts";
import { readPrivateKey } from "./private-key.ts";
import { revocationEndMs } from "./revocation-lists.ts";
import { parseTicketKeys } from "./ticket-keys.ts";

test("names are DNS names and addresses, in lower case, each once; others are none, whatever they hold", () => {
  const text =
    'DNS:Example.COM, DNS:*.example.com, DNS:example.com, IP Address:192.0.2.1, IP Address:2001:DB8:0:0:0:0:0:1, email:a@b.test, URI:"http://x/,DNS:evil.test", DNS:"a\\u002c DNS:evil.test", othername:<unsupported>';
  assert.deepEqual(namesOf({ subjectAltName: text }), ["example.com", "*.example.com", "192.0.2.1", "2001:db8::1"]);
  assert.deepEqual(namesOf({ subjectAltName: undefined }), []);
});

test("a key after other blocks and texts; what is none is said without quoting it", () => {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
  const sec1 = privateKey.export({ type: "sec1", format: "pem" });
  const parameters = "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n";
  const read = readPrivateKey(`Bag Attributes\n${parameters}${sec1}`, undefined);
  assert.ok("key" in read && read.key.equals(privateKey) && !read.wasEncrypted);
  for (const text of ["", sec1.slice(0, 80), sec1.replace(/[A-Z]/, "!"), "hunter2"])
    assert.doesNotMatch(JSON.stringify(readPrivateKey(text, undefined)), /hunter2|MHc|BEGIN/);
});

test("an OCSP response: of which certificate it is, what it says, and until when", () => {
  const read = readOcspResponse(ocspResponse()) as OcspResponse;
  const end = Date.UTC(2027, 0, 31, 12);
  assert.deepEqual(read, { answers: [{ serialNumber: "FA1", status: "good", nextUpdateMs: end }], endsMs: end });
  assert.equal(ocspFault(read, { serialNumber: "0FA1" }, end - 1), null);
  assert.equal(ocspFault(read, { serialNumber: "0FA1" }, end), "has ended on 2027-01-31");
  assert.equal(ocspFault(read, { serialNumber: "0FA2" }, 0), "is about another certificate");
  const revoked = readOcspResponse(ocspResponse({ status: 0xa1 })) as OcspResponse;
  assert.equal(ocspFault(revoked, { serialNumber: "0FA1" }, 0), "says that the certificate is revoked");
  assert.equal(readOcspResponse(Uint8Array.from(der(0x30, der(0x0a, [6])))), "is an OCSP response without an answer (status 6)");
});

test("no bytes make the readers of DER throw", () => {
  const whole = ocspResponse();
  fc.assert(
    fc.property(fc.nat(whole.length), fc.nat(whole.length - 1), fc.nat(255), (length, at, byte) => {
      const bytes = whole.slice(0, Math.max(length, 1));
      bytes[at % bytes.length] = byte;
      readOcspResponse(bytes);
      revocationEndMs(`-----BEGIN X509 CRL-----\n${Buffer.from(bytes).toString("base64")}\n-----END X509 CRL-----`);
    }),
    { numRuns: 2000 },
  );
  fc.assert(fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => void readOcspResponse(bytes)));
});

test("when the first of several revocation lists ends", async () => {
  const [one, other] = await Promise.all([TestAuthority.create(), TestAuthority.create()]);
  const [soon, later] = [Date.UTC(2040, 1, 3), Date.UTC(2060, 1, 3)];
  const text = (await one.crl([], new Date(later))) + (await other.crl([], new Date(soon)));
  assert.equal(revocationEndMs(text), soon);
  assert.equal(revocationEndMs("none"), null);
});

test("ticket keys of a file: comments, several, and what is wrong by line", () => {
  const line = Buffer.alloc(48, 9).toString("base64");
  const [key] = parseTicketKeys(`# first\r\n\n${line}\r\n`);
  assert.ok(typeof key === "object");
  assert.deepEqual([key.name.length, key.secret.length, key.secret.buffer.byteLength], [16, 32, 32]);
  assert.match(String(parseTicketKeys(`${line}\nhunter2`)), /^has a wrong line 2: (?!.*hunter2)/);
  assert.equal(parseTicketKeys("# none"), "holds no key: each line has 48 bytes in Base64");
  assert.equal(parseTicketKeys(`${line}\n${line}`), "has a key twice");
});
