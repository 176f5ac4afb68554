/** Makes the wire of a failure shorter for as long as it breaks the same rule. */
import type { Case } from "./case.ts";
import type { Failure } from "./failure.ts";
import { CLIENT_READINGS, runCase } from "./run-case.ts";
import type { Judges } from "./run-case.ts";

const ATTEMPTS_MAX = 1500;
const ATTEMPTS_IN_A_TURN = 32;

export async function shrink(one: Case, failure: Failure, judges: Judges): Promise<Failure> {
  // A shorter text takes less time, and a shorter message may be no valid one.
  if (one.side === "text" ? one.timed : one.side !== "hello" && one.valid) return failure;
  let best = failure;
  let text = one.side === "text" ? one.text : one.wire;
  let attempts = 0;
  for (let size = Math.ceil(text.length / 2); size >= 1;) {
    let shorter = false;
    for (let at = 0; at < text.length && attempts < ATTEMPTS_MAX;) {
      if (attempts++ % ATTEMPTS_IN_A_TURN === 0)
        await judges.client.prepare(ATTEMPTS_IN_A_TURN * CLIENT_READINGS, ATTEMPTS_IN_A_TURN * CLIENT_READINGS);
      const candidate = text.slice(0, at) + text.slice(at + size);
      const result = runCase(withText(one, candidate), judges).failure;
      if (result?.rule === failure.rule) {
        text = candidate;
        best = result;
        shorter = true;
      } else at += size;
    }
    if (!shorter || attempts >= ATTEMPTS_MAX) size = size === 1 ? 0 : Math.floor(size / 2);
  }
  return best;
}

function withText(one: Case, text: string): Case {
  if (one.side === "text") return { ...one, text };
  return { ...one, wire: text, cuts: one.cuts.filter((cut) => cut <= text.length) };
}
