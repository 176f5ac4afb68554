/** The sockets that the parent process opened and handed over. A listener on `fd:N` may take these and no others. */
import fs from "node:fs";

/** Folders that list the open descriptors of the process that reads them: on Linux; on macOS and the BSDs. */
const FOLDERS = ["/proc/self/fd", "/dev/fd"];

/**
 * The descriptors of the inherited sockets; null when the system does not list descriptors. To be called before the process itself opens a
 * socket, because later a descriptor may be the connection of a client.
 */
export function inheritedSockets(): ReadonlySet<number> | null {
  for (const folder of FOLDERS) {
    try {
      return new Set(fs.readdirSync(folder).map(Number).filter(isSocket));
    } catch {
      // This system does not have the folder.
    }
  }
  return null;
}

function isSocket(fd: number): boolean {
  try {
    return fd > 2 && fs.fstatSync(fd).isSocket();
  } catch {
    // The descriptor by which the folder was read, which is closed by now.
    return false;
  }
}
