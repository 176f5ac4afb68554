/**
 * Schemas for single values of a configuration: durations, sizes, counts, short lists. Error messages that begin with `expected` are
 * completed with what was found (config/problems/issue-texts.ts); any other message is complete as it stands.
 */
import { z } from "zod";
import { DURATION_PATTERN, TIMER_MS_MAX, formatDuration, parseDuration } from "../base/duration.ts";
import { SIZE_PATTERN, formatSize, parseSize } from "../base/size.ts";
import type { Duration, Size } from "./written.ts";

/** Both bounds are included. */
export interface Range {
  readonly min: number;
  readonly max: number;
}

/** Milliseconds of a time limit. 0 is not allowed, because it would refuse everything. */
export const WAIT: Range = { min: 1, max: TIMER_MS_MAX };
/** Milliseconds of a time that may be 0. */
export const WAIT_OR_ZERO: Range = { min: 0, max: TIMER_MS_MAX };

const DURATION_EXAMPLES = "such as 250ms, 10s, 5m or 1h30m";

/** A duration with a unit; the output is in milliseconds. Only 0 may be written without a unit. */
export function duration(range: Range): z.ZodType<number, Duration | 0> {
  const error = `expected a duration with a unit, ${DURATION_EXAMPLES}`;
  return z
    .union([written<Duration>(DURATION_PATTERN, error), z.literal(0)], { error })
    .transform((given, context) => inRange(given === 0 ? 0 : parseDuration(given), range, "duration", formatDuration, context))
    .meta({ title: "duration" });
}

/** A duration, or a number of seconds; the output is in milliseconds. */
export function durationOrSeconds(range: Range): z.ZodType<number, Duration | number> {
  const error = `expected seconds or a duration ${DURATION_EXAMPLES}`;
  return z
    .union([written<Duration>(DURATION_PATTERN, error), z.number({ error }).min(0, { error })], { error })
    .transform((given, context) => {
      const ms = typeof given === "number" ? Math.round(given * 1000) : parseDuration(given);
      return inRange(ms, range, "duration", formatDuration, context);
    })
    .meta({ title: "duration or seconds" });
}

/** A size; the output is in bytes. */
export function size(range: Range): z.ZodType<number, Size | number> {
  const error = "expected a size such as 64KiB, 10MiB, 10MB or a number of bytes";
  return z
    .union([written<Size>(SIZE_PATTERN, error), z.int({ error }).min(0, { error })], { error })
    .transform((given, context) => inRange(typeof given === "number" ? given : parseSize(given), range, "size", formatSize, context))
    .meta({ title: "size" });
}

/** A whole number within `range`. */
export function wholeNumber(range: Range): z.ZodType<number, number> {
  const error = `expected a whole number from ${range.min} to ${range.max}`;
  return z.int({ error }).min(range.min, { error }).max(range.max, { error }).meta({ title: "whole number" });
}

/** Text of a share, which the JSON Schema uses as a `pattern` too. */
const PERCENT_PATTERN = /^(?:100|[0-9]{1,2}(?:\.[0-9]{1,3})?)%$/;

/** A share such as `20%`; the output is a number from 0 to 1. */
export function percentage(): z.ZodType<number, string> {
  return z
    .string({ error: "expected a percentage such as 20%" })
    .regex(PERCENT_PATTERN, { error: "expected a percentage from 0% to 100%" })
    .transform((given) => Number.parseFloat(given) / 100)
    .meta({ title: "percentage" });
}

/** One value, or a list of at least one; the output is a list. */
export function oneOrMore(item: z.ZodType<string, string>): z.ZodType<string[], string | string[]> {
  return z
    .union([item, z.array(item).min(1)])
    .transform((given) => (typeof given === "string" ? [given] : given))
    .meta({ title: "text or list" });
}

/** One value, or a list of at least one; the output is what was given. */
export function oneOrList<Item extends z.ZodType>(item: Item, what: string): z.ZodUnion<[Item, z.ZodArray<Item>]> {
  return z.union([item, z.array(item).min(1, { error: `expected at least one ${what}` })]);
}

/** A text of a form that the type says as well as types can. */
function written<Text extends string>(pattern: RegExp, error: string): z.ZodType<Text, Text> {
  return z.string().regex(pattern, { error }) as z.ZodType as z.ZodType<Text, Text>;
}

function inRange(
  value: number | null,
  { min, max }: Range,
  what: string,
  format: (value: number) => string,
  context: z.RefinementCtx,
): number {
  if (value !== null && value >= min && value <= max) return value;
  context.addIssue({ code: "custom", message: `expected a ${what} from ${format(min)} to ${format(max)}` });
  return z.NEVER;
}
