import { test } from "node:test";
import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import net from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import { reusePortSupported } from "../listening/listen-check.ts";
import { testConfig, testHealthCheck, testUpstream } from "../config.fixture.ts";
import { ask, events, listenersAt, plane, refusal, sample, start, started, until } from "../plane.fixture.ts";
import type { Running } from "../plane.fixture.ts";
import type { Config } from "../../config/schema/schema.ts";
import { LISTENER_SLOTS } from "../../shared/worker-table.ts";

test("all workers listen on one port and share the connections", { skip: !reusePortSupported(process.platform) }, async (t) => {
  const running = await started(t);
  const seen = new Set<string>();
  await until("both workers answered", async () => seen.add(await ask(running.port, "/")).size === 2);
  assert.deepEqual([...seen].sort(), ["worker 0 generation 1", "worker 1 generation 1"]);
  assert.deepEqual(running.plane.notReady(), []);
  assert.equal(sample(running, "millrace_workers"), 2);
});

test("a port in use fails the start with one line", async (t) => {
  const running = await started(t);
  const listeners = testConfig().listeners.map((listener) => ({ ...listener, address: `127.0.0.1:${running.port}` }));
  const second = await plane(testConfig({ listeners }));
  const outcome = await start(second.plane);
  await second.plane.stop();
  assert.deepEqual(outcome, { kind: "failed", lines: [`cannot listen on 127.0.0.1:${running.port}: the address is in use (EADDRINUSE)`] });
});

test("a worker that dies is replaced at once; its in-flight counts are cleared, its metrics stay", async (t) => {
  const running = await started(t, { workers: 1 });
  await ask(running.port, "/");
  assert.equal(await ask(running.port, "/hold"), "held");
  await until("in flight", () => running.plane.status().upstreams["app"]?.endpoints[0]?.in_flight === 1);
  assert.equal(sample(running, "millrace_connections_open"), 1);
  void ask(running.port, "/die");
  await until("replaced", () => events(running, "worker_replaced").length === 1);
  assert.match(String(events(running, "worker_exited")[0]?.["reason"]), /asked to die/);
  assert.equal(running.plane.status().upstreams["app"]?.endpoints[0]?.in_flight, 0);
  assert.equal(sample(running, "millrace_connections_open"), 0);
  assert.equal(await ask(running.port, "/"), "worker 0 generation 1");
  assert.equal(sample(running, "millrace_connections_accepted_total"), 4);
  assert.equal(sample(running, "millrace_worker_restarts_total"), 1);
});

test("a worker that stands still is ended and replaced; a running one is not, however often it is checked", async (t) => {
  t.mock.timers.enable({ apis: ["setInterval"] });
  const running = await started(t, { workers: 1 });
  for (let round = 0; round < 3; round++) {
    for (let check = 0; check < 9; check++) t.mock.timers.tick(1000);
    // The worker's heart beats on, and the next check sees it.
    const before = running.plane.beats(0);
    await until("a beat", () => running.plane.beats(0) !== before);
    t.mock.timers.tick(1000);
  }
  assert.equal(await ask(running.port, "/"), "worker 0 generation 1");
  assert.deepEqual(events(running, "worker_stuck"), []);
  const accepted = sample(running, "millrace_connections_accepted_total");
  void ask(running.port, "/stuck");
  let [last, same] = [-1, 0];
  await until("stuck", () => {
    const now = running.plane.beats(0);
    same = now === last ? same + 1 : 0;
    last = now;
    return same > 5 && sample(running, "millrace_connections_accepted_total") > accepted;
  });
  // The first check sees the last beat; the count begins with the second.
  for (let check = 0; check < 11; check++) t.mock.timers.tick(1000);
  assert.equal(events(running, "worker_stuck").length, 1);
  assert.equal(running.plane.standstill, "worker 0 stands still", "until it has ended");
  await until("replaced", () => events(running, "worker_replaced").length === 1);
  assert.equal(await ask(running.port, "/"), "worker 0 generation 1");
  assert.equal(running.plane.standstill, null);
});

test("a data plane without serving workers stands still; one that drains does not count as standing still", async (t) => {
  const running = await started(t, { workers: 1 });
  await running.plane.terminateWorker(0);
  await until("noticed", () => running.plane.standstill === "no worker is serving", turn);
  await until("replaced", () => running.plane.standstill === null);
  const draining = running.plane.drain();
  assert.equal(running.plane.standstill, null);
  await draining;
  assert.equal(running.plane.standstill, null);
});

test("after each further death in a row the replacement starts later", async (t) => {
  const running = await started(t, { workers: 1 });
  for (let i = 1; i <= 3; i++) {
    await running.plane.terminateWorker(0);
    await until("replaced", () => events(running, "worker_replaced").length === i);
  }
  // There may be more deaths: while no worker listens, another process can take the port, and a replacement that cannot open it ends.
  const delays = events(running, "worker_exited").map((line) => line["delay_ms"]);
  assert.deepEqual(delays.slice(0, 3), [0, 100, 200]);
});

test("a reload reaches all workers; metrics go on from where they were", async (t) => {
  const running = await started(t, { workers: 1 });
  await ask(running.port, "/");
  const next = testConfig({ workers: 1, upstreams: { app: testUpstream(["http://127.0.0.1:1", "http://127.0.0.1:2"]) } });
  assert.deepEqual(await refusal(running, next), []);
  assert.equal(await ask(running.port, "/"), "worker 0 generation 2");
  const total = 'millrace_requests_total\\{route="#1",upstream="app",endpoint="http://127.0.0.1:1",class="2xx"\\}';
  assert.equal(sample(running, total), 2);
  assert.equal(sample(running, "millrace_config_generation"), 2);
  assert.equal(running.plane.status().upstreams["app"]?.endpoints.length, 2);
  await running.plane.terminateWorker(0);
  await until("replaced", () => events(running, "worker_replaced").length === 1);
  assert.equal(await ask(running.port, "/"), "worker 0 generation 2", "a replacement starts with the newest configuration");
  assert.equal(sample(running, total), 3);
});

test("a worker is sent routes only if they differ from those it has; a replacement always gets them", async (t) => {
  const running = await started(t, { workers: 1 });
  const upstreams = { app: testUpstream(["http://127.0.0.1:1", "http://127.0.0.1:2"]) };
  const routes = testConfig().routes.map((route) => ({ ...route, name: "other" }));
  assert.deepEqual(await refusal(running, testConfig({ workers: 1, upstreams })), []);
  assert.equal(await ask(running.port, "/routes"), "1");
  assert.deepEqual(await refusal(running, testConfig({ workers: 1, upstreams, routes, status_path: "/refuse" })), ["refused as asked"]);
  assert.deepEqual(await refusal(running, testConfig({ workers: 1 })), []);
  assert.equal(await ask(running.port, "/routes"), "1");
  assert.deepEqual(await refusal(running, testConfig({ workers: 1, routes })), []);
  assert.deepEqual(await refusal(running, testConfig({ workers: 1, routes, upstreams })), []);
  assert.equal(await ask(running.port, "/routes"), "1,5");
  await running.plane.terminateWorker(0);
  await until("replaced", () => events(running, "worker_replaced").length === 1);
  assert.deepEqual([await ask(running.port, "/"), await ask(running.port, "/routes")], ["worker 0 generation 6", "6"]);
});

test("a reload that the workers refuse, or that needs a restart, changes nothing", async (t) => {
  const running = await started(t);
  const upstreams = { app: testUpstream(["http://127.0.0.1:7"]) };
  assert.deepEqual(await refusal(running, testConfig({ workers: 2, upstreams, status_path: "/refuse" })), ["refused as asked"]);
  assert.deepEqual(await refusal(running, testConfig({ workers: 3 })), ["workers: changing 2 to 3 needs a restart"]);
  assert.equal(running.plane.status().upstreams["app"]?.endpoints[0]?.url, "http://127.0.0.1:1");
  assert.match(await ask(running.port, "/"), /generation 1$/);
  assert.deepEqual(await refusal(running, testConfig({ workers: 2 })), []);
  assert.match(await ask(running.port, "/"), /generation 3$/);
});

for (const [what, workers, told, lines] of [
  ["the only worker dies", 1, "/die", ["worker 0 ended before it used the configuration: Error: asked to die"]],
  [
    "one worker dies and the other refuses",
    2,
    "/refuse-or-die",
    ["refused as asked", "worker 1 ended before it used the configuration: Error: asked to die"],
  ],
] as const) {
  test(`a reload by which ${what} changes nothing, and the replacement serves with the configuration of before`, async (t) => {
    const running = await started(t, { workers });
    assert.deepEqual(await refusal(running, testConfig({ workers, status_path: told })), lines);
    await until("replaced", () => events(running, "worker_replaced").length === 1);
    assert.deepEqual(events(running, "worker_not_replaced"), []);
    assert.match(await ask(running.port, "/"), /generation 1$/);
    assert.deepEqual(await refusal(running, testConfig({ workers })), []);
    assert.match(await ask(running.port, "/"), /generation 3$/);
  });
}

test("while no worker lives, a reload is decided by the first replacement", async (t) => {
  const running = await started(t, { workers: 1 });
  const during = async (told: string): Promise<readonly string[]> => {
    await running.plane.terminateWorker(0);
    return refusal(running, testConfig({ workers: 1, status_path: told, listeners: listenersAt("127.0.0.1:0") }));
  };
  assert.deepEqual(await during("/refuse"), ["refused as asked"]);
  await until("replaced", () => events(running, "worker_replaced").length === 1);
  assert.equal(await ask(running.port, "/"), "worker 0 generation 1");
  assert.deepEqual(await during("/die"), ["worker 0 ended before it used the configuration: Error: asked to die"]);
  await until("replaced again", () => events(running, "worker_replaced").length === 2);
  assert.equal(await ask(running.port, "/"), "worker 0 generation 1");
});

/** A configuration with the usual listener and further ones at these addresses. */
async function freePort(): Promise<number> {
  const server = net.createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as net.AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

test("a reload opens a listener in all workers and closes it again; the others keep their ports", async (t) => {
  const running = await started(t);
  const port = await freePort();
  const address = `127.0.0.1:${port}`;
  const outcome = await running.plane.reload(testConfig({ workers: 2, listeners: listenersAt(address).toReversed() }));
  assert.ok(outcome.kind === "reloaded");
  const workers = reusePortSupported(process.platform) ? 2 : 1;
  assert.deepEqual(
    [outcome.opened, outcome.closed],
    [[{ target: { kind: "tcp", host: "127.0.0.1", port, reusePort: workers === 2 }, address, scheme: "http" }], []],
  );
  const seen = new Set<string>();
  await until("all workers answered", async () => seen.add(await ask(port, "/")).size === workers);
  assert.ok([...seen].every((body) => body.endsWith("generation 2")));
  const again = await running.plane.reload(testConfig({ workers: 2 }));
  assert.ok(again.kind === "reloaded");
  assert.deepEqual([again.opened, again.closed], [[], [address]]);
  assert.match(await ask(port, "/"), /ECONNREFUSED/);
  assert.match(await ask(running.port, "/"), /generation 3$/);
});

test("a listener that cannot be opened makes the whole reload fail, with its key in the message, and nothing stays open", async (t) => {
  const running = await started(t);
  const other = await started(t, { workers: 1 });
  const port = await freePort();
  const upstreams = { app: testUpstream(["http://127.0.0.1:7"]) };
  const listeners = listenersAt(`127.0.0.1:${port}`, `127.0.0.1:${other.port}`);
  assert.deepEqual(await refusal(running, testConfig({ workers: 2, listeners, upstreams })), [
    `listeners.#3.address: cannot listen on 127.0.0.1:${other.port}: the address is in use (EADDRINUSE)`,
  ]);
  assert.match(await ask(port, "/"), /ECONNREFUSED/);
  assert.match(await ask(running.port, "/"), /generation 1$/);
  // When the workers refuse a configuration, the listeners that were opened for it are closed.
  const refused = testConfig({ workers: 2, listeners: listenersAt(`127.0.0.1:${port}`), status_path: "/refuse" });
  assert.deepEqual(await refusal(running, refused), ["refused as asked"]);
  assert.match(await ask(port, "/"), /ECONNREFUSED/);
});

test("a listener that one worker cannot open is closed in the others", async (t) => {
  const running = await started(t);
  const port = await freePort();
  const [plain = assert.fail()] = testConfig().listeners;
  const unlucky = { ...plain, address: `127.0.0.1:${port}`, limits: { ...plain.limits, headers: 13 } };
  const next = testConfig({ workers: 2, listeners: [plain, unlucky] });
  assert.deepEqual(await refusal(running, next), [`listeners.#2.address: cannot listen on 127.0.0.1:${port}: too many open files`]);
  assert.match(await ask(port, "/"), /ECONNREFUSED/);
  assert.match(await ask(running.port, "/"), /generation 1$/);
  assert.deepEqual(running.plane.notReady(), []);
});

test("a replacement opens the current listeners, even if it starts in the middle of a reload", async (t) => {
  const running = await started(t, { workers: 1 });
  const [port, second] = [await freePort(), await freePort()];
  assert.deepEqual(await refusal(running, testConfig({ workers: 1, listeners: listenersAt(`127.0.0.1:${port}`) })), []);
  await running.plane.terminateWorker(0);
  await until("replaced", () => events(running, "worker_replaced").length === 1);
  assert.equal(await ask(port, "/"), "worker 0 generation 2");
  assert.equal(await ask(running.port, "/"), "worker 0 generation 2");
  const dying = running.plane.terminateWorker(0);
  const reloading = refusal(running, testConfig({ workers: 1, listeners: listenersAt(`127.0.0.1:${second}`) }));
  assert.deepEqual([await dying, await reloading], [undefined, []]);
  await until("replaced again", () => events(running, "worker_replaced").length === 2);
  assert.equal(await ask(second, "/"), "worker 0 generation 3");
  assert.match(await ask(port, "/"), /ECONNREFUSED/);
});

test(
  "an address that takes in the one that it replaces is opened beside it",
  { skip: !reusePortSupported(process.platform) },
  async (t) => {
    const port = await freePort();
    const [plain = assert.fail()] = testConfig().listeners;
    const at = (address: string): Config => testConfig({ workers: 2, listeners: [{ ...plain, address }] });
    const running = await started(t, at(`127.0.0.1:${port}`));
    for (const address of [`:${port}`, `127.0.0.1:${port}`]) {
      assert.deepEqual(await refusal(running, at(address)), []);
      assert.match(await ask(port, "/"), /^worker/);
    }
  },
);

test("the admin address moves: the new one is opened first, and if it cannot be, the reload is refused", async (t) => {
  const [first, second, port] = [await freePort(), await freePort(), await freePort()];
  const at = (admin: number | null, ...addresses: string[]): Config => {
    const config = testConfig({ workers: 1, listeners: listenersAt(...addresses) });
    return admin === null ? config : { ...config, admin: { address: `127.0.0.1:${admin}`, hosts: [] } };
  };
  const running = await started(t, at(first));
  const generation = async (at: number): Promise<string | undefined> =>
    /^millrace_config_generation (.*)$/m.exec(await (await fetch(`http://127.0.0.1:${at}/metrics`)).text())?.[1];
  const moved = await running.plane.reload(at(second));
  assert.ok(moved.kind === "reloaded");
  assert.deepEqual([moved.adminUrl, moved.adminClosed], [`http://127.0.0.1:${second}`, `http://127.0.0.1:${first}`]);
  assert.equal(await generation(second), "2");
  await assert.rejects(fetch(`http://127.0.0.1:${first}/metrics`));

  assert.deepEqual(await refusal(running, at(running.port, `127.0.0.1:${port}`)), [
    `admin: cannot listen on 127.0.0.1:${running.port}: the address is in use (EADDRINUSE)`,
  ]);
  assert.match(await ask(port, "/"), /ECONNREFUSED/, "nothing of the file is applied");
  assert.deepEqual(await refusal(running, { ...at(first), status_path: "/refuse" }), ["refused as asked"]);
  await assert.rejects(fetch(`http://127.0.0.1:${first}/metrics`));
  assert.equal(await generation(second), "2");

  const off = await running.plane.reload(at(null));
  assert.ok(off.kind === "reloaded");
  assert.deepEqual([off.adminUrl, off.adminClosed], [null, `http://127.0.0.1:${second}`]);
  await assert.rejects(fetch(`http://127.0.0.1:${second}/metrics`));
  const on = await running.plane.reload(at(second));
  assert.ok(on.kind === "reloaded");
  assert.deepEqual([on.adminUrl, on.adminClosed], [`http://127.0.0.1:${second}`, null]);
});

test("a reload that is overtaken by the end of the process starts nothing again", async (t) => {
  const running = await started(t, { workers: 1 });
  const port = await freePort();
  const listeners = listenersAt(`127.0.0.1:${port}`);
  const reloading = refusal(running, testConfig({ workers: 1, listeners, status_path: "/silent" }));
  await until("the listener is open", async () => (await ask(port, "/")) === "worker 0 generation 1");
  const draining = running.plane.drain();
  assert.deepEqual(await reloading, ["not now: draining"]);
  await draining;
  assert.match(await ask(port, "/"), /ECONNREFUSED/);
});

test("too many listeners are refused", async (t) => {
  const running = await started(t, { workers: 1 });
  const many = Array.from({ length: LISTENER_SLOTS }, () => "127.0.0.1:0");
  assert.deepEqual(await refusal(running, testConfig({ workers: 1, listeners: listenersAt(...many) })), [
    `listeners: too many: there may be ${LISTENER_SLOTS}`,
  ]);
  assert.deepEqual(await refusal(running, testConfig({ workers: 1, listeners: listenersAt(...many.slice(1)) })), []);
});

test("log lines and events of a worker arrive, and the lines are acknowledged", async (t) => {
  const running = await started(t, { workers: 1 });
  await ask(running.port, "/say");
  await until("acknowledged", () => events(running, "warm_up_skipped").length === 1);
  assert.deepEqual(running.lines, ["line of 0\n"]);
  assert.equal(typeof events(running, "warm_up_skipped")[0]?.["chunk"], "number");
  assert.deepEqual([events(running, "accept_failed")[0]?.["level"], events(running, "accept_failed")[0]?.["worker"]], ["warn", 0]);
});

test("a drain says how many exchanges were cut, and nothing is replaced", async (t) => {
  const running = await started(t);
  assert.equal(await ask(running.port, "/hold"), "held");
  const draining = running.plane.drain();
  assert.deepEqual(running.plane.notReady(), ["draining"]);
  assert.equal(await draining, 1);
  assert.equal(events(running, "worker_exited").length, 0);
  assert.match(await ask(running.port, "/"), /ECONNREFUSED/);
});

test("the process is not ready while no upstream has a usable endpoint", async (t) => {
  const upstreams = { app: testUpstream(["http://127.0.0.1:1"], { health_check: testHealthCheck() }) };
  const running = await started(t, { upstreams });
  await until("probed", () => running.plane.notReady().length > 0);
  assert.deepEqual(running.plane.notReady(), ["no upstream has a usable endpoint"]);
  assert.equal(running.plane.status().status, "down");
});

test("require_healthy: the start fails, naming the endpoints; a stop during the wait is no failure", async (t) => {
  const config = testConfig({ startup: { require_healthy: true, wait: 100 } });
  const first = await plane(config);
  t.after(() => first.plane.stop());
  assert.deepEqual(await start(first.plane), {
    kind: "failed",
    lines: ["upstream app: http://127.0.0.1:1 is not healthy: connection refused"],
  });
  const second = await plane(testConfig({ startup: { require_healthy: true, wait: 60_000 } }));
  t.after(() => second.plane.stop());
  const stop = new AbortController();
  const outcome = start(second.plane, stop.signal);
  stop.abort();
  assert.deepEqual(await outcome, { kind: "stopped" });
});

test("every worker is told the results of name look-ups, a replacement too", async (t) => {
  const upstreams = { app: testUpstream(["http://localhost:1", "http://nothing.invalid:1", "http://127.0.0.1:1"]) };
  const running = await started(t, { workers: 1, upstreams });
  const told = async (): Promise<boolean> =>
    (await ask(running.port, "/names")).split(",").toSorted().join() === "localhost,nothing.invalid";
  await until("the worker knows both names", told);
  await running.plane.terminateWorker(0);
  await until("the worker is replaced", () => events(running, "worker_replaced").length === 1);
  assert.ok(await told());
});

test("a replacement leaves a socket file to the program that has it by now, serves the rest, and the next one tries again", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "millrace-supervise-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, "s");
  const running = await started(t, { workers: 1, listeners: listenersAt("127.0.0.1:0", `unix:${path}`) });
  renameSync(path, `${path}.moved`);
  const other = net.createServer((socket) => socket.destroy()).listen({ path });
  t.after(() => other.close());
  await once(other, "listening");
  const replaced = async (times: number): Promise<void> => {
    await running.plane.terminateWorker(0);
    await until("replaced", () => events(running, "worker_replaced").length === times);
  };
  await replaced(1);
  assert.match(await ask(running.port, "/"), /^worker 0/);
  assert.deepEqual(
    [events(running, "listener_lost").length, running.plane.notReady(), existsSync(path)],
    [1, [`listener unix:${path} is lost`], true],
  );
  other.close();
  await once(other, "close");
  await replaced(2);
  assert.deepEqual([events(running, "listener_lost").length, running.plane.notReady(), existsSync(path)], [1, [], true]);
  await running.plane.stop();
  assert.ok(!existsSync(path));
});

/** What both workers answer. */
async function ofBoth(running: Running): Promise<readonly string[]> {
  const answers = new Set<string>();
  await until("both workers answered", async () => answers.add(await ask(running.port, "/")).size === 2);
  return [...answers].toSorted();
}

test("middleware that one worker cannot set up comes into use in none", { skip: !reusePortSupported(process.platform) }, async (t) => {
  const running = await started(t);
  const withMiddleware = (use: string): Config => testConfig({ workers: 2, middleware: [{ use }] });
  assert.deepEqual(await refusal(running, withMiddleware("refused")), ["not here"]);
  assert.deepEqual(await ofBoth(running), ["worker 0 generation 1", "worker 1 generation 1"]);
  assert.deepEqual(await ask(running.port, "/discarded"), "2");
  assert.deepEqual(await refusal(running, withMiddleware("fine")), []);
  assert.deepEqual(await ofBoth(running), ["worker 0 generation 3", "worker 1 generation 3"]);
  assert.deepEqual(await refusal(running, withMiddleware("deadly")), [
    "worker 1 ended before it used the configuration: Error: asked to die",
  ]);
  await until("replaced", () => events(running, "worker_replaced").length === 1);
  assert.deepEqual(await ofBoth(running), ["worker 0 generation 3", "worker 1 generation 3"]);
});
