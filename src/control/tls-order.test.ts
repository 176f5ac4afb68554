/** Threads get what TLS needs before the configuration and the listeners that need it: at the start, at reloads, and in the place of a thread that died. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Config } from "../config/schema/schema.ts";
import { listenerSchema } from "../config/schema/listener-schema.ts";
import { TestAuthority, temporaryFiles } from "../../test/support/certificates.ts";
import { testConfig } from "./config.fixture.ts";
import { ask, events, refusal, started, until } from "./plane.fixture.ts";

test("what TLS needs comes first, and a reload that is refused takes it back", async (t) => {
  const authority = await TestAuthority.create();
  const [one, other] = await Promise.all([authority.issue(["a.test"]), authority.issue(["b.test"])]);
  const files = temporaryFiles(t, { "a.pem": one.chain + one.key, "b.pem": other.chain + other.key });
  const config = (name: "a.pem" | "b.pem" | null, changes: Partial<Config> = {}): Config => {
    const tls = name === null ? {} : { tls: { certificates: [{ cert_file: files[name] }] } };
    return testConfig({ workers: 1, listeners: [listenerSchema.parse({ address: "127.0.0.1:0", ...tls })], ...changes });
  };
  const running = await started(t, config("a.pem"));
  const { plane, port } = running;
  // Told once more when the configuration is in use, which changes nothing.
  const again = (order: string): string => order.replace(/(tls\([^)]*\))( \1)+/g, "$1");
  const order = async (): Promise<string> => again(await ask(port, "/order"));
  assert.equal(await order(), "tls(a.test) configure listen");

  assert.deepEqual(await refusal(running, config("b.pem", { status_path: "/refuse" })), ["refused as asked"]);
  assert.equal(await order(), "tls(a.test) configure listen tls(b.test) configure tls(a.test)");

  assert.deepEqual(await refusal(running, config("b.pem")), []);
  await plane.terminateWorker(0);
  await until("replaced", () => events(running, "worker_replaced").length === 1);
  assert.equal(await order(), "tls(b.test) configure listen");

  // A listener that speaks plain HTTP from now on does so once its configuration is in use.
  assert.deepEqual(await refusal(running, config(null)), []);
  assert.match(await order(), /listen (?:tls\(b\.test\) )?configure tls\(\)$/);
});
