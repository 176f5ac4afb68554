/**
 * What a data-plane thread serves: the configuration of now, and for each listener the connections that clients have with this thread.
 * Whoever runs it (worker.ts, the test kit, the simulator) brings connections to the contexts, and keeps what is logged.
 *
 * A listener is known by its slot. It begins when a configuration names it, or before that when its sockets are opened on trial; it ends
 * when `closeListener` is called, and its connections may outlive it for a while.
 */
import { compileCidrs } from "../base/cidr.ts";
import { endpointNames } from "../config/endpoint-names.ts";
import { Snapshot } from "../proxy/snapshot.ts";
import type { SnapshotContext } from "../proxy/snapshot.ts";
import { Upstreams } from "../proxy/upstream/upstreams.ts";
import type { BucketTable } from "../shared/bucket-table.ts";
import type { ConfigureMessage } from "../shared/protocol.ts";
import { ListenerContext } from "./accept/listener-context.ts";
import type { ListenerConfig, Trust } from "./accept/listener-context.ts";
import { Thread } from "./thread.ts";
import type { ThreadOutput, ThreadParts } from "./thread.ts";
import { connectionOf } from "./protocols.ts";

export interface ServingParts extends ThreadParts {
  readonly buckets: BucketTable;
  readonly output: ThreadOutput;
  /** The status document under that configuration. */
  readonly status: (message: ConfigureMessage) => () => string;
  /** What a route can do, in the order in which it is done. */
  readonly features: SnapshotContext["features"];
  /** Reads a PEM file: the control plane has checked that it can be read. */
  readonly readFile: (path: string) => string;
}

/** A listener that accepts nothing more, as long as it has connections. */
interface Leaving {
  readonly context: ListenerContext;
  /** Time at which what is left is cut. */
  readonly dueAt: number;
}

export class Serving {
  /** Of each listener of the configuration, in its order. */
  contexts: readonly ListenerContext[] = [];
  private readonly parts: ServingParts;
  /** By slot: those of the configuration, and those that were opened before one names them or wait to be closed. */
  private readonly open: Map<number, ListenerContext> = new Map();
  private leaving: readonly Leaving[] = [];
  private readonly upstreams: Upstreams;
  /** Names of endpoints by generation: of the current configuration, and of those before it that some exchange still runs under. */
  private readonly names: Map<number, ReadonlySet<string>> = new Map();
  private current: Thread | null = null;
  private trust: Trust = { proxies: compileCidrs([]), addressFrom: "x_forwarded_for" };
  /** Nothing new is begun. */
  isDraining: boolean = false;
  private drainDueAt: number = Infinity;

  constructor(parts: ServingParts) {
    this.parts = parts;
    this.upstreams = new Upstreams(parts.workerIndex, parts.readFile);
  }

  /** Null before the first configuration. */
  get thread(): Thread | null {
    return this.current;
  }

  /**
   * Brings a configuration into use: exchanges in flight keep theirs. A listener that it does not name goes on as it was until it is
   * closed. Throws, and changes nothing, when it cannot be compiled.
   */
  configure(message: ConfigureMessage): Thread {
    const { parts } = this;
    const { config, listenerSlots } = message;
    const { platform } = parts;
    const plan = this.upstreams.plan(config.upstreams, message.endpointSlots);
    const snapshot = new Snapshot(
      message,
      plan.groups,
      {
        workerIndex: parts.workerIndex,
        buckets: parts.buckets,
        now: () => this.current?.now ?? platform.now(),
        status: parts.status(message),
        features: parts.features,
        report: (level, event, text, fields = {}) => parts.output.event(level, event, text, fields),
      },
      this.current?.snapshot ?? null,
    );
    plan.apply();
    this.names.set(message.generation, endpointNames(config));
    this.expectNames();
    const thread = this.current ?? new Thread(parts, snapshot, this.output());
    if (this.current !== null) thread.use(snapshot);
    this.current = thread;
    thread.accessLog = config.logging.access;
    this.trust = { proxies: compileCidrs(config.trusted_proxies), addressFrom: config.client_address_from };
    this.contexts = config.listeners.map((listener, position) => {
      const slot = listenerSlots[position];
      if (slot === undefined) throw new Error("a listener has no slot");
      const known = this.open.get(slot);
      if (known === undefined) return this.contextFor(thread, slot, listener);
      known.update(listener, this.trust);
      return known;
    });
    return thread;
  }

  /** The listener of that slot, which begins with these settings where it is new. Null before the first configuration. */
  openListener(slot: number, settings: ListenerConfig): ListenerContext | null {
    const { current } = this;
    if (current === null) return null;
    return this.open.get(slot) ?? this.contextFor(current, slot, settings);
  }

  /** The listener accepts nothing more, and its sockets have been closed: what its connections carry may end within that time. */
  closeListener(slot: number, timeoutMs: number): void {
    const context = this.open.get(slot);
    if (context === undefined) return;
    this.open.delete(slot);
    context.drain();
    if (context.connections.size > 0) this.leaving = [...this.leaving, { context, dueAt: this.parts.platform.now() + timeoutMs }];
  }

  /** Nothing new is begun; what runs may end within that time. The listeners have been closed. */
  drain(timeoutMs: number): void {
    if (this.current === null) return;
    this.isDraining = true;
    this.drainDueAt = this.parts.platform.now() + timeoutMs;
    for (const context of this.open.values()) context.drain();
  }

  /** To be asked at each tick. Null: not drained yet. Else everything has ended, and so many exchanges were cut. */
  drained(now: number): number | null {
    if (!this.isDraining) return null;
    const isOpen = this.all().some(({ connections }) => connections.size > 0);
    if (isOpen && now < this.drainDueAt) return null;
    return this.close();
  }

  /** Ends everything at once; how many exchanges were cut. */
  close(): number {
    const cut = this.all().reduce((sum, context) => sum + context.cut(), 0);
    this.current?.close();
    return cut;
  }

  private contextFor(thread: Thread, slot: number, settings: ListenerConfig): ListenerContext {
    const context = new ListenerContext(thread, slot, settings, this.trust, connectionOf);
    this.open.set(slot, context);
    // By a reload that a drain has overtaken.
    if (this.isDraining) context.drain();
    return context;
  }

  private all(): readonly ListenerContext[] {
    return [...this.open.values(), ...this.leaving.map(({ context }) => context)];
  }

  private output(): ThreadOutput {
    const { output } = this.parts;
    const released = (generation: number): void => {
      this.names.delete(generation);
      this.expectNames();
      output.released(generation);
    };
    const tick = (now: number): void => {
      if (this.leaving.length > 0) this.endLeaving(now);
      output.tick(now);
    };
    return { ...output, released, tick };
  }

  private endLeaving(now: number): void {
    for (const { context, dueAt } of this.leaving) if (now >= dueAt) context.cut();
    this.leaving = this.leaving.filter(({ context }) => context.connections.size > 0);
  }

  private expectNames(): void {
    this.parts.names.expect(new Set([...this.names.values()].flatMap((names) => [...names])));
  }
}
