/** Runs the endpoints of a test's upstreams: each answers with a function, or misbehaves according to a script. */
import { Buffer } from "node:buffer";
import { ByteQueue } from "../net/transport/memory/byte-queue.ts";
import type { MemoryNetwork } from "../net/transport/memory/memory-network.ts";
import { ConnectionEnded, TestConnection } from "./connection.ts";
import { serveRequests } from "./http-origin.ts";
import type { OriginContext, OriginFunction, ReceivedRequest } from "./http-origin.ts";
import type { OriginScript, TestOrigin } from "./origin-script.ts";

/** Sets what answers at `address` (`host:port`) from now on. `record` is called with each request; `endpoint` is the URL in the records. */
export function serveOrigin(
  network: MemoryNetwork,
  address: string,
  origin: TestOrigin,
  endpoint: string,
  record: (request: ReceivedRequest) => void,
): void {
  if (typeof origin !== "function" && origin.kind === "refuse") return network.listen(address, "ECONNREFUSED");
  if (typeof origin !== "function" && origin.kind === "unknownName") return network.listen(address, "ENOTFOUND");
  if (typeof origin !== "function" && origin.kind === "silent") return network.listen(address, "silent");
  const context: OriginContext = { endpoint, sleep: (ms) => new Promise((over) => network.clock.after(ms, over)) };
  network.listen(address, (open) => {
    const connection = connectionOf(origin, network);
    const transport = open(connection, connection);
    connection.attach(transport, true);
    if (typeof origin !== "function" && origin.kind === "raw") void serveRaw(connection, origin.serve);
    else serveRequests(connection, typeof origin === "function" ? origin : origin.answer, context, record);
    transport.start();
  });
}

async function serveRaw(connection: TestConnection, serve: (connection: TestConnection) => void | Promise<void>): Promise<void> {
  try {
    await serve(connection);
  } catch (error) {
    // That the proxy closes the connection while a script waits is no error. Any other error fails the test.
    if (!(error instanceof ConnectionEnded)) throw error;
  }
}

function connectionOf(
  origin: OriginFunction | Exclude<OriginScript, { kind: "refuse" | "unknownName" | "silent" }>,
  network: MemoryNetwork,
): TestConnection {
  if (typeof origin === "function" || origin.kind === "raw") return new TestConnection(network.clock);
  if (origin.kind === "slow") return new SlowConnection(network, origin.bytesPerSecond);
  return new LimitedConnection(network, origin.bytes, origin.ending);
}

/** A connection that sends only a number of bytes, then stalls or is reset. */
class LimitedConnection extends TestConnection {
  private left: number;
  private readonly atLimit: "reset" | "stall";

  constructor(network: MemoryNetwork, bytes: number, atLimit: "reset" | "stall") {
    super(network.clock);
    this.left = bytes;
    this.atLimit = atLimit;
  }

  override send(data: string | Uint8Array): boolean {
    const bytes = bytesOf(data);
    const part = bytes.subarray(0, this.left);
    this.left -= part.length;
    const isTaken = part.length === 0 || super.send(part);
    if (this.left > 0) return isTaken;
    if (this.atLimit === "reset") this.reset();
    return false;
  }

  override end(): void {
    if (this.left > 0) super.end();
  }
}

/** Interval at which a slow endpoint sends bytes. */
const SLOW_STEP_MS = 100;

/** A connection that sends a number of bytes per second. */
class SlowConnection extends TestConnection {
  private readonly network: MemoryNetwork;
  private readonly stepBytes: number;
  private readonly queue: ByteQueue = new ByteQueue();
  private isSending: boolean = false;
  private endsAfterQueue: boolean = false;
  private emptied: (() => void)[] = [];

  constructor(network: MemoryNetwork, bytesPerSecond: number) {
    super(network.clock);
    this.network = network;
    this.stepBytes = Math.max(1, Math.round((bytesPerSecond * SLOW_STEP_MS) / 1000));
  }

  override send(data: string | Uint8Array): boolean {
    this.queue.add(bytesOf(data));
    if (!this.isSending) this.sendStep();
    return false;
  }

  override end(): void {
    if (this.isSending) this.endsAfterQueue = true;
    else super.end();
  }

  override async untilSent(): Promise<void> {
    if (this.isSending) await new Promise<void>((resolve) => this.emptied.push(resolve));
    await super.untilSent();
  }

  override onClosed(code: string | null): void {
    this.queue.clear();
    super.onClosed(code);
  }

  private sendStep(): void {
    const { queue } = this;
    this.isSending = queue.length > 0;
    for (let left = this.stepBytes; left > 0 && queue.length > 0;) {
      const part = queue.take(left);
      left -= part.length;
      super.send(part);
    }
    if (this.isSending) return void this.network.clock.after(SLOW_STEP_MS, () => this.sendStep());
    for (const resolve of this.emptied.splice(0)) resolve();
    if (this.endsAfterQueue) super.end();
  }
}

function bytesOf(data: string | Uint8Array): Buffer {
  return typeof data === "string" ? Buffer.from(data, "latin1") : Buffer.from(data);
}
