import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { describe, test } from "node:test";
import fc from "fast-check";
import { certificateLines } from "./certificate-lines.ts";
import { testCertificate } from "./test-certificate.fixture.ts";

describe("Client-Cert and Client-Cert-Chain (RFC 9440)", () => {
  test("are byte sequences, and a certificate without a chain has one field", () => {
    const der = Uint8Array.from([0xff, 0xfe, 0xfd, 0x00, 0x01]);
    assert.equal(certificateLines(testCertificate({ der })), "Client-Cert: ://79AAE=:\r\n");
    const chain = [Buffer.from("one"), Buffer.from("second")];
    const lines = certificateLines(testCertificate({ der, chain }));
    assert.equal(lines, "Client-Cert: ://79AAE=:\r\nClient-Cert-Chain: :b25l:, :c2Vjb25k:\r\n");
  });

  test("hold only the certificate's part of a larger buffer", () => {
    const der = Uint8Array.from([9, 9, 1, 2, 3, 9]).subarray(2, 5);
    assert.equal(certificateLines(testCertificate({ der })), "Client-Cert: :AQID:\r\n");
  });
});

test("without forward, endpoints get nothing", () => {
  assert.equal(certificateLines(testCertificate({ forward: null })), "");
});

/** The value of X-Forwarded-Client-Cert. */
function xfcc(more: Parameters<typeof testCertificate>[0]): string {
  const lines = certificateLines(testCertificate({ forward: "xfcc", fingerprint: "ab12", dnsNames: [], ...more }));
  return /^X-Forwarded-Client-Cert: ([\t -~]*)\r\n$/.exec(lines)?.[1] ?? assert.fail(JSON.stringify(lines));
}

describe("X-Forwarded-Client-Cert", () => {
  test("has the keys that Envoy gave it, each name as a pair of its own", () => {
    assert.equal(xfcc({ subject: "CN=alice,O=Example" }), 'Hash=ab12;Subject="CN=alice,O=Example"');
    assert.equal(
      xfcc({ subject: "CN=alice", uris: ["spiffe://a.test/ns", "urn:b"], dnsNames: ["a.test", "*.b.test"] }),
      'Hash=ab12;Subject="CN=alice";URI=spiffe://a.test/ns;URI=urn:b;DNS=a.test;DNS=*.b.test',
    );
  });

  test("says a quotation mark and a backslash of a subject by their octets, so that no reader takes them for the value's end", () => {
    assert.equal(xfcc({ subject: 'CN=a\\"b\\\\' }), 'Hash=ab12;Subject="CN=a\\22b\\5C"');
    assert.equal(xfcc({ subject: 'CN=a";Hash=00' }), 'Hash=ab12;Subject="CN=a\\22;Hash=00"');
    assert.equal(xfcc({ subject: "CN=a\\,b\\" }), 'Hash=ab12;Subject="CN=a\\,b\\5C"');
    assert.equal(xfcc({ subject: "CN=Jürgen\r\nX-Evil: 1\0" }), 'Hash=ab12;Subject="CN=J\\C3\\BCrgen\\0D\\0AX-Evil: 1\\00"');
  });

  test("quotes names with separators, and encodes what names cannot have", () => {
    const value = xfcc({ subject: "", uris: ["http://a.test/?a=1,b;c", 'x"\\\r\n é'], dnsNames: ["a.test, DNS:b.test"] });
    assert.equal(value, 'Hash=ab12;Subject="";URI="http://a.test/?a=1,b;c";URI=x%22%5C%0D%0A%20%C3%A9;DNS="a.test,%20DNS:b.test"');
  });

  test("is one element with one hash, whatever the certificate says", () => {
    const hostile = fc.string({ unit: fc.constantFrom('"', "\\", ",", ";", "=", "\r", "\n", " ", "H", "\u{1f600}", "\ud800", "\0") });
    fc.assert(
      fc.property(hostile, fc.array(hostile, { maxLength: 2 }), (subject, names) => {
        const pairs = pairsOf(xfcc({ subject, uris: names, dnsNames: names }));
        const expected = ["Hash", "Subject", ...names.map(() => "URI"), ...names.map(() => "DNS")];
        assert.deepEqual(
          pairs.map((pair) => pair.slice(0, pair.indexOf("="))),
          expected,
        );
      }),
    );
  });
});

/** The pairs as the most naive reader finds them, which knows quotation marks but no escapes. */
function pairsOf(value: string): string[] {
  const pairs: readonly string[] = value.match(/(?:[^";,]|"[^"]*")+|[;,]/g) ?? [];
  assert.ok(!pairs.includes(","), value);
  // A reader that knows escapes must find the same ends of values.
  assert.ok(!value.includes('\\"'), value);
  return pairs.filter((pair) => pair !== ";");
}
