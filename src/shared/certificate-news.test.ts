import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { CertificateReceiver, CertificateSender } from "./certificate-news.ts";
import type { CertificateNews } from "./certificate-news.ts";
import type { ListenerTls, ServedCertificate, TlsOfListeners } from "./listener-tls.ts";

function certificate(name: string, more: Partial<ServedCertificate> = {}): ServedCertificate {
  const chain = `chain of ${name}`;
  return { names: [name], chain, key: `key of ${name}`, keyKind: "ecdsa", ocsp: null, clients: null, isChallenge: false, ...more };
}

function listener(certificates: readonly ServedCertificate[]): ListenerTls {
  return {
    certificates,
    strictSni: false,
    onDemand: false,
    minVersion: "TLSv1.2",
    ciphers: "",
    curves: "",
    plainHttp: "refuse",
    ticketKeys: [],
    handshakeMs: 1,
    handshakesMax: 1,
  };
}

function sentNames({ certificates }: CertificateNews): readonly string[] {
  return certificates.flatMap(([, { names }]) => names);
}

test("a certificate is sent once, and again where anything of it has changed", () => {
  const sender = new CertificateSender();
  const all = [certificate("a.test"), certificate("b.test"), certificate("a.test")];
  assert.deepEqual(sentNames(sender.news([[3, listener(all)]])), ["a.test", "b.test"]);
  // In other objects, in another order, of another listener too.
  const others = structuredClone(all).toReversed();
  assert.deepEqual(sentNames(sender.news([3, 4].map((slot) => [slot, listener([...others, certificate("c.test")])]))), ["c.test"]);
  const rule = { mode: "required", ca: "ca", crl: null, verifyDepth: 1, forward: null } as const;
  const changes: Partial<ServedCertificate>[] = [
    { chain: "renewed" },
    { key: "other" },
    { keyKind: "rsa" },
    { ocsp: new Uint8Array(1) },
    { isChallenge: true },
    { names: ["a.test", "x.test"] },
    { clients: rule },
    { clients: { ...rule, ca: "other" } },
  ];
  for (const change of changes) {
    const now: TlsOfListeners = [[3, listener([certificate("a.test", change), certificate("b.test")])]];
    assert.equal(sender.news(now).certificates.length, 1, JSON.stringify(change));
    assert.deepEqual(sender.news(now).certificates, [], JSON.stringify(change));
  }
});

test("what is not named any more is forgotten on both sides", () => {
  const [sender, receiver] = [new CertificateSender(), new CertificateReceiver()];
  const one: TlsOfListeners = [[3, listener([certificate("a.test")])]];
  const first = sender.news(one);
  receiver.take(first);
  receiver.take(sender.news([[3, listener([])]]));
  assert.throws(() => receiver.take({ ...first, certificates: [] }), /was not sent/);
  assert.deepEqual(receiver.take(sender.news(one)), one);
});

test("threads have what they were told, whenever they began", () => {
  const listeners = fc.uniqueArray(
    fc.tuple(fc.nat(2), fc.array(fc.tuple(fc.constantFrom("a", "b", "c"), fc.constantFrom("ecdsa", "rsa", "other")))),
    { selector: ([slot]) => slot },
  );
  const steps = fc.array(listeners, { minLength: 1, maxLength: 8 });
  fc.assert(
    fc.property(steps, fc.nat(7), (all, begins) => {
      const sender = new CertificateSender();
      const receivers = [new CertificateReceiver()];
      for (const [step, wanted] of all.entries()) {
        const now = wanted.map(([slot, made]) => [slot, listener(made.map(([name, keyKind]) => certificate(name, { keyKind })))] as const);
        const news = structuredClone(sender.news(now));
        for (const receiver of receivers) assert.deepEqual(receiver.take(news), now);
        if (step !== begins) continue;
        const late = new CertificateReceiver();
        const first = sender.all();
        assert.deepEqual(first === null ? [] : late.take(structuredClone(first)), now);
        receivers.push(late);
      }
    }),
  );
});
