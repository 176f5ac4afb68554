import type { RequestHead } from "../../http/request-head.ts";
import type { LocalAnswer } from "../local-answer.ts";

/** What a connection or its listener answers itself, before a route is looked for. */
export interface OwnAnswers {
  /** Null: the request goes to the routes. */
  answerTo(asked: AskedRequest): LocalAnswer | null;
}

export interface AskedRequest {
  readonly request: RequestHead;
  /** How the client sent the request, as the connection or a trusted proxy tells it. */
  readonly scheme: "http" | "https";
}
