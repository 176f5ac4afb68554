import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { TestContext } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { createAppLog } from "../../observe/app-log.ts";
import { notifyProgram } from "./notify-program.fixture.ts";
import type { NotifyProgram } from "./notify-program.fixture.ts";
import { ServiceManager } from "./service-manager.ts";

interface Made {
  readonly manager: ServiceManager;
  readonly program: NotifyProgram;
  readonly environment: Record<string, string | undefined>;
  readonly logged: readonly Record<string, unknown>[];
}

interface Given {
  /** Shell command that the program ends with. */
  readonly end?: string;
  readonly environment?: Record<string, string | undefined>;
}

async function made(t: TestContext, { end, environment: changes }: Given = {}): Promise<Made> {
  const program = notifyProgram(end);
  t.after(() => program.remove());
  const logged: Record<string, unknown>[] = [];
  const log = createAppLog({ level: "debug", format: "json", write: (line) => logged.push(JSON.parse(line)), now: Date.now });
  const environment = { PATH: program.folder, NOTIFY_SOCKET: program.socket, SECRET: "hunter2", ...changes };
  const manager = new ServiceManager({ environment, pid: 42, log });
  t.after(() => manager.close());
  return { manager, program, environment, logged };
}

/** Waits until other processes have made the condition true. */
async function until(what: string, condition: () => boolean): Promise<void> {
  const limit = Date.now() + 15_000;
  while (!condition()) {
    assert.ok(Date.now() < limit, `never happened: ${what}`);
    await turn();
  }
}

const nothingStands = (): null => null;
const READY = ["READY=1", "STATUS=serving"];
const STOPPING = ["STOPPING=1", "STATUS=finishing what is in flight"];
const REFUSED = ["READY=1", "STATUS=serving; the last configuration was refused, see the log"];

describe("what systemd is told", { skip: process.platform === "win32" }, () => {
  test("of overlapping reloads, only the last end is told", async (t) => {
    const { manager, program } = await made(t);
    manager.ready(nothingStands);
    manager.reloading();
    manager.reloading();
    manager.reloaded(true);
    await manager.settled();
    assert.deepEqual(
      program.calls().map(([first]) => first),
      ["READY=1", "RELOADING=1"],
    );
    manager.reloaded(false);
    await manager.settled();
    assert.deepEqual(program.calls().slice(2), [READY]);
  });

  test("start, reload and stop are told in this order, by a program that gets no other variables or descriptors", async (t) => {
    const { manager, program, environment, logged } = await made(t);
    const before = process.hrtime.bigint() / 1000n;
    manager.ready(nothingStands);
    manager.reloading();
    manager.reloaded(true);
    await until("all is told", () => program.calls().length === 3);
    const [ready, reloading, reloaded] = program.calls();
    assert.deepEqual(ready, READY);
    assert.deepEqual([reloading?.[0], reloading?.[2]], ["RELOADING=1", "STATUS=reloading"]);
    const usec = BigInt(/^MONOTONIC_USEC=(\d+)$/.exec(reloading?.[1] ?? "")?.[1] ?? 0);
    assert.ok(usec >= before && usec <= process.hrtime.bigint() / 1000n);
    assert.deepEqual(reloaded, REFUSED);
    manager.reloading();
    manager.reloaded(false);
    await until("the second reload is told", () => program.calls().length === 5);
    assert.deepEqual(program.calls()[4], READY);
    manager.stopping();
    await manager.close();
    assert.deepEqual(program.calls()[5], STOPPING);
    assert.match(program.surroundings(), /^NOTIFY_SOCKET=@millrace-test$/m);
    assert.doesNotMatch(program.surroundings(), /hunter2|socket:/);
    assert.equal(environment["NOTIFY_SOCKET"], undefined, "children of others do not inherit it");
    assert.deepEqual(logged, []);
  });

  test("many reloads at once are few messages, and READY comes after the last one's end", async (t) => {
    const { manager, program } = await made(t);
    manager.ready(nothingStands);
    for (let count = 0; count < 100; count++) manager.reloading();
    for (let count = 0; count < 99; count++) manager.reloaded(false);
    await until("the reload is told", () => program.calls().length === 2);
    manager.reloading();
    manager.reloaded(false);
    await until("the last begin is told", () => program.calls().length === 3);
    manager.reloaded(false);
    await until("the end is told", () => program.calls().length === 4);
    assert.deepEqual(
      program.calls().map(([first]) => first),
      ["READY=1", "RELOADING=1", "RELOADING=1", "READY=1"],
    );
  });

  test("a process that stops is not said to serve any more", async (t) => {
    const { manager, program } = await made(t);
    manager.ready(nothingStands);
    manager.reloading();
    manager.reloaded(false);
    manager.stopping();
    manager.reloading();
    manager.reloaded(false);
    await manager.close();
    assert.deepEqual(program.calls(), [READY, STOPPING]);
  });

  test("without NOTIFY_SOCKET nothing is started", async (t) => {
    for (const socket of [undefined, ""]) {
      const { manager, program, logged } = await made(t, { environment: { NOTIFY_SOCKET: socket, WATCHDOG_USEC: "1000" } });
      manager.ready(() => assert.fail("a watchdog that nobody feeds"));
      manager.stopping();
      await manager.close();
      assert.deepEqual([program.calls(), logged], [[], []]);
    }
  });

  test("a malformed NOTIFY_SOCKET is logged once", async (t) => {
    for (const socket of ["relative/path", "@", "tcp:127.0.0.1:1"]) {
      const { manager, program, logged } = await made(t, { environment: { NOTIFY_SOCKET: socket } });
      manager.ready(nothingStands);
      manager.stopping();
      await manager.close();
      assert.deepEqual([program.calls(), logged.map((line) => line["event"])], [[], ["service_manager_untold"]]);
    }
  });
});

describe("a program that fails", { skip: process.platform === "win32" }, () => {
  test("missing, not executable or failing: logged once, and tried again with the next message", async (t) => {
    const given: [Given, RegExp][] = [
      [{ environment: { PATH: "/nonexistent" } }, /not told READY=1: systemd-notify cannot be run: .*ENOENT/],
      [{ end: "exit 3" }, /not told READY=1: systemd-notify ended with exit code 3/],
      [{ end: "kill -SEGV $$" }, /not told READY=1: systemd-notify ended with SIGSEGV/],
    ];
    for (const [how, message] of given) {
      const { manager, logged } = await made(t, how);
      manager.ready(nothingStands);
      manager.reloading();
      manager.reloaded(false);
      manager.stopping();
      await manager.close();
      assert.equal(logged.length, 1, JSON.stringify(logged));
      assert.match(String(logged[0]?.["message"]), message);
    }
  });

  test("hanging before the stop: it is killed soon, and the stop is told", async (t) => {
    const { manager, program, logged } = await made(t, { end: 'test "$1" = STOPPING=1 && exit 0; exec tail -f /dev/null' });
    manager.ready(nothingStands);
    await until("it hangs", () => program.calls().length === 1);
    const before = performance.now();
    manager.stopping();
    await manager.close();
    assert.ok(performance.now() - before < 5000);
    assert.deepEqual(program.calls(), [READY, STOPPING]);
    assert.match(String(logged[0]?.["message"]), /not told READY=1: systemd-notify did not end in time/);
  });

  test("hanging at the stop: the end of the process waits only briefly and leaves no program running", async (t) => {
    const { manager, program } = await made(t, { end: "exec tail -f /dev/null" });
    manager.stopping();
    await until("it hangs", () => program.calls().length === 1);
    const before = performance.now();
    await manager.close();
    assert.ok(performance.now() - before < 5000);
    await until("it is gone", () => program.isGone());
  });

  test("hanging at any other message: the next message goes out after the time limit", async (t) => {
    t.mock.timers.enable({ apis: ["setTimeout"] });
    const { manager, program } = await made(t, { end: 'test "$1" = READY=1 && exec tail -f /dev/null' });
    manager.ready(nothingStands);
    manager.reloading();
    t.mock.timers.tick(5999);
    assert.deepEqual(program.calls().slice(1), []);
    t.mock.timers.tick(1);
    t.mock.timers.reset();
    await until("the next one", () => program.calls().at(-1)?.[0] === "RELOADING=1");
  });
});

describe("the watchdog", { skip: process.platform === "win32" }, () => {
  const watched = { WATCHDOG_USEC: "20000000", WATCHDOG_PID: "42" };

  test("is fed at half of its interval, from READY on", async (t) => {
    t.mock.timers.enable({ apis: ["setTimeout"] });
    const { manager, program } = await made(t, { environment: watched });
    t.mock.timers.tick(60_000);
    manager.ready(nothingStands);
    await manager.settled();
    assert.deepEqual(program.calls(), [READY]);
    for (let count = 1; count <= 3; count++) {
      t.mock.timers.tick(9999);
      await manager.settled();
      assert.equal(program.calls().length, count);
      t.mock.timers.tick(1);
      await manager.settled();
      assert.deepEqual(program.calls().slice(count), [["WATCHDOG=1"]]);
    }
  });

  test("is not fed while something stands still, and is fed again when it goes on", async (t) => {
    t.mock.timers.enable({ apis: ["setTimeout"] });
    const { manager, program, logged } = await made(t, { environment: watched });
    let standing: string | null = "worker 1 stands still";
    manager.ready(() => standing);
    await manager.settled();
    t.mock.timers.tick(10_000);
    for (let count = 0; count < 30; count++) t.mock.timers.tick(1000);
    await manager.settled();
    assert.deepEqual(program.calls(), [READY]);
    assert.equal(logged.length, 1);
    assert.match(String(logged[0]?.["message"]), /not fed: worker 1 stands still/);
    standing = null;
    t.mock.timers.tick(1000);
    await manager.settled();
    assert.deepEqual(program.calls(), [READY, ["WATCHDOG=1"]]);
    standing = "no worker is serving";
    t.mock.timers.tick(10_000);
    assert.equal(logged.length, 2, "the next time is said again");
  });

  test("is not fed when WATCHDOG_PID is another process or WATCHDOG_USEC is malformed", async (t) => {
    const none: Record<string, string | undefined>[] = [
      { WATCHDOG_USEC: "20000000", WATCHDOG_PID: "41" },
      { WATCHDOG_USEC: "20000000", WATCHDOG_PID: "" },
      { WATCHDOG_USEC: "0" },
      { WATCHDOG_USEC: "-1" },
      { WATCHDOG_USEC: "20s" },
      { WATCHDOG_USEC: "18446744073709551615" },
      { WATCHDOG_PID: "42" },
    ];
    for (const environment of none) {
      const { manager, program } = await made(t, { environment });
      t.mock.timers.enable({ apis: ["setTimeout"] });
      manager.ready(() => assert.fail(JSON.stringify(environment)));
      await manager.settled();
      t.mock.timers.tick(100_000);
      t.mock.timers.reset();
      await manager.settled();
      assert.deepEqual(program.calls(), [READY]);
    }
  });

  test("is fed when there is no WATCHDOG_PID", async (t) => {
    t.mock.timers.enable({ apis: ["setTimeout"] });
    const { manager, program } = await made(t, { environment: { WATCHDOG_USEC: "2000000" } });
    manager.ready(nothingStands);
    await manager.settled();
    t.mock.timers.tick(1000);
    await manager.settled();
    assert.deepEqual(program.calls(), [READY, ["WATCHDOG=1"]]);
  });
});
