import assert from "node:assert/strict";
import { test } from "node:test";
import { gunzipSync } from "node:zlib";
import { buildRequestHead, buildResponseHead } from "../../http/build-head.ts";
import { ResponseEdits } from "../../http/head-edits.ts";
import type { BodyStage } from "../../proxy/feature/body-stage.ts";
import type { FeatureContext } from "../../proxy/feature/feature.ts";
import { LoneView } from "../../proxy/feature/lone-view.ts";
import type { Middleware } from "../../proxy/feature/middleware.ts";
import { onceEach } from "../../proxy/feature/once.ts";
import { compression } from "./compression.ts";
import { compressionSchema } from "./schema.ts";

const TEXT = Buffer.from(JSON.stringify(Array.from({ length: 2000 }, (_, id) => ({ id, name: `name ${(id * 7919) % 1000}` }))));

/** A thread whose timers come late. */
class LateThread {
  lateMs: number = 0;
  readonly counts: string[] = [];
  private nowMs: number = 0;
  private due: (() => void)[] = [];

  /** One turn of the event loop after another, each as late as the thread is. */
  pass(turns: number): void {
    for (let turn = 0; turn < turns; turn++) {
      const { due } = this;
      this.due = [];
      this.nowMs += 20 + this.lateMs;
      for (const fire of due) fire();
    }
  }

  compile(): Middleware {
    const parts: Pick<FeatureContext, "once" | "fine" | "count"> = {
      once: onceEach(),
      fine: { now: () => this.nowMs, after: (_, then) => (this.due.push(then), () => {}), atTurnEnd: () => {} },
      count: (counter) => void this.counts.push(counter),
    };
    return compression.compile(compressionSchema.parse({ max_delay: "50ms", levels: { gzip: 9 } }), parts as FeatureContext);
  }
}

/** How many bytes a response becomes; null: it passes as it is. */
function compressedBytes(middleware: Middleware): number | null {
  const view = new LoneView(
    buildRequestHead({ method: "GET", target: "/", authority: "a.test" }, [["Accept-Encoding", "gzip"]]),
    "192.0.2.1",
  );
  const edits = new ResponseEdits();
  edits.begin(buildResponseHead({ status: 200 }, [["Content-Type", "application/json"]]), 200);
  const stage: BodyStage | null = middleware.onResponse?.(view, edits) ?? null;
  assert.match(edits.added, /Vary: Accept-Encoding/);
  if (stage === null) return null;
  const parts: Buffer[] = [];
  stage.start({ write: (bytes) => parts.push(bytes), flush: () => true, end: () => {}, fail: assert.fail, resume: () => {} });
  stage.data(TEXT, 0, TEXT.length);
  stage.end(null);
  const out = Buffer.concat(parts);
  assert.deepEqual(gunzipSync(out), TEXT);
  return out.length;
}

test("a thread that is late compresses less, and then nothing", () => {
  const thread = new LateThread();
  const middleware = thread.compile();
  const best = compressedBytes(middleware);
  assert.ok(best !== null);
  thread.pass(3);
  assert.equal(compressedBytes(middleware), best);
  thread.lateMs = 30;
  thread.pass(6);
  const fast = compressedBytes(middleware);
  assert.ok(fast !== null && fast > best, `${fast} bytes instead of ${best}`);
  thread.lateMs = 60;
  thread.pass(6);
  assert.equal(compressedBytes(middleware), null);
  assert.equal(thread.counts.at(-1), "compression_skipped");
  thread.lateMs = 0;
  thread.pass(20);
  assert.equal(compressedBytes(middleware), best, "it has caught up");
});
