/** Limits over many processes that count in a real Redis: alone, with TLS and a password, killed, paused and full. */
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { describe, test } from "node:test";
import type { TestContext } from "node:test";
import { redisStore } from "../../src/config/schema/stores-schema.ts";
import { ScriptedCount } from "../../src/stores/count-like-the-script.ts";
import { RedisConnector } from "../../src/stores/redis/redis-connector.ts";
import { burst } from "../support/burst.ts";
import { temporaryFiles } from "../support/certificates.ts";
import { startMillrace } from "../support/millrace.ts";
import type { Millrace } from "../support/millrace.ts";
import { ask, get, getAdmin } from "../support/raw-client.ts";
import { TestRedis, WITHOUT_REDIS } from "../support/redis.ts";
import { readText } from "../support/source-files.ts";
import { TLS_FILES } from "../support/tls-files.ts";

const LONG = { timeout: 90_000, skip: WITHOUT_REDIS };

function config(store: string, limit: string): string {
  return `
listeners: [{ address: "127.0.0.1:0" }]
admin: { address: "127.0.0.1:0" }
workers: 1
logging: { access: false }
stores: { shared: { type: redis, ${store} } }
routes:
  - respond: { status: 200, body: in }
    rate_limit: { ${limit}, key: route, store: shared }
`;
}

async function proxyFor(t: TestContext, text: string, environment: Record<string, string> = {}): Promise<Millrace> {
  const proxy = await startMillrace(text, environment);
  t.after(() => proxy.stop());
  return proxy;
}

/** Waits until the admin address says that the store is up, or down. */
async function untilStore(proxy: Millrace, isUp: boolean): Promise<string | null> {
  const deadline = Date.now() + 15_000;
  for (;;) {
    const { body } = await ask(proxy.adminPort, getAdmin("/status"));
    const { stores } = JSON.parse(body) as { stores: { shared: { up: boolean; problem: string | null } } };
    if (stores.shared.up === isUp) return stores.shared.problem;
    assert.ok(Date.now() < deadline, `the store is never ${isUp ? "up" : "down"}: ${body}\n${proxy.output()}`);
  }
}

const status = async (proxy: Millrace): Promise<number> => (await ask(proxy.port, get("/"))).status;

describe("one limit over several processes", LONG, () => {
  test(
    "four processes behind a limit of 1,000 a minute, fired at after silence, admit 1,000 and what comes back meanwhile",
    LONG,
    async (t) => {
      const redis = await TestRedis.start(t);
      const text = config(`url: "${redis.url}", timeout: 1s, on_failure: closed`, "requests_per_minute: 1000");
      const proxies = await Promise.all([1, 2, 3, 4].map(() => proxyFor(t, text)));
      for (const proxy of proxies) await untilStore(proxy, true);
      const { statuses, tookMs } = await burst(
        proxies.map(({ port }) => port),
        2000,
        8,
      );
      const admitted = statuses[200] ?? 0;
      t.diagnostic(`${admitted} admitted and ${statuses[429]} refused in ${Math.round(tookMs)} ms`);
      assert.equal(admitted + (statuses[429] ?? 0), 2000);
      assert.ok(admitted >= 1000 && admitted <= 1000 + Math.ceil((tookMs / 60_000) * 1000), `${admitted} were admitted`);
    },
  );

  test("the same with leases admits 5 % more at most, asks far less, and leaves little", LONG, async (t) => {
    const redis = await TestRedis.start(t);
    const text = config(`url: "${redis.url}", timeout: 1s, on_failure: closed`, "requests_per_minute: 1000, lease: 20");
    const proxies = await Promise.all([1, 2, 3, 4].map(() => proxyFor(t, text)));
    for (const proxy of proxies) await untilStore(proxy, true);
    const { statuses, tookMs } = await burst(
      proxies.map(({ port }) => port),
      2000,
      8,
    );
    const admitted = statuses[200] ?? 0;
    const scripts = Number(/cmdstat_evalsha:calls=(\d+)/.exec(await redis.cli("info", "commandstats"))?.[1]);
    t.diagnostic(`${admitted} admitted and ${statuses[429]} refused in ${Math.round(tookMs)} ms, by ${scripts} questions`);
    assert.ok(admitted >= 950 && admitted <= 1050 + Math.ceil((tookMs / 60_000) * 1000), `${admitted} were admitted`);
    assert.ok(scripts < 1000, `${scripts}`);
  });

  test("the script counts as the stores of tests do", LONG, async (t) => {
    const redis = await TestRedis.start(t);
    const connector = new RedisConnector(redisStore({ url: redis.url }));
    const connection = await connector.connect(() => {});
    t.after(() => connection.close());
    for (const isLeased of [false, true]) {
      const [counts, limit] = [new ScriptedCount(), { rate: { requests: 1, windowSeconds: 3600, burst: 10 }, debtMax: 4, isLeased }];
      const began = performance.now();
      // As if drawn, and the same each time.
      for (let n = 0, seed = 1; n < 300; n++) {
        seed = (seed * 48_271) % 2_147_483_647;
        const cost = (seed % 9) - 3;
        const least = cost <= 0 ? null : seed % 3 === 0 ? 1 : seed % 7 === 0 ? null : cost;
        const command = { name: `k:{${isLeased}${n % 4}}`, limit, cost, least };
        const [taken, resetUs] = counts.run(command, performance.now());
        const reply = (await connection.send(command)) as readonly [number, number];
        assert.equal(reply[0], taken, `${n}: ${JSON.stringify(command)}`);
        assert.ok(Math.abs(reply[1] - resetUs) < 1e6, `${n}: ${reply[1]} and ${resetUs}`);
      }
      assert.ok(performance.now() - began < 60_000);
    }
  });

  test("the script counts windows as the stores of tests do, and forgets them after their end", LONG, async (t) => {
    const redis = await TestRedis.start(t);
    const connection = await new RedisConnector(redisStore({ url: redis.url })).connect(() => {});
    t.after(() => connection.close());
    const counts = new ScriptedCount();
    const limit = { rate: { requests: 10, windowSeconds: 1, burst: 10 }, debtMax: 0, isLeased: false, windowMs: 5000 };
    const { windowMs: _window, ...bucket } = limit;
    for (let n = 0, seed = 1; n < 200; n++) {
      seed = (seed * 48_271) % 2_147_483_647;
      const cost = (seed % 9) - 3;
      const command = { name: `k:{${n % 4}}`, limit, cost, least: cost <= 0 || seed % 7 === 0 ? null : cost };
      assert.deepEqual(await connection.send(command), counts.run(command, 0), `${n}: ${JSON.stringify(command)}`);
      // A probe of the same key, which asks for a bucket, changes nothing.
      if (n % 10 === 0) await connection.send({ ...command, cost: 0, least: null, limit: bucket });
    }
    for (const key of (await redis.cli("keys", "*")).split("\n").filter((each) => each !== "")) {
      const ttl = Number(await redis.cli("pttl", key));
      assert.ok(ttl > 60_000 && ttl <= 65_000, `${key}: ${ttl}`);
    }
  });

  test("Redis forgets keys by itself, and they say nothing of the client", LONG, async (t) => {
    const redis = await TestRedis.start(t);
    const proxy = await proxyFor(t, config(`url: "${redis.url}", prefix: "edge:a"`, "requests_per_second: 1, burst: 2"));
    await untilStore(proxy, true);
    assert.equal(await status(proxy), 200);
    const keys = await redis.cli("keys", "*");
    assert.match(keys, /^edge:a:\{[\w-]{24}\}$/);
    const ttl = Number(await redis.cli("pttl", keys));
    assert.ok(ttl <= 1000, `${ttl}`);
  });
});

describe("with TLS and a password", LONG, () => {
  const TLS = ["--tls-port", "PORT", "--tls-cert-file", TLS_FILES.certificate, "--tls-key-file", TLS_FILES.key, "--tls-auth-clients", "no"];
  const { "ca.pem": ca, "password.txt": password } = temporaryFiles(
    { after: (end) => process.once("exit", end) },
    { "ca.pem": TLS_FILES.ca, "password.txt": "s3cret-w0rd\n" },
  );
  const CLIENT = ["--tls", "--cacert", ca, "-a", "s3cret-w0rd", "--no-auth-warning"];

  test("it counts; a changed password comes into use by itself, and none is ever shown", LONG, async (t) => {
    const redis = await TestRedis.start(t, [...TLS, "--requirepass", "s3cret-w0rd"], CLIENT);
    const url = redis.url.replace("redis:", "rediss:");
    const files = temporaryFiles(t, { word: "s3cret-w0rd\n" });
    const text = config(
      `url: "${url}", timeout: 1s, on_failure: closed, password: "file:${files.word}", tls: { ca_file: "${ca}" }`,
      "requests_per_minute: 1, burst: 4",
    );
    const proxy = await proxyFor(t, text);
    await untilStore(proxy, true);
    assert.deepEqual([await status(proxy), await status(proxy)], [200, 200]);
    // The connection that is open stays good for Redis, a new one needs the new password.
    await redis.cli("config", "set", "requirepass", "s3cret-w0rd-2");
    await writeFile(files.word, "s3cret-w0rd-2\n");
    await proxy.until((output) => output.includes("secret_read"), "the new password");
    await untilStore(proxy, true);
    const decided: number[] = [];
    while (decided.length < 3) {
      const found = await status(proxy);
      // The connection with the new password is being made.
      if (found !== 503) decided.push(found);
    }
    assert.deepEqual(decided, [200, 200, 429]);
    assert.equal(proxy.count("store_down"), 0);
    assert.doesNotMatch(proxy.output() + (await ask(proxy.adminPort, getAdmin("/status"))).body, /s3cret/);
  });

  test("a user that may do no more than docs/limits.md says is enough", LONG, async (t) => {
    const [, rights = ""] = /^ACL SETUSER proxy on >PASSWORD (.+)$/m.exec(readText("docs/limits.md")) ?? [];
    const redis = await TestRedis.start(t);
    await redis.cli("acl", "setuser", "proxy", "on", ">s3cret-w0rd", ...rights.split(" "));
    await redis.cli("acl", "setuser", "default", "off", "nopass").catch(() => {});
    const connector = new RedisConnector(redisStore({ url: redis.url, username: "proxy", password: "s3cret-w0rd" }));
    const connection = await connector.connect(() => {});
    t.after(() => connection.close());
    const limit = { rate: { requests: 1, windowSeconds: 60, burst: 2 }, debtMax: 0, isLeased: true };
    for (const name of ["millrace:{a}", "millrace:{revocations}:probe"]) {
      const [taken] = (await connection.send({ name, limit, cost: 1, least: 1 })) as readonly [number];
      assert.equal(taken, 1);
    }
    await connection.append("millrace:{revocations}", "text", 60_000);
    const [notice] = (await connection.readNotices("millrace:{revocations}", "0")) as readonly { text: string }[];
    assert.equal(notice?.text, "text");
    await assert.rejects(connection.send({ name: "other:{a}", limit, cost: 1, least: 1 }), /NOPERM/);
  });

  test("a wrong password, and a certificate that is not trusted, are named", LONG, async (t) => {
    const redis = await TestRedis.start(t, [...TLS, "--requirepass", "another-0ne"], CLIENT);
    const url = redis.url.replace("redis:", "rediss:");
    for (const [store, problem] of [
      [`password: "file:${password}", tls: { ca_file: "${ca}" }`, /it does not accept the username and password \(WRONGPASS\)/],
      [`password: "file:${password}"`, /UNABLE_TO_VERIFY_LEAF_SIGNATURE|SELF_SIGNED_CERT_IN_CHAIN/],
      [`tls: { ca_file: "${ca}" }`, /it asks for a password \(NOAUTH\)/],
    ] as const) {
      const proxy = await proxyFor(t, config(`url: "${url}", ${store}`, "requests_per_minute: 1, burst: 2"));
      await proxy.until((output) => output.includes("store_down"), "the failure");
      assert.match(proxy.output(), problem);
      assert.doesNotMatch(proxy.output(), /s3cret/);
      assert.deepEqual([await status(proxy), await status(proxy), await status(proxy)], [200, 200, 429]);
    }
  });
});

describe("a store that fails", LONG, () => {
  test("killed and restarted under load: requests go on, and so does the count in the store", LONG, async (t) => {
    const redis = await TestRedis.start(t);
    const proxy = await proxyFor(t, config(`url: "${redis.url}", timeout: 20ms`, "requests_per_second: 1000000"));
    await untilStore(proxy, true);
    const load = burst([proxy.port], 4000, 4);
    await redis.kill();
    const during = await burst([proxy.port], 1000, 4);
    const before = await load;
    await untilStore(proxy, false);
    await redis.start();
    await untilStore(proxy, true);
    const after = await burst([proxy.port], 200, 4);
    t.diagnostic(`slowest answers: ${[before, during, after].map(({ slowestMs }) => Math.round(slowestMs)).join(", ")} ms`);
    // The timeout, and a quarter of a second for a busy machine.
    for (const { slowestMs } of [before, during, after]) assert.ok(slowestMs < 270, `${slowestMs}`);
    for (const { statuses } of [before, during, after]) assert.deepEqual(Object.keys(statuses), ["200"]);
    assert.equal(await redis.cli("dbsize"), "1");
    assert.equal([...proxy.output().matchAll(/"store_down"/g)].length, 1);
    assert.equal([...proxy.output().matchAll(/"store_up"/g)].length, 1);
  });

  for (const [onFailure, expected] of [
    ["local", "200 200 200 429 429 429"],
    ["open", "200 200 200 200 200 200"],
    ["closed", "503 503 503 503 503 503"],
  ] as const)
    test(`paused: each request waits for the timeout at most, then none does, and on_failure: ${onFailure} decides`, LONG, async (t) => {
      const redis = await TestRedis.start(t);
      const proxy = await proxyFor(
        t,
        config(`url: "${redis.url}", timeout: 50ms, on_failure: ${onFailure}`, "requests_per_minute: 1, burst: 3"),
      );
      await untilStore(proxy, true);
      redis.pause();
      const [statuses, times]: [number[], number[]] = [[], []];
      for (let n = 0; n < 6; n++) {
        const began = performance.now();
        statuses.push(await status(proxy));
        times.push(performance.now() - began);
      }
      t.diagnostic(`${times.map((time) => time.toFixed(1)).join(", ")} ms`);
      assert.equal(statuses.join(" "), expected);
      assert.ok(times.slice(0, 3).every((time) => time >= 49));
      // A quarter of a second over it is the noise of a busy machine.
      assert.ok(
        times.every((time, at) => time < (at < 3 ? 300 : 49)),
        times.join(),
      );
      redis.resume();
      await untilStore(proxy, true);
    });

  test("full: on_failure decides, and a probe finds out when there is room again", LONG, async (t) => {
    const redis = await TestRedis.start(t, ["--maxmemory-policy", "noeviction"]);
    const proxy = await proxyFor(t, config(`url: "${redis.url}", timeout: 1s`, "requests_per_minute: 1, burst: 5"));
    await untilStore(proxy, true);
    await redis.cli("config", "set", "maxmemory", "1");
    for (let n = 0; n < 3; n++) assert.equal(await status(proxy), 200);
    assert.equal(await untilStore(proxy, false), "it is full (OOM)");
    await redis.cli("config", "set", "maxmemory", "0");
    await untilStore(proxy, true);
    assert.equal(await status(proxy), 200);
    assert.equal(await redis.cli("dbsize"), "1");
    assert.equal(proxy.count("store_down"), 1);
  });

  test(
    "a replica, or a key that is another kind of value: on_failure decides, and only the first one spares the store",
    LONG,
    async (t) => {
      const redis = await TestRedis.start(t);
      const proxy = await proxyFor(t, config(`url: "${redis.url}", timeout: 1s`, "requests_per_minute: 1, burst: 20"));
      await untilStore(proxy, true);
      assert.equal(await status(proxy), 200);
      const key = await redis.cli("keys", "*");
      await redis.cli("del", key);
      await redis.cli("lpush", key, "another kind");
      for (let n = 0; n < 5; n++) assert.equal(await status(proxy), 200);
      assert.equal(await untilStore(proxy, true), null);
      await redis.cli("del", key);
      await redis.cli("replicaof", "127.0.0.1", "1");
      for (let n = 0; n < 3; n++) assert.equal(await status(proxy), 200);
      assert.match((await untilStore(proxy, false)) ?? "", /READONLY|MASTERDOWN/);
      await redis.cli("replicaof", "no", "one");
      await untilStore(proxy, true);
      assert.equal(await status(proxy), 200);
      assert.equal(await redis.cli("dbsize"), "1");
      assert.equal(proxy.count("store_down"), 1);
    },
  );

  test("gone when the proxy starts: it serves, and uses the store when it comes", LONG, async (t) => {
    const redis = await TestRedis.start(t);
    await redis.kill();
    const proxy = await proxyFor(t, config(`url: "${redis.url}"`, "requests_per_minute: 1, burst: 2"));
    assert.deepEqual([await status(proxy), await status(proxy), await status(proxy)], [200, 200, 429]);
    assert.match(proxy.output(), /the store shared cannot be used: it cannot be reached \(ECONNREFUSED\)/);
    await redis.start();
    await untilStore(proxy, true);
    assert.deepEqual([await status(proxy), await status(proxy), await status(proxy)], [200, 200, 429]);
  });
});
