/**
 * Supervises the workers (data-plane threads): starts them, gives them configurations, replaces one that dies while the others go on
 * serving, and drains them.
 *
 * The life of one worker:
 *
 *     start -> configured -> listening -> drained -> ended
 *                  \____________\___ ended unexpectedly: its rows in shared memory are cleared, and a replacement with the same index
 *                                    starts after a delay (restart-delay.ts)
 *
 * A change that concerns all workers (open listeners, use a configuration, close listeners) never runs at the same time as the start of
 * a replacement. So a replacement that starts in the middle of a reload gets exactly the listeners and the configuration of that moment.
 */
import { messageOf } from "../../base/errors.ts";
import { hasMiddleware } from "../../config/schema/middleware-entries.ts";
import type { StoreNews } from "../../shared/store-news.ts";
import type { OutsideAnswer, OutsideRequest } from "../../shared/outside-request.ts";
import type { MiddlewareCount, WorkerInit } from "../../shared/protocol.ts";
import type { AppLog } from "../../observe/app-log.ts";
import { createLogMemory } from "../../observe/log-batch.ts";
import type { ThreadLink } from "./thread-link.ts";
import type { WorkerConfiguration } from "./worker-configuration.ts";
import { WorkerEnded, WorkerHandle } from "./worker-handle.ts";
import type { WorkerNews, WorkerNotice } from "./worker-handle.ts";
import { timer } from "./timer.ts";
import { NO_RESTARTS, restartDelay } from "./restart-delay.ts";
import { askWorker, endedBeforeUse, endedInWords, prepareMiddleware } from "./worker-refusals.ts";
import type { Refusal } from "./worker-refusals.ts";
import { HeartbeatWatch } from "./heartbeat-watch.ts";
import type { HeartbeatOptions } from "./heartbeat-watch.ts";
import { SeatListeners } from "./seat-listeners.ts";
import type { StartProblem, SupervisedListener } from "./seat-listeners.ts";
import type { Seat } from "./seat.ts";

export interface SupervisorOptions extends HeartbeatOptions {
  readonly workers: number;
  /** Data-plane threads, with those that open no listeners: their indexes come after those of the workers. */
  readonly seats: number;
  readonly init: Omit<WorkerInit, "index" | "logMemory">;
  /** A thread for the worker with this index: a new one, or one that was started early. */
  readonly threadFor: (index: number) => ThreadLink;
  readonly log: AppLog;
  /** Monotonic milliseconds. */
  readonly now: () => number;
  /** Called when counters of middleware have counted. */
  readonly onCounted: (counts: readonly MiddlewareCount[]) => void;
  /** A client has named a name for which the TLS listener in `slot` has no certificate. Handshakes wait for the answer, one per worker may have asked. */
  readonly onCertificateWanted: (slot: number, name: string) => void;
  /** A token names a key that the key server at that URL has not named yet. */
  readonly onKeysWanted: (url: string) => void;
  /** A worker asks to have this request sent to a service outside. The promise never rejects. */
  readonly onAskOutside: (request: OutsideRequest) => Promise<OutsideAnswer>;
  /** A worker tells something of a store. */
  readonly onStore: (worker: number, news: StoreNews) => void;
  /** What a worker that starts is told before anything else. */
  readonly news: () => readonly WorkerNews[];
  /** Writes access log lines of a worker, and calls `taken` once they are written or dropped. */
  readonly takeLines: (data: Uint8Array, lines: number, taken: () => void) => void;
  /** Called when a worker has no exchange of that generation left. */
  readonly onReleased: (generation: number, worker: number) => void;
  /** Called when a worker has ended, to clear what it left in shared memory. */
  readonly onWorkerEnded: (worker: number) => void;
  /** Called when a worker's replacement serves. The replacement has seen no generation before this one. */
  readonly onWorkerReplaced: (worker: number, generation: number) => void;
}

/** Time that a worker has after the drain limit for cutting the exchanges that are left. */
const DRAIN_GRACE_MS = 2000;

export class Supervisor {
  /** Workers that ended unexpectedly so far. */
  restarts: number = 0;
  private readonly options: SupervisorOptions;
  private readonly seats: readonly Seat[];
  private readonly listeners: SeatListeners;
  private readonly heartbeats: HeartbeatWatch;
  private current: WorkerConfiguration | null = null;
  /** The newest change that concerns all workers. Settles when all of them have answered. */
  private change: Promise<unknown> = Promise.resolve();
  private readonly replacements: Set<Promise<unknown>> = new Set();
  /** Whether dead workers are replaced: from a successful start until a drain begins. */
  private replacing: boolean = false;
  private closed: boolean = false;

  constructor(options: SupervisorOptions) {
    this.options = options;
    this.seats = Array.from({ length: options.seats }, (_, index) => ({
      index,
      opensListeners: index < options.workers,
      handle: null,
      listening: false,
      history: NO_RESTARTS,
      timer: null,
      beat: 0,
      missedBeats: 0,
    }));
    this.listeners = new SeatListeners(this.seats, options.log);
    this.heartbeats = new HeartbeatWatch(this.seats, options);
  }

  /** Workers that accept connections now. */
  get serving(): number {
    return this.seats.filter((seat) => seat.opensListeners && seat.listening).length;
  }

  /** Generation of the configuration that is in use; 0 before the first. */
  get generation(): number {
    return this.current?.generation ?? 0;
  }

  /** Why the data plane makes no progress, in words: a restart of the process may help. Null: it makes progress, or it is ending. */
  get standstill(): string | null {
    if (this.closed) return null;
    const still = this.heartbeats.stillWorker;
    if (still !== null) return `worker ${still} stands still`;
    if (this.serving === 0) return "no worker is serving";
    return this.listeners.areAllLost ? "every listener is lost" : null;
  }

  /** Addresses of listeners that no worker can open again: their inherited descriptors were closed when their workers died. */
  get lostListeners(): readonly string[] {
    return this.listeners.lost;
  }

  /** Inherited descriptors that a worker has listened on. Once closed they cannot be opened again. */
  get usedDescriptors(): ReadonlySet<number> {
    return this.listeners.usedDescriptors;
  }

  /** Starts all workers with a configuration. Null: all of them use it. */
  async start(configuration: WorkerConfiguration): Promise<StartProblem | null> {
    this.current = configuration;
    // From now on, because a middleware may block the event loop while it is set up.
    this.heartbeats.start();
    const problems = await Promise.all(
      this.seats.map(async (seat) => {
        const problem = await this.occupy(seat).configure(configuration).catch(endedInWords);
        return problem === null ? null : `worker ${seat.index}: ${problem}`;
      }),
    );
    const problem = problems.find((one) => one !== null);
    if (problem !== undefined) return { slot: null, message: problem };
    // The start may have been given up meanwhile.
    if (this.closed) return null;
    this.replacing = true;
    return null;
  }

  /**
   * Opens further listeners in all workers. Null: all workers accept connections on them. A problem: no worker does, because those that
   * were opened have been closed again.
   */
  listen(listeners: readonly SupervisedListener[]): Promise<StartProblem | null> {
    return this.tellAll(() => this.listeners.open(listeners));
  }

  /**
   * Gives all workers a new configuration. It comes into use if at least one worker accepts it, and all of them can set up its middleware; else
   * all keep the old one. Resolves with the answers of those that do not use it. A worker that refuses keeps the old configuration; one that is
   * dead starts again with the one in use.
   */
  reload(configuration: WorkerConfiguration): Promise<readonly Refusal[]> {
    return this.tellAll(async () => {
      const living = this.seats.filter(({ handle }) => handle !== null);
      const { middleware } = configuration.config;
      const unprepared = hasMiddleware({ middleware, routes: configuration.routes }) ? await prepareMiddleware(living, configuration) : [];
      if (unprepared.length > 0) return unprepared;
      const asked = await Promise.all(living.map((seat) => askWorker(seat, async (handle) => handle.configure(configuration))));
      // While no worker lives there is nobody to ask: a replacement starts at once, and decides.
      const answers = living.length > 0 ? asked : await this.askReplacement(configuration);
      const refusals = answers.filter((answer) => answer !== null);
      if (refusals.length < answers.length) this.current = configuration;
      return refusals;
    });
  }

  /** Starts a replacement with a new configuration. One element: null if the replacement serves with it, else why it does not. */
  private async askReplacement(configuration: WorkerConfiguration): Promise<readonly (Refusal | null)[]> {
    const [seat] = this.seats;
    if (seat === undefined) return [];
    if (seat.timer !== null) clearTimeout(seat.timer);
    seat.timer = null;
    const problem = await this.replaceNow(seat, configuration);
    return [problem === null ? null : { worker: seat.index, problem, hasEnded: true }];
  }

  /** Closes listeners in all workers. Resolves when they accept nothing more; exchanges on them have `timeoutMs` to end. */
  closeListeners(slots: readonly number[], timeoutMs: number): Promise<void> {
    return this.tellAll(() => this.listeners.close(slots, timeoutMs));
  }

  /** Drains and ends all workers: exchanges in flight have `timeoutMs` to end. Resolves with the number of exchanges that were cut. */
  async drain(timeoutMs: number): Promise<number> {
    this.stopReplacing();
    this.listeners.end();
    const cuts = await Promise.all(
      this.seats.map(async (seat) => {
        if (seat.timer !== null) clearTimeout(seat.timer);
        const handle = seat.handle;
        if (handle === null) return 0;
        const overdue = timer(timeoutMs + DRAIN_GRACE_MS);
        const cut = await Promise.race([handle.drain(timeoutMs).catch(() => 0), overdue.due.then(() => 0)]);
        overdue.cancel();
        seat.listening = false;
        await handle.terminate();
        return cut;
      }),
    );
    return cuts.reduce((sum, cut) => sum + cut, 0);
  }

  /** Ends all workers at once. */
  async close(): Promise<void> {
    this.stopReplacing();
    this.listeners.end();
    for (const seat of this.seats) if (seat.timer !== null) clearTimeout(seat.timer);
    await Promise.all(this.seats.map(async (seat) => seat.handle?.terminate()));
  }

  /** Sends all workers something to know, without an answer. @param except who knows it already */
  tell(news: WorkerNews, except: WorkerHandle | null = null): void {
    for (const { handle } of this.seats) if (handle !== except) handle?.tell(news);
  }

  /** For tests: kills one worker as a fault would. It is then replaced. */
  async terminateWorker(index: number): Promise<void> {
    await this.seats[index]?.handle?.terminate();
  }

  private stopReplacing(): void {
    this.closed = true;
    this.replacing = false;
    this.heartbeats.stop();
  }

  /** Puts a new thread on the seat. */
  private occupy(seat: Seat): WorkerHandle {
    const { init, threadFor } = this.options;
    const handle = new WorkerHandle(threadFor(seat.index), { ...init, index: seat.index, logMemory: createLogMemory() }, (notice) =>
      this.notice(handle, notice),
    );
    for (const news of this.options.news()) handle.tell(news);
    seat.handle = handle;
    seat.missedBeats = 0;
    void handle.ended.then((reason) => this.vacated(seat, handle, reason));
    return handle;
  }

  /** The thread on the seat has ended. */
  private vacated(seat: Seat, handle: WorkerHandle, reason: string): void {
    if (seat.handle !== handle) return;
    seat.handle = null;
    seat.listening = false;
    const { log, now, onWorkerEnded } = this.options;
    onWorkerEnded(seat.index);
    if (!this.replacing) return;
    this.restarts++;
    const { delayMs, history } = restartDelay(seat.history, now());
    seat.history = history;
    log.error("worker_exited", `worker ${seat.index} ended unexpectedly and is replaced`, {
      worker: seat.index,
      reason,
      delay_ms: delayMs,
    });
    seat.timer = setTimeout(() => {
      seat.timer = null;
      void this.replace(seat);
    }, delayMs);
  }

  private async replace(seat: Seat): Promise<void> {
    // While waiting for one change, another may have begun.
    for (let seen: unknown = null; seen !== this.change;) await (seen = this.change);
    const { current } = this;
    // A reload may have started the replacement meanwhile.
    if (current === null || seat.handle !== null) return;
    const replacement = this.replaceNow(seat, current);
    this.replacements.add(replacement);
    await replacement;
    this.replacements.delete(replacement);
  }

  /** Starts the replacement of a dead worker. Null: it serves. Text: why it does not. */
  private async replaceNow(seat: Seat, configuration: WorkerConfiguration): Promise<string | null> {
    if (!this.replacing) return "no worker is replaced any more";
    const handle = this.occupy(seat);
    try {
      const refused = await handle.configure(configuration);
      const failure = refused === null ? await this.listeners.openIn(seat, handle) : { message: refused };
      if (failure !== null) throw new Error(failure.message);
      this.options.onWorkerReplaced(seat.index, configuration.generation);
      this.options.log.info("worker_replaced", `worker ${seat.index} is replaced`, { worker: seat.index });
      return null;
    } catch (error) {
      // A replacement that died is handled by `vacated`. One that lives but cannot serve is ended here, so that another is started.
      if (error instanceof WorkerEnded) return endedBeforeUse(seat.index, error);
      const reason = messageOf(error);
      this.options.log.error("worker_not_replaced", `the replacement of worker ${seat.index} cannot serve`, { worker: seat.index, reason });
      await handle.terminate();
      return reason;
    }
  }

  /** Runs a change that concerns all workers, after earlier changes and after the replacements that are starting. */
  private tellAll<T>(tell: () => Promise<T>): Promise<T> {
    const change = this.change.then(async () => {
      await Promise.all(this.replacements);
      return tell();
    });
    this.change = change.catch(() => undefined);
    return change;
  }

  private notice(handle: WorkerHandle, notice: WorkerNotice): void {
    switch (notice.type) {
      case "released":
        this.options.onReleased(notice.generation, handle.index);
        return;
      case "counted":
        this.options.onCounted(notice.counts);
        return;
      case "keys-wanted":
        this.options.onKeysWanted(notice.url);
        return;
      case "ask-outside":
        void this.options.onAskOutside(notice.request).then((answer) => handle.tell({ type: "answer-outside", id: notice.id, answer }));
        return;
      case "store":
        this.options.onStore(handle.index, notice.news);
        return;
      case "certificate-wanted":
        this.options.onCertificateWanted(notice.slot, notice.name);
        return;
      case "session":
        return this.tell(notice, handle);
      case "log":
        this.options.takeLines(handle.logLines(notice), notice.lines, () => handle.logTaken(notice.chunk));
        return;
      case "event":
        this.options.log.log(notice.level, notice.event, notice.message, { ...notice.fields, worker: handle.index });
    }
  }
}
