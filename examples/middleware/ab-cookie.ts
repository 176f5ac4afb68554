/**
 * Splits visitors among variants of a site, and keeps each visitor with one of them by a cookie.
 *
 * For A/B tests and gradual launches. A visitor without the cookie gets a variant by lot, by the variants' weights. The upstream learns the
 * variant from a field, and may serve each variant under a path of its own. A variant of weight 0 keeps its visitors and gets no new ones;
 * one that is taken off the list gives them away.
 *
 * Caches on the way are told that responses differ by cookie (`Vary`), and a response that sets the cookie is made `private`: else one
 * visitor's variant would be stored and given to everybody.
 *
 * ```yaml
 * middleware:
 *   - use: ./ab-cookie.ts
 *     options:
 *       cookie: checkout
 *       variants: [{ name: old, weight: 9 }, { name: new, weight: 1, prefix: /next }]
 * ```
 */
import { defineMiddleware, fieldLine } from "millrace";
import type { RequestHead, ResponseHead } from "millrace";
import { z } from "zod";

const TOKEN = /^[A-Za-z0-9_-]+$/;

const variant = z.strictObject({
  name: z
    .string()
    .max(40)
    .regex(TOKEN, "a name is made of letters, digits, _ and -")
    .describe("Name of the variant, the value of cookie and field."),
  weight: z.number().min(0).default(1).describe("Share of the new visitors, beside the other weights."),
  prefix: z
    .string()
    .regex(/^(?:\/[A-Za-z0-9._~-]+)+$/, "a prefix is a path such as /next, without a slash at its end")
    .optional()
    .describe("Put before the path that goes upstream."),
});

const options = z.strictObject({
  cookie: z
    .string()
    .regex(TOKEN, "the name of a cookie is made of letters, digits, _ and -")
    .default("variant")
    .describe("Name of the cookie."),
  variants: z
    .array(variant)
    .min(1)
    .max(50)
    .refine((all) => new Set(all.map(({ name }) => name)).size === all.length, "two variants have the same name")
    .refine((all) => all.some(({ weight }) => weight > 0), "no variant has a weight above 0")
    .describe("The variants."),
  header: z
    .string()
    .regex(TOKEN)
    .default("X-Variant")
    .describe("Field that tells the upstream the variant. What the client sends in it is removed."),
  max_age_days: z.number().int().min(1).max(400).default(30).describe("Days until the cookie expires, counted from the first visit."),
  secure: z.boolean().default(true).describe("Whether browsers send the cookie over HTTPS only. False for development without TLS."),
});
type Variant = z.output<typeof variant>;

interface Choice {
  readonly variant: Variant;
  readonly isNew: boolean;
}

export default defineMiddleware({
  name: "ab-cookie",
  options,
  setup: ({ cookie, variants, header, max_age_days, secure }, context) => {
    const byName = new Map(variants.map((each) => [each.name, each]));
    const attributes = `Path=/; Max-Age=${max_age_days * 86_400}; HttpOnly; SameSite=Lax${secure ? "; Secure" : ""}`;
    const choices = context.state<Choice>();
    const chosen = new Map(variants.map(({ name }) => [name, context.counter(`new_${name.toLowerCase().replaceAll("-", "_")}`)]));
    return {
      onRequest: (exchange) => {
        const kept = byName.get(cookieOf(exchange.request, cookie) ?? "");
        const isNew = kept === undefined;
        choices.keep(exchange, { variant: kept ?? byLot(variants, Math.random()), isNew });
        return null;
      },
      onUpstreamRequest: (exchange, request) => {
        const { variant } = choices.of(exchange) ?? {};
        if (variant === undefined) return;
        request.set(header, variant.name);
        const target = request.target ?? exchange.request.forwardTarget;
        // The target of `OPTIONS *` is no path.
        if (variant.prefix !== undefined && target.startsWith("/")) request.setTarget(variant.prefix + target);
      },
      onResponse: (exchange, response) => {
        const choice = choices.of(exchange);
        // The proxy's own answers are the same in all variants.
        if (choice === undefined || response.head === null) return;
        response.append("Vary", "Cookie");
        if (!choice.isNew) return;
        const { name } = choice.variant;
        chosen.get(name)?.add();
        response.appendLines(fieldLine("Set-Cookie", `${cookie}=${name}; ${attributes}`));
        response.set("Cache-Control", madePrivate(response.head));
      },
    };
  },
});

/** The value of the first cookie of that name. */
function cookieOf(request: RequestHead, name: string): string | undefined {
  const pairs = request.values("cookie").flatMap((value) => value.split(";"));
  const found = pairs.map((pair) => pair.trim()).find((pair) => pair.startsWith(`${name}=`));
  return found?.slice(name.length + 1).replace(/^"(.*)"$/, "$1");
}

/** @param random at least 0, below 1 */
function byLot(variants: readonly Variant[], random: number): Variant {
  const drawn = variants.filter(({ weight }) => weight > 0);
  let left = random * drawn.reduce((sum, { weight }) => sum + weight, 0);
  for (const each of drawn) if ((left -= each.weight) < 0) return each;
  return drawn.at(-1) as Variant;
}

/** Cache-Control with which a shared cache does not store the response; the visitor's browser may. */
function madePrivate(head: ResponseHead): string {
  // A quoted value may hold commas: private="Set-Cookie, Set-Cookie2".
  const given =
    head
      .values("cache-control")
      .join(",")
      .match(/(?:[^,"]|"(?:\\.|[^"\\])*")+/g) ?? [];
  const directives = given.map((each) => each.trim()).filter((each) => each !== "" && !/^(?:public|private|s-maxage)\b/i.test(each));
  return directives.some((each) => /^no-store$/i.test(each)) ? directives.join(", ") : ["private", ...directives].join(", ");
}
