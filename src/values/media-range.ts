import { z } from "zod";

const TOKEN = "[!#$%&'+.^_`|~0-9A-Za-z-]+";

/** A media type without parameters, which may have a star (policy/representation/media-range.ts). The output is in lower case. */
export const mediaRange: z.ZodType<string, string> = z
  .string()
  .regex(new RegExp(`^(?:${TOKEN}/(?:${TOKEN}|\\*|\\*\\+${TOKEN})|\\*/\\*)$`), {
    error: "expected a media type without parameters, such as application/json, image/* or application/*+json",
  })
  .transform((type) => type.toLowerCase())
  .meta({ title: "media type" });
