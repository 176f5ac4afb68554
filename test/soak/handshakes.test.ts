/** Handshakes by the thousand, full and resumed, and clients that leave or send nonsense in the middle of one: nothing of them may stay in memory. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { TestAuthority, temporaryFiles } from "../support/certificates.ts";
import { Books } from "./books.ts";
import { compareReadings } from "./compare-readings.ts";
import { DOOR_NAME } from "./door.ts";
import { HandshakeClient } from "./handshakes.ts";
import { ProxyProcess } from "./proxy-process.ts";
import { Random } from "./random.ts";
import { settle } from "./settle.ts";

const WORKERS = 2;
const AT_ONCE = 32;
/** Of the first ones code is compiled, and tables grow to their size. */
const WARM_UP = 1600;
const MEASURED = 3200;

test(`${MEASURED} handshakes leave nothing behind`, { timeout: 240_000 }, async (t) => {
  const authority = await TestAuthority.create();
  const { chain, key } = await authority.issue([DOOR_NAME]);
  const files = temporaryFiles(t, { "site.pem": chain, "site.key": key });
  const tls = `tls: { certificates: [{ cert_file: "${files["site.pem"]}", key_file: "${files["site.key"]}" }] }`;
  const config = `listeners: [{ address: "127.0.0.1:0", ${tls} }]\nupstreams: {}\nroutes: [{ respond: { status: 200 } }]\n`;
  const proxy = await ProxyProcess.start(files.folder, config, WORKERS, authority.certificate);
  try {
    const problems: string[] = [];
    const client = await HandshakeClient.start(proxy.door, (problem) => void problems.push(problem));
    const run = async (count: number, seed: number): Promise<void> => {
      const lane = async (index: number): Promise<void> => {
        const random = new Random(seed + index);
        for (let left = count / AT_ONCE; left > 0; left--) await client.run(random);
      };
      await Promise.all(Array.from({ length: AT_ONCE }, (_, index) => lane(index)));
      const books = new Books();
      await settle(proxy, books);
      problems.push(...books.violations);
    };
    await run(WARM_UP, 1);
    // The first look loads code of its own.
    await proxy.measure();
    const before = await proxy.measure();
    await run(MEASURED, 1000);
    const after = await proxy.measure();
    assert.deepEqual([...problems, ...compareReadings(before, after)], []);
    const metrics = await proxy.metrics();
    const [finished, resumed, failed] = ["", "_resumed", "_failed"].map((which) => metrics.sum(`millrace_tls_handshakes${which}_total`));
    t.diagnostic(`${finished} finished, ${resumed} of them resumed, ${failed} failed`);
    assert.ok((finished ?? 0) > MEASURED / 2 && (resumed ?? 0) > MEASURED / 8 && (failed ?? 0) > MEASURED / 4);
    // Whoever leaves before the end of the handshake is seen to have left.
    assert.ok((finished ?? 0) + (failed ?? 0) <= WARM_UP + MEASURED);
  } finally {
    assert.equal(await proxy.stop(), 0, proxy.printed());
  }
});
