import { WorkerThreads } from "../control/workers/worker-threads.ts";

/** Starts data-plane threads early: they load their code while the main thread loads and reads the configuration. */
export function startEarlyThreads(): WorkerThreads {
  const threads = new WorkerThreads();
  threads.startEarly();
  return threads;
}
