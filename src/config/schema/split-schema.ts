/** The keys `split` and `split_by` of a route, which leads to several upstreams, and their checks. */
import { z } from "zod";
import { at, entriesOf, error, listOf, warning } from "../../values/finding.ts";
import type { Finding } from "../../values/finding.ts";
import { WAIT, duration, wholeNumber } from "../../values/scalars.ts";
import { cookieName, fieldName } from "../../values/texts.ts";

const side = z.strictObject({
  upstream: z.string().meta({ title: "name", description: "An upstream, by its name in `upstreams`." }),
  weight: wholeNumber({ min: 0, max: 10_000 }).default(1).meta({
    description: "Share of the requests, in proportion to the weights of the others. 0: none; one weight at least is above 0.",
  }),
});

const BY = "expected client_ip, { header: NAME } or { cookie: NAME }";

const by = z.union([
  z.enum(["client_ip"], { error: BY }),
  z.strictObject({
    header: fieldName.optional().meta({
      description: "The value of this field decides. Requests without it go by chance.",
    }),
    cookie: cookieName.optional().meta({
      description:
        "The value of this cookie decides. A client without it goes by chance and gets it with the response, as `NAME=...; Path=/; HttpOnly; SameSite=Lax`, with `Secure` where the client uses https.",
    }),
    set: z.boolean().optional().meta({
      description:
        "Whether a client without the cookie gets it. `false` is for a cookie of the application's own, such as that of its session. Default: `true`.",
    }),
    max_age: duration(WAIT).optional().meta({
      description: "`Max-Age` of the cookie. Absent: it ends with the browser's session.",
    }),
  }),
]);

export const splitKeys = {
  split: z.array(side).min(1, { error: "expected at least one upstream" }).optional().meta({
    description:
      "In place of `upstream`: several upstreams, each for a share of the requests, to try a new version on some of them. Each request is led as if its upstream were that of the route.",
  }),
  split_by: by.optional().meta({
    description:
      "By what `split` decides, so that a client always gets the same upstream, in all threads and processes and after a reload: `client_ip` (of an IPv6 address the first 64 bits), or a mapping with `header` or `cookie`. When weights change, only as many clients move as must. Routes with the same upstreams and the same weights agree. Absent: chance decides for each request.",
  }),
};

/** @param route as it is in the file, at position `index` */
export function splitFindings(route: unknown, index: number): Finding[] {
  const split = at(route, "split");
  const given = at(route, "split_by");
  if (split === undefined) {
    return given === undefined ? [] : [error(["routes", index, "split_by"], "the route has no split that it could be about", true)];
  }
  const sides = listOf(split);
  const names = sides.map((each) => at(each, "upstream"));
  const twice = names.flatMap((name, position) =>
    typeof name === "string" && names.indexOf(name) < position
      ? [error(["routes", index, "split", position, "upstream"], `#${names.indexOf(name) + 1} leads there already: add the weights up`)]
      : [],
  );
  const isEmpty = sides.length > 0 && sides.every((each) => at(each, "weight") === 0);
  const empty = isEmpty ? [error(["routes", index, "split"], "every weight is 0: no request could go anywhere")] : [];
  return [...twice, ...empty, ...byFindings(given, index)];
}

function byFindings(given: unknown, index: number): Finding[] {
  if (typeof given !== "object" || given === null) return [];
  const path = ["routes", index, "split_by"] as const;
  const keys = entriesOf(given).map(([key]) => key);
  const isCookie = keys.includes("cookie");
  if (isCookie === keys.includes("header")) return [error(path, `${BY}, found ${isCookie ? "both" : "neither"}`)];
  const idle = ["set", "max_age"].filter((key) => keys.includes(key));
  if (!isCookie) return idle.map((key) => error([...path, key], "it is about a cookie, and header decides", true));
  if (at(given, "set") !== false || !idle.includes("max_age")) return [];
  return [warning([...path, "max_age"], "the cookie is not set by the proxy, so it has no effect", true)];
}
