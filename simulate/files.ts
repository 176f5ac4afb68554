/** Files as a slow and faulty disk has them: what each does follows from the id of the request that asks for it. They check how they are used. */
import type { Buffer } from "node:buffer";
import type { FileStore, NoFile, OpenFile } from "../src/proxy/feature/file-store.ts";
import { bodyOf } from "./bytes.ts";
import { Draw, seedOf } from "./draw.ts";
import { answerTo, ownerOfAnswer } from "./plan.ts";
import type { AnswerPlan } from "./plan.ts";
import type { Timers } from "./stages.ts";

/** What the file of one request is like. */
interface FilePlan {
  /** How opening it ends; null: it is there. */
  readonly problem: NoFile | null;
  readonly bytes: number;
  /** Files that are kept in memory are sent at once. */
  readonly isKept: boolean;
  /** How many bytes can be read; less than `bytes` if it becomes shorter while it is sent. */
  readonly endAt: number;
  /** Whether reading on there fails. */
  readonly breaks: boolean;
  readonly openMs: number;
  readonly readMs: number;
  readonly readBytes: number;
}

/** Files up to this size may be kept in memory. */
const KEPT_MAX = 64 * 1024;
/** So many reads bring the whole of a file, so that a run comes to an end. */
const READS_MAX = 50;
/** The attempt number in the label of a file's bytes: one that no endpoint has. */
const FILE_TIME = 13;
/** More turns than the chain of promises of a transfer has. */
export const FILE_TURNS = 24;

const TURN: Promise<void> = Promise.resolve();

function fileOf(seed: number, id: number): FilePlan {
  const draw = new Draw(seedOf(seedOf(seed, -115), id));
  const { bytes } = answerTo(seed, id, FILE_TIME);
  const isShort = draw.oneIn(8);
  return {
    problem: draw.oneIn(6) ? draw.pick("missing", "folder", "refused", "unreadable", "busy", "failed") : null,
    bytes,
    isKept: bytes <= KEPT_MAX && draw.oneIn(2),
    endAt: isShort ? draw.between(0, bytes) : bytes,
    breaks: draw.oneIn(2),
    openMs: draw.oneIn(2) ? 0 : draw.size(300),
    readMs: draw.oneIn(2) ? 0 : draw.size(40),
    readBytes: draw.oneIn(2) ? KEPT_MAX : Math.max(1 + draw.size(KEPT_MAX), Math.ceil(bytes / READS_MAX)),
  };
}

/** The owner of the bytes of a file. */
export function ownerOfFile(id: number): number {
  return ownerOfAnswer(id, FILE_TIME);
}

/** The file as if an endpoint had sent it. */
export function fileAnswer(seed: number, id: number): AnswerPlan {
  const { bytes } = fileOf(seed, id);
  return { ...answerTo(seed, id, FILE_TIME), status: 200, interim: [], framing: "length", bytes, ending: "whole" };
}

/** Whether the file of a request cannot be sent to its end. */
export function fileFails(seed: number, id: number): boolean {
  const { problem, isKept, endAt, bytes } = fileOf(seed, id);
  return problem === "failed" || (problem === null && !isKept && endAt < bytes);
}

export class SimulatedFiles implements FileStore {
  /** Transfers that promises may bring on before time passes. */
  pending: number = 0;
  private isOpen: number = 0;
  private readonly around: { readonly seed: number; readonly clock: Timers; fail(message: string): void };

  constructor(around: SimulatedFiles["around"]) {
    this.around = around;
  }

  get faults(): string[] {
    return this.isOpen === 0 ? [] : [`${this.isOpen} files are open at the end`];
  }

  async open(_root: string, path: string): Promise<OpenFile | NoFile> {
    const id = Number(path.slice(path.lastIndexOf("/") + 1));
    const plan = fileOf(this.around.seed, id);
    this.pending++;
    await this.passes(plan.openMs);
    if (plan.problem !== null) {
      this.goesOn();
      return plan.problem;
    }
    this.isOpen++;
    return this.file(id, plan);
  }

  exists(): Promise<boolean> {
    return Promise.resolve(false);
  }

  private file(id: number, { bytes, isKept, endAt, breaks, readMs, readBytes }: FilePlan): OpenFile {
    let [isClosed, isReading] = [false, false];
    return {
      size: bytes,
      modifiedMs: 0,
      pieceBytes: KEPT_MAX,
      content: isKept ? bodyOf(ownerOfFile(id), 0, bytes) : null,
      read: async (into, position) => {
        if (isClosed || isReading) this.around.fail(`the file of ${id} is read while it is ${isClosed ? "closed" : "read"}`);
        isReading = true;
        await this.passes(readMs);
        isReading = false;
        const count = Math.min(into.length, readBytes, endAt - position);
        if (!isClosed) fill(into, id, position, count);
        return count === 0 && breaks ? -1 : count;
      },
      close: () => {
        if (isClosed) return this.around.fail(`the file of ${id} is closed twice`);
        isClosed = true;
        this.isOpen--;
        this.goesOn();
      },
    };
  }

  private passes(ms: number): Promise<void> {
    return new Promise((resolve) => void this.around.clock.after(ms, resolve));
  }

  /** What follows from the end of a transfer comes within some turns. */
  private goesOn(): void {
    void (async () => {
      for (let turn = 0; turn < FILE_TURNS; turn++) await TURN;
      this.pending--;
    })();
  }
}

function fill(into: Buffer, id: number, position: number, count: number): void {
  into.set(bodyOf(ownerOfFile(id), position, position + count));
}
