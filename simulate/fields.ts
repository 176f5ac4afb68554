import type { FieldSection } from "../src/http/field-section.ts";

/** What is wrong with the first field that has not exactly this value, in one line, in words; null if nothing. Undefined: there is no such field. */
export function faultOfFields(
  head: FieldSection,
  expected: readonly (readonly [name: string, value: string | undefined])[],
): string | null {
  for (const [name, value] of expected) {
    const values = head.values(name).join(" | ");
    if (values !== (value ?? "")) return `${name} is ${JSON.stringify(values)} and not ${JSON.stringify(value ?? "")}`;
  }
  return null;
}
