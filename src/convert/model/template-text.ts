/** Text that stands for itself in a value with variables. */
import { literal } from "./regex-text.ts";

/** @param isBeforeVariable whether a variable follows, whose brace must not be taken for the second one of `{{` */
export function templateText(text: string, isBeforeVariable: boolean = false): string {
  const escaped = literal(text).replace(/\{\{|\{(?=[a-z][a-z_]*(?:\.[^{}\s]*)?\})/g, (braces) => braces + braces);
  return isBeforeVariable && escaped.endsWith("{") && !text.endsWith("{{") ? `${escaped}{` : escaped;
}
