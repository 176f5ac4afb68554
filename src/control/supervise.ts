/**
 * Starts the data-plane threads, hands them configurations, replaces one that dies while the others go on serving, and drains them.
 *
 * One worker's way:
 *
 *     start -> configured -> listening -> drained -> ended
 *                  \____________\___ ended unexpectedly: its traces in shared memory are cleared, and a replacement with the same index
 *                                    starts after a pause (restart-delay.ts)
 *
 * What is told to all workers at once (open these listeners, use this configuration, close those listeners) and the start of a replacement
 * exclude each other: whatever a reload has got to, a replacement gets the listeners and the configuration of that moment.
 */
import type { Worker } from "node:worker_threads";
import { messageOf } from "../base/errors.ts";
import type { NameNews } from "../shared/name-table.ts";
import type { ListenOrder, WorkerInit } from "../shared/protocol.ts";
import type { AppLog } from "../observe/app-log.ts";
import { createLogMemory } from "../observe/log-batch.ts";
import type { WorkerConfiguration } from "./worker-configuration.ts";
import { WorkerEnded, WorkerHandle } from "./worker-handle.ts";
import type { ListenFailure, WorkerNotice } from "./worker-handle.ts";
import { NO_RESTARTS, restartDelay } from "./restart-delay.ts";
import type { RestartHistory } from "./restart-delay.ts";
import { removeStaleSocket } from "./listen-check.ts";
import type { PlannedListener } from "./listen-check.ts";
import type { NewListener } from "./listener-slots.ts";

export interface SupervisorOptions {
  readonly workers: number;
  readonly init: Omit<WorkerInit, "index" | "logMemory">;
  /** Starts the thread of a seat, or gives one that was started before. */
  readonly threadFor: (index: number) => Worker;
  readonly log: AppLog;
  /** Monotonic milliseconds. */
  readonly now: () => number;
  /** A number that changes as long as that worker's event loop turns. */
  readonly beats: (worker: number) => number;
  /** What is known about names of endpoints, for a worker that begins. */
  readonly names: () => readonly NameNews[];
  /** Access log lines of a worker; `taken` once they are written or dropped. */
  readonly takeLines: (data: Uint8Array, lines: number, taken: () => void) => void;
  readonly onReleased: (generation: number, worker: number) => void;
  /** A worker ended. Clear what it left in shared memory. */
  readonly onWorkerEnded: (worker: number) => void;
  /** Its replacement serves, and knows no generation before this one. */
  readonly onWorkerReplaced: (worker: number, generation: number) => void;
}

/** A listener that all workers have, or are to have. */
export interface SupervisedListener extends Omit<NewListener, "position"> {
  readonly planned: PlannedListener;
}

/** How the opening of listeners can fail: one could not be opened, or anything else in words. */
export type StartProblem = ListenFailure | { readonly slot: null; readonly message: string };

interface OpenListener extends SupervisedListener {
  /** Some worker has listened on it: a descriptor that was handed over is used up, and a socket file lies there. */
  hasBeenOpen: boolean;
  /** No worker can open it again: its descriptor was closed with its worker. */
  isLost: boolean;
}

interface Seat {
  readonly index: number;
  handle: WorkerHandle | null;
  listening: boolean;
  history: RestartHistory;
  timer: NodeJS.Timeout | null;
  /** The beat that was seen last, and how often in a row. */
  beat: number;
  looks: number;
}

/** How often it is looked whether the workers live. */
const WATCH_MS = 1000;
/** Looks in a row without a beat after which a worker counts as stuck. Looks, not time: a process that was stopped as a whole is not. */
const STUCK_LOOKS = 10;
/** Looks in a row without a beat after which it no longer counts as making progress. One may be the look right after a pause of the process. */
const STILL_LOOKS = 2;

/** Time over the drain limit that a worker has for cutting what is left. */
const DRAIN_GRACE_MS = 2000;

export class Supervisor {
  /** Workers that ended unexpectedly so far. */
  restarts: number = 0;
  /** Descriptors that a worker has listened on: once closed, they cannot be had again. */
  readonly usedDescriptors: Set<number> = new Set();
  private readonly options: SupervisorOptions;
  private readonly seats: readonly Seat[];
  private current: WorkerConfiguration | null = null;
  /** By slot; null before the first are to be opened. */
  private listeners: Map<number, OpenListener> | null = null;
  /** What all workers are being told, or were told last. */
  private change: Promise<unknown> = Promise.resolve();
  private readonly replacements: Set<Promise<void>> = new Set();
  /** Deaths are answered by replacements only while this holds: not before the start has succeeded, not once a drain has begun. */
  private replacing: boolean = false;
  private closed: boolean = false;
  private watch: NodeJS.Timeout | undefined;

  constructor(options: SupervisorOptions) {
    this.options = options;
    this.seats = Array.from({ length: options.workers }, (_, index) => ({
      index,
      handle: null,
      listening: false,
      history: NO_RESTARTS,
      timer: null,
      beat: 0,
      looks: 0,
    }));
  }

  /** Workers that accept connections now. */
  get serving(): number {
    return this.seats.filter((seat) => seat.listening).length;
  }

  /** Generation of the configuration that is in use; 0 before the first. */
  get generation(): number {
    return this.current?.generation ?? 0;
  }

  /** Why the data plane makes no progress that only a restart of the process may bring back, in words; null: it does, or it is ending. */
  get standstill(): string | null {
    if (this.closed) return null;
    const still = this.seats.find((seat) => seat.looks >= STILL_LOOKS);
    if (still !== undefined) return `worker ${still.index} stands still`;
    if (this.serving === 0) return "no worker is serving";
    const { lostListeners } = this;
    return lostListeners.length > 0 && lostListeners.length === this.listeners?.size ? "every listener is lost" : null;
  }

  /** Addresses of listeners that no worker can open again (a file descriptor that was closed with its worker). */
  get lostListeners(): readonly string[] {
    return [...(this.listeners?.values() ?? [])].filter(({ isLost }) => isLost).map(({ address }) => address);
  }

  /** Starts all workers with a configuration; null when all use it. */
  async start(configuration: WorkerConfiguration): Promise<StartProblem | null> {
    this.current = configuration;
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
    this.watch = setInterval(() => this.lookForStuckWorkers(), WATCH_MS);
    return null;
  }

  /**
   * Opens further listeners in all workers. Null when all workers accept connections on them. Else none does: whatever had been opened was
   * closed again.
   */
  listen(listeners: readonly SupervisedListener[]): Promise<StartProblem | null> {
    return this.tellAll(async () => {
      this.listeners ??= new Map();
      for (const listener of listeners) this.listeners.set(listener.slot, { ...listener, hasBeenOpen: false, isLost: false });
      // A descriptor that was closed cannot be had again: it is opened when nothing else can fail.
      const isDescriptor = ({ planned }: SupervisedListener): boolean => planned.target.kind === "fd";
      const slots = (some: readonly SupervisedListener[]): readonly number[] => some.map(({ slot }) => slot);
      const problem =
        (await this.openEverywhere(slots(listeners.filter((each) => !isDescriptor(each))))) ??
        (await this.openEverywhere(slots(listeners.filter(isDescriptor))));
      if (problem !== null) await this.closeEverywhere(slots(listeners), 0);
      return problem;
    });
  }

  /** Hands all workers a new configuration. A worker that refuses it, in words, keeps the old one. */
  reload(configuration: WorkerConfiguration): Promise<readonly { readonly worker: number; readonly problem: string }[]> {
    return this.tellAll(async () => {
      const before = this.current;
      this.current = configuration;
      const answers = await Promise.all(
        this.seats.map(async ({ index, handle }) => {
          // A worker that is dead or dies meanwhile is no obstacle: its replacement starts with the new configuration.
          if (handle === null) return { worker: index, problem: null };
          return { worker: index, problem: await handle.configure(configuration).catch(() => null) };
        }),
      );
      const refusals = answers.flatMap(({ worker, problem }) => (problem === null ? [] : [{ worker, problem }]));
      if (refusals.length > 0 && refusals.length === answers.length) this.current = before;
      return refusals;
    });
  }

  /** Closes listeners in all workers; their connections have that time to end. Resolves when nothing more is accepted on them. */
  closeListeners(slots: readonly number[], timeoutMs: number): Promise<void> {
    return this.tellAll(() => this.closeEverywhere(slots, timeoutMs));
  }

  /** Ends all workers: nothing new is accepted, exchanges in flight have `timeoutMs`. Resolves with how many were cut. */
  async drain(timeoutMs: number): Promise<number> {
    this.replaceNoMore();
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
    this.replaceNoMore();
    for (const seat of this.seats) if (seat.timer !== null) clearTimeout(seat.timer);
    await Promise.all(this.seats.map(async (seat) => seat.handle?.terminate()));
  }

  /** Tells all workers what became of names. */
  tellNames(news: readonly NameNews[]): void {
    for (const { handle } of this.seats) handle?.tellNames(news);
  }

  /** Kills one worker as a fault would, for tests; it is replaced. */
  async terminateWorker(index: number): Promise<void> {
    await this.seats[index]?.handle?.terminate();
  }

  private replaceNoMore(): void {
    this.closed = true;
    this.replacing = false;
    clearInterval(this.watch);
  }

  /** A worker whose event loop stands still (a loop that does not end) serves nobody and would never notice. */
  private lookForStuckWorkers(): void {
    for (const seat of this.seats) {
      const beat = this.options.beats(seat.index);
      seat.looks = seat.listening && beat === seat.beat ? seat.looks + 1 : 0;
      seat.beat = beat;
      // Again after as many more: a thread that cannot be ended goes on standing still.
      if (seat.looks === 0 || seat.looks % STUCK_LOOKS !== 0) continue;
      this.options.log.error("worker_stuck", `worker ${seat.index} has stood still for ${(STUCK_LOOKS * WATCH_MS) / 1000} s and is ended`, {
        worker: seat.index,
      });
      void seat.handle?.terminate();
    }
  }

  private occupy(seat: Seat): WorkerHandle {
    const { init, threadFor } = this.options;
    const handle = new WorkerHandle(threadFor(seat.index), { ...init, index: seat.index, logMemory: createLogMemory() }, (notice) =>
      this.notice(handle, notice),
    );
    handle.tellNames(this.options.names());
    seat.handle = handle;
    seat.looks = 0;
    void handle.ended.then((reason) => this.vacated(seat, handle, reason));
    return handle;
  }

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
    // A change may follow the one that was waited for.
    for (let seen: unknown = null; seen !== this.change;) await (seen = this.change);
    const replacement = this.replaceNow(seat);
    this.replacements.add(replacement);
    await replacement;
    this.replacements.delete(replacement);
  }

  private async replaceNow(seat: Seat): Promise<void> {
    const configuration = this.current;
    if (!this.replacing || configuration === null) return;
    const handle = this.occupy(seat);
    try {
      const refused = await handle.configure(configuration);
      const failure = refused === null ? await this.openListeners(seat, handle, this.listeners?.keys() ?? []) : { message: refused };
      if (failure !== null) throw new Error(failure.message);
      this.options.onWorkerReplaced(seat.index, configuration.generation);
      this.options.log.info("worker_replaced", `worker ${seat.index} is replaced`, { worker: seat.index });
    } catch (error) {
      // A death is dealt with where it is noticed; a replacement that lives but cannot serve must die for the next try.
      if (error instanceof WorkerEnded) return;
      const reason = messageOf(error);
      this.options.log.error("worker_not_replaced", `the replacement of worker ${seat.index} cannot serve`, { worker: seat.index, reason });
      await handle.terminate();
    }
  }

  /** One change at a time, and none while a replacement is on its way. */
  private tellAll<T>(tell: () => Promise<T>): Promise<T> {
    const turn = this.change.then(async () => {
      await Promise.all(this.replacements);
      return tell();
    });
    this.change = turn.catch(() => undefined);
    return turn;
  }

  private async openEverywhere(slots: readonly number[]): Promise<StartProblem | null> {
    if (slots.length === 0) return null;
    const problems = await Promise.all(
      this.seats.map(async (seat): Promise<StartProblem | null> => {
        // A replacement opens them by itself: a worker that is dead is no obstacle, nor one that dies meanwhile, but for the start.
        const { handle, listening } = seat;
        if (handle === null) return null;
        return this.openListeners(seat, handle, slots).catch((error: unknown) =>
          listening ? null : { slot: null, message: `worker ${seat.index}: ${endedInWords(error)}` },
        );
      }),
    );
    return problems.find((problem) => problem !== null) ?? null;
  }

  private async closeEverywhere(slots: readonly number[], timeoutMs: number): Promise<void> {
    for (const slot of slots) this.listeners?.delete(slot);
    // What a worker had that is dead was closed with it.
    await Promise.all(this.seats.map(async ({ handle }) => handle?.closeListeners(slots, timeoutMs).catch(() => undefined)));
  }

  private async openListeners(seat: Seat, handle: WorkerHandle, slots: Iterable<number>): Promise<ListenFailure | null> {
    if (this.listeners === null) return null;
    const orders: ListenOrder[] = [];
    for (const slot of slots) {
      const listener = this.listeners.get(slot);
      if (listener !== undefined && (await this.canOpen(seat, listener)))
        orders.push({ slot, target: listener.planned.target, settings: listener.settings });
    }
    const failure = await handle.listen(orders);
    for (const { slot } of orders) {
      // What was opened before one failed is closed again.
      if (slot === failure?.slot) break;
      this.opened(slot);
    }
    seat.listening ||= failure === null;
    return failure;
  }

  private opened(slot: number): void {
    const listener = this.listeners?.get(slot);
    if (listener === undefined) return;
    listener.hasBeenOpen = true;
    if (listener.planned.target.kind === "fd") this.usedDescriptors.add(listener.planned.target.fd);
  }

  /** Whether the worker on that seat is to open the listener. */
  private async canOpen(seat: Seat, listener: OpenListener): Promise<boolean> {
    const { planned, hasBeenOpen, address } = listener;
    if (!planned.shared && seat.index !== 0) return false;
    if (!hasBeenOpen) return true;
    if (planned.target.kind === "unix") await removeStaleSocket(planned.target.path);
    if (planned.target.kind !== "fd") return true;
    // The descriptor was closed with the thread that listened on it, and its number may mean something else by now.
    if (!listener.isLost) {
      listener.isLost = true;
      this.options.log.error("listener_lost", `${address} was closed with its worker; restart the process`, { listener: address });
    }
    return false;
  }

  private notice(handle: WorkerHandle, notice: WorkerNotice): void {
    switch (notice.type) {
      case "released":
        this.options.onReleased(notice.generation, handle.index);
        return;
      case "log":
        this.options.takeLines(handle.logLines(notice), notice.lines, () => handle.logTaken(notice.chunk));
        return;
      case "event":
        this.options.log.log(notice.level, notice.event, notice.message, { ...notice.fields, worker: handle.index });
    }
  }
}

function endedInWords(error: unknown): string {
  return `ended: ${messageOf(error)}`;
}

function timer(delayMs: number): { readonly due: Promise<void>; readonly cancel: () => void } {
  let handle: NodeJS.Timeout | undefined;
  const due = new Promise<void>((resolve) => {
    handle = setTimeout(resolve, delayMs);
  });
  return { due, cancel: () => clearTimeout(handle) };
}
