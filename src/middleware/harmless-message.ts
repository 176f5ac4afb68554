import { isPlainWord } from "../config/shown.ts";

/** Shortest text that is looked for in messages. Shorter ones are no secrets, and would be found within words. */
const TEXT_LENGTH_MIN = 4;

/**
 * The message of a schema without the texts of the options: libraries quote what they refuse, and an option may be a secret.
 * @param options as they were written
 */
export function withoutTexts(message: string, options: unknown): string {
  const texts = textsIn(options).filter((text) => text.length >= TEXT_LENGTH_MIN);
  // The longest first: a shorter one may be a part of it.
  return texts.toSorted((a, b) => b.length - a.length).reduce((shown, text) => shown.replaceAll(text, "..."), message);
}

function textsIn(value: unknown): readonly string[] {
  if (typeof value === "string") return [value, JSON.stringify(value).slice(1, -1)];
  if (typeof value === "number") return [String(value)];
  if (typeof value !== "object" || value === null) return [];
  if (Array.isArray(value)) return value.flatMap(textsIn);
  return Object.entries(value).flatMap(([key, each]) => [...(isPlainWord(key) ? [] : [key]), ...textsIn(each)]);
}
