import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { ClientCertificateRule, ServedCertificate } from "../shared/listener-tls.ts";
import { CertificateNames } from "./certificate-names.ts";

const RULE: ClientCertificateRule = { mode: "required", ca: "one", crl: null, verifyDepth: 1, forward: null };

function certificate(chain: string, names: readonly string[], more: Partial<ServedCertificate> = {}): ServedCertificate {
  return { names, chain, key: "", keyKind: "ecdsa", ocsp: null, clients: null, isChallenge: false, ...more };
}

/** The chains of the certificates that serve the name. */
function chains(names: CertificateNames, name: string): string {
  return (names.find(name)?.certificates ?? []).map(({ chain }) => chain).join();
}

describe("the certificates of a listener", () => {
  const names = new CertificateNames([
    certificate("first", ["a.test", "www.a.test"]),
    certificate("wild", ["*.a.test"]),
    certificate("rsa", ["a.test"], { keyKind: "rsa" }),
    certificate("again", ["a.test"]),
    certificate("ip", ["127.0.0.1", "::1"]),
  ]);

  test("an exact name comes before a wildcard, which stands for one label", () => {
    assert.equal(chains(names, "www.a.test"), "first");
    assert.equal(chains(names, "other.a.test"), "wild");
    assert.equal(chains(names, "deep.other.a.test"), "");
    assert.equal(chains(names, ".a.test"), "");
    assert.equal(chains(names, "test"), "");
    assert.equal(chains(names, "::1"), "ip");
  });

  test("kinds of keys serve side by side; of one kind the first in the file", () => {
    assert.equal(chains(names, "a.test"), "first,rsa");
    assert.equal(names.first, names.find("a.test"));
  });

  test("names of the same certificates share one set", () => {
    const shared = new CertificateNames([certificate("one", ["a.test", "b.test", "*.c.test"])]);
    assert.equal(shared.find("a.test"), shared.find("b.test"));
    assert.equal(shared.find("a.test"), shared.find("x.c.test"));
  });

  test("certificates with another rule for clients do not join the first one's set", () => {
    const mixed = new CertificateNames([
      certificate("open", ["a.test"]),
      certificate("closed", ["a.test"], { keyKind: "rsa", clients: RULE }),
    ]);
    assert.equal(chains(mixed, "a.test"), "open");
    const equal = new CertificateNames([
      certificate("one", ["a.test"], { clients: RULE }),
      certificate("two", ["a.test"], { keyKind: "rsa", clients: { ...RULE } }),
    ]);
    assert.equal(chains(equal, "a.test"), "one,two");
    assert.deepEqual(equal.find("a.test")?.clients, RULE);
  });

  test("the answer to a challenge serves nobody else", () => {
    const challenged = new CertificateNames([certificate("challenge", ["a.test"], { isChallenge: true }), certificate("own", ["a.test"])]);
    assert.equal(chains(challenged, "a.test"), "own");
    assert.equal(challenged.first?.certificates[0]?.chain, "own");
    assert.equal(challenged.findChallenge("a.test")?.certificates[0]?.chain, "challenge");
    assert.equal(challenged.findChallenge("b.test"), null);
  });

  test("a first certificate without names serves clients that name none, and no list serves nobody", () => {
    assert.equal(new CertificateNames([certificate("bare", [])]).first?.certificates[0]?.chain, "bare");
    assert.equal(new CertificateNames([]).first, null);
  });
});
