/**
 * The texts of a template less what they must not hold. A schema has checked what the configuration says itself; this is for what came in from the
 * environment.
 */
import type { Template } from "./template.ts";

/** For the value of a field: without control characters, and without what does not fit into one octet. */
export function fieldTexts(template: Template): Template {
  return cleaned(template, /[^\t -~\x80-\xff]/g);
}

/** For a URL: visible ASCII only. */
export function urlTexts(template: Template): Template {
  return cleaned(template, /[^!-~]/g);
}

function cleaned(template: Template, wrong: RegExp): Template {
  return template.map((part) => (typeof part === "string" ? part.replace(wrong, "") : part));
}
