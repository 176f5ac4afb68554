/** What the fuzzer reports: the rule that was broken, the bytes that broke it, and what each judge saw of them. */
import type { Reading } from "./reading.ts";

export interface Failure {
  /** Short and the same for the same fault, so that a wire can be made smaller as long as it shows this. */
  readonly rule: string;
  readonly detail: string;
  readonly wire: string;
  readonly ours: Reading | null;
  readonly node: Reading | null;
}

/** With every octet that is not printable ASCII as an escape: it can be pasted into a program or the corpus. */
export function escaped(wire: string): string {
  return JSON.stringify(wire).replace(/[\x7f-\xff]/g, (octet) => `\\u00${octet.charCodeAt(0).toString(16)}`);
}

export function describe({ rule, detail, wire, ours, node }: Failure): string {
  const lines = [rule, ...(detail === "" ? [] : [`  ${detail}`]), `  wire  ${escaped(wire)}`];
  if (ours !== null) lines.push(`  ours  ${seen(ours)}`);
  if (node !== null) lines.push(`  node  ${seen(node)}`);
  return lines.join("\n");
}

function seen({ messages, fault }: Reading): string {
  const list = messages.map(({ start, fields, body, trailers, complete, last }) => {
    const marks = `${complete ? "complete" : "unfinished"}${last ? ", last" : ""}`;
    return `[${escaped(start)} ${escaped(fields.join("\n"))} body ${escaped(body)} trailers ${escaped(trailers.join("\n"))} ${marks}]`;
  });
  return `${list.join(" ")} ${fault ?? "no fault"}`.trim();
}
