/** The schema of `logging`: what is logged, how, and where to. */
import { z } from "zod";
import { filePath } from "../../values/texts.ts";
import { accessLogSchema } from "../access-log/access-log-schema.ts";

const LEVELS = { debug: "debug", info: "info", warn: "warn", warning: "warn", error: "error" } as const;
const ERROR = "expected debug, info, warn or error";

/** A level in any case. JSON Schema has no flag for that, so the pattern spells both cases of each letter. */
const ANY_CASE = new RegExp(
  `^(?:${Object.keys(LEVELS)
    .map((word) => word.replace(/./g, (letter) => `[${letter}${letter.toUpperCase()}]`))
    .join("|")})$`,
);

const level = z
  .union([z.enum(["debug", "info", "warn", "error"]), z.string().regex(ANY_CASE, { error: ERROR })], { error: ERROR })
  .transform((word, context) => {
    const found = Object.entries(LEVELS).find(([name]) => name === word.toLowerCase());
    if (found !== undefined) return found[1];
    context.addIssue({ code: "custom", message: ERROR });
    return z.NEVER;
  });

export const loggingSchema = z.strictObject({
  level: level.prefault("info").meta({
    title: "`debug`, `info`, `warn` or `error`",
    description: "The least severe messages that are logged, in upper or lower case. The access log does not depend on it.",
  }),
  format: z.enum(["json", "text"]).optional().meta({
    description:
      "One JSON object per line, or lines for people. Absent: `text` where the output is a terminal, else `json`. Text has colours on a terminal, unless `NO_COLOR` is set or `TERM` is `dumb`; `FORCE_COLOR` overrides both.",
  }),
  output: filePath.default("stdout").meta({
    title: "`stdout`, `stderr` or file",
    description:
      "Where lines go. A file is appended to (a relative path counts from where the process was started), and opened again on SIGUSR1 so that it can be rotated. It may be a named pipe. An output that is full, or that nobody reads, holds nothing up: some megabytes of lines wait, and further ones are dropped and counted. A reload may change it without losing a line.",
  }),
  access: accessLogSchema.default(true).meta({
    description:
      "Whether every exchange gets a line, and what lines hold. Tokens and cookies never stand in one, and queries only where the configuration asks for them.",
  }),
});
