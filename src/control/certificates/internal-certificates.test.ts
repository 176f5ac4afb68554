import assert from "node:assert/strict";
import { test } from "node:test";
import { parseConfig } from "../../config/load.ts";
import type { TlsListener, TlsListeners } from "./certificate-source.ts";
import { firstNames } from "./first-names.ts";
import { InternalCertificates } from "./internal-certificates.ts";
import type { InternalCertificatesOptions } from "./internal-certificates.ts";

const DAY_MS = 86_400_000;
const A = listener("127.0.0.1:8443", "internal");
const OTHER = listener("app.test:8443", "{ internal: { storage: /b } }");
/** Without certificates of the authority. */
const CLOSED = listener("127.0.0.1:8444", "{ certificates: [{ cert_file: site.pem }] }");
const LOOPBACK = "localhost,127.0.0.1,::1";

function listener(address: string, tls: string): TlsListener {
  const text = `listeners: [{ address: "${address}", tls: ${tls} }]\nroutes: [{ respond: { status: 200 } }]\n`;
  const parsed = parseConfig(text, "test.yaml", {}, () => "");
  const [first] = "config" in parsed ? parsed.config.listeners : [];
  if (first?.tls === undefined) return assert.fail(JSON.stringify(parsed));
  return { ...first, tls: first.tls };
}

function slots(...listeners: readonly TlsListener[]): TlsListeners {
  return new Map(listeners.entries());
}

/** Certificates of authorities that only count what they make, under a clock that the test moves. */
class Trial {
  readonly made: string[] = [];
  readonly lines: string[] = [];
  changes: number = 0;
  time: number = 0;
  /** Set: the authority fails with this. */
  failure: string | null = null;
  private look: (() => void) | null = null;
  readonly certificates: InternalCertificates;

  constructor(given: Partial<InternalCertificatesOptions> = {}) {
    const log = (event: string, message: string): void => void this.lines.push(`${event}: ${message}`);
    this.certificates = new InternalCertificates({
      log: { info: log, warn: log, error: log },
      ownFolder: () => "/a",
      addresses: () => [],
      open: (folder) => Promise.resolve({ file: `${folder}/root.pem`, issue: (names, now) => this.issue(names, now) }),
      changed: () => void this.changes++,
      now: () => this.time,
      after: (_ms, then) => {
        this.look = then;
        return () => (this.look = null);
      },
      ...given,
    });
  }

  get isLooking(): boolean {
    return this.look !== null;
  }

  names(of: TlsListener = A): string[] {
    return this.certificates.of(0, of).map(({ names }) => names.join());
  }

  chains(): string[] {
    return this.certificates.of(0, A).map(({ chain }) => chain);
  }

  /** Lets the time for a look come, and what it began end. */
  async lookAround(): Promise<void> {
    const { look } = this;
    this.look = null;
    look?.();
    for (let turn = 0; turn < 10; turn++) await Promise.resolve();
  }

  private issue(names: readonly string[], now: number): Promise<{ chain: string; key: string; renewAt: number; expiresAt: number }> {
    if (this.failure !== null) return Promise.reject(new Error(this.failure));
    this.made.push(names.join());
    return Promise.resolve({
      chain: `of ${names.join()} at ${now}`,
      key: "",
      renewAt: now + 4 * DAY_MS,
      expiresAt: now + 7 * DAY_MS,
    });
  }
}

test("a listener has its first certificate, and one for each local name that clients want", async () => {
  const trial = new Trial();
  assert.deepEqual(trial.names(), []);
  assert.deepEqual(await trial.certificates.prepare(slots(A)), []);
  assert.deepEqual(trial.names(), [LOOPBACK]);
  assert.match(trial.lines[0] ?? "", /^local_authority_opened: .*\/a\/root\.pem/);
  assert.equal(await trial.certificates.wanted(A, "app.test"), true);
  assert.equal(trial.changes, 1);
  assert.deepEqual(trial.names(), [LOOPBACK, "app.test"]);
  assert.equal(await trial.certificates.wanted(A, "app.test"), true);
  assert.equal(trial.changes, 1);
});

test("threads that ask at once get one certificate", async () => {
  const trial = new Trial();
  await trial.certificates.prepare(slots(A));
  const asked = ["app.test", "app.test", "app.test"].map((name) => trial.certificates.wanted(A, name));
  assert.deepEqual(await Promise.all(asked), [true, true, true]);
  assert.deepEqual(trial.made, [LOOPBACK, "app.test"]);
});

test("names that are not local, addresses and listeners without the authority are refused, and the log says so once", async () => {
  const trial = new Trial();
  await trial.certificates.prepare(slots(A));
  for (const name of ["example.com", "127.0.0.1", "fd00::1", "", "a\nb.test"])
    assert.equal(await trial.certificates.wanted(A, name), false, name);
  assert.equal(await trial.certificates.wanted(OTHER, "app.test"), false);
  await trial.lookAround();
  const refusals = trial.lines.filter((line) => line.startsWith("certificate_not_made"));
  assert.equal(refusals.length, 1);
  assert.match(refusals[0] ?? "", /named 5 names .* "a\\nb\.test"/);
  assert.equal(trial.changes, 0);
});

test("a client that names many names gets a few, and pushes out the oldest only", async () => {
  const trial = new Trial();
  await trial.certificates.prepare(slots(A));
  const answers: boolean[] = [];
  for (let index = 0; index < 30; index++) answers.push(await trial.certificates.wanted(A, `n${index}.test`));
  assert.equal(answers.filter(Boolean).length, 20);
  for (let index = 0; index < 100; index++) {
    trial.time += 200;
    await trial.certificates.wanted(A, `m${index}.test`);
  }
  const names = trial.names();
  assert.equal(names.length, 101);
  assert.deepEqual([names[0], names.at(-1), names.includes("n0.test")], [LOOPBACK, "m99.test", false]);
});

test("the first certificate is renewed, and others are made anew when somebody asks", async () => {
  const trial = new Trial();
  await trial.certificates.prepare(slots(A));
  await trial.certificates.wanted(A, "app.test");
  trial.time = 3 * DAY_MS;
  await trial.lookAround();
  assert.equal(trial.changes, 1);
  trial.time = 5 * DAY_MS;
  trial.failure = "no entropy";
  await trial.lookAround();
  assert.deepEqual(trial.chains(), [`of ${LOOPBACK} at 0`]);
  assert.match(trial.lines.at(-1) ?? "", /^certificate_not_made: .*no entropy/);
  trial.failure = null;
  await trial.lookAround();
  assert.deepEqual(trial.chains(), [`of ${LOOPBACK} at ${5 * DAY_MS}`]);
  assert.ok(trial.isLooking);
});

test("an authority that cannot be opened or makes nothing is a problem of the configuration", async () => {
  const closed = new Trial({ open: () => Promise.reject(new Error("EACCES")) });
  assert.deepEqual(await closed.certificates.prepare(slots(A, listener(":8443", "internal"))), ["EACCES"]);
  const trial = new Trial();
  trial.failure = "no entropy";
  assert.deepEqual(await trial.certificates.prepare(slots(A)), ["no entropy"]);
  assert.equal(await trial.certificates.wanted(A, "app.test"), false);
});

test("what a configuration no longer needs is forgotten", async () => {
  const trial = new Trial();
  await trial.certificates.prepare(slots(A));
  await trial.certificates.prepare(slots(A, OTHER, CLOSED));
  trial.certificates.keep(slots(OTHER));
  assert.deepEqual([trial.names(), trial.names(OTHER)], [[], ["app.test"]]);
  trial.certificates.keep(new Map());
  assert.ok(!trial.isLooking);
  assert.equal(await trial.certificates.wanted(OTHER, "app.test"), false);
});

test("the first certificate is for what the listener can be reached at", () => {
  const own = ["127.0.0.1", "192.168.1.5", "203.0.113.7", "fe80::1", "fd00::5", "::1"];
  const loopback = ["localhost", "127.0.0.1", "::1"];
  assert.deepEqual(firstNames(":8443", own), [...loopback, "192.168.1.5", "fd00::5"]);
  assert.deepEqual(firstNames("[::]:8443", own), [...loopback, "192.168.1.5", "fd00::5"]);
  assert.deepEqual(firstNames("localhost:8443", own), loopback);
  assert.deepEqual(firstNames("127.0.0.2:8443", own), [...loopback, "127.0.0.2"]);
  assert.deepEqual(firstNames("192.168.1.5:443", own), ["192.168.1.5"]);
  assert.deepEqual(firstNames("App.Test:443", own), ["app.test"]);
  assert.deepEqual(firstNames("203.0.113.7:443", own), loopback);
  assert.deepEqual(firstNames("unix:/run/app.sock", own), loopback);
});
