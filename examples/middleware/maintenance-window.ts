/**
 * Answers 503 with Retry-After during maintenance windows: certain days of the week, between two times of day, in a time zone.
 *
 * For planned work on the service behind the proxy. Clients on the allow list still get through, so that the work can be checked. Windows
 * follow the clock on the wall of their time zone: 02:30 to 03:30 lasts an hour longer, or shorter, in the night in which the clocks change,
 * and Retry-After may then be an hour off.
 *
 * ```yaml
 * middleware:
 *   - use: ./maintenance-window.ts
 *     options:
 *       time_zone: Europe/Berlin
 *       windows: [{ days: [sun], from: "02:00", to: "04:00" }, { from: "23:30", to: "00:15" }]
 *       allow: [10.0.0.0/8]
 * ```
 */
import { BlockList, isIP } from "node:net";
import { answer, defineMiddleware } from "millrace";
import { z } from "zod";

const DAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"] as const;
const DAY_MINUTES = 24 * 60;
const MINUTE_MS = 60_000;

const timeOfDay = z
  .string()
  .regex(/^([01]\d|2[0-3]):[0-5]\d$/, "a time of day is written 00:00 to 23:59")
  .transform((text) => Number(text.slice(0, 2)) * 60 + Number(text.slice(3)));

const window = z
  .strictObject({
    days: z
      .array(z.enum(DAYS))
      .min(1)
      .default([...DAYS])
      .describe("Days on which the window begins. Default: every day."),
    from: timeOfDay.describe("First minute of the window."),
    to: timeOfDay.describe("First minute after the window. Before `from`: on the next day."),
  })
  .refine(({ from, to }) => from !== to, "from and to are the same time");

const options = z.strictObject({
  time_zone: z.string().refine(isTimeZone, "no such time zone").default("UTC").describe("Time zone of the windows, such as Europe/Berlin."),
  windows: z.array(window).min(1).describe("When requests are answered 503."),
  allow: z
    .array(z.string().refine(isNetwork, "this is neither an IP address nor a network such as 10.0.0.0/8"))
    .default([])
    .describe("Addresses and networks of clients that get through."),
  allow_paths: z.array(z.string().startsWith("/")).default([]).describe("Paths that everybody may ask for, such as /healthz."),
  detail: z.string().default("The service is being maintained.").describe("A sentence for the client."),
  page: z.string().optional().describe("An HTML page to send instead."),
});
type Window = z.output<typeof window>;

export default defineMiddleware({
  name: "maintenance-window",
  options,
  setup: ({ time_zone, windows, allow, allow_paths, detail, page }) => {
    const allowed = networks(allow);
    const paths = new Set(allow_paths);
    const clock = wallClock(time_zone);
    // The clock on the wall is asked once a minute.
    let minute = -1;
    let endsInMinutes = 0;
    return {
      onRequest: ({ request, client, startedAtMs }) => {
        const now = Math.floor(startedAtMs / MINUTE_MS);
        if (now !== minute) {
          minute = now;
          endsInMinutes = minutesLeft(windows, clock(startedAtMs));
        }
        if (endsInMinutes === 0 || paths.has(request.path) || isAllowed(allowed, client)) return null;
        const seconds = endsInMinutes * 60 - Math.floor((startedAtMs % MINUTE_MS) / 1000);
        return answer(503, {
          reason: "maintenance",
          detail,
          headers: { "Retry-After": String(Math.max(seconds, 1)) },
          ...(page === undefined ? {} : { body: page, contentType: "text/html; charset=utf-8" }),
        });
      },
    };
  },
});

interface WallTime {
  /** 0: Sunday. */
  readonly day: number;
  /** Minutes since midnight. */
  readonly minute: number;
}

/** Minutes until the last window that is open now ends; 0: none is open. */
function minutesLeft(windows: readonly Window[], now: WallTime): number {
  return Math.max(...windows.map((each) => left(each, now)));
}

function left({ days, from, to }: Window, { day, minute }: WallTime): number {
  const length = (to - from + DAY_MINUTES) % DAY_MINUTES;
  const since = (minute - from + DAY_MINUTES) % DAY_MINUTES;
  if (since >= length) return 0;
  // Past midnight, the window began yesterday.
  const begun = DAYS[(day + (minute < from ? 6 : 0)) % 7];
  return begun !== undefined && days.includes(begun) ? length - since : 0;
}

function wallClock(timeZone: string): (epochMs: number) => WallTime {
  const format = new Intl.DateTimeFormat("en-US", { timeZone, weekday: "short", hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
  return (epochMs) => {
    const parts = new Map(format.formatToParts(epochMs).map(({ type, value }) => [type, value]));
    const day = DAYS.findIndex((name) => name === parts.get("weekday")?.toLowerCase());
    return { day, minute: Number(parts.get("hour")) * 60 + Number(parts.get("minute")) };
  };
}

function isTimeZone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat("en-US", { timeZone: name }).resolvedOptions().timeZone !== "";
  } catch {
    return false;
  }
}

function isNetwork(text: string): boolean {
  const [address = "", bits, ...more] = text.split("/");
  const longest = { 0: -1, 4: 32, 6: 128 }[isIP(address)] ?? -1;
  return more.length === 0 && longest > 0 && (bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= longest));
}

function networks(texts: readonly string[]): BlockList {
  const list = new BlockList();
  for (const text of texts) {
    const [address = "", bits] = text.split("/");
    const family = isIP(address) === 6 ? "ipv6" : "ipv4";
    list.addSubnet(address, bits === undefined ? (family === "ipv6" ? 128 : 32) : Number(bits), family);
  }
  return list;
}

function isAllowed(list: BlockList, client: string): boolean {
  const family = isIP(client);
  return family !== 0 && list.check(client, family === 6 ? "ipv6" : "ipv4");
}
