/** The key `mirror` of a route: another upstream that gets copies of its requests. */
import { z } from "zod";
import { at, listOf, warning } from "../../values/finding.ts";
import type { Finding } from "../../values/finding.ts";
import { percentage, size, wholeNumber } from "../../values/scalars.ts";

const mirror = z.strictObject({
  upstream: z.string().meta({
    title: "name",
    description:
      "The upstream that gets the copies, by its name in `upstreams`. It sees all that clients send, credentials included, and must bear it that requests which change something come to it as well.",
  }),
  share: percentage().prefault("100%").meta({ description: "Share of the requests that are copied, by chance." }),
  max_body: size({ min: 0, max: 16 * 1024 * 1024 })
    .prefault("1MiB")
    .meta({
      description:
        "Largest request body that is copied. It is held in memory until the copy has been answered. The held bodies of all copies take at most 16 MiB in each thread, apart from `limits.buffered_bytes`.",
    }),
  max_in_flight: wholeNumber({ min: 1, max: 100_000 }).default(100).meta({
    description: "While the upstream has as many exchanges in flight, over all threads, no copies are sent.",
  }),
});

export const mirrorKey = {
  mirror: mirror.optional().meta({
    description:
      "Sends copies of requests to another upstream too, to try it with real traffic. Its answers are thrown away, and whatever it does, clients do not notice. Copies carry `X-Mirrored: true`. Absent: no copies.",
  }),
};

/** @param route as it is in the file, at position `index` */
export function mirrorFindings(route: unknown, index: number): Finding[] {
  const upstream = at(at(route, "mirror"), "upstream");
  if (upstream === undefined) return [];
  const leadsThere = [at(route, "upstream"), ...listOf(at(route, "split")).map((side) => at(side, "upstream"))].includes(upstream);
  if (!leadsThere) return [];
  return [warning(["routes", index, "mirror", "upstream"], "the route leads there itself: the upstream gets such requests twice")];
}
