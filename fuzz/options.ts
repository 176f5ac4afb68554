/** The arguments of the fuzzer's command line. */
import { parseArgs } from "node:util";

const HELP = `npm run fuzz -- [--seed N] [--seconds N | --cases N] [--jobs N]    60 seconds, one job and a new seed without
npm run fuzz -- --seed N --case K                                 one case, with what both judges saw`;

export interface Options {
  readonly seed: number;
  readonly case: number | null;
  readonly cases: number;
  readonly seconds: number;
  readonly jobs: number;
}

/** A text says what is wrong with the arguments. */
export function readOptions(args: readonly string[]): Options | string {
  try {
    const names = ["seed", "case", "cases", "seconds", "jobs"] as const;
    const { values } = parseArgs({
      args: [...args],
      options: Object.fromEntries(names.map((name) => [name, { type: "string" as const }])),
    });
    const given = (name: (typeof names)[number]): number | null => {
      const text = values[name];
      if (text === undefined) return null;
      if (typeof text !== "string" || !/^[0-9]{1,9}$/.test(text)) throw new RangeError(`--${name} must be a whole number`);
      return Number(text);
    };
    const cases = given("cases");
    return {
      seed: given("seed") ?? Math.floor(Math.random() * 1e9),
      case: given("case"),
      cases: cases ?? Infinity,
      seconds: given("seconds") ?? (cases === null ? 60 : Infinity),
      jobs: Math.max(1, given("jobs") ?? 1),
    };
  } catch (error) {
    return `${error instanceof Error ? error.message : String(error)}\n${HELP}`;
  }
}
