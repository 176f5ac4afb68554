/** Opens listeners in all workers, at the start and at reloads, and closes those that a reload removes. */
import { formatListenAddress, parseListenAddress } from "../base/listen-address.ts";
import type { ListenAddress } from "../base/listen-address.ts";
import { overlap } from "../config/addresses/addresses.ts";
import type { AppLog } from "../observe/app-log.ts";
import type { ListenTarget } from "../shared/protocol.ts";
import { checkListeners, reusePortSupported } from "./listening/listen-check.ts";
import type { NewListener, PlacedListener } from "./listening/listener-slots.ts";
import type { StartProblem, SupervisedListener } from "./workers/seat-listeners.ts";
import type { Supervisor } from "./workers/supervise.ts";

/** Listeners whose addresses are free. */
export interface CheckedListeners {
  readonly listeners: readonly SupervisedListener[];
  /** Closes the sockets that hold the ports chosen for port 0. Call it when the workers listen, or when they will not. */
  release(): Promise<void>;
}

export interface OpenedListener {
  /** Has the real port where the configuration says port 0. */
  readonly target: ListenTarget;
  /** As written in the configuration. */
  readonly address: string;
  readonly scheme: "http" | "https";
}

/** Why a listener cannot be opened. */
export interface ListenProblem {
  /** One plain line. */
  readonly problem: string;
  /** Index of the listener in the configuration. Null: the problem concerns no single listener. */
  readonly position: number | null;
}

export interface ListenersOptions {
  readonly supervisor: Supervisor;
  readonly log: AppLog;
  readonly workers: number;
  /** Descriptors of the sockets that were handed over to the process (such as by systemd). Null: not known. */
  readonly inherited: ReadonlySet<number> | null;
}

export class Listeners {
  private readonly options: ListenersOptions;

  constructor(options: ListenersOptions) {
    this.options = options;
  }

  /**
   * Checks that the addresses of new listeners are free.
   * @param closed the listeners that the same reload removes: their addresses may be taken over
   */
  async check(opened: readonly NewListener[], closed: readonly PlacedListener[]): Promise<CheckedListeners | ListenProblem> {
    const { supervisor, inherited } = this.options;
    const addresses: ListenAddress[] = [];
    for (const { address, position } of opened) {
      const parsed = parseListenAddress(address);
      if (parsed.problem !== undefined) return { problem: parsed.problem, position };
      addresses.push(parsed.address);
    }
    const checked = await checkListeners(addresses, reusePortSupported(process.platform), {
      givesWay: (address) => closed.some((each) => overlap(each.address, formatListenAddress(address))),
      wasClosed: (fd) => supervisor.usedDescriptors.has(fd),
      isInherited: (fd) => inherited?.has(fd) !== false,
    });
    if (checked.problem !== undefined) return { problem: checked.problem, position: opened[checked.position]?.position ?? null };
    const { plan } = checked;
    const listeners = opened.flatMap((listener, index) => {
      const planned = plan.listeners[index];
      return planned === undefined ? [] : [{ ...listener, planned }];
    });
    return { listeners, release: () => plan.release() };
  }

  /** Opens the listeners in all workers. Null: all of them accept connections. A problem: none of them does. */
  async open(listeners: readonly SupervisedListener[], opened: readonly NewListener[]): Promise<ListenProblem | null> {
    const problem = await this.options.supervisor.listen(listeners);
    if (problem === null) return null;
    const position = opened.find(({ slot }) => slot === problem.slot)?.position ?? null;
    return { problem: inWords(problem, opened), position };
  }

  /** Logs which of the opened listeners only one worker serves. */
  logServedByOneWorker(listeners: readonly SupervisedListener[]): void {
    const { workers, log } = this.options;
    if (workers === 1) return;
    for (const { planned, address } of listeners) {
      if (planned.shared) continue;
      log.info("listen_by_one_worker", `${address} cannot be shared: one of ${workers} workers serves it alone`, { address });
    }
  }

  /** Stops accepting on these listeners. Exchanges on their connections have `timeoutMs` to end. */
  async close(closed: readonly PlacedListener[], timeoutMs: number): Promise<void> {
    if (closed.length === 0) return;
    await this.options.supervisor.closeListeners(
      closed.map(({ slot }) => slot),
      timeoutMs,
    );
  }
}

function inWords(problem: StartProblem, listeners: readonly PlacedListener[]): string {
  if (problem.slot === null) return problem.message;
  return `cannot listen on ${listeners.find(({ slot }) => slot === problem.slot)?.address ?? ""}: ${problem.message}`;
}

export function openedOf({ planned, address, settings }: SupervisedListener): OpenedListener {
  return { target: planned.target, address, scheme: settings.tls === undefined ? "http" : "https" };
}
