/**
 * Gives a listening Unix socket its path in a way that leaves the path alone when the socket closes.
 *
 * libuv removes the path that a socket was bound to when the socket closes or its thread ends, even if another program has put a socket of
 * its own there by then. So the socket is bound to a temporary name in the same folder and then moved to the wanted path. Whoever
 * supervises the listener removes the path (control/listening/socket-files.ts).
 */
import { randomBytes } from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import { codeOf } from "../../base/errors.ts";
import { UNIX_PATH_BYTES_MAX } from "../../base/listen-address.ts";

/** The temporary name to bind to, in the folder of `file`; `file` itself if such a name would be too long for a socket. */
export function bindingName(file: string): string {
  const name = path.join(path.dirname(file), `.${randomBytes(6).toString("hex")}`);
  return Buffer.byteLength(name) > UNIX_PATH_BYTES_MAX ? file : name;
}

/** Moves a socket from the name that it was bound to onto `file`. Throws EADDRINUSE when something is there. */
export function moveSocket(bound: string, file: string): void {
  if (bound === file) return;
  try {
    // Unlike a rename, a link never replaces a file.
    fs.linkSync(bound, file);
    fs.rmSync(bound);
  } catch (error) {
    if (codeOf(error) === "EEXIST") throw Object.assign(new Error("the address is in use"), { code: "EADDRINUSE" });
    // The file system has no links to sockets. A rename replaces nothing either: before any worker listened, the path was found free.
    fs.renameSync(bound, file);
  }
}
