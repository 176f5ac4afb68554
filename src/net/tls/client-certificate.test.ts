/** What is read of clients' certificates, and what endpoints get of them, over real sockets. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { X509Certificate } from "node:crypto";
import { before, describe, test } from "node:test";
import type { TestContext } from "node:test";
import type tls from "node:tls";
import { TestAuthority } from "../../../test/support/certificates.ts";
import type { TestCertificate } from "../../../test/support/certificates.ts";
import { certificateFacts } from "./client-certificate.ts";
import { WAYS, ask, connect, refusal, ruleFor, served, sessionOf, settings, startTls } from "./tls-listener.fixture.ts";
import type { Way } from "./tls-listener.fixture.ts";

let root: TestAuthority;
let middle: TestAuthority;
let alice: TestCertificate;

before(async () => {
  root = await TestAuthority.create();
  middle = await root.intermediate();
  alice = await middle.issue(["alice.test"], { use: "client", subject: "O=Example, CN=alice" });
});

const derOf = (certificate: string): string => new X509Certificate(certificate).raw.toString("base64");

describe("the facts of a certificate", () => {
  const factsOf = async (
    wish: Parameters<TestAuthority["issue"]>[1],
    names: readonly string[] = ["a.test"],
  ): Promise<ReturnType<typeof certificateFacts>> =>
    certificateFacts(new X509Certificate((await root.issue(names, { use: "client", ...wish })).certificate));

  test("are those of the certificate", async () => {
    const { serialNumber, fingerprint } = alice;
    assert.deepEqual(certificateFacts(new X509Certificate(alice.certificate)), {
      subject: "CN=alice,O=Example",
      issuer: "CN=Test intermediate",
      serialNumber,
      fingerprint,
      dnsNames: ["alice.test"],
      uris: [],
      emails: [],
    });
  });

  test("name a subject as RFC 4514 does, whatever stands in it", async () => {
    for (const [subject, expected] of [
      ["C=DE, O=Ex\\, ample, CN=a", "CN=a,O=Ex\\, ample,C=DE"],
      ["O=x+OU=y, CN=a", "CN=a,O=x+OU=y"],
      ["CN=a\\,O=admin", "CN=a\\,O=admin"],
      ["CN=J\u00fcrgen", "CN=J\u00fcrgen"],
    ] as const) {
      assert.equal((await factsOf({ subject })).subject, expected);
    }
    const broken = await factsOf({ subject: "CN=a\\0AO=admin" });
    assert.equal(broken.subject, "CN=a\\0AO=admin", "a line break in a name does not begin another attribute");
  });

  test("keep names apart that hold separators", async () => {
    const facts = await factsOf({ uris: ["spiffe://a/b?c=d,e", "urn:x, DNS:evil.test"], emails: ["a@b.test"] }, ["a.test", "*.b.test"]);
    assert.deepEqual(facts.dnsNames, ["a.test", "*.b.test"]);
    assert.deepEqual(facts.uris, ["spiffe://a/b?c=d,e", "urn:x, DNS:evil.test"]);
    assert.deepEqual(facts.emails, ["a@b.test"]);
  });
});

/** A listener that asks for certificates of `root`, and the heads that its endpoint got. */
async function start(
  t: TestContext,
  way: Way,
  forward: "Client-Cert" | "xfcc",
): Promise<{ readonly port: number; readonly heads: string[] }> {
  const heads: string[] = [];
  const clients = ruleFor("optional", { ca: root.certificate, forward });
  const { port } = await startTls(t, way, settings([await served(["a.test"], { clients })]), (socket, data) => {
    heads.push(data.toString("latin1"));
    socket.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  });
  return { port, heads };
}

const FORGED =
  "GET / HTTP/1.1\r\nHost: a.test\r\nClient-Cert: :Zm9yZ2Vk:\r\nclient_cert_chain: x\r\nX-Forwarded-Client-Cert: Hash=00\r\nConnection: close\r\n\r\n";

function certificateFields(head: string): string[] {
  return head.split("\r\n").filter((line) => /^[^:]*client.cert/i.test(line));
}

for (const way of WAYS) {
  describe(`endpoints, ${way}`, { timeout: 20_000 }, () => {
    const shown = (): tls.ConnectionOptions => ({ cert: alice.chain, key: alice.key });

    test("get the certificate and its chain without the anchor, and after a resumption the certificate at least", async (t) => {
      const { port, heads } = await start(t, way, "Client-Cert");
      const chain = alice.chain.match(/-----BEGIN[^-]*-----[^-]*-----END[^-]*-----/g) ?? [];
      assert.equal(chain.length, 2);
      for (const maxVersion of ["TLSv1.2", "TLSv1.3"] as const) {
        const first = await connect(t, port, { ...shown(), maxVersion });
        const session = await sessionOf(first);
        first.destroy();
        heads.length = 0;
        await ask(await connect(t, port, { ...shown(), maxVersion }), FORGED);
        assert.deepEqual(certificateFields(heads[0] ?? ""), [
          `Client-Cert: :${derOf(chain[0] ?? "")}:`,
          `Client-Cert-Chain: :${derOf(chain[1] ?? "")}:`,
        ]);
        const again = await connect(t, port, { ...shown(), maxVersion, session });
        assert.equal(again.isSessionReused(), true);
        await ask(again, FORGED);
        assert.equal(certificateFields(heads[1] ?? "")[0], `Client-Cert: :${derOf(chain[0] ?? "")}:`);
      }
    });

    test("get nothing of a client whose chain is longer than its rule allows", async (t) => {
      const listener = async (verifyDepth: number): Promise<number> => {
        const clients = ruleFor("required", { ca: root.certificate, verifyDepth });
        return (await startTls(t, way, settings([await served(["a.test"], { clients })]))).port;
      };
      assert.match(await ask(await connect(t, await listener(1), shown())), /^HTTP\/1\.1 200/);
      assert.equal(await refusal(t, await listener(0), shown()), "answered HTTP/1.1 400 Ba");
    });

    test("get it in Envoy's form, and nothing for a client that shows none", async (t) => {
      const { port, heads } = await start(t, way, "xfcc");
      await ask(await connect(t, port, shown()), FORGED);
      await ask(await connect(t, port), FORGED);
      const xfcc = `X-Forwarded-Client-Cert: Hash=${alice.fingerprint};Subject="CN=alice,O=Example";DNS=alice.test`;
      assert.deepEqual(heads.map(certificateFields), [[xfcc], []]);
    });
  });
}

test("a buffer of Node's is one certificate, not the pool that it lies in", () => {
  const { raw } = new X509Certificate(alice.certificate);
  assert.equal(Buffer.from(raw).toString("base64"), derOf(alice.certificate));
});
