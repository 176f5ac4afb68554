/** The listeners of all workers: opened in each of them, opened again in a replacement, and closed. */
import { messageOf } from "../../base/errors.ts";
import type { AppLog } from "../../observe/app-log.ts";
import type { ListenOrder } from "../../shared/protocol.ts";
import { removeStaleSocket } from "../listening/listen-check.ts";
import type { PlannedListener } from "../listening/listen-check.ts";
import type { NewListener } from "../listening/listener-slots.ts";
import { SocketFiles } from "../listening/socket-files.ts";
import type { Seat } from "./seat.ts";
import type { ListenFailure, WorkerHandle } from "./worker-handle.ts";
import { endedInWords } from "./worker-refusals.ts";

/** A listener that all workers have or will have. */
export interface SupervisedListener extends Omit<NewListener, "position"> {
  readonly planned: PlannedListener;
}

/** Why workers could not start or listen: one listener could not be opened (its slot), or another reason (slot null). */
export type StartProblem = ListenFailure | { readonly slot: null; readonly message: string };

interface OpenListener extends SupervisedListener {
  /** A worker has listened on it before. So its inherited descriptor is used up, or its socket file exists. */
  hasBeenOpen: boolean;
  /** No worker can open it again, because its inherited descriptor was closed when its worker died. */
  isLost: boolean;
}

export class SeatListeners {
  /** Inherited descriptors that a worker has listened on. Once closed they cannot be opened again. */
  readonly usedDescriptors: Set<number> = new Set();
  private readonly seats: readonly Seat[];
  private readonly log: Pick<AppLog, "error">;
  private readonly socketFiles: SocketFiles = new SocketFiles();
  /** By slot. Null before the first call of `open`. */
  private listeners: Map<number, OpenListener> | null = null;
  private isEnding: boolean = false;

  constructor(seats: readonly Seat[], log: Pick<AppLog, "error">) {
    this.seats = seats;
    this.log = log;
  }

  /** Addresses of listeners that no worker can open again: their inherited descriptors were closed when their workers died. */
  get lost(): readonly string[] {
    return [...(this.listeners?.values() ?? [])].filter(({ isLost }) => isLost).map(({ address }) => address);
  }

  /** Whether there are listeners, and none of them can be opened again. */
  get areAllLost(): boolean {
    const { lost } = this;
    return lost.length > 0 && lost.length === this.listeners?.size;
  }

  /** Opens further ones in all workers. A problem: no worker has any of them, because those that were opened have been closed again. */
  async open(listeners: readonly SupervisedListener[]): Promise<StartProblem | null> {
    this.listeners ??= new Map();
    for (const listener of listeners) this.listeners.set(listener.slot, { ...listener, hasBeenOpen: false, isLost: false });
    // Inherited descriptors are opened last, when nothing else can fail: if they had to be closed again, they would be lost.
    const isDescriptor = ({ planned }: SupervisedListener): boolean => planned.target.kind === "fd";
    const slots = (some: readonly SupervisedListener[]): readonly number[] => some.map(({ slot }) => slot);
    const problem =
      (await this.openEverywhere(slots(listeners.filter((each) => !isDescriptor(each))))) ??
      (await this.openEverywhere(slots(listeners.filter(isDescriptor))));
    if (problem !== null) await this.close(slots(listeners), 0);
    return problem;
  }

  /** Closes them in all workers. Resolves when they accept nothing more. */
  async close(slots: readonly number[], timeoutMs: number): Promise<void> {
    for (const slot of slots) {
      const target = this.listeners?.get(slot)?.planned.target;
      if (target?.kind === "unix") this.socketFiles.remove(target.path);
      this.listeners?.delete(slot);
    }
    // The sockets of a dead worker were closed with it.
    await Promise.all(this.seats.map(async ({ handle }) => handle?.closeListeners(slots, timeoutMs).catch(() => undefined)));
  }

  /** Opens in one worker, which is new, those that all have. */
  openIn(seat: Seat, handle: WorkerHandle): Promise<ListenFailure | null> {
    return this.openSlots(seat, handle, this.listeners?.keys() ?? []);
  }

  /** The process ends: removes socket files, those too that are made from now on. */
  end(): void {
    this.isEnding = true;
    this.socketFiles.removeAll();
  }

  private async openEverywhere(slots: readonly number[]): Promise<StartProblem | null> {
    if (slots.length === 0) return null;
    const problems = await Promise.all(
      this.seats.map(async (seat): Promise<StartProblem | null> => {
        // A worker that is dead or dies now is no problem, because its replacement opens the listeners. Only during the start it is one.
        const { handle, listening } = seat;
        if (handle === null) return null;
        return this.openSlots(seat, handle, slots).catch((error: unknown) =>
          listening ? null : { slot: null, message: `worker ${seat.index}: ${endedInWords(error)}` },
        );
      }),
    );
    return problems.find((problem) => problem !== null) ?? null;
  }

  private async openSlots(seat: Seat, handle: WorkerHandle, slots: Iterable<number>): Promise<ListenFailure | null> {
    if (this.listeners === null) return null;
    const orders: ListenOrder[] = [];
    for (const slot of slots) {
      const listener = this.listeners.get(slot);
      if (listener !== undefined && (await this.canOpen(seat, listener)))
        orders.push({ slot, target: listener.planned.target, settings: listener.settings });
    }
    const failure = await handle.listen(orders);
    for (const { slot } of orders) {
      // The worker opened the listeners before the failed one too, and closed them again; their descriptors are used up.
      if (slot === failure?.slot) break;
      this.noteOpened(slot);
    }
    seat.listening ||= failure === null;
    return failure;
  }

  private noteOpened(slot: number): void {
    const listener = this.listeners?.get(slot);
    if (listener === undefined) return;
    listener.hasBeenOpen = true;
    const { target } = listener.planned;
    if (target.kind === "unix") this.noteSocketFile(target.path);
    if (target.kind === "fd") this.usedDescriptors.add(target.fd);
  }

  private noteSocketFile(path: string): void {
    this.socketFiles.note(path);
    // The worker may have opened the listener after the process began to end.
    if (this.isEnding) this.socketFiles.removeAll();
  }

  /** Whether the worker on that seat must open the listener, and can. */
  private async canOpen(seat: Seat, listener: OpenListener): Promise<boolean> {
    const { planned, hasBeenOpen, address } = listener;
    if (!seat.opensListeners || (!planned.shared && seat.index !== 0)) return false;
    if (!hasBeenOpen) return true;
    if (planned.target.kind === "unix") return this.canOpenAgain(planned.target.path, listener);
    if (planned.target.kind !== "fd") return true;
    // The descriptor was closed with the thread that listened on it. Its number may belong to another file now.
    if (!listener.isLost) {
      listener.isLost = true;
      this.log.error("listener_lost", `${address} was closed with its worker; restart the process`, { listener: address });
    }
    return false;
  }

  /** Whether the path of a Unix listener whose worker has ended is free. If another program has it by now, that one keeps it. */
  private async canOpenAgain(path: string, listener: OpenListener): Promise<boolean> {
    const error = await removeStaleSocket(path).then(
      () => null,
      (reason: unknown) => reason,
    );
    if (error !== null && !listener.isLost) {
      const { address } = listener;
      this.log.error("listener_lost", `${address} was closed with its worker, and its path is taken (${messageOf(error)})`, {
        listener: address,
      });
    }
    listener.isLost = error !== null;
    return error === null;
  }
}
