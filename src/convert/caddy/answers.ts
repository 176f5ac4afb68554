/** `redir`, `respond`, `error` and `abort`: what the proxy itself answers. */
import type { Keys } from "../model/draft.ts";
import type { Directive } from "./parse.ts";
import { convertText } from "./placeholders.ts";

const STATUSES: Readonly<Record<string, number>> = {
  permanent: 301,
  temporary: 302,
  "301": 301,
  "302": 302,
  "303": 303,
  "307": 307,
  "308": 308,
};

export type Redirected = { readonly keys: Keys; readonly problem?: undefined } | { readonly problem: string };

export function redirected([target = "", code = "302"]: readonly string[], hasRegex: boolean): Redirected {
  const status = STATUSES[code];
  if (status === undefined) return { problem: "its status has no equivalent" };
  const { text, problem } = convertText(target, hasRegex);
  if (problem !== undefined) return { problem };
  const to = text.replace(/^(https?:\/\/)\{header\.Host\}/, "$1{host}");
  if (!/^(?:[A-Za-z][A-Za-z0-9+.-]*:\/\/|\/|\{)/.test(to) || !/^[!-~]+$/.test(to)) return { problem: "its target has no equivalent" };
  return { keys: { redirect: { to, status } } };
}

export function answered(
  name: string,
  args: readonly string[],
  block: readonly Directive[],
): { readonly keys: Keys; readonly remark?: string } {
  if (name === "abort")
    return { keys: { respond: { status: 403 } }, remark: "closing the connection without an answer has no equivalent; this answers 403" };
  const status = Number(args.find((each) => /^[1-9]\d\d$/.test(each)) ?? (name === "error" ? 500 : 200));
  const text =
    block.find((each) => each.name === "body")?.args[0] ?? (name === "error" ? undefined : args.find((each) => !/^[1-9]\d\d$/.test(each)));
  const isAllowed = status >= 200 && status <= 599;
  const body = text === undefined ? undefined : convertText(text);
  const respond = { status: isAllowed ? status : 200, body: body?.text };
  if (body?.problem !== undefined) return { keys: { respond }, remark: `${body.problem}; the text is left out` };
  return { keys: { respond } };
}
