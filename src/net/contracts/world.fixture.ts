import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import type { TestContext } from "node:test";
import { plainConfig } from "../../config/plain.ts";
import type { Config } from "../../config/schema/schema.ts";
import { FieldSection } from "../../http/field-section.ts";
import { addFields } from "../../http/build-head.ts";
import type { Fields } from "../../http/build-head.ts";
import type { AccessRecord } from "../../observe/access-record.ts";
import type { Endpoint } from "../../proxy/upstream/endpoint.ts";
import type { EndpointSet } from "../../proxy/upstream/endpoint-set.ts";
import type { Waiting } from "../buffers/write-batch.ts";
import { checkStates } from "../h1/check-states.fixture.ts";
import type { Thread } from "../thread.ts";
import { MemoryNetwork } from "../transport/memory/memory-network.ts";
import { loneThread } from "../lone-thread.ts";

checkStates();

/** The addresses of the proxy and of its endpoint in the memory network. */
export const PROXY = "proxy.test:80";
export const ENDPOINT = "endpoint.test:80";

/** How many bytes the system takes for a receiver that does not read. */
export const RECEIVE_BYTES: number = 32 * 1024;

/** So many writes in a turn that each of them waits for the turn's end, whatever turns came before. */
const BUSY_WRITES = 32;
/** So many turns of Node's event loop that whatever its streams do is done. */
const NODE_TURNS = 12;
const OTHER_CONNECTION: Waiting = { endWait: () => {} };

/** A data-plane thread in memory, with one listener and one endpoint, for the contracts. Time passes only when the test says so. */
export class World {
  readonly network: MemoryNetwork = new MemoryNetwork({ receiveBytes: RECEIVE_BYTES });
  readonly config: Config = plainConfig(PROXY, `http://${ENDPOINT}`);
  readonly thread: Thread;
  /** Access records of the exchanges that have ended. */
  readonly records: AccessRecord[] = [];
  /** Whether streams of Node's take part, which pass bytes on in later turns of the event loop. */
  hasNodeStreams: boolean = false;
  /** What broke the contract, in words. Checked by `settle`. */
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

  /** Lets everything happen that can happen before time passes. Fails if the contract was broken. */
  async settle(): Promise<void> {
    for (let round = 0; round < (this.hasNodeStreams ? NODE_TURNS : 3); round++) {
      this.network.settle();
      if (this.hasNodeStreams) await new Promise((resolve) => setImmediate(resolve));
      // Whatever follows a promise comes within a few turns of the microtask queue.
      for (let turn = 0; turn < 4; turn++) await Promise.resolve();
    }
    assert.deepEqual(this.breaches, []);
  }

  /** Makes the current turn a busy one: small writes wait for its end, and count as written. */
  writesMuch(): void {
    for (let count = 0; count < BUSY_WRITES; count++) this.thread.writes.keep(OTHER_CONNECTION, false);
  }

  /** Lets this much time pass. */
  async passes(ms: number): Promise<void> {
    const { network } = this;
    const until = network.clock.nowMs + ms;
    network.settle();
    while (network.clock.step(until)) {
      network.settle();
      if (this.hasNodeStreams) await new Promise((resolve) => setImmediate(resolve));
    }
    await this.settle();
  }
}

export function trailersOf(fields: Fields): FieldSection {
  const section = new FieldSection();
  addFields(section, fields);
  return section;
}

/** A text of this many bytes in which every place looks different. */
export function textOf(bytes: number): string {
  let text = "";
  for (let at = 0; text.length < bytes; at++) text += `${at.toString(36)},`;
  return text.slice(0, bytes);
}

export function bytesOf(text: string): Buffer {
  return Buffer.from(text, "latin1");
}
