/** Waiting for sockets and times. */
import type { Buffer } from "node:buffer";
import type { Socket } from "node:net";
import { reset } from "./door.ts";
import type { End } from "./plan.ts";

/** Resolves once what was written has left, or the socket is gone. */
export async function written(socket: Socket, bytes: Buffer | string): Promise<void> {
  if (socket.destroyed || socket.writableEnded || socket.write(bytes, "latin1")) return;
  await new Promise<void>((resolve) => {
    const done = (): void => {
      socket.off("drain", done);
      socket.off("close", done);
      resolve();
    };
    socket.on("drain", done);
    socket.on("close", done);
  });
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}

/** Ends the connection in order, what was written first, or by a reset. */
export function endBy(socket: Socket, how: End): void {
  if (socket.destroyed) return;
  // Node cannot reset what it is shutting down: it would leak the handle.
  if (how === "rst" && !socket.writableEnded) reset(socket);
  else socket.destroySoon();
}
