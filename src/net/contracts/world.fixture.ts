import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import type { TestContext } from "node:test";
import { plainConfig } from "../../config/plain.ts";
import type { Config } from "../../config/schema.ts";
import { FieldSection } from "../../http/field-section.ts";
import { addFields } from "../../http/build-head.ts";
import type { Fields } from "../../http/build-head.ts";
import type { AccessRecord } from "../../observe/access-line.ts";
import type { Endpoint } from "../../proxy/upstream/endpoint.ts";
import type { EndpointSet } from "../../proxy/upstream/endpoint-set.ts";
import type { Waiting } from "../buffers/write-batch.ts";
import { checkStates } from "../h1/check-states.fixture.ts";
import type { Thread } from "../thread.ts";
import { MemoryNetwork } from "../transport/memory/memory-network.ts";
import { loneThread } from "../warm-up.ts";

checkStates();

/** Where the proxy listens, and where its endpoint does. */
export const PROXY = "proxy.test:80";
export const ENDPOINT = "endpoint.test:80";

/** Bytes that a receiver who does not read still takes. */
export const RECEIVE_BYTES: number = 32 * 1024;

/** So many that no write is passed over, whatever turns came before. */
const BUSY_WRITES = 32;
const OTHER_CONNECTION: Waiting = { endWait: () => {} };

/** A data-plane thread in memory, with one listener and one endpoint. Time passes when the test says so. */
export class World {
  readonly network: MemoryNetwork = new MemoryNetwork({ receiveBytes: RECEIVE_BYTES });
  readonly config: Config = plainConfig(PROXY, `http://${ENDPOINT}`);
  readonly thread: Thread;
  /** Of the exchanges that have ended. */
  readonly records: AccessRecord[] = [];
  /** What was done against the contract, in words. */
  readonly breaches: string[] = [];

  constructor(t: TestContext) {
    this.thread = loneThread(this.config, (record) => this.records.push({ ...record }), this.network.platform);
    t.after(() => this.thread.close());
  }

  get set(): EndpointSet {
    return this.thread.snapshot.endpointsOf("app") ?? assert.fail("the upstream is not there");
  }

  get endpoint(): Endpoint {
    return this.set.endpoints[0] ?? assert.fail("the endpoint is not there");
  }

  /** All happens that can happen before time passes. */
  async settle(): Promise<void> {
    for (let round = 0; round < 3; round++) {
      this.network.settle();
      // What follows from a promise follows within a few turns of the microtask queue.
      for (let turn = 0; turn < 4; turn++) await Promise.resolve();
    }
    assert.deepEqual(this.breaches, []);
  }

  /** The thread has much else to write before this turn ends: little text waits for that, and counts as written. */
  writesMuch(): void {
    for (let count = 0; count < BUSY_WRITES; count++) this.thread.writes.keep(OTHER_CONNECTION, false);
  }

  async passes(ms: number): Promise<void> {
    const { network } = this;
    const until = network.clock.nowMs + ms;
    network.settle();
    while (network.clock.step(until)) network.settle();
    await this.settle();
  }
}

export function trailersOf(fields: Fields): FieldSection {
  const section = new FieldSection();
  addFields(section, fields);
  return section;
}

/** Text of that many bytes in which no two places look alike. */
export function textOf(bytes: number): string {
  let text = "";
  for (let at = 0; text.length < bytes; at++) text += `${at.toString(36)},`;
  return text.slice(0, bytes);
}

export function bytesOf(text: string): Buffer {
  return Buffer.from(text, "latin1");
}
