/** Asks workers about a new configuration, and says which of them do not agree. */
import { messageOf } from "../../base/errors.ts";
import type { WorkerConfiguration } from "./worker-configuration.ts";
import type { WorkerHandle } from "./worker-handle.ts";

/** Why a worker does not use a new configuration. */
export interface Refusal {
  readonly worker: number;
  readonly problem: string;
  /** The worker has ended, which is logged already. False: it lives, and keeps the old configuration. */
  readonly hasEnded: boolean;
}

interface Asked {
  readonly index: number;
  /** Null: the worker is dead, and agrees. */
  readonly handle: WorkerHandle | null;
}

/**
 * Lets all workers set up the middleware of a configuration. If one of them cannot, none keeps it: `setup` is code of the user's, which may fail
 * in one worker only. Resolves with the answers of those that cannot.
 */
export async function prepareMiddleware(living: readonly Asked[], configuration: WorkerConfiguration): Promise<readonly Refusal[]> {
  const answers = await Promise.all(living.map((worker) => askWorker(worker, async (handle) => handle.prepare(configuration))));
  const refusals = answers.filter((answer) => answer !== null);
  if (refusals.length > 0) for (const { handle } of living) handle?.discard(configuration.generation);
  return refusals;
}

/**
 * Asks one worker something about a new configuration. Null: the worker agrees.
 * @param question resolves with null, or with what speaks against the configuration
 */
export async function askWorker(
  { index, handle }: Asked,
  question: (handle: WorkerHandle) => Promise<string | null>,
): Promise<Refusal | null> {
  try {
    const problem = handle === null ? null : await question(handle);
    return problem === null ? null : { worker: index, problem, hasEnded: false };
  } catch (error) {
    return { worker: index, problem: endedBeforeUse(index, error), hasEnded: true };
  }
}

export function endedInWords(error: unknown): string {
  return `ended: ${messageOf(error)}`;
}

/** Without the lines that say where in the code: `worker_exited` has those. */
export function endedBeforeUse(worker: number, error: unknown): string {
  const [reason = ""] = messageOf(error).split("\n", 1);
  return `worker ${worker} ended before it used the configuration: ${reason}`;
}
