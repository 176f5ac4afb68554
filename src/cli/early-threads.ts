import { WorkerThreads } from "../control/worker-threads.ts";

/** Data-plane threads that load while this thread loads what reads the configuration. */
export function startEarlyThreads(): WorkerThreads {
  const threads = new WorkerThreads();
  threads.startEarly();
  return threads;
}
