/** How connections on Node's handles end. */
import { Output } from "./output-state.ts";
import type { RawAccess, RawHandle } from "./raw-access.ts";
import type { TransportReader } from "./transport.ts";

/** libuv's error number for the end of a stream. */
export const UV_EOF = -4095;

/** Ends the writing side. Calls `sent` when that is done or has failed, never at once. */
export function shutDown(access: RawAccess, handle: Pick<RawHandle, "shutdown">, sent: () => void): void {
  const request = new access.ShutdownRequest();
  request.oncomplete = sent;
  // Not 0: the shutdown was done at once or failed. In both cases libuv does not call back.
  if (handle.shutdown(request) !== 0) process.nextTick(sent);
}

/** Closes with a reset where that is possible. */
export function closeByReset(handle: RawHandle, output: Output): void {
  // libuv refuses to reset a connection that it is shutting down, and Node would then treat the handle as closed although it is open.
  if (output === Output.shuttingDown || handle.reset === undefined) handle.close();
  else handle.reset();
}

export function tellClosed(reader: TransportReader, code: string | null): void {
  reader.onClosed(code);
}
