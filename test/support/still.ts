/** Waits until nothing changes any more in a proxy. No event tells that, so it is measured. */
import { RawClient, get } from "./raw-client.ts";

const ROUND_TRIPS = 300;
const WAIT_MS_MAX = 20_000;

/**
 * Waits until `measure` gives the same value, up to `tolerance`, before and after many requests for `/still` by another client. During these a proxy
 * with one worker had as many turns of its event loop to finish whatever was on its way.
 */
export async function untilStill(
  port: number,
  measure: () => number | Promise<number>,
  tolerance: number = 0,
  host?: string,
): Promise<void> {
  const client = await RawClient.connect(port);
  const deadline = performance.now() + WAIT_MS_MAX;
  for (let before = NaN, now = await measure(); !(Math.abs(now - before) <= tolerance);) {
    if (performance.now() > deadline) throw new Error(`waited in vain for stillness: ${before}, then ${now}`);
    before = now;
    for (let trip = 0; trip < ROUND_TRIPS; trip++) {
      client.received = "";
      client.send(get("/still", [], host));
      await client.responses(1);
    }
    now = await measure();
  }
  client.destroy();
}
