/** What a service manager hears of the whole process, and that the process does not depend on the program that tells it. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { describe, test } from "node:test";
import type { TestContext } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { notifyProgram } from "../../src/control/system/notify-program.fixture.ts";
import type { NotifyProgram } from "../../src/control/system/notify-program.fixture.ts";
import { startMillrace } from "../support/millrace.ts";
import type { Millrace } from "../support/millrace.ts";
import { RawClient, get } from "../support/raw-client.ts";
import { startRawOrigin } from "../support/raw-origin.ts";

const CONFIG = `
listeners: [{ address: "127.0.0.1:0" }]
workers: 1
upstreams: { app: { endpoints: ["http://127.0.0.1:1"] } }
routes: [{ upstream: app }]
logging: { level: info, access: false }
`;

async function watched(
  t: TestContext,
  program: NotifyProgram,
  config: string = CONFIG,
  environment: Record<string, string> = {},
): Promise<Millrace> {
  t.after(() => program.remove());
  const proxy = await startMillrace(config, {
    NOTIFY_SOCKET: program.socket,
    PATH: `${program.folder}${path.delimiter}${process.env["PATH"] ?? ""}`,
    ...environment,
  });
  t.after(() => proxy.stop());
  return proxy;
}

/** Between two looks. One after the other would take the processor from what is waited for. */
const PAUSE_MS = 5;

/** Waits for what other processes bring about. */
async function until(what: string, condition: () => boolean): Promise<void> {
  const limit = Date.now() + 30_000;
  while (!condition()) {
    assert.ok(Date.now() < limit, `never happened: ${what}`);
    await wait(PAUSE_MS);
  }
}

const firsts = (program: NotifyProgram): (string | undefined)[] => program.calls().map(([first]) => first);

describe("a service manager", { skip: process.platform === "win32", concurrency: true }, () => {
  test("hears of the start, of each reload with its outcome, and of the stop", async (t) => {
    const origin = await startRawOrigin({ onHead: () => true });
    t.after(() => origin.close());
    const config = `${CONFIG.replace("http://127.0.0.1:1", origin.url)}shutdown: { timeout: 1h }\n`;
    const program = notifyProgram();
    // The service manager watches another process than this one.
    const proxy = await watched(t, program, config, { WATCHDOG_USEC: "1000", WATCHDOG_PID: "1" });
    await until("READY", () => program.calls().length === 1);
    assert.match(proxy.output(), /listening on /, "it can be connected to by then");
    await writeFile(proxy.configFile, config.replace("upstream: app", "upstream: ap"));
    proxy.process.kill("SIGHUP");
    await until("the refused reload", () => program.calls().length === 3);
    await writeFile(proxy.configFile, config);
    proxy.process.kill("SIGHUP");
    await until("the reload", () => program.calls().length === 5);

    await t.test("when the stop begins, while requests are in flight", async () => {
      const client = await RawClient.connect(proxy.port);
      t.after(() => client.destroy());
      client.send(get("/never"));
      await until("the request at the origin", () => origin.connections.size > 0);
      proxy.process.kill("SIGTERM");
      await until("STOPPING", () => firsts(program).includes("STOPPING=1"));
      assert.equal(proxy.process.exitCode, null);
      client.destroy();
    });

    if (proxy.process.exitCode === null) await once(proxy.process, "exit");
    assert.equal(proxy.process.exitCode, 0);
    await t.test("and nothing by a process that it does not watch", () => {
      assert.deepEqual(firsts(program), ["READY=1", "RELOADING=1", "READY=1", "RELOADING=1", "READY=1", "STOPPING=1"]);
    });
    assert.match(program.calls()[2]?.[1] ?? "", /^STATUS=serving; .*refused/);
    assert.equal(program.calls()[4]?.[1], "STATUS=serving");
  });

  test("is told that the process lives, by the process that it watches", async (t) => {
    const program = notifyProgram();
    await watched(t, program, CONFIG, { WATCHDOG_USEC: "600000" });
    await until("fed three times", () => firsts(program).filter((first) => first === "WATCHDOG=1").length === 3);
  });
});

describe("a notifying program", { skip: process.platform === "win32", concurrency: true }, () => {
  for (const [what, end] of [
    ["is missing", null],
    ["fails", "exit 1"],
    ["hangs", "exec tail -f /dev/null"],
  ] as const) {
    test(`that ${what} holds up neither start nor reload, and the stop for a moment`, async (t) => {
      const program = notifyProgram(end ?? "");
      const proxy = await watched(t, program, CONFIG, end === null ? { PATH: "/nonexistent", WATCHDOG_USEC: "100" } : {});
      proxy.process.kill("SIGHUP");
      await proxy.until((output) => output.includes('"event":"config_reloaded"'), "the reload");
      const before = performance.now();
      assert.equal(await proxy.stop(), 0);
      assert.ok(performance.now() - before < 15_000);
      const untold = proxy.output().match(/"event":"service_manager_untold"/g) ?? [];
      assert.ok(untold.length >= 1 && untold.length <= 2, `${untold.length} times`);
      if (end !== null) await until("nothing is left behind", () => program.isGone());
    });
  }

  test("that hangs ends with a process that is told to end at once", async (t) => {
    const origin = await startRawOrigin({ onHead: () => true });
    t.after(() => origin.close());
    const program = notifyProgram("exec tail -f /dev/null");
    const proxy = await watched(t, program, CONFIG.replace("http://127.0.0.1:1", origin.url));
    const client = await RawClient.connect(proxy.port);
    t.after(() => client.destroy());
    client.send(get("/never"));
    await until("the request at the origin", () => origin.connections.size > 0);
    proxy.process.kill("SIGTERM");
    await until("STOPPING", () => firsts(program).includes("STOPPING=1"));
    proxy.process.kill("SIGTERM");
    if (proxy.process.exitCode === null) await once(proxy.process, "exit");
    assert.equal(proxy.process.exitCode, 143);
    await until("it is gone", () => program.isGone());
  });
});
