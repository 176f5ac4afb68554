/** Names of endpoints as a whole: by a DNS server that says, or does not say, what a test wants. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { after, before, describe, test } from "node:test";
import type { TestContext } from "node:test";
import { lookUp } from "../../src/control/names/name-lookup.ts";
import type { LookupResult } from "../../src/control/names/name-lookup.ts";
import { parseResolvConf } from "../../src/policy/names/resolv-conf.ts";
import { startMillrace } from "../support/millrace.ts";
import type { Millrace } from "../support/millrace.ts";
import { NameService } from "../support/name-service.ts";
import type { DnsAnswer } from "../support/name-service.ts";
import { ask, get } from "../support/raw-client.ts";
import { startRawOrigin } from "../support/raw-origin.ts";
import type { RawOrigin } from "../support/raw-origin.ts";

async function service(t: TestContext, answers: Readonly<Record<string, DnsAnswer>>): Promise<NameService> {
  const made = await NameService.start(answers);
  t.after(() => made.close());
  return made;
}

describe("one look-up", () => {
  const never = new AbortController().signal;

  /** `options timeout` is whole seconds; `conf` may lower it. */
  async function looked(name: string, conf: string, timeoutMs: number = 2000): Promise<{ result: LookupResult; servers: number[] }> {
    const servers: number[] = [];
    const settings = {
      hosts: new Map(),
      // Whether AAAA is asked for must not depend on the machine.
      conf: { ...parseResolvConf(`${conf}\noptions no-aaaa`, {}, "proxy"), timeoutMs },
      firstServer: 0,
      onServer: (server: number) => servers.push(server),
    };
    return { result: await lookUp(name, settings, never), servers };
  }

  const found = (address: string): LookupResult => ({ addresses: [{ address, family: 4 }], ttlMs: 60_000 });

  test("goes through the search domains as ndots says", async (t) => {
    const names = await service(t, { "app.svc.test": ["10.0.0.1"] });
    const conf = `nameserver ${names.server}\nsearch ns.test svc.test\noptions ndots:2`;
    assert.deepEqual((await looked("app", conf)).result, found("10.0.0.1"));
    assert.deepEqual(
      names.questions.map(({ name }) => name),
      ["app.ns.test", "app.svc.test"],
    );
    assert.deepEqual((await looked("app.", conf)).result, { failure: "not_found" }, "a name that ends in a dot is whole");
    assert.equal(names.questions.at(-1)?.name, "app");
  });

  test("goes on after a domain that the server cannot tell about, and says so where nothing is found", async (t) => {
    const names = await service(t, { "app.ns.test": "SERVFAIL", "app.svc.test": ["10.0.0.1"], "db.ns.test": "SERVFAIL" });
    const conf = `nameserver ${names.server}\nsearch ns.test svc.test\noptions attempts:1`;
    assert.deepEqual((await looked("app", conf)).result, found("10.0.0.1"));
    assert.deepEqual((await looked("db", conf)).result, { failure: "unavailable" });
  });

  test("asks the next server where one is silent, refuses or cannot tell, and tells which one answered", async (t) => {
    const [silent, broken, good] = [
      await service(t, { "app.test": "silence" }),
      await service(t, { "app.test": "SERVFAIL" }),
      await service(t, { "app.test": ["10.0.0.1"] }),
    ];
    const conf = `nameserver ${silent.server}\nnameserver ${broken.server}\nnameserver ${good.server}`;
    assert.deepEqual(await looked("app.test", conf, 50), { result: found("10.0.0.1"), servers: [2] });
    const refusing = `nameserver [127.0.0.1]:1\nnameserver ${good.server}`;
    assert.deepEqual((await looked("app.test", refusing)).result, found("10.0.0.1"));
    const { servers } = await looked("app.test", `nameserver ${good.server}`);
    assert.deepEqual(servers, [], "that the one answers which was asked first is no news: it would be asked first for ever");
  });

  test("ends when every server was asked as often as resolv.conf says", async (t) => {
    const names = await service(t, { "app.test": "silence" });
    const { result } = await looked("app.test", `nameserver ${names.server}\nsearch ns.test\noptions attempts:3`, 50);
    assert.deepEqual(result, { failure: "timeout" });
    assert.equal(names.questions.length, 3, "silence about one name is no reason to ask for the next");
  });

  test("ends at once when it is cancelled", async (t) => {
    const names = await service(t, { "app.test": "silence" });
    const stop = new AbortController();
    const settings = {
      hosts: new Map(),
      conf: parseResolvConf(`nameserver ${names.server}`, {}, "proxy"),
      firstServer: 0,
      onServer: () => {},
    };
    const looking = lookUp("app.test", settings, stop.signal);
    stop.abort();
    assert.deepEqual(await looking, { failure: "timeout" });
  });
});

function config(upstreams: string, extra: string = ""): string {
  const names = [...upstreams.matchAll(/^ {2}(\w+):/gm)].map(([, name = ""]) => name);
  return `
listeners: [{ address: "127.0.0.1:0" }]
workers: 2
upstreams:
${upstreams}
routes:
${names.map((name) => `  - { match: { path: /${name} }, upstream: ${name} }`).join("\n")}
logging: { level: debug, access: false }
${extra}`;
}

test(
  "a name whose server is silent stops neither requests nor probes of others, nor the end of the process",
  { timeout: 60_000 },
  async (t) => {
    const silent = Array.from({ length: 8 }, (_, index) => `silent-${index}.test`);
    const names = await service(t, { ...Object.fromEntries(silent.map((name) => [name, "silence"])), "good.test": ["127.0.0.1"] });
    names.resolvConf(`nameserver ${names.server}\noptions timeout:30`);
    const good = await startRawOrigin({});
    t.after(() => good.close());
    const proxy = await startMillrace(
      config(
        `  good: { endpoints: ["http://good.test:${good.port}"], health_check: { path: /health, interval: 1h } }
  silent: { endpoints: [${silent.map((name) => `"http://${name}:80"`).join(", ")}], retries: 0, timeouts: { connect: 1h } }`,
        "shutdown: { timeout: 100ms }",
      ),
      names.environment,
    );
    t.after(() => proxy.stop());
    await proxy.until((output) => output.includes("endpoint_healthy"), "the probe");
    const waiting = Array.from({ length: 8 }, () => ask(proxy.port, get("/silent")));
    const answers = await Promise.all(Array.from({ length: 8 }, () => ask(proxy.port, get("/good"))));
    assert.deepEqual(
      answers.map(({ status }) => status),
      Array.from({ length: 8 }, () => 200),
    );
    assert.equal(names.questions.filter(({ name, family }) => name === "good.test" && family === 4).length, 1, "once for the process");
    const from = performance.now();
    assert.equal(await proxy.stop(), 0);
    assert.ok(performance.now() - from < 15_000, "not at the end of the look-ups");
    assert.ok((await Promise.all(waiting)).every(({ status }) => status === 503));
  },
);

describe("names that one proxy looks up, each apart from the others", () => {
  let names: NameService;
  let app: RawOrigin;
  let elsewhere: RawOrigin;
  let proxy: Millrace;
  let text: string;

  before(async () => {
    names = await NameService.start({
      "silent.test": "silence",
      "kept.test": ["127.0.0.1"],
      "moved.test": ["127.0.0.1"],
      "old.test": ["127.0.0.1"],
      "new.test": ["127.0.0.1"],
    });
    names.ttl = 0;
    names.resolvConf(`nameserver ${names.server}\noptions timeout:1 attempts:1`);
    app = await startRawOrigin({});
    elsewhere = await startRawOrigin({ host: "127.0.0.2", port: app.port });
    text = config(`  silent: { endpoints: ["http://silent.test:80"], timeouts: { connect: 1h } }
  kept: { endpoints: ["http://kept.test:${app.port}"], keep_alive: { max_idle: 0 } }
  moved: { endpoints: ["http://moved.test:${app.port}"], keep_alive: { max_age: 100ms } }
  coming: { endpoints: ["http://coming.test:${app.port}"] }
  reloaded: { endpoints: ["http://old.test:${app.port}"], keep_alive: { max_idle: 0 } }`);
    proxy = await startMillrace(text, names.environment);
  });

  after(async () => {
    await proxy.stop();
    await app.close();
    await elsewhere.close();
    names.close();
  });

  /** Waits until that was logged of the name. */
  const logged = (event: string, name: string): Promise<void> =>
    proxy.until((output) => new RegExp(`"event":"${event}".*"name":"${name}"`).test(output), `${event} of ${name}`);
  /** Connections that carried requests for that upstream. */
  const connectionsOf = (origin: RawOrigin, path: string): number =>
    new Set(origin.requests.filter(({ head }) => head.startsWith(`GET ${path} `)).map(({ socket }) => socket)).size;

  describe("at the same time", { concurrency: true }, () => {
    test("once a name was not resolved in time, requests need not wait to hear it: 504", { timeout: 60_000 }, async () => {
      await logged("endpoint_name_failed", "silent.test");
      const response = await ask(proxy.port, get("/silent"));
      assert.equal(response.status, 504);
      assert.match(response.fields.get("proxy-status")?.[0] ?? "", /error=dns_timeout/);
    });

    test("addresses that a name had serve on while it cannot be resolved", { timeout: 60_000 }, async () => {
      assert.equal((await ask(proxy.port, get("/kept"))).status, 200);
      names.answers.set("kept.test", "SERVFAIL");
      await logged("endpoint_name_failed", "kept.test");
      const before = connectionsOf(app, "/kept");
      assert.equal((await ask(proxy.port, get("/kept"))).status, 200);
      assert.equal(connectionsOf(app, "/kept"), before + 1, "by a new connection");
    });

    test("a name that leads elsewhere is followed by connections that are never idle", { timeout: 60_000 }, async () => {
      assert.equal((await ask(proxy.port, get("/moved"))).status, 200);
      assert.equal(connectionsOf(app, "/moved"), 1);
      names.answers.set("moved.test", ["127.0.0.2"]);
      while (connectionsOf(elsewhere, "/moved") === 0) assert.equal((await ask(proxy.port, get("/moved"))).status, 200);
    });

    test("a name that comes into being is found, and the hosts file goes before the name servers", { timeout: 60_000 }, async () => {
      await logged("endpoint_name_failed", "coming.test");
      assert.equal((await ask(proxy.port, get("/coming"))).status, 502);
      names.answers.set("coming.test", "silence");
      names.hosts("127.0.0.1 coming.test\n");
      await logged("endpoint_name_resolved", "coming.test");
      while ((await ask(proxy.port, get("/coming"))).status !== 200);
    });
  });

  test("a reload looks up new names, and no longer those that it took away", { timeout: 60_000 }, async () => {
    assert.equal((await ask(proxy.port, get("/reloaded"))).status, 200);
    await proxy.reload(text.replace("old.test", "new.test"));
    assert.equal((await ask(proxy.port, get("/reloaded"))).status, 200);
    const asked = (name: string): number => names.questions.filter((question) => question.name === name).length;
    const [old, before] = [asked("old.test"), asked("new.test")];
    while (asked("new.test") < before + 2) await once(names, "question");
    assert.ok(asked("old.test") <= old + 2, "at most what was on its way");
  });
});
