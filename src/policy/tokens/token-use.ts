/** What an exchange with a language model has cost, and what of it counts against a limit. */

/** The tokens of one exchange. */
export interface TokenUse {
  /** Tokens of the request, those that the model took from a cache included. */
  readonly input: number;
  /** Tokens of the answer, those with which the model has thought included. */
  readonly output: number;
  /** Whether the answer has said so. False: they are estimated by the bytes of the request and of the answer's text. */
  readonly isReported: boolean;
}

/** Which tokens count against a limit. */
export type CountedTokens = "total" | "output";

/** How an exchange went, as far as it says what was spent. */
export interface Course {
  /** A head was sent to an endpoint, so that a model may have worked. */
  readonly wasSent: boolean;
  /** The status of the response; 0: there was none. */
  readonly status: number;
  /** The method is one that asks for nothing to be done, such as GET. */
  readonly isSafe: boolean;
  /** The whole response has passed. */
  readonly isWhole: boolean;
  /** What the response has reported so far; 0 and 0: nothing. */
  readonly input: number;
  readonly output: number;
  /** Bytes of the request's body. */
  readonly requestBytes: number;
  /** Bytes of generated text in the response. */
  readonly wordBytes: number;
}

const BYTES_A_TOKEN = 4;

/**
 * The tokens that an exchange has cost. Null: none, because no model has worked for it: nothing was sent, or the answer is an error, or it is one to a GET
 * and speaks of no tokens.
 *
 * What a response has reported holds if it has passed as a whole. One that was cut has reported less than was generated: then the text that has passed
 * counts too, so that nobody gets an answer for nothing by leaving before its end.
 */
export function tokenUse(course: Course): TokenUse | null {
  const { status, isWhole, input, output } = course;
  const estimatedInput = Math.ceil(course.requestBytes / BYTES_A_TOKEN);
  const estimatedOutput = Math.ceil(course.wordBytes / BYTES_A_TOKEN);
  if (status === 0) return course.wasSent && !course.isSafe ? { input: estimatedInput, output: 0, isReported: false } : null;
  if (status < 200 || status >= 300) return null;
  if (input + output === 0) return course.isSafe ? null : { input: estimatedInput, output: estimatedOutput, isReported: false };
  if (isWhole) return { input, output, isReported: true };
  return { input: input === 0 ? estimatedInput : input, output: Math.max(output, estimatedOutput), isReported: true };
}

/**
 * How many tokens count.
 * @param estimate what was taken when the request came; it holds at least where nothing was reported
 */
export function countedTokens(use: TokenUse | null, counted: CountedTokens, estimate: number): number {
  if (use === null) return 0;
  const tokens = counted === "output" ? use.output : use.input + use.output;
  return use.isReported ? tokens : Math.max(estimate, tokens);
}
