import assert from "node:assert/strict";
import { renameSync, symlinkSync, unlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import { before, test } from "node:test";
import type { TestContext } from "node:test";
import { listenerSchema } from "../../config/schema/listener-schema.ts";
import type { ListenerConfig } from "../../config/schema/listener-schema.ts";
import type { ListenerTls, TlsOfListeners } from "../../shared/listener-tls.ts";
import { TestAuthority, temporaryFiles } from "../../../test/support/certificates.ts";
import type { TestCertificate } from "../../../test/support/certificates.ts";
import { ocspResponse } from "../../certificates/ocsp-response.fixture.ts";
import type { CertificateSource } from "./certificate-source.ts";
import { CertificateWatch } from "./certificate-watch.ts";
import { ListenerCertificates } from "./listener-certificates.ts";

let authority: TestAuthority;
let expired: TestCertificate;
let [first, second]: readonly (TestCertificate | undefined)[] = [];

before(async () => {
  authority = await TestAuthority.create();
  expired = await authority.issue(["b.test"], { valid: "expired" });
  [first, second] = await Promise.all([authority.issue(["a.test"]), authority.issue(["b.test"])]);
});

/** Time between two looks at the files. */
const LOOK_MS = 1000;

interface Stage {
  readonly certificates: ListenerCertificates;
  readonly watch: CertificateWatch;
  readonly log: readonly string[];
  /** What threads were told, the newest last. */
  readonly told: readonly TlsOfListeners[];
  /** Lets this many looks at the files pass; two are enough for a change that stands still. */
  looks(count?: number): Promise<void>;
  /** Moves the clock, and calls what is due. */
  advance(ms: number): Promise<void>;
}

function stage(t: TestContext, sources: readonly CertificateSource[] = []): Stage {
  const log: string[] = [];
  const told: TlsOfListeners[] = [];
  const say = (event: string, message: string): void => void log.push(`${event}: ${message}`);
  let now = 0;
  const timers = new Set<{ readonly at: number; readonly ms: number; readonly call: () => void }>();
  let running = 0;
  let rest: (() => void) | null = null;
  const after = (ms: number, then: () => void): (() => void) => {
    const timer = { at: now + ms, ms, call: then };
    timers.add(timer);
    // A look plans the next one when it has ended.
    if (ms === LOOK_MS && running > 0 && --running === 0) rest?.();
    return () => timers.delete(timer);
  };
  const epochMs = (): number => Date.now() + now;
  const said = { info: say, warn: say, error: say };
  const watch = new CertificateWatch({ log: said, epochMs, after, looked: () => certificates.dropOldResponses() });
  const certificates: ListenerCertificates = new ListenerCertificates({
    sources,
    log: said,
    watch,
    tell: (listeners) => told.push(listeners),
    epochMs,
    now: () => now,
    after,
  });
  t.after(async () => {
    await certificates.stop();
    watch.stop();
  });
  const advance = async (ms: number): Promise<void> => {
    now += ms;
    const due = [...timers].filter(({ at }) => at <= now);
    running = due.filter((timer) => timer.ms === LOOK_MS).length;
    const ended = running === 0 ? null : new Promise<void>((resolve) => (rest = resolve));
    for (const timer of due) {
      timers.delete(timer);
      timer.call();
    }
    await ended;
  };
  const looks = async (count: number = 2): Promise<void> => {
    for (let look = 0; look < count; look++) await advance(LOOK_MS);
  };
  return { certificates, watch, log, told, looks, advance };
}

function listener(tls: unknown): ListenerConfig {
  return listenerSchema.parse({ address: ":443", tls });
}

async function use({ certificates }: Stage, tls: unknown, slot: number = 3): Promise<void> {
  assert.deepEqual(await certificates.prepare([listener(tls)], [slot]), []);
  certificates.keep([listener(tls)], [slot]);
}

function newest({ told }: Stage, slot: number = 3): ListenerTls {
  return new Map(told.at(-1)).get(slot) ?? assert.fail("nothing was told of the listener");
}

test("what threads get: names, chain, key, and what the configuration says", async (t) => {
  const all = stage(t);
  const intermediate = await authority.intermediate();
  const site = await intermediate.issue(["*.Example.TEST", "10.0.0.1", "::1"], { key: "rsa" });
  const files = temporaryFiles(t, { "site.pem": site.chain, "site.key": site.key, "ca.pem": authority.certificate });
  await use(all, {
    certificates: [{ cert_file: files["site.pem"], key_file: files["site.key"] }],
    client_certificates: { ca_file: files["ca.pem"], forward: "xfcc" },
    min_version: 1.3,
    ciphers: "ECDHE-RSA-AES128-GCM-SHA256",
  });
  const { certificates, ticketKeys, ...settings } = newest(all);
  const [served] = certificates;
  assert.deepEqual(served?.names, ["*.example.test", "10.0.0.1", "::1"]);
  assert.equal(served?.keyKind, "rsa");
  assert.equal(served?.chain.match(/BEGIN CERTIFICATE/g)?.length, 2);
  assert.match(served?.key ?? "", /^-----BEGIN PRIVATE KEY-----/);
  assert.deepEqual(served?.clients, { mode: "required", ca: authority.certificate, crl: null, verifyDepth: 1, forward: "xfcc" });
  assert.equal(ticketKeys.length, 1);
  assert.deepEqual(settings, {
    strictSni: false,
    onDemand: false,
    minVersion: "TLSv1.3",
    ciphers: "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:ECDHE-RSA-AES128-GCM-SHA256",
    curves: "X25519MLKEM768:X25519:prime256v1:secp384r1",
    plainHttp: "refuse",
    handshakeMs: 10_000,
    handshakesMax: 4096,
  });
});

test("what an entry asks of clients goes before what the listener asks, and false asks nothing", async (t) => {
  const all = stage(t);
  const files = temporaryFiles(t, { "a.pem": both(first), "b.pem": both(second), "ca.pem": authority.certificate });
  const clients = { mode: "optional", ca_file: files["ca.pem"], verify_depth: 3 };
  await use(all, {
    client_certificates: { ca_file: files["ca.pem"] },
    certificates: [
      { cert_file: files["a.pem"], client_certificates: clients },
      { cert_file: files["b.pem"], client_certificates: false },
      { cert_file: files["b.pem"] },
    ],
  });
  assert.deepEqual(
    newest(all).certificates.map(({ clients }) => clients?.mode ?? null),
    ["optional", null, "required"],
  );
});

test("a pair that is replaced one file after the other is used when both are new, and the half change is not an error", async (t) => {
  const all = stage(t);
  const files = temporaryFiles(t, { "a.pem": first?.chain ?? "", "a.key": first?.key ?? "" });
  await use(all, { certificates: [{ cert_file: files["a.pem"], key_file: files["a.key"] }] });
  writeFileSync(files["a.pem"], second?.chain ?? "");
  await all.looks(3);
  assert.deepEqual(newest(all).certificates[0]?.names, ["a.test"]);
  assert.deepEqual(all.log, []);
  writeFileSync(files["a.key"], second?.key ?? "");
  await all.looks();
  assert.deepEqual(newest(all).certificates[0]?.names, ["b.test"]);
  assert.match(all.log.join(), /^certificate_file_read: .*a\.pem changed: new connections use the new version, for b\.test until [-\d]+$/);
});

test("a bad version keeps the old one and is said once; no message shows what stands in a file", async (t) => {
  const all = stage(t);
  const files = temporaryFiles(t, { "a.pem": first?.chain ?? "", "a.key": first?.key ?? "" });
  await use(all, { certificates: [{ cert_file: files["a.pem"], key_file: files["a.key"] }] });
  for (const [spoil, why] of [
    [() => writeFileSync(files["a.key"], second?.key ?? ""), /a\.key holds the key of another certificate$/],
    [() => writeFileSync(files["a.key"], (second?.key ?? "").slice(0, 100)), /a\.key holds no PEM private key$/],
    [() => unlinkSync(files["a.key"]), /a\.key does not exist$/],
    [() => replaceBoth(files, expired), /a\.pem has expired on [-\d]+: clients refuse it$/],
    [() => damage(files), /a\.pem cannot be read: certificate 1 of 1 is damaged$/],
  ] as const) {
    const before = all.log.length;
    spoil();
    await all.looks(8);
    assert.equal(all.log.length, before + 1, all.log.join("\n"));
    assert.match(all.log.at(-1) ?? "", /^certificate_file_refused: the old version stays in use: /);
    assert.match(all.log.at(-1) ?? "", why);
    assert.deepEqual(newest(all).certificates[0]?.names, ["a.test"]);
  }
  assert.doesNotMatch(all.log.join(), /-----|MIG|MII/);
});

test("links that lead elsewhere are followed, as certbot and Kubernetes replace files", async (t) => {
  const all = stage(t);
  const files = temporaryFiles(t, { "1.pem": both(first), "2.pem": both(second) });
  const link = path.join(files.folder, "live.pem");
  symlinkSync(files["1.pem"], link);
  await use(all, { certificates: [{ cert_file: link }] });
  symlinkSync(files["2.pem"], `${link}.new`);
  renameSync(`${link}.new`, link);
  await all.looks();
  assert.deepEqual(newest(all).certificates[0]?.names, ["b.test"]);
});

test("ticket keys: two of a ring, renewed in time; those of a file as they stand there", async (t) => {
  const all = stage(t);
  const line = (fill: number): string => `${Buffer.alloc(48, fill).toString("base64")}\n`;
  const files = temporaryFiles(t, { "a.pem": both(first), tickets: `# of all machines\n${line(1)}${line(2)}` });
  const certificates = [{ cert_file: files["a.pem"] }];
  await use(all, { certificates, tickets: { rotate: "2h" } });
  const [begun] = newest(all).ticketKeys;
  await all.advance(7_200_000);
  const renewed = newest(all).ticketKeys;
  assert.deepEqual([renewed.length, renewed[1]], [2, begun]);
  assert.notDeepEqual(renewed[0], begun);
  await all.advance(7_200_000);
  assert.deepEqual(newest(all).ticketKeys.slice(1), [renewed[0]]);

  await use(all, { certificates, tickets: { key_file: files["tickets"] } });
  assert.deepEqual(
    newest(all).ticketKeys.map(({ name, secret }) => [name[0], name.length, secret[0], secret.length]),
    [
      [1, 16, 1, 32],
      [2, 16, 2, 32],
    ],
  );
  writeFileSync(files["tickets"], `${line(3)}hunter2\n`);
  await all.looks();
  assert.match(all.log.at(-1) ?? "", /^certificate_file_refused: .*tickets has a wrong line 2: expected 48 bytes in Base64/);
  writeFileSync(files["tickets"], `${line(3)}${line(1)}`);
  await all.looks();
  assert.deepEqual(
    newest(all).ticketKeys.map(({ name }) => name[0]),
    [3, 1],
  );

  await use(all, { certificates, tickets: false });
  assert.deepEqual(newest(all).ticketKeys, []);
});

test("a CA, a revocation list and an OCSP response that change are used; a response that has ended is sent no more", async (t) => {
  const all = stage(t);
  const other = await TestAuthority.create();
  const { serialNumber = "" } = first ?? {};
  const soon = new Date(Math.ceil(Date.now() / 1000) * 1000 + 60_000);
  const files = temporaryFiles(t, {
    "a.pem": both(first),
    "ca.pem": authority.certificate,
    "crl.pem": await authority.crl([]),
    "a.ocsp": "",
  });
  writeFileSync(files["a.ocsp"], ocspResponse({ serialNumber, nextUpdate: soon }));
  await use(all, {
    certificates: [{ cert_file: files["a.pem"], ocsp_file: files["a.ocsp"] }],
    client_certificates: { ca_file: files["ca.pem"], crl_file: files["crl.pem"] },
  });
  const served = (): ListenerTls["certificates"][number] => newest(all).certificates[0] ?? assert.fail("there is none");
  assert.ok(served().ocsp !== null);
  writeFileSync(files["ca.pem"], other.certificate);
  writeFileSync(files["crl.pem"], await other.crl([]));
  await all.looks();
  assert.equal(served().clients?.ca, other.certificate);
  writeFileSync(files["crl.pem"], "none");
  await all.looks();
  assert.match(all.log.at(-1) ?? "", /^certificate_file_refused: .*crl\.pem holds no PEM revocation list/);
  assert.equal(served().clients?.ca, other.certificate);
  await all.advance(120_000);
  assert.equal(served().ocsp, null);
  writeFileSync(files["a.ocsp"], ocspResponse({ serialNumber: "0B", nextUpdate: new Date(Date.now() + 3_600_000) }));
  await all.looks();
  assert.equal(served().ocsp, null, "it is about another certificate");
  writeFileSync(files["a.ocsp"], ocspResponse({ serialNumber, nextUpdate: new Date(Date.now() + 3_600_000) }));
  await all.looks();
  assert.ok(served().ocsp !== null);
});

test("the end of a certificate is said 14, 7, 3 and 1 days before, and when it is over", async (t) => {
  const all = stage(t);
  const day = 86_400_000;
  const site = await authority.issue(["a.test", "b.test", "c.test", "d.test"], { notAfter: new Date(Date.now() + 15.5 * day) });
  const files = temporaryFiles(t, { "a.pem": site.chain + site.key });
  await use(all, { certificates: [{ cert_file: files["a.pem"] }] });
  const days: string[] = [];
  for (let passed = 0; passed < 17; passed++) {
    const before = all.log.length;
    await all.advance(day);
    days.push(
      ...all.log
        .slice(before)
        .map((line) => /^certificate_expire\w+|(?:in \w+ \w+|has expired)(?= |$|:)/.exec(line.slice(20))?.[0] ?? line),
    );
  }
  assert.deepEqual(days, ["in 13 days", "in 6 days", "in 2 days", "in less than", "has expired"]);
  assert.match(
    all.log[0] ?? "",
    /^certificate_expires: the certificate for a\.test, b\.test, c\.test and 1 more on :443 expires on [-\d]+, in 13 days$/,
  );
  const [reading] = all.watch.readings();
  assert.deepEqual([reading?.of, reading?.names.length, reading?.key], [":443", 4, "ecdsa"]);
});

test("a reload leaves a certificate in use whose file has been replaced by an expired one, and the log says so", async (t) => {
  const all = stage(t);
  const files = temporaryFiles(t, { "a.pem": first?.chain ?? "", "a.key": first?.key ?? "" });
  const tls = { certificates: [{ cert_file: files["a.pem"], key_file: files["a.key"] }] };
  await use(all, tls);
  const { chain } = newest(all).certificates[0] ?? assert.fail();
  replaceBoth(files, expired);
  await use(all, tls);
  assert.equal(newest(all).certificates[0]?.chain, chain);
  await all.looks(8);
  assert.match(all.log.at(-1) ?? "", /^certificate_file_refused: the old version stays in use: .*a\.pem has expired on /);
  assert.equal(newest(all).certificates[0]?.chain, chain);
});

test("a reload that is refused leaves everything; what it removes stays until it is in use", async (t) => {
  const all = stage(t);
  const { certificates } = all;
  const files = temporaryFiles(t, { "a.pem": both(first), "b.pem": both(second) });
  await use(all, { certificates: [{ cert_file: files["a.pem"] }] });
  const tellings = all.told.length;
  assert.match(
    (await certificates.prepare([listener({ certificates: [{ cert_file: "none.pem" }] })], [3])).join(),
    /none\.pem does not exist/,
  );
  assert.equal(all.told.length, tellings);

  const next = [listener({ certificates: [{ cert_file: files["b.pem"] }] })];
  assert.deepEqual(await certificates.prepare(next, [4]), []);
  assert.deepEqual([newest(all).certificates[0]?.names, newest(all, 4).certificates[0]?.names], [["a.test"], ["b.test"]]);
  certificates.keep(next, [4]);
  assert.deepEqual(
    all.told.at(-1)?.map(([slot]) => slot),
    [4],
  );
  certificates.keep([listenerSchema.parse({ address: ":80" })], [4]);
  assert.deepEqual(all.told.at(-1), []);
});

test("certificates of a source come after those of files, under the listener's rule for clients; challenges ask nothing", async (t) => {
  const site = await authority.issue(["made.test"]);
  let names = ["made.test"];
  const source: CertificateSource = {
    prepare: (listeners) => Promise.resolve(listeners.has(5) ? ["not this one"] : []),
    keep: () => {},
    of: () => [false, true].map((isChallenge) => ({ names, chain: site.chain, key: site.key, keyKind: "ecdsa", ocsp: null, isChallenge })),
    isOnDemand: () => true,
    wanted: (_listener, name) => Promise.resolve(name === "other.test"),
    stop: () => {},
  };
  const all = stage(t, [source]);
  const files = temporaryFiles(t, { "a.pem": both(first), "ca.pem": authority.certificate });
  const tls = { certificates: [{ cert_file: files["a.pem"] }], client_certificates: { ca_file: files["ca.pem"] } };
  await use(all, tls);
  const served = newest(all).certificates.map(({ names, clients, isChallenge }) => [names[0], clients?.mode ?? null, isChallenge]);
  assert.deepEqual(served, [
    ["a.test", "required", false],
    ["made.test", "required", false],
    ["made.test", null, true],
  ]);
  assert.equal(newest(all).onDemand, true);
  names = ["again.test"];
  all.certificates.changed();
  assert.deepEqual(newest(all).certificates[1]?.names, ["again.test"]);
  assert.deepEqual(
    await Promise.all([
      all.certificates.wanted(3, "other.test"),
      all.certificates.wanted(3, "x.test"),
      all.certificates.wanted(4, "other.test"),
    ]),
    [true, false, false],
  );
  assert.deepEqual(await all.certificates.prepare([listener(tls)], [5]), ["not this one"]);
});

function replaceBoth(files: Readonly<Record<"a.pem" | "a.key", string>>, by: TestCertificate): void {
  writeFileSync(files["a.pem"], by.chain);
  writeFileSync(files["a.key"], by.key);
}

/** Puts the key back, and breaks the certificate. */
function damage(files: Readonly<Record<"a.pem" | "a.key", string>>): void {
  writeFileSync(files["a.key"], first?.key ?? "");
  writeFileSync(files["a.pem"], (first?.chain ?? "").replace("MII", "MIA"));
}

function both(certificate: TestCertificate | undefined): string {
  return `${certificate?.chain}${certificate?.key}`;
}
