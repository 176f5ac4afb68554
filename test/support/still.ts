/** Knows when nothing moves any more, which no event tells. */
import { RawClient, get } from "./raw-client.ts";

const ROUND_TRIPS = 300;
const WAIT_MS_MAX = 20_000;

/**
 * Waits until `measure` gives the same, up to `tolerance`, before and after many requests for `/still` of another client: a proxy of one
 * worker had as many turns of its event loop for whatever was on its way.
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
