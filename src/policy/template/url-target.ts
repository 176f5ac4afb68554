/** Rules for URLs that a template gives and clients follow: no value of a variable may choose the host. */
import type { Template } from "./template.ts";

/** Whether the configuration itself names the host: the target begins with a scheme, which may be `{scheme}`, or with `//`. */
export function namesHost(target: Template): boolean {
  const outline = target.map((part) => (typeof part === "string" ? part : part.name === "scheme" ? "http" : " ")).join("");
  return /^(?:[A-Za-z][A-Za-z0-9+.-]*:|\/\/)/.test(outline);
}

/**
 * A target that a variable has made begin with `//` or `/\`, which browsers take for a host, or with a scheme. It begins with one slash
 * instead.
 */
export function withoutHost(target: string): string {
  return /^[^/?#]*:/.test(target) ? `/${target}` : target.replace(/^[/\\]{2,}/, "/");
}
