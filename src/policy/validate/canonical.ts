import { isJsonObject } from "../../base/json-text.ts";
import type { Run } from "./run.ts";

/** A text that two values share if JSON Schema takes them for equal: the order of members does not count, and 1.0 is 1. */
export function canonicalText(value: unknown, run: Run | null): string {
  run?.spend(4);
  if (Array.isArray(value)) return `[${value.map((each) => canonicalText(each, run)).join()}]`;
  if (isJsonObject(value)) {
    const members = Object.keys(value)
      .sort()
      .map((name) => `${JSON.stringify(name)}:${canonicalText(value[name], run)}`);
    return `{${members.join()}}`;
  }
  if (typeof value === "string") run?.spend(value.length / 64);
  return value === 0 ? "0" : JSON.stringify(value);
}

/** What arithmetic with decimals costs. */
const DECIMAL_STEPS = 250;

/** Whether a number is a whole multiple of another one, both as they are written in decimal. */
export function isMultiple(value: number, of: number, run: Run): boolean {
  if (Number.isSafeInteger(value) && Number.isSafeInteger(of)) return value % of === 0;
  run.spend(DECIMAL_STEPS);
  const [a, b] = [decimal(value), decimal(of)];
  const exponent = Math.min(a.exponent, b.exponent);
  return (a.digits * 10n ** BigInt(a.exponent - exponent)) % (b.digits * 10n ** BigInt(b.exponent - exponent)) === 0n;
}

function decimal(value: number): { readonly digits: bigint; readonly exponent: number } {
  const [mantissa = "0", power = "0"] = value.toExponential().split("e");
  const [whole = "0", fraction = ""] = mantissa.split(".");
  return { digits: BigInt(whole + fraction), exponent: Number(power) - fraction.length };
}
