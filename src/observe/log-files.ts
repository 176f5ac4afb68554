/**
 * Opens log outputs so that neither opening nor writing blocks. The output may be a pipe that nobody reads, or a terminal that was stopped
 * (Ctrl-S). A blocking open(2) or write(2) would wait for as long, and the process could not end.
 *
 * Only a disk can still block: a file on a file system that does not answer, such as NFS whose server is gone, holds the thread that writes,
 * as it would hold any program.
 */
import fs from "node:fs";
import { isatty } from "node:tty";
import { codeOf } from "../base/errors.ts";

/** What a sink needs of node:fs. Tests give one that fails. */
export interface SinkFiles {
  write(
    fd: number,
    buffer: Uint8Array,
    offset: number,
    length: number,
    done: (error: NodeJS.ErrnoException | null, written: number) => void,
  ): void;
  writeSync(fd: number, buffer: Uint8Array): number;
  /** Opens `stdout`, `stderr` or a path. Gives a descriptor, or {@link NOBODY_READS}; throws node:fs errors. */
  open(output: string): number;
  /** Whether what {@link open} gave leads to a terminal. */
  isTerminal(fd: number): boolean;
  /** Closes what {@link open} gave, {@link NOBODY_READS} included. */
  close(fd: number): void;
  /** Whether {@link open} would create the file. */
  isMissing(output: string): boolean;
  /** Removes the file of an output if it is the one that is open under `fd` and nothing has been written to it. */
  removeEmpty(output: string, fd: number): void;
}

/** In place of a descriptor: the output is a named pipe without a reader, which can be opened only when it has one. */
export const NOBODY_READS = -1;

const { O_APPEND, O_CREAT, O_NOCTTY, O_NONBLOCK, O_WRONLY } = fs.constants;

/** The files of this machine. */
export const nodeFiles: SinkFiles = {
  write: (fd, buffer, offset, length, done) => fs.write(fd, buffer, offset, length, null, done),
  writeSync: (fd, buffer) => fs.writeSync(fd, buffer),
  open: (output) => (output === "stdout" ? openStandard(1) : output === "stderr" ? openStandard(2) : openPath(output)),
  isTerminal: (fd) => fd !== NOBODY_READS && isatty(fd),
  close: (fd) => {
    if (fd > 2) fs.closeSync(fd);
  },
  // A symbolic link counts as there, whatever it leads to: removing it would remove more than `open` has created.
  isMissing: (output) => output !== "stdout" && output !== "stderr" && fs.lstatSync(output, { throwIfNoEntry: false }) === undefined,
  removeEmpty: (output, fd) => {
    try {
      const [open, there] = [fs.fstatSync(fd), fs.lstatSync(output)];
      if (open.isFile() && open.size === 0 && open.dev === there.dev && open.ino === there.ino) fs.rmSync(output);
    } catch {
      // It is gone, or may not be removed: an empty file does no harm.
    }
  },
};

/** Whether what is written to a log output goes where `fd` leads: to the same file, terminal or pipe. */
export function leadsTo(output: string, fd: 1 | 2): boolean {
  try {
    const there = output === "stdout" ? fs.fstatSync(1) : output === "stderr" ? fs.fstatSync(2) : fs.statSync(output);
    const { dev, ino } = fs.fstatSync(fd);
    return there.dev === dev && there.ino === ino;
  } catch {
    return false;
  }
}

function openPath(path: string): number {
  try {
    return fs.openSync(path, O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK | O_NOCTTY, 0o640);
  } catch (error) {
    // A Unix socket gives the same error, but will never be openable.
    if (codeOf(error) === "ENXIO" && fs.statSync(path).isFIFO()) return NOBODY_READS;
    throw error;
  }
}

/**
 * Opens stdout or stderr for writes that do not block. That is a property of the open file, which this process shares with the shell and with
 * other programs in the same terminal or pipeline. So pipes and terminals are opened again, for this process alone, where the system has a
 * path for that (Linux) and permits it.
 */
function openStandard(fd: 1 | 2): number {
  const kind = fs.fstatSync(fd);
  if (kind.isFIFO() || kind.isCharacterDevice()) {
    try {
      return fs.openSync(`/proc/self/fd/${fd}`, O_WRONLY | O_NONBLOCK | O_NOCTTY);
    } catch {
      // It belongs to another user, or it is a pipe whose reader is gone.
    }
  }
  // Touching Node's own stream makes a pipe or a socket non-blocking; Node undoes that when the process ends.
  if (kind.isFIFO() || kind.isSocket()) void (fd === 1 ? process.stdout : process.stderr);
  return fd;
}
