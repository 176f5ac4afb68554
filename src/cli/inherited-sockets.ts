/** Sockets that whoever started the process opened and handed over: a listener on `fd:N` may take these and no others. */
import fs from "node:fs";

/** Lists the open descriptors of whoever looks into it: on Linux, and on macOS and the BSDs. */
const FOLDERS = ["/proc/self/fd", "/dev/fd"];

/**
 * Their numbers. To be asked before anything else of the process opens a socket: later a number may be a client's connection.
 * Null where the system does not tell.
 */
export function inheritedSockets(): ReadonlySet<number> | null {
  for (const folder of FOLDERS) {
    try {
      return new Set(fs.readdirSync(folder).map(Number).filter(isSocket));
    } catch {
      // The next one may be there.
    }
  }
  return null;
}

function isSocket(fd: number): boolean {
  try {
    return fd > 2 && fs.fstatSync(fd).isSocket();
  } catch {
    // The one by which the folder was read.
    return false;
  }
}
