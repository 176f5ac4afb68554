import type { LogFields } from "../../shared/log-fields.ts";
import type { WorkerHandle } from "./worker-handle.ts";

/**
 * The event, message and fields for the log when a worker stands still. They name the middleware that the worker is running, or the one that
 * ran last: a promise or a timer of that one may block the event loop.
 * @param middleware numbers from the worker table
 */
export function stuckWorker(
  worker: number,
  handle: Pick<WorkerHandle, "middlewareNamed"> | null,
  { running, last }: { readonly running: number; readonly last: number },
  stillMs: number,
): ["worker_stuck", string, LogFields] {
  const [inside, before] = [handle?.middlewareNamed(running) ?? null, handle?.middlewareNamed(last) ?? null];
  const lastRan = before === null ? "" : ` (the last middleware that ran in it was ${before})`;
  const where = inside === null ? lastRan : `, in the middleware ${inside},`;
  const fields = inside === null ? { worker } : { worker, middleware: inside };
  return ["worker_stuck", `worker ${worker} has stood still for ${stillMs / 1000} s${where} and is ended`, fields];
}
