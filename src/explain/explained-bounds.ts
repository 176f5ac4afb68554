/** What a route says about bodies, time and further attempts, as a configuration would write it. */
import { formatDuration } from "../base/duration.ts";
import { formatSize } from "../base/size.ts";
import type { RouteConfig } from "../config/schema/route-schema.ts";

export function boundsOfBodies({ max_body: maxBody, buffer }: RouteConfig): string[] {
  const { request = 0, response = 0 } = buffer ?? {};
  return [
    ...(maxBody === undefined ? [] : [`request body: at most ${shownSize(maxBody)}`]),
    ...(request === 0 ? [] : [`request body: held up to ${shownSize(request)} before an endpoint is asked`]),
    ...(response === 0 ? [] : [`response body: held up to ${shownSize(response)} for a slow client`]),
  ];
}

export function boundsOfTime({ timeouts = {}, retry, hold }: RouteConfig): string[] {
  const limits = Object.entries(timeouts).filter((entry): entry is [string, number] => entry[1] !== undefined);
  return [
    ...(limits.length === 0 ? [] : [`time limits: ${limits.map(([name, ms]) => `${name} ${formatDuration(ms)}`).join(", ")}`]),
    ...(retry === undefined ? [] : [`further attempts: up to ${retry.attempts}, after ${retry.on.join(", ")}`]),
    ...(hold === undefined ? [] : [`held for up to ${formatDuration(hold)} until an endpoint is up`]),
  ];
}

/** `10MiB`, or `4321 bytes`. */
function shownSize(bytes: number): string {
  const text = formatSize(bytes);
  return /[A-Z]/.test(text) ? text : `${text} ${bytes === 1 ? "byte" : "bytes"}`;
}
