/**
 * Opens log outputs so that neither opening nor writing ever blocks. Whoever named the output may have named a pipe that nobody reads, or
 * a terminal that was stopped (Ctrl-S): a blocking open(2) or write(2) would stand there as long, and the process could not end.
 *
 * What cannot be had without blocking is the disk: a file on a file system that does not answer (NFS whose server is gone) holds the
 * thread that writes, as it would hold any program.
 */
import fs from "node:fs";
import { codeOf } from "../base/errors.ts";

/** The part of node:fs that a sink uses; tests give one that fails. */
export interface SinkFiles {
  write(
    fd: number,
    buffer: Uint8Array,
    offset: number,
    length: number,
    done: (error: NodeJS.ErrnoException | null, written: number) => void,
  ): void;
  writeSync(fd: number, buffer: Uint8Array): number;
  /** `stdout`, `stderr` or a path. A descriptor, or {@link NOBODY_READS}; throws node:fs errors. */
  open(output: string): number;
  /** Anything that {@link open} gave. */
  close(fd: number): void;
}

/** In place of a descriptor: a named pipe without a reader, which can only be opened once it has one. */
export const NOBODY_READS = -1;

const { O_APPEND, O_CREAT, O_NOCTTY, O_NONBLOCK, O_WRONLY } = fs.constants;

export const nodeFiles: SinkFiles = {
  write: (fd, buffer, offset, length, done) => fs.write(fd, buffer, offset, length, null, done),
  writeSync: (fd, buffer) => fs.writeSync(fd, buffer),
  open: (output) => (output === "stdout" ? openStandard(1) : output === "stderr" ? openStandard(2) : openPath(output)),
  close: (fd) => {
    if (fd > 2) fs.closeSync(fd);
  },
};

function openPath(path: string): number {
  try {
    return fs.openSync(path, O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK | O_NOCTTY, 0o640);
  } catch (error) {
    // A socket says so as well, but for good.
    if (codeOf(error) === "ENXIO" && fs.statSync(path).isFIFO()) return NOBODY_READS;
    throw error;
  }
}

/**
 * Whether writes block belongs to the open file, which this process shares with the shell and with others in the same terminal or
 * pipeline. So pipes and terminals are opened once more, for this process alone, where the system has a path for that (Linux) and we may.
 */
function openStandard(fd: 1 | 2): number {
  const kind = fs.fstatSync(fd);
  if (kind.isFIFO() || kind.isCharacterDevice()) {
    try {
      return fs.openSync(`/proc/self/fd/${fd}`, O_WRONLY | O_NONBLOCK | O_NOCTTY);
    } catch {
      // Another user's, or a pipe whose reader is gone.
    }
  }
  // Node's own stream for it makes a pipe or a socket non-blocking, and undoes that when the process ends.
  if (kind.isFIFO() || kind.isSocket()) void (fd === 1 ? process.stdout : process.stderr);
  return fd;
}
