import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { compileCertificate } from "./certificate-conditions.ts";
import type { CertificateConditions, MatchedCertificate } from "./certificate-conditions.ts";
import { compilePositions } from "./match.ts";
import type { Conditions } from "./conditions.ts";
import { explainRoutes } from "./explain.ts";
import { neverReached } from "./never-reached.ts";

const ALICE: MatchedCertificate = {
  subject: "CN=alice,O=Example",
  issuer: "CN=Example CA",
  fingerprint: "ab".repeat(32),
  dnsNames: ["Device-7.Fleet.Example.test", "*.wild.test"],
  uris: ["spiffe://example/shop/till"],
  emails: ["alice@example.test"],
};

function holds(conditions: CertificateConditions, more: Partial<MatchedCertificate> = {}): boolean {
  return compileCertificate(conditions)({ ...ALICE, ...more });
}

describe("a condition on a certificate", () => {
  test("needs one, and without more takes any", () => {
    assert.equal(compileCertificate({})(null), false);
    assert.equal(holds({}), true);
  });

  test("compares names of people and authorities as a whole", () => {
    assert.equal(holds({ subject: ["CN=bob", "CN=alice,O=Example"] }), true);
    for (const subject of ["CN=alice", "cn=alice,O=Example", "CN=alice,O=Example,C=DE", "alice"])
      assert.equal(holds({ subject: [subject] }), false);
    const subject = "CN=J\u00fcrgen \u{1f600}\\, \\80,O=Example";
    for (const given of [subject, "CN=J\\C3\\BCrgen \\F0\\9F\\98\\80\\, \\80,O=Example", "CN=J\\c3\\bcrgen \u{1f600}\\, \\80,O=Example"]) {
      assert.equal(holds({ subject: [given] }, { subject }), true, given);
    }
    assert.equal(holds({ issuer: ["CN=Example CA"] }), true);
    assert.equal(holds({ issuer: ["CN=Example"] }), false);
  });

  test("takes fingerprints as tools print them", () => {
    for (const fingerprint of ["ab".repeat(32), "AB".repeat(32), Array.from({ length: 32 }, () => "AB").join(":")]) {
      assert.equal(holds({ fingerprint: [fingerprint] }), true);
    }
    assert.equal(holds({ fingerprint: ["ac".repeat(32)] }), false);
  });

  test("takes names of hosts without case, and below a name", () => {
    for (const dns of ["device-7.fleet.example.test", "*.fleet.example.test", "*.EXAMPLE.test", "*.wild.test"])
      assert.equal(holds({ dns: [dns] }), true, dns);
    for (const dns of ["fleet.example.test", "*.device-7.fleet.example.test", "*.test.example", "x.wild.test"])
      assert.equal(holds({ dns: [dns] }), false, dns);
    assert.equal(holds({ dns: ["*.test"] }, { dnsNames: ["*.test"] }), true);
    // A certificate for a whole domain is no name below that domain.
    assert.equal(holds({ dns: ["*.test"] }, { dnsNames: ["*.wild.test"] }), false);
    assert.equal(holds({ dns: ["*.wild.test"] }, { dnsNames: ["wild.test", ".wild.test"] }), false);
  });

  test("takes URIs as a whole, or below a folder", () => {
    for (const uri of ["spiffe://example/shop/till", "spiffe://example/shop/*", "spiffe://example/*"])
      assert.equal(holds({ uri: [uri] }), true, uri);
    for (const uri of ["spiffe://example/shop", "spiffe://example/sho*", "spiffe://example/shop/till/*", "spiffe://other/*"]) {
      assert.equal(holds({ uri: [uri] }), false, uri);
    }
  });

  test("needs all that is given", () => {
    assert.equal(holds({ subject: ["CN=alice,O=Example"], email: ["alice@example.test"] }), true);
    assert.equal(holds({ subject: ["CN=alice,O=Example"], email: ["bob@example.test"] }), false);
    assert.equal(holds({ email: ["alice@example.test"] }, { emails: [] }), false);
  });
});

const REQUEST = { method: "GET", host: "a.test", path: "/", forwardTarget: "/", get: () => undefined };

/** The position of the route that takes a request of a client with that certificate, as the index and as `explain` finds it. */
function taker(matches: readonly (Conditions & { not?: Conditions })[], certificate: MatchedCertificate | null): number | null {
  const routes = matches.map((match) => ({ match }));
  const found = compilePositions(routes).find(REQUEST, "/", "192.0.2.1", certificate);
  const index = found === null || typeof found === "symbol" ? null : found.index;
  const explained = explainRoutes(routes, REQUEST, "/", "192.0.2.1", String, undefined, certificate).find(({ matched }) => matched);
  assert.equal(explained?.index ?? null, index);
  return index;
}

describe("routes", () => {
  const bob = { ...ALICE, subject: "CN=bob" };

  test("that ask for a certificate leave other clients to those after them", () => {
    const routes = [{ client_certificate: { subject: ["CN=alice,O=Example"] } }, { host: ["a.test"], client_certificate: {} }, {}];
    assert.deepEqual([taker(routes, ALICE), taker(routes, bob), taker(routes, null)], [0, 1, 2]);
    assert.deepEqual([taker(routes.slice(0, 2), ALICE), taker(routes.slice(0, 1), bob), taker(routes.slice(0, 2), null)], [0, null, null]);
  });

  test("can except those with a certificate, or with one of some", () => {
    assert.deepEqual([taker([{ not: { client_certificate: {} } }], ALICE), taker([{ not: { client_certificate: {} } }], null)], [null, 0]);
    const notBob = [{ not: { client_certificate: { subject: ["CN=bob"] } } }];
    assert.deepEqual([taker(notBob, ALICE), taker(notBob, bob), taker(notBob, null)], [0, null, 0]);
  });

  test("are told apart by it where it is asked which are never reached", () => {
    const subject = (name: string): { match: Conditions } => ({ match: { client_certificate: { subject: [name] } } });
    assert.deepEqual(neverReached([subject("CN=alice"), subject("CN=bob"), { match: {} }]), []);
    assert.deepEqual(
      neverReached([{ match: {} }, subject("CN=alice")]).map(({ index }) => index),
      [1],
    );
    assert.deepEqual(
      neverReached([subject("CN=alice"), subject("CN=alice")]).map(({ index }) => index),
      [1],
    );
  });

  test("say in words what is missing", () => {
    const why = (certificate: MatchedCertificate | null): string | undefined =>
      explainRoutes([{ match: { client_certificate: { subject: ["CN=secret"] } } }], REQUEST, "/", "", String, undefined, certificate)[0]
        ?.why;
    assert.equal(why(null), "the client has shown no certificate (client_certificate)");
    assert.equal(why(ALICE), "the client's certificate is another (client_certificate)");
  });
});
