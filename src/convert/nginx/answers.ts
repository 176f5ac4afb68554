/** `return`, and `rewrite` to another URL: what the proxy itself answers. */
import type { Keys } from "../model/draft.ts";
import { convertText } from "./variables.ts";
import type { VariableContext } from "./variables.ts";

export type Answer =
  | { readonly kind: "redirect"; readonly to: string; readonly status: number; readonly problem?: undefined }
  | { readonly kind: "respond"; readonly status: number; readonly body?: string; readonly remark?: string; readonly problem?: undefined };

export type Answered = Answer | { readonly problem: string };

const REDIRECTS = [301, 302, 303, 307, 308];

/** The answer of `return` with these arguments. */
export function returned([first = "", ...rest]: readonly string[], context: VariableContext): Answered {
  if (/^(?:https?:\/\/|\$scheme)/.test(first)) return redirection(first, 302, context);
  const status = Number(first);
  const text = rest.join(" ");
  if (REDIRECTS.includes(status) && text !== "") return redirection(text, status, context);
  if (status === 444)
    return {
      kind: "respond",
      status: 403,
      remark: "444 closes the connection without an answer, which has no equivalent; this answers 403",
    };
  if (!Number.isInteger(status) || status < 200 || status > 599) return { problem: "its status has no equivalent" };
  if (text === "") return { kind: "respond", status };
  const body = convertText(text, context);
  return body.problem === undefined ? { kind: "respond", status, body: body.text } : body;
}

export function redirection(target: string, status: number, context: VariableContext): Answered {
  const { text, problem } = convertText(target, context);
  if (problem !== undefined) return { problem };
  // The port that the client used is not the one of another scheme.
  const to = text.replace(/^(https?:\/\/)\{header\.Host\}/, "$1{host}");
  if (!/^(?:[A-Za-z][A-Za-z0-9+.-]*:\/\/|\/|\{)/.test(to) || !/^[!-~]+$/.test(to)) return { problem: "its target has no equivalent" };
  return { kind: "redirect", to, status };
}

/** @param type the media type of a body */
export function answerKeys(answer: Answer, type: string | undefined, fields: Keys | undefined): Keys {
  if (answer.kind === "redirect") return { response_headers: fields, redirect: { to: answer.to, status: answer.status } };
  const { status, body } = answer;
  const headers = body !== undefined && type !== undefined && type !== "text/plain" ? { "Content-Type": type } : undefined;
  return { response_headers: fields, respond: { status, headers, body } };
}
