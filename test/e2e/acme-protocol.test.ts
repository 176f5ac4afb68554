/** The ACME client beside a real authority, Debian's `pebble`, with its faults switched on. */
import assert from "node:assert/strict";
import { X509Certificate, generateKeyPairSync } from "node:crypto";
import { once } from "node:events";
import http from "node:http";
import { after, before, describe, test } from "node:test";
import tls from "node:tls";
import { openAccount, replacementFor, signerOf } from "../../src/acme/account.ts";
import type { StoredAccount } from "../../src/acme/account.ts";
import { AcmeClient } from "../../src/acme/acme-client.ts";
import { AcmeProblem } from "../../src/acme/acme-error.ts";
import type { AcmeClock } from "../../src/acme/acme-http.ts";
import { boundedRequests } from "../../src/control/outside/bounded-requests.ts";
import { dnsRecord } from "../../src/acme/challenge.ts";
import type { Challenge, ChallengeResponder } from "../../src/acme/challenge.ts";
import { namesOf } from "../../src/certificates/alternative-names.ts";
import { obtainCertificate } from "../../src/acme/order.ts";
import type { ObtainedCertificate, OrderSettings } from "../../src/acme/order.ts";
import { challengeCertificate } from "../../src/acme/x509.ts";
import { startPebble, whyNoPebble } from "../support/pebble.ts";
import type { Pebble } from "../support/pebble.ts";

const missing = whyNoPebble();
const NO_ACCOUNT = { email: "ops@example.com", eab: null };

/** A clock in which waiting is short: pebble is beside us. */
const quickClock: AcmeClock = { now: Date.now, wait: (ms) => new Promise((over) => setTimeout(over, Math.min(ms, 100))) };

describe("the ACME client with pebble", { skip: missing ?? false }, () => {
  let pebble: Pebble;
  const tokens = new Map<string, string>();
  const web = http.createServer((request, response) => response.end(tokens.get(request.url ?? "")));
  let alpn: tls.Server;
  const certificates = new Map<string, tls.SecureContext>();

  before(async () => {
    // A fifth of the nonces are refused, validation takes up to two seconds, and what is valid is used again in half of the orders.
    pebble = await startPebble({
      faults: {
        PEBBLE_WFE_NONCEREJECT: "20",
        PEBBLE_VA_NOSLEEP: "0",
        PEBBLE_VA_SLEEPTIME: "2",
        PEBBLE_AUTHZREUSE: "50",
        PEBBLE_WFE_ORDERS_PER_PAGE: "1",
      },
    });
    alpn = tls.createServer({ ALPNProtocols: ["acme-tls/1"], SNICallback: (name, done) => done(null, certificates.get(name)) });
    alpn.on("tlsClientError", () => undefined);
    web.listen(pebble.httpPort, "127.0.0.1");
    alpn.listen(pebble.tlsPort, "127.0.0.1");
    await Promise.all([once(web, "listening"), once(alpn, "listening")]);
  });

  after(async () => {
    web.close();
    web.closeAllConnections();
    alpn.close();
    await pebble.stop();
  });

  const answers: ChallengeResponder = {
    present: async (challenge: Challenge) => {
      const { type, name, token, keyAuthorization } = challenge;
      tokens.set(`/.well-known/acme-challenge/${token}`, type === "http-01" ? keyAuthorization : "");
      if (type === "dns-01") await pebble.dns("/set-txt", { host: `_acme-challenge.${name}.`, value: dnsRecord(challenge) });
      const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
      const cert = await challengeCertificate(privateKey, name, keyAuthorization, Date.now());
      const key = privateKey.export({ type: "pkcs8", format: "pem" });
      if (type === "tls-alpn-01") certificates.set(name, tls.createSecureContext({ cert, key }));
    },
    remove: async ({ name, token }) => {
      tokens.delete(`/.well-known/acme-challenge/${token}`);
      certificates.delete(name);
    },
  };

  function client(ca: string = pebble.ca): AcmeClient {
    const { ask } = boundedRequests({ userAgent: "millrace/test", ca: () => ca, timeoutMs: 10_000, bodyBytesMax: 256 * 1024 });
    return new AcmeClient({ directory: pebble.directory, ask, clock: quickClock, signal: new AbortController().signal });
  }

  function obtain(asking: AcmeClient, account: StoredAccount, settings: Partial<OrderSettings>): Promise<ObtainedCertificate> {
    const usual: OrderSettings = { names: ["example.com"], challenge: "http-01", key: "ecdsa", profile: null, replaces: null };
    return obtainCertificate(asking, signerOf(account), { ...usual, ...settings }, answers);
  }

  for (const [challenge, names, key] of [
    ["http-01", ["a.example.com", "b.example.com"], "ecdsa"],
    ["tls-alpn-01", ["c.example.com", "d.example.com"], "rsa"],
    ["dns-01", ["e.example.com", "*.f.example.com"], "ecdsa"],
  ] as const) {
    test(`obtains a certificate by ${challenge}`, async () => {
      const asking = client();
      const account = await openAccount(asking, null, NO_ACCOUNT);
      const { chain } = await obtain(asking, account, { challenge, names, key });
      const leaf = new X509Certificate(chain);
      assert.deepEqual(namesOf(leaf).toSorted(), names.toSorted());
      assert.equal(leaf.publicKey.asymmetricKeyType, key === "rsa" ? "rsa" : "ec");
      // A second order, in which names may be valid already.
      await obtain(asking, account, { challenge, names });
    });
  }

  test("says what pebble found", async () => {
    const asking = client();
    const account = await openAccount(asking, null, NO_ACCOUNT);
    const nothing: ChallengeResponder = { present: () => Promise.resolve(), remove: () => Promise.resolve() };
    const settings: OrderSettings = { names: ["no.example.com"], challenge: "http-01", key: "ecdsa", profile: null, replaces: null };
    await assert.rejects(
      obtainCertificate(asking, signerOf(account), settings, nothing),
      /could not see that no.example.com is yours: unauthorized: /,
    );
  });

  test("an account that pebble has forgotten is registered again", async () => {
    const asking = client();
    const account = await openAccount(asking, null, NO_ACCOUNT);
    await pebble.restart();
    const later = client();
    const refusal = await obtain(later, account, {}).then(
      () => assert.fail(),
      (error: unknown) => error,
    );
    assert.ok(refusal instanceof AcmeProblem, String(refusal));
    const again = await replacementFor(later, account, NO_ACCOUNT, refusal);
    assert.ok(again !== null);
    assert.equal(again.key, account.key);
    await obtain(later, again, {});
  });

  test("an authority that is not trusted is not asked", async () => {
    const other = await startPebble();
    try {
      await assert.rejects(openAccount(client(other.ca), null, NO_ACCOUNT), /cannot be asked/);
    } finally {
      await other.stop();
    }
  });

  test("an account is bound to a customer of the authority", async () => {
    const bound = await startPebble({ bindings: { "kid-1": "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W" } });
    try {
      const { ask } = boundedRequests({ userAgent: "millrace/test", ca: () => bound.ca, timeoutMs: 10_000, bodyBytesMax: 256 * 1024 });
      const asking = new AcmeClient({ directory: bound.directory, ask, clock: quickClock, signal: new AbortController().signal });
      await assert.rejects(openAccount(asking, null, NO_ACCOUNT), /eab is needed/);
      const eab = { key_id: "kid-1", hmac_key: "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W" };
      await assert.rejects(openAccount(asking, null, { ...NO_ACCOUNT, eab: { ...eab, hmac_key: "c2VjcmV0" } }), AcmeProblem);
      assert.match((await openAccount(asking, null, { ...NO_ACCOUNT, eab })).url, /^https:/);
    } finally {
      await bound.stop();
    }
  });
});
