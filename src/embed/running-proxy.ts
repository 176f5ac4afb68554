/**
 * A proxy within a program. The control plane is in the program's own thread. The data plane is in that thread too, or in worker threads, with
 * one data-plane thread in the program's for the requests that the program hands over.
 */
import { EventEmitter } from "node:events";
import { readFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { messageOf } from "../base/errors.ts";
import type { ProxyConfig } from "../middleware/config-input.ts";
import type { MiddlewareEntry } from "../config/schema/middleware-schema.ts";
import { afterMs } from "../control/after-ms.ts";
import { ControlPlane } from "../control/control-plane.ts";
import { SecretCommands } from "../control/secrets/secret-commands.ts";
import type { ThreadSource } from "../control/workers/thread-link.ts";
import { WorkerThreads } from "../control/workers/worker-threads.ts";
import { LocalThread } from "../data-plane/local-thread.ts";
import type { Explanation } from "../explain/explained.ts";
import { explain } from "../explain/explanation.ts";
import type { LoadMiddleware } from "../middleware/installed-middleware.ts";
import { loadFrom } from "../middleware/load-module.ts";
import { monotonicMs } from "../net/system-clock.ts";
import { refuseFetch, refuseNodeRequest, refuseUpgrade } from "./closed-answers.ts";
import { requestToExplain } from "./explain-request.ts";
import { handleFetch } from "./handle-fetch.ts";
import { handleNodeRequest } from "./handle-node-request.ts";
import { handleUpgrade } from "./handle-upgrade.ts";
import { openListener, reloadedListeners } from "./open-listeners.ts";
import { ProxyLog } from "./proxy-log.ts";
import type {
  ExplainRequest,
  FetchHandler,
  MillraceProxy,
  NodeHandler,
  OpenListener,
  ProxyEvents,
  ProxyOptions,
  Reloaded,
  UpgradeHandler,
} from "./proxy-types.ts";
import { folderUrl, readProxyConfig } from "./read-proxy-config.ts";
import type { ConfigPlace, ReadProxyConfig } from "./read-proxy-config.ts";

/** Time limit for a change that the end of the proxy overtakes. Looking up a listener's name can take longer than the drain. */
const LAST_CHANGE_MS = 1000;

const CLOSED = "the proxy is closed";

/** Starts a proxy; see `createProxy`. */
export async function startProxy(given: ProxyConfig, options: ProxyOptions): Promise<MillraceProxy> {
  options.signal?.throwIfAborted();
  const environment = options.environment ?? process.env;
  const commands = new SecretCommands({ environment, now: monotonicMs, after: afterMs });
  const place = { folder: path.resolve(options.baseFolder ?? ""), environment, commands };
  const config = await readProxyConfig(given, { ...place, serial: 0 });
  const proxy = new RunningProxy(config, place, options.onLog);
  await proxy.start(options.signal);
  return proxy;
}

class RunningProxy extends EventEmitter<ProxyEvents> implements MillraceProxy {
  private readonly place: Omit<ConfigPlace, "serial">;
  private readonly log: ProxyLog;
  private readonly plane: ControlPlane;
  /** The configuration in use. */
  private current: ReadProxyConfig;
  private open: readonly OpenListener[] = [];
  private isOpen: boolean = false;
  /** The data-plane thread in the program's own thread. Another one takes its place if it fails. */
  private local: LocalThread | null = null;
  /** The configuration that a reload is about to bring into use. */
  private next: ReadProxyConfig | null = null;
  private reloads: number = 0;
  private refusedReloads: number = 0;
  /** Aborted when the proxy begins to end. */
  private readonly stop: AbortController = new AbortController();
  /** The newest opening or reload. They run one after the other. */
  private changing: Promise<unknown> = Promise.resolve();
  private closing: Promise<void> | null = null;

  constructor(current: ReadProxyConfig, place: Omit<ConfigPlace, "serial">, onLog: ProxyOptions["onLog"]) {
    super();
    this.place = place;
    this.current = current;
    this.log = new ProxyLog((entry) => this.tell("log", entry), monotonicMs);
    if (onLog !== undefined) this.on("log", onLog);
    this.log.prepare(current).commit();
    const { config, secrets, hasWorkers } = current;
    const makeLocal = (): LocalThread => (this.local = new LocalThread((entry) => this.loadMiddleware(entry)));
    const onlyLocal: ThreadSource = { take: makeLocal, endUnused: () => {} };
    this.plane = new ControlPlane({
      config,
      secrets,
      commands: place.commands,
      log: this.log,
      version: ownVersion(),
      ...(hasWorkers ? { threads: new WorkerThreads(undefined, true), besideWorkers: makeLocal } : { threads: onlyLocal }),
      inherited: null,
      takeLines: (data, lines, taken) => this.log.takeLines(data, lines, taken),
      logDroppedLines: () => this.log.dropped,
      refusedReloads: () => this.refusedReloads,
      environment: place.environment,
      startedAtMs: Date.now(),
      now: Date.now,
      monotonic: monotonicMs,
    });
  }

  /** Rejects with why the proxy cannot start, and leaves nothing behind then. */
  async start(signal: AbortSignal | undefined): Promise<void> {
    const abort = (): void => this.stop.abort();
    signal?.addEventListener("abort", abort);
    // It may have been aborted while the configuration was read.
    if (signal?.aborted === true) abort();
    this.logWarnings();
    const outcome = await this.plane.start(this.stop.signal, { checksListeners: false });
    signal?.removeEventListener("abort", abort);
    if (outcome.kind === "started") return;
    await this.plane.stop();
    await this.log.close();
    signal?.throwIfAborted();
    throw new Error(outcome.kind === "failed" ? outcome.lines.join("\n") : CLOSED);
  }

  get openListeners(): readonly OpenListener[] {
    return this.open;
  }

  get adminUrl(): string | null {
    return this.closing === null ? this.plane.adminUrl : null;
  }

  get warnings(): readonly string[] {
    return this.current.warnings;
  }

  listen(): Promise<readonly OpenListener[]> {
    return this.inTurn(async () => {
      if (this.isOpen) return this.open;
      if (this.current.config.listeners.length === 0)
        throw new Error("the configuration has no listeners: add `listeners`, or hand requests to `handler`, `upgrade` and `fetch`");
      const outcome = await this.plane.open(this.stop.signal);
      if (this.closing !== null || outcome.kind === "stopped") throw new Error(CLOSED);
      if (outcome.kind === "failed") throw new Error(outcome.lines.join("\n"));
      this.isOpen = true;
      this.open = outcome.listeners.map(openListener);
      for (const { url } of this.open) this.log.info("listening", `listening on ${url}`, { url });
      this.tell("listening", this.open);
      return this.open;
    });
  }

  reload(given: ProxyConfig): Promise<Reloaded> {
    return this.inTurn(async () => {
      try {
        return await this.use(await readProxyConfig(given, { ...this.place, serial: ++this.reloads }));
      } catch (error) {
        if (this.closing !== null) throw new Error(CLOSED, { cause: error });
        this.refusedReloads++;
        const problems = messageOf(error).split("\n");
        for (const line of problems) this.log.error("config_refused", line);
        this.log.error("config_refused", "the old configuration stays in use", { problems: problems.length });
        throw error;
      }
    });
  }

  close(): Promise<void> {
    this.closing ??= this.end();
    return this.closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async explain(request: ExplainRequest | Request): Promise<Explanation> {
    const { plane, place } = this;
    const keySetOf = ({ path }: { readonly path: string }): Promise<string | null> => Promise.resolve(plane.keySet(path));
    const explanation = await explain(plane.configInUse, requestToExplain(request), place.environment, keySetOf);
    if (typeof explanation === "string") throw new Error(explanation);
    return explanation;
  }

  readonly handler: NodeHandler = (...given) => {
    const host = this.local?.host ?? null;
    if (host === null) refuseNodeRequest(...given);
    else handleNodeRequest(host, ...given);
  };

  readonly upgrade: UpgradeHandler = (...given) => {
    const host = this.local?.host ?? null;
    if (host === null) refuseUpgrade(...given);
    else handleUpgrade(host, ...given);
  };

  readonly fetch: FetchHandler = (...given) => {
    const host = this.local?.host ?? null;
    return host === null ? refuseFetch(...given) : handleFetch(host, ...given);
  };

  private loadMiddleware(entry: MiddlewareEntry): ReturnType<LoadMiddleware> {
    const byModule = (named: MiddlewareEntry): ReturnType<LoadMiddleware> => loadFrom(folderUrl(this.place.folder), named);
    const ofCurrent = this.current.held.loadOr(byModule);
    return (this.next?.held.loadOr(ofCurrent) ?? ofCurrent)(entry);
  }

  private async use(next: ReadProxyConfig): Promise<Reloaded> {
    if (next.hasWorkers !== this.current.hasWorkers) {
      const what = next.hasWorkers ? "added" : "left out";
      throw new Error(`workers: it cannot be ${what} by a reload, because the proxy's threads are made at the start`);
    }
    // It may have been closed while the configuration was read.
    if (this.closing !== null) throw new Error(CLOSED);
    const log = this.log.prepare(next);
    this.next = next;
    const outcome = await this.plane.reload(next.config, next.secrets).finally(() => (this.next = null));
    if (outcome.kind === "refused") {
      log.discard();
      throw new Error(outcome.lines.join("\n"));
    }
    log.commit();
    this.current = next;
    const { closed } = outcome;
    const opened = outcome.opened.map(openListener);
    this.open = reloadedListeners(this.open, opened, closed, next.config);
    this.logWarnings();
    for (const { url } of opened) this.log.info("listening", `listening on ${url}`, { url });
    for (const address of closed) this.log.info("listener_closed", `no longer listening on ${address}`, { address });
    this.log.info("config_reloaded", "the new configuration is in use");
    const changes = { opened, closed, warnings: next.warnings };
    this.tell("reloaded", changes);
    return changes;
  }

  private logWarnings(): void {
    for (const line of this.current.warnings) this.log.warn("config_warning", line);
  }

  private async end(): Promise<void> {
    this.stop.abort();
    await this.plane.drain();
    const limit = new AbortController();
    await Promise.race([this.changing, wait(LAST_CHANGE_MS, null, { signal: limit.signal }).catch(() => undefined)]);
    limit.abort();
    this.open = [];
    await this.log.close();
    this.tell("closed");
  }

  private inTurn<T>(change: () => Promise<T>): Promise<T> {
    const turn = this.changing.then(() => {
      if (this.closing !== null) throw new Error(CLOSED);
      return change();
    });
    this.changing = turn.catch(() => undefined);
    return turn;
  }

  /** Later, so that an error of a program's listener is the program's own and ends nothing here. */
  private tell<Event extends keyof ProxyEvents>(event: Event, ...given: ProxyEvents[Event]): void {
    queueMicrotask(() => this.emit<keyof ProxyEvents>(event, ...given));
  }
}

function ownVersion(): string {
  const text: { readonly version: string } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));
  return text.version;
}
