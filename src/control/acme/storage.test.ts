import assert from "node:assert/strict";
import fs from "node:fs";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { describe, test } from "node:test";
import type { TestContext } from "node:test";
import { AcmeStorage } from "./storage.ts";
import { takeLock } from "./storage-lock.ts";
import type { LockClock } from "./storage-lock.ts";

function folderOf(t: TestContext): string {
  const folder = mkdtempSync(path.join(tmpdir(), "millrace-acme-"));
  t.after(() => fs.rmSync(folder, { recursive: true, force: true }));
  return folder;
}

const never = new AbortController().signal;

/** Time passes by waiting alone. `beats` are the callbacks that are due at some time. */
class StillClock implements LockClock {
  ms: number = 0;
  readonly beats: Set<() => void> = new Set();
  onWait: () => void = () => {};
  readonly now = (): number => this.ms;
  readonly wait = async (ms: number): Promise<void> => {
    this.ms += ms;
    this.onWait();
  };
  readonly after = (_ms: number, then: () => void): (() => void) => {
    this.beats.add(then);
    return () => this.beats.delete(then);
  };
}

describe("the storage", () => {
  test("keeps accounts, certificates and failures, for its owner alone", async (t) => {
    const folder = path.join(folderOf(t), "deep", "acme");
    const storage = new AcmeStorage(folder);
    await storage.open();
    assert.equal(await storage.account("ca"), null);
    await storage.writeAccount("ca", { key: "KEY", url: "https://ca.example/1", email: null });
    assert.deepEqual(await storage.account("ca"), { key: "KEY", url: "https://ca.example/1", email: null });
    await storage.writeCertificate("site", { key: "KEY\n", chain: "CHAIN\n" });
    assert.equal(await storage.certificate("site"), "KEY\nCHAIN\n");
    await storage.writeFailures("site", { count: 2, lastMs: 5, notBeforeMs: 0 });
    assert.deepEqual(await storage.failures("site"), { count: 2, lastMs: 5, notBeforeMs: 0 });
    await storage.writeFailures("site", null);
    assert.equal(await storage.failures("site"), null);
    const modes = ["", "accounts", "certificates/site.pem", "accounts/ca.json"].map(
      (name) => fs.statSync(path.join(folder, name)).mode & 0o777,
    );
    assert.deepEqual(modes, [0o700, 0o700, 0o600, 0o600]);
    assert.deepEqual(await storage.names("locks"), [], "the trial was left");
  });

  test("takes a file that was damaged for none", async (t) => {
    const storage = new AcmeStorage(folderOf(t));
    await storage.open();
    for (const text of ["", "{", "null", "[]", '{"key":1}']) {
      fs.writeFileSync(storage.at("accounts", "ca.json"), text);
      fs.writeFileSync(storage.at("certificates", "site.failed"), text);
      assert.equal(await storage.account("ca"), null);
      assert.equal(await storage.failures("site"), null);
    }
  });

  test("leaves the old file where a new one cannot be written, and nothing beside it", async (t) => {
    const storage = new AcmeStorage(folderOf(t));
    await storage.open();
    fs.mkdirSync(storage.at("certificates", "site.pem"));
    await assert.rejects(storage.writeCertificate("site", { key: "KEY", chain: "CHAIN" }), /EISDIR|ENOTEMPTY|EEXIST/);
    assert.deepEqual(await storage.names("certificates"), ["site.pem"]);
  });

  test("says where it cannot be", async (t) => {
    const folder = folderOf(t);
    fs.writeFileSync(path.join(folder, "file"), "");
    await assert.rejects(new AcmeStorage(path.join(folder, "file", "acme")).open(), /file\/acme: ENOTDIR/);
  });
});

describe("a lock", () => {
  test("is one holder's at a time", async (t) => {
    const file = path.join(folderOf(t), "a.lock");
    const clock = new StillClock();
    const first = await takeLock(file, clock, never);
    assert.ok(first !== null);
    clock.onWait = () => void first.release();
    const second = await takeLock(file, clock, never);
    assert.ok(second !== null && clock.ms > 0);
    await second.release();
    assert.ok(!fs.existsSync(file));
  });

  test("is not waited for when it is not needed any more", async (t) => {
    const file = path.join(folderOf(t), "a.lock");
    const clock = new StillClock();
    const first = await takeLock(file, clock, never);
    assert.equal(await takeLock(file, clock, never, () => Promise.resolve(true)), null);
    const abort = new AbortController();
    clock.onWait = () => abort.abort();
    assert.equal(await takeLock(file, clock, abort.signal), null);
    await first?.release();
  });

  test("of a holder that is dead is taken over, by one of those that wait", async (t) => {
    const file = path.join(folderOf(t), "a.lock");
    fs.writeFileSync(file, "somebody who is gone");
    const clocks = [new StillClock(), new StillClock(), new StillClock()];
    let [holders, most] = [0, 0];
    await Promise.all(
      clocks.map(async (clock) => {
        const lock = await takeLock(file, clock, never);
        most = Math.max(most, ++holders);
        await new Promise((later) => setImmediate(later));
        holders--;
        await lock?.release();
      }),
    );
    assert.equal(most, 1);
    assert.ok(clocks.some(({ ms }) => ms >= 30_000));
    assert.deepEqual(fs.readdirSync(path.dirname(file)), []);
  });

  test("of a holder that lives is not taken over, however long it takes", async (t) => {
    const file = path.join(folderOf(t), "a.lock");
    const [holder, other] = [new StillClock(), new StillClock()];
    const lock = await takeLock(file, holder, never);
    let time = 1;
    other.onWait = () => {
      // The holder touches its file, every ten seconds of the other's time.
      if (other.ms % 10_000 === 0) fs.utimesSync(file, ++time, time);
      if (other.ms > 300_000) void lock?.release();
    };
    await takeLock(file, other, never);
    assert.ok(other.ms > 300_000);
  });

  test("that was taken over tells its old holder at its next beat", async (t) => {
    const file = path.join(folderOf(t), "a.lock");
    const clock = new StillClock();
    const lock = await takeLock(file, clock, never);
    assert.ok(lock !== null);
    fs.writeFileSync(file, "somebody else");
    const lost = new Promise((resolve) => lock.lost.addEventListener("abort", resolve));
    for (const beat of clock.beats) beat();
    await lost;
    await lock.release();
    assert.equal(fs.readFileSync(file, "utf8"), "somebody else");
  });
});
