import type { Buffer } from "node:buffer";
import type { LocalAnswer } from "../local-answer.ts";

/**
 * What `judgeResponse` returns to have a response held back until all of it has come. One without a body goes on at once. The memory counts against
 * `limits.buffered_bytes`.
 */
export interface ResponseHold {
  /** The largest body that is held. */
  readonly bytesMax: number;
  /**
   * Called once. An answer goes to the client in the response's place; null: the response goes on.
   * @param body `size`: it is larger than that; `memory`: no memory is left. So it cannot be judged
   */
  judge(body: Buffer | "size" | "memory"): LocalAnswer | null;
}

export function isHold(verdict: LocalAnswer | ResponseHold): verdict is ResponseHold {
  return "judge" in verdict;
}
