import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { describe, test } from "node:test";
import type { TestContext } from "node:test";
import { AcmeDouble, problem } from "../../acme/acme-double.fixture.ts";
import type { AcmeResponse } from "../../acme/acme-http.ts";
import { TestAuthority, temporaryFiles } from "../../../test/support/certificates.ts";
import { acmeSchema } from "../../config/schema/tls/acme-schema.ts";
import { createAppLog } from "../../observe/app-log.ts";
import { AcmeCertificates } from "./acme-certificates.ts";
import { StillClock, idle } from "./still-clock.fixture.ts";

const DAY_MS = 86_400_000;
const SLOT = 3;

interface Stage {
  readonly certificates: AcmeCertificates;
  /** A client wants a certificate for that name. */
  want(name: string): void;
  readonly lines: Record<string, unknown>[];
  readonly told: (readonly (readonly [string, string])[])[];
  readonly refused: string[];
  readonly asked: string[];
  /** Whom each request to an authority has trusted; null: whom Node trusts. */
  readonly trusted: (string | null)[];
  /** Names of what listener 3 serves now. */
  served(): readonly (readonly string[])[];
  events(name: string): Record<string, unknown>[];
}

interface Machine {
  readonly double: AcmeDouble;
  readonly clock: StillClock;
  readonly storage: string;
  /** What the service answers that knows the names. */
  readonly service: { status: number };
  /** A process of this machine. */
  process(settings?: Record<string, unknown>, isListening?: boolean): Promise<Stage>;
}

function machine(t: TestContext): Machine {
  const double = new AcmeDouble();
  const clock = new StillClock(double.clock.ms);
  Object.defineProperty(double.clock, "ms", { get: () => clock.ms });
  const storage = mkdtempSync(path.join(tmpdir(), "millrace-acme-"));
  t.after(() => rmSync(storage, { recursive: true, force: true }));
  const parts = { double, clock, storage, service: { status: 200 } };
  return { ...parts, process: (settings = {}, isListening = true) => startProcess(t, parts, settings, isListening) };
}

async function startProcess(
  t: TestContext,
  { double, clock, storage, service }: Omit<Machine, "process">,
  settings: Record<string, unknown>,
  isListening: boolean,
): Promise<Stage> {
  const lines: Record<string, unknown>[] = [];
  const [told, refused, asked, trusted]: [Stage["told"], string[], string[], (string | null)[]] = [[], [], [], []];
  // The authority looks at what this process answers.
  const certificates: AcmeCertificates = new AcmeCertificates({
    log: createAppLog({ level: "debug", format: "json", write: (line) => lines.push(JSON.parse(line)), now: clock.now }),
    clock,
    random: () => 0.5,
    version: "1",
    watch: { fileRead: () => {}, fileRefused: () => {} },
    requests: ({ ca }) => ({
      close: () => {},
      ask: async (request): Promise<AcmeResponse> => {
        const url = new URL(request.url);
        trusted.push(ca());
        if (url.host === "ca.example") return double.ask(request);
        asked.push(url.searchParams.get("domain") ?? "");
        return { status: service.status, body: "", field: () => null };
      },
    }),
    changed: () => {},
    tellChallenges: (given) => {
      const answers = given ?? [];
      told.push(answers);
      double.answered.clear();
      for (const [token, keyAuthorization] of answers) double.answered.set(token, { type: "http-01", name: "", token, keyAuthorization });
    },
  });
  const given = { directory: double.directory, storage, terms_agreed: true, challenge: "http-01", domains: ["example.com"], ...settings };
  t.after(() => certificates.stop());
  const acme = acmeSchema.parse(given);
  const listeners = new Map([[SLOT, acme]]);
  assert.deepEqual(await certificates.prepare(listeners), []);
  certificates.keep(listeners);
  if (isListening) certificates.open();
  return {
    certificates,
    want: (name) => void certificates.wanted(acme, name).then((isServed) => isServed || refused.push(name)),
    lines,
    told,
    refused,
    asked,
    trusted,
    served: () => certificates.servedBy(SLOT).map(({ names }) => names),
    events: (name) => lines.filter(({ event }) => event === name),
  };
}

describe("certificates over ACME", () => {
  test("are asked for under the trust of now: ca_file is followed, and a bad version of it is not used", async (t) => {
    const { clock, process } = machine(t);
    const [one, other] = await Promise.all([TestAuthority.create(), TestAuthority.create()]);
    const files = temporaryFiles(t, { "ca.pem": one.certificate });
    const { trusted, served, events } = await process({ ca_file: files["ca.pem"] });
    await clock.until(() => served().length === 1);
    assert.deepEqual(new Set(trusted), new Set([one.certificate]));
    writeFileSync(files["ca.pem"], other.certificate);
    await clock.until(() => events("certificate_file_read").length === 1);
    writeFileSync(files["ca.pem"], "nothing");
    await clock.until(() => events("certificate_file_refused").length === 1);
    const before = trusted.length;
    clock.jump(90 * DAY_MS);
    await clock.until(() => trusted.length > before);
    assert.deepEqual(new Set(trusted.slice(before)), new Set([other.certificate]));
  });

  test("are obtained, one for each entry, and lie in the storage for nobody else to read", async (t) => {
    const { clock, process, storage } = machine(t);
    const { served, told, events } = await process({ domains: ["example.com", ["example.org", "www.example.org"]] });
    await clock.until(() => served().length === 2);
    assert.deepEqual(
      served().map((names) => names.toSorted()),
      [["example.com"], ["example.org", "www.example.org"]],
    );
    await clock.until(() => told.at(-1)?.length === 0);
    assert.ok(told.some((answers) => answers.length > 0));
    await clock.until(() => readdirSync(path.join(storage, "locks")).length === 0);
    const files = readdirSync(path.join(storage, "certificates"));
    assert.equal(files.length, 2);
    assert.ok(files.every((file) => (statSync(path.join(storage, "certificates", file)).mode & 0o777) === 0o600));
    assert.deepEqual(readdirSync(path.join(storage, "challenges")), []);
    assert.equal(events("certificate_obtained").length, 2);
    assert.equal(events("acme_account_made").length, 1);
  });

  test("are taken from the storage at the next start, and not ordered again", async (t) => {
    const { clock, double, process } = machine(t);
    const first = await process();
    await clock.until(() => first.served().length === 1);
    await first.certificates.stop();
    const orders = double.orders.size;
    const second = await process();
    assert.deepEqual(second.served(), [["example.com"]], "it is there before any time has passed");
    clock.jump(30 * DAY_MS);
    await clock.until(() => true);
    assert.equal(double.orders.size, orders);
  });

  test("are renewed after two thirds of their term, while the old one is served", async (t) => {
    const { clock, double, process } = machine(t);
    const { served, certificates, events } = await process();
    await clock.until(() => served().length === 1);
    const [old] = certificates.servedBy(SLOT);
    for (let day = 0; day < 59; day++) clock.jump(DAY_MS);
    await clock.until(() => true);
    assert.equal(double.orders.size, 1);
    for (let day = 0; day < 5 && double.orders.size < 2; day++) {
      clock.jump(DAY_MS);
      await idle();
    }
    await clock.until(() => events("certificate_obtained").length === 2);
    const [fresh] = certificates.servedBy(SLOT);
    assert.ok(old !== undefined && fresh !== undefined && old.chain !== fresh.chain);
    assert.match(String(events("certificate_obtained")[1]?.["message"]), /was renewed/);
  });

  test("are renewed when the authority says so, which names the old one as replaced", async (t) => {
    const { clock, double, process } = machine(t);
    double.window = { start: "2026-12-05T00:00:00Z", end: "2026-12-06T00:00:00Z" };
    const { served, certificates } = await process();
    await clock.until(() => served().length === 1);
    await clock.until(() => certificates.states[0]?.nextMs === Date.parse("2026-12-05T12:00:00Z"));
    // Now the certificate is revoked.
    double.window = { start: "2026-11-01T00:00:00Z", end: "2026-11-02T00:00:00Z", explanationURL: "https://ca.example/incident" };
    for (let hour = 0; hour < 30 && double.orders.size < 2; hour++) {
      clock.jump(3600_000);
      await idle();
    }
    await clock.until(() => double.orders.size === 2);
    assert.notEqual([...double.orders.values()][1]?.replaces, "");
  });

  test("an authority that wants each new certificate to be renewed at once does not have its way", async (t) => {
    const { clock, double, process } = machine(t);
    double.window = { start: "2026-11-01T00:00:00Z", end: "2026-11-02T00:00:00Z", explanationURL: "https://ca.example/incident" };
    const { served, events } = await process();
    await clock.until(() => served().length === 1);
    await clock.until(() => events("certificate_renewal_hurried").length > 0);
    assert.match(String(events("certificate_renewal_hurried")[0]?.["message"]), /https:\/\/ca\.example\/incident/);
    for (let hour = 0; hour < 20; hour++) {
      clock.jump(3600_000);
      await idle();
    }
    assert.equal(double.orders.size, 1);
  });

  test("are tried again after a failure, later and later, and the log says why and when", async (t) => {
    const { clock, double, process } = machine(t);
    double.refusals.push(problem(503, "serverInternal", "busy"), problem(429, "rateLimited", "too many", { "retry-after": "7200" }));
    const { served, events, certificates } = await process();
    await clock.until(() => events("certificate_order_failed").length === 1);
    const [first] = events("certificate_order_failed");
    assert.match(
      String(first?.["message"]),
      /^no certificate for example\.com: serverInternal: busy; there is none yet, and it is tried again$/,
    );
    assert.equal(certificates.states[0]?.problem, "serverInternal: busy");
    clock.jump(110_000);
    await idle();
    assert.equal(double.refusals.length, 1, "it did not wait");
    clock.jump(12_000);
    await clock.until(() => events("certificate_order_failed").length === 2);
    const limitedMs = clock.ms;
    clock.jump(7_100_000);
    await idle();
    assert.equal(double.orders.size, 0);
    clock.jump(limitedMs + 7_199_000 - clock.ms);
    await clock.until(() => served().length === 1);
    assert.ok(clock.ms - limitedMs >= 7_200_000, "it did not wait as long as the authority wants");
    assert.equal(certificates.states[0]?.problem, null);
    await clock.until(() => certificates.counts.obtained > 0);
    assert.deepEqual(certificates.counts, { obtained: 1, failed: 2 });
  });

  test("a process that starts again and again does not order each time", async (t) => {
    const { clock, double, process } = machine(t);
    for (let count = 0; count < 20; count++) double.refusals.push(problem(500, "serverInternal", "busy"));
    for (let start = 0; start < 6; start++) {
      const { certificates, events } = await process();
      await clock.until(
        () => certificates.states[0]?.nextMs !== null && (start > 0 || events("certificate_order_failed").length > 0),
        5000,
      );
      const [line] = events("certificate_order_failed");
      if (start > 0) assert.match(String(line?.["message"]), /failed before this start, at 20.* at once if .*\.failed is removed/);
      assert.match(certificates.states[0]?.problem ?? "", start > 0 ? /^its last order failed before/ : /busy/);
      await certificates.stop();
    }
    assert.equal(double.refusals.length, 19);
  });

  test("of two processes with one storage, one orders and both serve", async (t) => {
    const { clock, double, process } = machine(t);
    const [one, other] = [await process(), await process()];
    await clock.until(() => one.served().length === 1 && other.served().length === 1);
    assert.equal(double.orders.size, 1);
    assert.equal(double.accounts.size, 1);
    const texts = [one, other].map(({ told }) => told.some((answers) => answers.length > 0));
    assert.deepEqual(texts, [true, true], "an authority may reach either process");
  });

  test("what one of two processes has renewed, the other serves within an hour", async (t) => {
    const { clock, double, process } = machine(t);
    const [one, other] = [await process(), await process()];
    await clock.until(() => one.served().length === 1 && other.served().length === 1);
    for (let day = 0; day < 70 && double.orders.size < 2; day++) {
      clock.jump(DAY_MS);
      await idle();
    }
    const chains = (): readonly (string | undefined)[] => [one, other].map(({ certificates }) => certificates.servedBy(SLOT)[0]?.chain);
    await clock.until(() => one.events("certificate_obtained").length + other.events("certificate_obtained").length === 2);
    clock.jump(3600_000);
    await clock.until(() => chains()[0] === chains()[1]);
    assert.equal(double.orders.size, 2);
  });

  test("answers to tls-alpn-01 are certificates for challenges only", async (t) => {
    const { clock, double, process } = machine(t);
    const { certificates, events } = await process({ challenge: "tls-alpn-01" });
    await clock.until(() => certificates.servedBy(SLOT).some(({ isChallenge }) => isChallenge));
    const [answer] = certificates.servedBy(SLOT);
    assert.deepEqual(answer?.names, ["example.com"]);
    assert.equal(new X509Certificate(answer.chain).subjectAltName, "DNS:example.com");
    for (const { token, thumbprint } of double.authorizations.values()) {
      double.answered.set(token, { type: "tls-alpn-01", name: "", token, keyAuthorization: `${token}.${thumbprint}` });
    }
    await clock.until(() => events("certificate_order_failed").length > 0 || events("certificate_obtained").length > 0);
    await clock.until(() => !certificates.servedBy(SLOT).some(({ isChallenge }) => isChallenge));
  });

  test("an account that the authority does not accept any more is replaced", async (t) => {
    const { clock, double, process } = machine(t);
    const first = await process();
    await clock.until(() => first.served().length === 1);
    await first.certificates.stop();
    for (const account of double.accounts.values()) account.status = "deactivated";
    const second = await process({ domains: ["example.org"] });
    await clock.until(() => second.served().length === 1);
    assert.equal(second.events("acme_account_replaced").length, 1);
  });

  test("are served although they cannot be stored, and the log says so", async (t) => {
    const { clock, process, storage } = machine(t);
    const { served, events } = await process();
    rmSync(path.join(storage, "certificates"), { recursive: true });
    await clock.until(() => served().length === 1);
    await clock.until(() => events("acme_storage_failed").length > 0);
    assert.ok(!existsSync(path.join(storage, "certificates")));
  });

  test("are not ordered before listeners accept connections, and a process that ends by then ends at once", async (t) => {
    const { clock, double, process } = machine(t);
    const { certificates } = await process({}, false);
    const startMs = clock.ms;
    for (let hour = 0; hour < 5; hour++) {
      clock.jump(3600_000);
      await idle();
    }
    await certificates.stop();
    assert.deepEqual(double.requests, []);
    assert.equal(clock.ms - startMs, 5 * 3600_000);
  });

  test("a reload keeps what stays, drops what goes, and orders what comes", async (t) => {
    const { clock, double, process, storage } = machine(t);
    const { served, certificates } = await process({ domains: ["example.com", "example.org"] });
    await clock.until(() => served().length === 2);
    const given = {
      directory: double.directory,
      storage,
      terms_agreed: true,
      challenge: "http-01",
      domains: ["example.org", "example.net"],
    };
    const listeners = new Map([[SLOT, acmeSchema.parse(given)]]);
    await certificates.prepare(listeners);
    certificates.keep(listeners);
    assert.deepEqual(served(), [["example.org"]]);
    await clock.until(() => served().length === 2);
    assert.equal(double.orders.size, 3);
    certificates.keep(new Map());
    assert.deepEqual(served(), []);
  });
});

describe("certificates on demand", () => {
  const onDemand = { domains: [], on_demand: { ask: "http://127.0.0.1:9000/ask", max_names: 2, orders_per_minute: 100 } };
  const settled = (clock: StillClock, stage: Stage, names: number): Promise<void> =>
    clock.until(() => stage.served().length + stage.refused.length >= names);

  test("are obtained when a client names a name that the service admits, and asked for once", async (t) => {
    const { clock, double, process } = machine(t);
    const stage = await process(onDemand);
    for (let client = 0; client < 5; client++) stage.want("a.example.com");
    await settled(clock, stage, 1);
    assert.deepEqual(stage.served(), [["a.example.com"]]);
    assert.deepEqual(stage.asked, ["a.example.com"]);
    assert.equal(double.orders.size, 1);
  });

  test("are not obtained for names that the service refuses, which is asked once in a while", async (t) => {
    const { clock, double, process, service } = machine(t);
    const stage = await process(onDemand);
    service.status = 404;
    for (let client = 0; client < 3; client++) {
      stage.want("b.example.com");
      await clock.until(() => stage.refused.length === client + 1);
    }
    assert.deepEqual(stage.asked, ["b.example.com"]);
    clock.jump(301_000);
    stage.want("b.example.com");
    await clock.until(() => stage.refused.length === 4);
    assert.equal(stage.asked.length, 2);
    assert.equal(double.requests.length, 0);
  });

  test("are not asked for where a name cannot have one", async (t) => {
    const { clock, process } = machine(t);
    const stage = await process(onDemand);
    const names = [
      "localhost",
      "127.0.0.1",
      "1.2.3.4",
      "::1",
      "a..example",
      `${"a".repeat(64)}.example`,
      "*.example.com",
      "a_b.example.com",
      "",
      "../x.example",
    ];
    for (const name of names) stage.want(name);
    await clock.until(() => stage.refused.length === names.length);
    assert.deepEqual(stage.asked, []);
  });

  test("are no more than the limit, and the log says so", async (t) => {
    const { clock, process } = machine(t);
    const stage = await process(onDemand);
    for (const name of ["a.example.com", "b.example.com"]) stage.want(name);
    await settled(clock, stage, 2);
    stage.want("c.example.com");
    await settled(clock, stage, 3);
    assert.deepEqual(stage.refused, ["c.example.com"]);
    assert.match(String(stage.events("certificate_name_refused")[0]?.["message"]), /there are 2 on-demand names already/);
  });

  test("are no more in a minute than the limit", async (t) => {
    const { clock, process } = machine(t);
    const stage = await process({ ...onDemand, on_demand: { ...onDemand.on_demand, orders_per_minute: 1 } });
    for (const name of ["a.example.com", "b.example.com"]) stage.want(name);
    await settled(clock, stage, 2);
    assert.equal(stage.refused.length, 1);
    assert.equal(stage.served().length, 1);
  });

  test("that could not be had are not ordered again at the next handshake", async (t) => {
    const { clock, double, process } = machine(t);
    const stage = await process(onDemand);
    double.refusals.push(problem(400, "rejectedIdentifier", "not this one"));
    stage.want("a.example.com");
    await clock.until(() => stage.refused.length === 1);
    stage.want("a.example.com");
    await clock.until(() => stage.refused.length === 2);
    assert.equal(double.orders.size, 0);
    clock.jump(200_000);
    stage.want("a.example.com");
    await settled(clock, stage, 3);
    assert.deepEqual(stage.served(), [["a.example.com"]]);
  });

  test("are there again after a restart without a question", async (t) => {
    const { clock, process } = machine(t);
    const first = await process(onDemand);
    first.want("a.example.com");
    await settled(clock, first, 1);
    await first.certificates.stop();
    const second = await process(onDemand);
    second.want("a.example.com");
    await settled(clock, second, 1);
    assert.deepEqual(second.served(), [["a.example.com"]]);
    assert.deepEqual(second.asked, []);
  });

  test("are not renewed for names that the service does not admit any more, and are there again once it does", async (t) => {
    const { clock, double, process, service } = machine(t);
    const stage = await process(onDemand);
    stage.want("a.example.com");
    await settled(clock, stage, 1);
    service.status = 404;
    for (let day = 0; day < 95; day++) {
      clock.jump(DAY_MS);
      await idle();
    }
    assert.deepEqual(stage.served(), []);
    assert.equal(double.orders.size, 1);
    stage.want("a.example.com");
    await settled(clock, stage, 1);
    assert.deepEqual(stage.refused, ["a.example.com"], "an old certificate in the storage is no reason to order");
    service.status = 200;
    clock.jump(301_000);
    stage.want("a.example.com");
    await settled(clock, stage, 2);
    assert.deepEqual(stage.served(), [["a.example.com"]]);
  });

  test("that limits refuse are told once a minute, with their number", async (t) => {
    const { clock, process } = machine(t);
    const stage = await process({ ...onDemand, on_demand: { ...onDemand.on_demand, orders_per_minute: 1 } });
    stage.want("a.example.com");
    await settled(clock, stage, 1);
    for (const letter of "bcdef") stage.want(`${letter}.example.com`);
    await settled(clock, stage, 6);
    assert.equal(stage.events("certificate_name_refused").length, 1);
    clock.jump(59_000);
    for (const letter of "ghi") stage.want(`${letter}.example.com`);
    await clock.until(() => stage.served().length + stage.refused.length >= 9);
    assert.ok(stage.events("certificate_name_refused").length <= 2);
  });

  test("wait for a name of `domains` whose certificate is under way, without a question", async (t) => {
    const { clock, process } = machine(t);
    const stage = await process({ ...onDemand, domains: ["example.com"] });
    stage.want("example.com");
    await settled(clock, stage, 1);
    assert.deepEqual(stage.served(), [["example.com"]]);
    assert.deepEqual(stage.asked, []);
  });

  test("are not obtained on a listener that does not want them", async (t) => {
    const { clock, process } = machine(t);
    const stage = await process();
    stage.want("a.example.com");
    await clock.until(() => stage.refused.length === 1);
    assert.deepEqual(stage.asked, []);
  });
});
