/** Waits for the authority to come to an end with something, such as the validation of a name. */
import type { AcmeClient } from "./acme-client.ts";
import { AcmeFault, AcmeProblem, property } from "./acme-error.ts";
import { objectOf, retryAfterMs } from "./answer.ts";
import type { Signer } from "./jws.ts";

/** Pauses between two looks: the first is short, because most validations take a second or two; the longest is what the authority may ask for. */
const PAUSES_MS: readonly number[] = [500, 1000, 2000, 3000, 5000];
const PAUSE_MS_MIN = 250;
const PAUSE_MS_MAX = 60_000;

/**
 * Reads what is at `url` until its status is none of `unfinished`, and returns it.
 * @param what names it in messages
 * @param untilMs epoch milliseconds: after this time it has failed
 */
export async function whenFinished(
  client: AcmeClient,
  signer: Signer,
  url: string,
  unfinished: readonly string[],
  what: string,
  untilMs: number,
): Promise<object> {
  for (let look = 0; ; look++) {
    const seen = await glance(client, signer, url);
    const status = property(seen.value, "status");
    if (seen.value !== null && !(typeof status === "string" && unfinished.includes(status))) return seen.value;
    const pause = Math.min(Math.max(seen.waitMs ?? PAUSES_MS[look] ?? 5000, PAUSE_MS_MIN), PAUSE_MS_MAX);
    if (client.clock.now() + pause > untilMs) throw new AcmeFault(`the authority does not come to an end with ${what}`);
    await client.clock.wait(pause, client.signal);
  }
}

/** One look. Trouble that may pass counts as nothing new: an order is not given up for one lost connection. */
async function glance(
  client: AcmeClient,
  signer: Signer,
  url: string,
): Promise<{ readonly value: object | null; readonly waitMs: number | null }> {
  try {
    const response = await client.post(signer, url, null);
    return { value: objectOf(response), waitMs: retryAfterMs(response, client.clock.now()) };
  } catch (error) {
    const mayPass = error instanceof AcmeFault || (error instanceof AcmeProblem && error.status >= 500);
    if (!mayPass || client.signal.aborted) throw error;
    return { value: null, waitMs: error.retryAfterMs ?? 5000 };
  }
}
