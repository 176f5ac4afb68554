/** When programs that print secrets run, and what becomes of what they print. The programs are functions here; real ones: test/e2e/secret-programs.test.ts. */
import assert from "node:assert/strict";
import { setImmediate as turn } from "node:timers/promises";
import { test } from "node:test";
import { sourceKey } from "../../config/placed-secrets.ts";
import type { SecretCommand } from "../../values/secret-source.ts";
import type { CommandToRun } from "./run-command.ts";
import { SecretCommands } from "./secret-commands.ts";

const command = (name: string, renew: number = 60_000): SecretCommand => ({
  kind: "command",
  exec: [name],
  hidden: [],
  folder: "/conf",
  renew,
  timeout: 1000,
});

function stage() {
  let nowMs = 0;
  let timer: { readonly at: number; readonly run: () => void } | null = null;
  const runs: CommandToRun[] = [];
  const told: string[] = [];
  /** What each program prints next; an Error: it fails. */
  const printed = new Map<string, string | Error | Promise<string>>();
  const commands = new SecretCommands({
    environment: { PATH: "/bin" },
    now: () => nowMs,
    after: (ms, then) => {
      timer = { at: nowMs + ms, run: then };
      return () => (timer = null);
    },
    run: async (given) => {
      runs.push(given);
      const result = printed.get(given.exec[0] ?? "") ?? "first";
      if (result instanceof Error) throw result;
      return await result;
    },
  });
  const news = {
    fault: (_key: string, value: string) => (value === "unfit" ? "it is unfit" : null),
    changed: (key: string) => void told.push(`changed ${commands.valueOf(key)}`),
    refused: (_key: string, problem: string) => void told.push(`refused ${problem}`),
  };
  return {
    commands,
    runs,
    told,
    printed,
    news,
    get waits() {
      return timer === null ? null : timer.at - nowMs;
    },
    /** Lets time pass until the next run is due, and waits until it is over. */
    async renewed(): Promise<void> {
      assert.ok(timer !== null, "no run is planned");
      const { at, run } = timer;
      timer = null;
      nowMs = at;
      run();
      for (let turns = 0; turns < 5; turns++) await turn();
    },
    load: (...wanted: readonly SecretCommand[]) =>
      commands.loadWith((printedBy) =>
        wanted.map((each) => {
          try {
            return printedBy(each);
          } catch (error) {
            return error;
          }
        }),
      ),
  };
}

test("a program runs once however many secrets name it, and not again at the next load", async () => {
  const { commands, runs, load } = stage();
  assert.deepEqual(await load(command("a"), command("a", 5000), command("b")), ["first", "first", "first"]);
  assert.deepEqual(
    runs.map(({ exec }) => exec[0]),
    ["a", "b"],
  );
  assert.deepEqual(runs[0], { exec: ["a"], folder: "/conf", environment: { PATH: "/bin" }, timeoutMs: 1000, hidden: [] });
  assert.deepEqual(await load(command("a")), ["first"]);
  assert.equal(runs.length, 2);
  commands.stop();
});

test("a failure is an error of the load, and the next load tries again", async () => {
  const { commands, runs, load, printed } = stage();
  printed.set("a", new Error("no luck"));
  const [failure, other] = await load(command("a"), command("b"));
  assert.deepEqual([String(failure), other], ["Error: no luck", "first"]);
  printed.set("a", "second try");
  assert.deepEqual(await load(command("a")), ["second try"]);
  assert.equal(runs.length, 3);
  commands.stop();
});

test("what is in use is renewed after the shortest time that is said for it; another value is told, the same is not", async () => {
  const stand = stage();
  const { commands, runs, told, printed, news, load } = stand;
  const used = [command("a", 9000), command("a", 2000)];
  await load(...used);
  assert.equal(stand.waits, null, "nothing is in use yet");
  commands.keep(used, news);
  assert.equal(stand.waits, 2000);
  await stand.renewed();
  assert.deepEqual([runs.length, told], [2, []]);
  printed.set("a", "second");
  await stand.renewed();
  assert.deepEqual([runs.length, told], [3, ["changed second"]]);
  assert.deepEqual(runs.at(-1)?.hidden, ["first"], "no message may show the value in use");
  commands.keep([], news);
  assert.equal(stand.waits, null);
  assert.equal(commands.valueOf(sourceKey(command("a"))), undefined, "what is not in use is forgotten");
  commands.stop();
});

test("a failed renewal keeps the old value, says so once, is tried again soon, and speaks again after a success", async () => {
  const stand = stage();
  const { commands, told, printed, news, load } = stand;
  await load(command("a", 600_000));
  commands.keep([command("a", 600_000)], news);
  printed.set("a", new Error("vault is sealed"));
  await stand.renewed();
  assert.equal(stand.waits, 30_000);
  await stand.renewed();
  assert.deepEqual(told, ["refused vault is sealed"]);
  assert.deepEqual(await load(command("a", 600_000)), ["first"]);
  printed.set("a", "unfit");
  await stand.renewed();
  assert.deepEqual([commands.valueOf(sourceKey(command("a"))), told.length], ["first", 1]);
  printed.set("a", "second");
  await stand.renewed();
  assert.equal(stand.waits, 600_000);
  printed.set("a", "unfit");
  await stand.renewed();
  assert.deepEqual(told, ["refused vault is sealed", "changed second", "refused it is unfit"]);
  commands.stop();
});

test("a run that ends after its secret is no longer in use, or after the end, changes nothing", async () => {
  for (const isEnd of [false, true]) {
    const stand = stage();
    const { commands, told, printed, news, load } = stand;
    await load(command("a"));
    commands.keep([command("a")], news);
    let print: (text: string) => void = () => assert.fail();
    printed.set("a", new Promise<string>((resolve) => (print = resolve)));
    await stand.renewed();
    if (isEnd) commands.stop();
    else commands.keep([], news);
    print("late");
    await turn();
    assert.deepEqual(told, []);
    assert.equal(stand.waits, null);
    commands.stop();
  }
});

test("at most eight programs run at a time", async () => {
  const { commands, runs, printed, load } = stage();
  const ends: (() => void)[] = [];
  const names = Array.from({ length: 11 }, (_, index) => `p${index}`);
  for (const name of names) printed.set(name, new Promise<string>((resolve) => ends.push(() => resolve(name))));
  const loaded = load(...names.map((name) => command(name)));
  await turn();
  assert.equal(runs.length, 8);
  ends[0]?.();
  await turn();
  assert.equal(runs.length, 9);
  for (const end of ends) end();
  assert.deepEqual(await loaded, names);
  commands.stop();
});
