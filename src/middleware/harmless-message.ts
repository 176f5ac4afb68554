import { isPlainWord } from "../config/schema/plain-word.ts";

/** Shortest text that is looked for in messages. Shorter ones are no secrets, and would be found within words. */
const TEXT_LENGTH_MIN = 4;

/**
 * Makes a function that takes the texts of options out of a message, because an option may be a secret: libraries quote what they refuse, and
 * `setup` may fail with what it was given. Upper and lower case count as equal, because code often changes it before it quotes a text.
 * @param options as they were written
 */
export function withoutTexts(options: unknown): (message: string) => string {
  const texts = new Set(textsIn(options).filter((text) => text.length >= TEXT_LENGTH_MIN));
  // The longest first: a shorter one may be a part of it.
  const sorted = [...texts].toSorted((a, b) => b.length - a.length).map((text) => ({ text, lower: text.toLowerCase() }));
  return (message) => {
    const lower = message.toLowerCase();
    return sorted.filter((each) => lower.includes(each.lower)).reduce((shown, { text }) => shown.replaceAll(spelled(text), "..."), message);
  };
}

/** Finds the text, however its letters are spelled. */
function spelled(text: string): RegExp {
  return new RegExp(text.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&"), "gi");
}

/** @param seen objects on the way: the options of a program may hold themselves */
function textsIn(value: unknown, seen: Set<object> = new Set()): readonly string[] {
  if (typeof value === "string") return [value, value.trim(), JSON.stringify(value).slice(1, -1), ...credentialsIn(value)];
  if (typeof value === "number" || typeof value === "bigint") return [String(value)];
  if (typeof value !== "object" || value === null || seen.has(value)) return [];
  seen.add(value);
  if (Array.isArray(value)) return value.flatMap((each) => textsIn(each, seen));
  return Object.entries(value).flatMap(([key, each]) => [...(isPlainWord(key) ? [] : [key]), ...textsIn(each, seen)]);
}

/** User name, password and the values of the query in a URL: code that reads a URL quotes its parts. */
function credentialsIn(text: string): readonly string[] {
  const [, user = ""] = /^[^/]*:\/\/([^@/?#]*)@/.exec(text) ?? [];
  const [, query = ""] = /^[^?#]*:\/\/[^?#]*\?([^#]*)/.exec(text) ?? [];
  const parts = [user, ...user.split(":"), ...query.split("&").map((pair) => pair.slice(pair.indexOf("=") + 1))];
  return parts.filter((part) => part !== "").flatMap((part) => [part, decoded(part)]);
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
