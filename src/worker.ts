/**
 * Entry file of a worker: connects a {@link DataPlaneThread} with the main thread.
 *
 * The shared memory that the thread works on comes with the first message, not at the thread's start. So the thread can load its code
 * while the main thread still reads the configuration.
 */
import { parentPort } from "node:worker_threads";
import type { MessagePort } from "node:worker_threads";
import { messageOf } from "./base/errors.ts";
import { DataPlaneThread } from "./data-plane/data-plane-thread.ts";
import type { LoadMiddleware } from "./middleware/installed-middleware.ts";
import { warmUp } from "./net/warm-up.ts";
import type { FromWorker, ToWorker, WorkerInit } from "./shared/protocol.ts";

const port = parentPort;
if (port === null) throw new Error("worker.ts runs as a worker thread of millrace");
/** The warm-up runs while the main thread reads the configuration. Resolves with null, or with the reason why it was left out. */
const warmed: Promise<string | null> =
  process.env["MILLRACE_WARM_UP"] === "off"
    ? Promise.resolve("MILLRACE_WARM_UP is off")
    : warmUp().then(
        () => null,
        (error: unknown) => messageOf(error),
      );
let thread: DataPlaneThread | null = null;
port.on("message", (message: WorkerInit | ToWorker) => {
  if ("type" in message) void thread?.receive(message);
  else thread = new DataPlaneThread(port, message, warmed, () => loadModules(port));
});

/** Prepares the thread for middleware, which are modules of the user's. */
async function loadModules(to: MessagePort): Promise<LoadMiddleware> {
  const [{ MiddlewareModules, prepareThread }, { catchLateFailures }] = await Promise.all([
    import("./middleware/load-module.ts"),
    import("./middleware/late-failures.ts"),
  ]);
  prepareThread();
  const modules = new MiddlewareModules();
  const tell = (told: FromWorker): void => to.postMessage(told);
  catchLateFailures((message, involved) => {
    const middleware = modules.nameIn(involved);
    tell({ type: "event", level: "error", event: "middleware_failed", message, fields: middleware === null ? {} : { middleware } });
  });
  return (entry) => modules.load(entry);
}
