/**
 * What a data-plane thread serves: the configuration of now, and for each listener the connections that clients have with this thread.
 * Whoever runs it (worker.ts, the test kit, the simulator) brings connections to the contexts, and keeps what is logged.
 */
import { compileCidrs } from "../base/cidr.ts";
import { endpointNames } from "../config/endpoint-names.ts";
import { Snapshot } from "../proxy/snapshot.ts";
import type { SnapshotContext } from "../proxy/snapshot.ts";
import type { BucketTable } from "../shared/bucket-table.ts";
import type { ConfigureMessage } from "../shared/protocol.ts";
import { ListenerContext } from "./accept/listener-context.ts";
import { Thread } from "./thread.ts";
import type { ThreadOutput, ThreadParts } from "./thread.ts";

export interface ServingParts extends ThreadParts {
  readonly buckets: BucketTable;
  readonly output: ThreadOutput;
  /** The status document under that configuration. */
  readonly status: (message: ConfigureMessage) => () => string;
  /** What a route can do, in the order in which it is done. */
  readonly features: SnapshotContext["features"];
  readonly readFile: SnapshotContext["readFile"];
}

export class Serving {
  /** Of each listener, in the configuration's order. */
  contexts: readonly ListenerContext[] = [];
  private readonly parts: ServingParts;
  /** Names of endpoints by generation: of the current configuration, and of those before it that some exchange still runs under. */
  private readonly names: Map<number, ReadonlySet<string>> = new Map();
  private current: Thread | null = null;
  private drainDueAt: number = Infinity;

  constructor(parts: ServingParts) {
    this.parts = parts;
  }

  /** Null before the first configuration. */
  get thread(): Thread | null {
    return this.current;
  }

  /** Brings a configuration into use: exchanges in flight keep theirs. Throws, and changes nothing, when it cannot be compiled. */
  configure(message: ConfigureMessage): Thread {
    const { parts } = this;
    const { config } = message;
    const { platform } = parts;
    const snapshot = new Snapshot(message, {
      workerIndex: parts.workerIndex,
      buckets: parts.buckets,
      now: () => this.current?.now ?? platform.now(),
      status: parts.status(message),
      features: parts.features,
      report: (level, event, text, fields = {}) => parts.output.event(level, event, text, fields),
      readFile: parts.readFile,
    });
    this.names.set(message.generation, endpointNames(config));
    this.expectNames();
    const thread = this.current ?? new Thread(parts, snapshot, this.output());
    if (this.current !== null) thread.use(snapshot);
    this.current = thread;
    thread.accessLog = config.logging.access;
    const trust = { proxies: compileCidrs(config.trusted_proxies), addressFrom: config.client_address_from };
    this.contexts = config.listeners.map((listener, index) => {
      const known = this.contexts[index];
      if (known === undefined) return new ListenerContext(thread, index, listener, trust);
      known.update(listener, trust);
      return known;
    });
    return thread;
  }

  private output(): ThreadOutput {
    const { output } = this.parts;
    const released = (generation: number): void => {
      this.names.delete(generation);
      this.expectNames();
      output.released(generation);
    };
    return { ...output, released };
  }

  private expectNames(): void {
    this.parts.names.expect(new Set([...this.names.values()].flatMap((names) => [...names])));
  }

  /** Nothing new is begun; what runs may end within that time. The listeners have been closed. */
  drain(timeoutMs: number): void {
    const thread = this.current;
    if (thread === null) return;
    thread.draining = true;
    this.drainDueAt = this.parts.platform.now() + timeoutMs;
    for (const { connections } of this.contexts) for (const connection of connections) connection.drain();
  }

  /** To be asked at each tick. Null: not drained yet. Else everything has ended, and so many exchanges were cut. */
  drained(now: number): number | null {
    const thread = this.current;
    if (thread === null || !thread.draining) return null;
    const isOpen = this.contexts.some(({ connections }) => connections.size > 0);
    if (isOpen && now < this.drainDueAt) return null;
    return this.close();
  }

  /** Ends everything at once; how many exchanges were cut. */
  close(): number {
    let cut = 0;
    for (const { connections } of this.contexts) for (const connection of connections) if (connection.cutNow()) cut++;
    this.current?.close();
    return cut;
  }
}
