/**
 * A lock between processes: a file that its holder made, and touches as long as it lives. It survives a crash without anybody's help: a file that was not
 * touched for a while is taken over. No clocks are compared, so it holds over machines too: whoever waits watches with its own clock whether the file changes.
 */
import { randomBytes } from "node:crypto";
import fs from "node:fs/promises";
import type { AcmeClock } from "../../acme/acme-http.ts";
import { codeOf } from "../../base/errors.ts";

/** How often the holder touches its file. */
const TOUCH_MS = 5000;
/** A file that nobody touches for this time has lost its holder. Six beats: a machine may stand still for a while. */
const LOST_MS = 30_000;
/** How often one that waits looks. */
const LOOK_MS = 500;

export interface HeldLock {
  /** Aborted when somebody else has taken the lock over: this process stood still for too long. */
  readonly lost: AbortSignal;
  release(): Promise<void>;
}

export interface LockClock extends AcmeClock {
  /** Calls back after that many milliseconds; the returned function cancels the call. */
  readonly after: (ms: number, then: () => void) => () => void;
}

/**
 * Takes the lock, after waiting for whoever holds it.
 * @param waited called at each look while somebody else holds it; true: it is not needed any more
 * @returns null: it is not needed any more, or `signal` is aborted
 */
export async function takeLock(
  file: string,
  clock: LockClock,
  signal: AbortSignal,
  waited: () => Promise<boolean> = () => Promise.resolve(false),
): Promise<HeldLock | null> {
  const own = randomBytes(16).toString("hex");
  let seen = "";
  let sinceMs = clock.now();
  while (!signal.aborted) {
    if (await made(file, own)) return held(file, own, clock);
    const state = await stateOf(file);
    if (state === null) continue;
    if (state.mark !== seen) {
      seen = state.mark;
      sinceMs = clock.now();
    } else if (clock.now() - sinceMs >= LOST_MS) {
      await takeAway(file, state.holder);
      continue;
    }
    if (await waited()) return null;
    await clock.wait(LOOK_MS, signal);
  }
  return null;
}

function held(file: string, own: string, clock: LockClock): HeldLock {
  const lost = new AbortController();
  let isReleased = false;
  let cancel = clock.after(TOUCH_MS, beat);
  function beat(): void {
    void touched(file, own).then((isOurs) => {
      if (isReleased) return;
      if (isOurs) cancel = clock.after(TOUCH_MS, beat);
      else lost.abort();
    });
  }
  return {
    lost: lost.signal,
    release: async (): Promise<void> => {
      isReleased = true;
      cancel();
      const state = await stateOf(file);
      if (state?.holder === own) await fs.rm(file, { force: true });
    },
  };
}

/** Makes the file; false: there is one. */
async function made(file: string, own: string): Promise<boolean> {
  try {
    await fs.writeFile(file, own, { flag: "wx", mode: 0o600 });
    return true;
  } catch (error) {
    if (codeOf(error) === "EEXIST") return false;
    throw error;
  }
}

/** Writes the file anew, so that it changes. False: it is somebody else's. A disk that is full for a moment does not lose the lock. */
async function touched(file: string, own: string): Promise<boolean> {
  const state = await stateOf(file);
  if (state === null || state.holder !== own) return false;
  const now = new Date();
  await fs.utimes(file, now, now).catch(() => undefined);
  return true;
}

/** What tells one state of the file from another, and who made it; null: there is no file. */
async function stateOf(file: string): Promise<{ readonly mark: string; readonly holder: string } | null> {
  try {
    const [{ mtimeMs }, holder] = await Promise.all([fs.stat(file), fs.readFile(file, "utf8")]);
    return { mark: `${mtimeMs} ${holder}`, holder };
  } catch (error) {
    if (codeOf(error) === "ENOENT") return null;
    throw error;
  }
}

/**
 * Takes the file of a lost holder away. Two that wait may do so at once: the slower one would take away the new lock of the quicker one. So the file is first
 * renamed, which one of them does alone, and put back if it turns out to be another than the lost one's.
 */
async function takeAway(file: string, lostHolder: string): Promise<void> {
  const aside = `${file}.${randomBytes(6).toString("hex")}`;
  try {
    await fs.rename(file, aside);
    if ((await fs.readFile(aside, "utf8")) !== lostHolder) await fs.link(aside, file);
  } catch (error) {
    if (codeOf(error) !== "ENOENT" && codeOf(error) !== "EEXIST") throw error;
  } finally {
    await fs.rm(aside, { force: true });
  }
}
