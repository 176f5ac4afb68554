import assert from "node:assert/strict";
import { test } from "node:test";
import { wantedBy } from "../control/acme/certificate-order.ts";
import { AcmeStorage } from "../control/acme/storage.ts";
import { listenerTlsSchema } from "../config/schema/tls/listener-tls-schema.ts";
import { TestAuthority, temporaryFiles } from "../../test/support/certificates.ts";
import { certificateLines, clientRuleFor, tlsInWords, untilInWords } from "./shown-certificates.ts";

test("which names a listener serves, and which certificate a host gets", async (t) => {
  const authority = await TestAuthority.create();
  const [one, other] = await Promise.all([
    authority.issue(["a.test", "*.a.test"], { notAfter: new Date("2096-02-03") }),
    authority.issue(["b.test"], { notAfter: new Date("2095-02-03") }),
  ]);
  const files = temporaryFiles(t, { "a.pem": one.chain + one.key, "b.pem": other.chain + other.key, "ca.pem": authority.certificate });
  const certificates = [
    { cert_file: files["a.pem"] },
    { cert_file: files["b.pem"], client_certificates: { ca_file: files["ca.pem"], forward: "xfcc" } },
  ];
  const tls = listenerTlsSchema.parse({ certificates });
  assert.equal(tlsInWords(tls), "TLS for a.test, *.a.test, b.test, certificates end from 2095-02-03 on");
  assert.deepEqual(certificateLines(tls, "x.A.test", false), [`certificate: #1, ${files["a.pem"]}, until 2096-02-03`]);
  assert.deepEqual(certificateLines(tls, "b.test", false), [
    `certificate: #2, ${files["b.pem"]}, until 2095-02-03`,
    "client certificate: required, forwarded as xfcc; without one there is no connection (--client-cert FILE shows one)",
  ]);
  assert.equal(certificateLines(tls, "b.test", true)[1], "client certificate: required, forwarded as xfcc");
  assert.equal(clientRuleFor(tls, "b.test")?.forward, "xfcc");
  assert.equal(clientRuleFor(tls, "a.test"), null);
  assert.equal(certificateLines(tls, "a.test", true)[1], "client certificate: not asked for under this name, so none is shown");
  assert.deepEqual(certificateLines(tls, "c.test", false), [
    `certificate: none has this name, so clients get #1, ${files["a.pem"]}, and refuse it`,
  ]);
  const strict = listenerTlsSchema.parse({ certificates, strict_sni: true });
  assert.deepEqual(certificateLines(strict, "c.test", false), ["certificate: none has this name, so the handshake is refused"]);
  assert.equal(untilInWords([{ cert_file: files["b.pem"] }]), ", until 2095-02-03");
  assert.equal(untilInWords([{ cert_file: "none.pem" }]), "");
  const internal = listenerTlsSchema.parse("internal");
  assert.equal(tlsInWords(internal), "TLS for local names");
  assert.deepEqual(certificateLines(internal, "app.localhost", false), ["certificate: of the local authority"]);
});

test("a certificate over ACME that was obtained is shown with its end, and one that was not is not", async (t) => {
  const authority = await TestAuthority.create();
  const site = await authority.issue(["a.test"], { notAfter: new Date("2096-02-03") });
  const { folder } = temporaryFiles(t, {});
  const acme = { domains: ["a.test", "b.test"], storage: folder, terms_agreed: true };
  const tls = listenerTlsSchema.parse({ acme });
  const storage = new AcmeStorage(folder);
  await storage.open();
  assert.equal(tlsInWords(tls), "TLS for a.test, b.test");
  const [wanted] = tls.acme === undefined ? [] : wantedBy(tls.acme);
  await storage.writeCertificate(wanted?.id ?? assert.fail(), site);
  assert.equal(tlsInWords(tls), "TLS for a.test, b.test, certificates end from 2096-02-03 on");
  assert.deepEqual(certificateLines(tls, "a.test", false), ["certificate: obtained over ACME, until 2096-02-03"]);
  assert.deepEqual(certificateLines(tls, "b.test", false), ["certificate: obtained over ACME"]);
});
