/**
 * A step of a gateway for language models: counts the tokens that a response costs while it streams to the client, and gives each key a
 * budget.
 *
 * Reads the server-sent events (or the JSON document) of APIs in the manner of OpenAI and Anthropic: the usage that they report and, where
 * there is none, because the client left or did not ask for it, the pieces of text, of which each is at least about a token. Nothing is held
 * back, and nothing is changed. Sums are counters in /metrics, and each response is a line in the log.
 *
 * `token_limit` of a route does this in all threads together, with an estimate beforehand, and is the better choice for a gateway. This file shows how such
 * a thing is written.
 *
 * A budget is checked when a request comes and charged when its response ends, so requests at the same time may overdraw it. It is counted
 * in each worker thread by itself: with `workers: 4` a key may use up to four times as much. It begins anew when the configuration is
 * reloaded. Keys are kept and logged as hashes, never as they are.
 *
 * ```yaml
 * middleware:
 *   - use: ./llm-tokens.ts
 *     options: { key_header: authorization, budget: { tokens: 200000, seconds: 3600 } }
 * ```
 */
import { createHash } from "node:crypto";
import { answer, defineMiddleware, isEncoded, mediaType, requestPlainBody, watchStage } from "millrace";
import type { ExchangeView } from "millrace";
import { z } from "zod";

const options = z.strictObject({
  key_header: z
    .string()
    .regex(/^[a-z0-9-]+$/, "the name of a field is written in lower case")
    .default("authorization")
    .describe("Field that holds the client's key. Requests without it count by the client's address."),
  budget: z
    .strictObject({
      tokens: z.number().int().min(1).describe("Tokens, of input and output together, that a key may use."),
      seconds: z.number().int().min(1).describe("After so many seconds from the first use the budget is full again."),
    })
    .optional()
    .describe("Absent: tokens are only counted."),
  keys_max: z.number().int().min(1).default(10_000).describe("Keys whose use is remembered. Beyond it the one used first is forgotten."),
  event_bytes_max: z
    .number()
    .int()
    .min(1)
    .default(1024 * 1024)
    .describe("Longest event or JSON document that is read, in characters. Longer ones pass uncounted."),
});

interface Use {
  tokens: number;
  /** On the clock of `context.now`. */
  readonly endsAtMs: number;
}

export default defineMiddleware({
  name: "llm-tokens",
  options,
  setup: ({ key_header, budget, keys_max, event_bytes_max }, context) => {
    const counters = {
      input: context.counter("input_tokens"),
      output: context.counter("output_tokens"),
      refused: context.counter("refused"),
      uncounted: context.counter("uncounted"),
    };
    const tallies = context.state<Tally>();
    const uses = new Map<string, Use>();
    const keyOf = ({ request, client }: ExchangeView): string =>
      createHash("sha256")
        .update(request.get(key_header) ?? client)
        .digest("hex");
    const charge = (key: string, tokens: number, seconds: number): void => {
      const now = context.now();
      const use = uses.get(key);
      if (use !== undefined && use.endsAtMs > now) use.tokens += tokens;
      else {
        // Set anew, so that the first in the map is the one that began first.
        uses.delete(key);
        const [first] = uses.keys();
        if (uses.size >= keys_max && first !== undefined) uses.delete(first);
        uses.set(key, { tokens, endsAtMs: now + seconds * 1000 });
      }
    };
    return {
      onRequest: (exchange) => {
        if (budget === undefined) return null;
        const use = uses.get(keyOf(exchange));
        const leftMs = (use?.endsAtMs ?? 0) - context.now();
        if (use === undefined || leftMs <= 0 || use.tokens < budget.tokens) return null;
        counters.refused.add();
        const message = "The token budget of this key is used up.";
        return answer(429, {
          reason: "token_budget",
          headers: { "Retry-After": String(Math.ceil(leftMs / 1000)) },
          body: JSON.stringify({ error: { type: "rate_limit_error", code: "token_budget", message } }),
          contentType: "application/json",
        });
      },
      onUpstreamRequest: (_exchange, request) => requestPlainBody(request),
      onResponse: (exchange, response) => {
        const { head } = response;
        const type = mediaType(head);
        const isStream = type === "text/event-stream";
        if (head === null || (!isStream && type !== "application/json")) return null;
        if (isEncoded(head)) {
          counters.uncounted.add();
          return null;
        }
        const tally = new Tally();
        tallies.keep(exchange, tally);
        const read = (text: string): void => tally.add(text);
        const skipped = (): void => counters.uncounted.add();
        return watchStage(
          head,
          isStream ? new EventReader(event_bytes_max, read, skipped) : new DocumentReader(event_bytes_max, read, skipped),
        );
      },
      onFinish: (exchange) => {
        const tally = tallies.of(exchange);
        if (tally === undefined || tally.input + tally.output === 0) return;
        const { input, output, isReported } = tally;
        counters.input.add(input);
        counters.output.add(output);
        const key = keyOf(exchange);
        if (budget !== undefined) charge(key, input + output, budget.seconds);
        const fields = { key: key.slice(0, 12), input_tokens: input, output_tokens: output, reported: isReported, status: exchange.status };
        context.log.info("tokens", fields);
      },
    };
  },
});

/** The tokens of one response. */
class Tally {
  input: number = 0;
  /** The response has said how many output tokens it cost. */
  isReported: boolean = false;
  private reported: number = 0;
  private pieces: number = 0;

  /** A stream that was cut has reported less than it has sent. */
  get output(): number {
    return Math.max(this.reported, this.pieces);
  }

  /** Reads the JSON of an event or of a whole response. */
  add(text: string): void {
    let message: unknown;
    try {
      message = JSON.parse(text);
    } catch {
      // Such as the end of a stream, [DONE].
      return;
    }
    // OpenAI, chat completions; Anthropic, the beginning of a message; OpenAI, responses.
    for (const holder of [message, at(message, "message"), at(message, "response")]) this.report(at(holder, "usage"));
    const kind = at(message, "type");
    if (typeof kind === "string") {
      if (/(?:^content_block_|\.)delta$/.test(kind)) this.pieces++;
      return;
    }
    const choices = at(message, "choices");
    if (Array.isArray(choices)) this.pieces += choices.filter((choice) => hasText(at(choice, "delta"))).length;
  }

  private report(usage: unknown): void {
    const input = count(usage, "prompt_tokens") + count(usage, "input_tokens");
    const cached = count(usage, "cache_creation_input_tokens") + count(usage, "cache_read_input_tokens");
    const output = count(usage, "completion_tokens") + count(usage, "output_tokens");
    // Later reports of a stream hold those before.
    this.input = Math.max(this.input, input + cached);
    this.reported = Math.max(this.reported, output);
    this.isReported ||= output > 0;
  }
}

/** Reads server-sent events from a text that comes in parts: the data of each, without its name. */
class EventReader {
  private readonly charactersMax: number;
  private readonly read: (data: string) => void;
  private readonly skipped: () => void;
  /** The line that has not ended yet. */
  private line: string = "";
  private data: string = "";
  private isTooLong: boolean = false;
  private endedInCr: boolean = false;

  constructor(charactersMax: number, read: (data: string) => void, skipped: () => void) {
    this.charactersMax = charactersMax;
    this.read = read;
    this.skipped = skipped;
  }

  text(part: string): void {
    // A line may end in CR, LF or both, and a part between the two.
    const text = this.endedInCr && part.startsWith("\n") ? part.slice(1) : part;
    if (text === "") return void (this.endedInCr = false);
    this.endedInCr = text.endsWith("\r");
    const [first = "", ...others] = text.split(/\r\n|\r|\n/);
    this.extend(first);
    for (const line of others) {
      this.lineEnded();
      this.extend(line);
    }
  }

  /** What is not followed by an empty line is no event. */
  end(): void {}

  private extend(part: string): void {
    if (this.line.length + this.data.length + part.length > this.charactersMax) this.isTooLong = true;
    // Of a line that is too long only matters that it is not empty.
    this.line = this.isTooLong ? (this.line + part).slice(0, 1) : this.line + part;
  }

  private lineEnded(): void {
    const { line } = this;
    this.line = "";
    if (line !== "") {
      const [, value] = /^data(?:: ?(.*))?$/s.exec(line) ?? [];
      if (value !== undefined && !this.isTooLong) this.data += this.data === "" ? value : `\n${value}`;
      return;
    }
    if (this.isTooLong) this.skipped();
    else if (this.data !== "") this.read(this.data);
    this.data = "";
    this.isTooLong = false;
  }
}

/** Keeps a copy of a JSON document while it passes, up to a limit. */
class DocumentReader {
  private readonly charactersMax: number;
  private readonly read: (text: string) => void;
  private readonly skipped: () => void;
  private copy: string = "";
  private isTooLong: boolean = false;

  constructor(charactersMax: number, read: (text: string) => void, skipped: () => void) {
    this.charactersMax = charactersMax;
    this.read = read;
    this.skipped = skipped;
  }

  text(part: string): void {
    this.isTooLong ||= this.copy.length + part.length > this.charactersMax;
    this.copy = this.isTooLong ? "" : this.copy + part;
  }

  end(): void {
    if (this.isTooLong) this.skipped();
    else this.read(this.copy);
  }
}

/** The value under that key; undefined if there is none. */
function at(holder: unknown, key: string): unknown {
  return typeof holder === "object" && holder !== null ? (holder as Record<string, unknown>)[key] : undefined;
}

function count(usage: unknown, key: string): number {
  const value = at(usage, key);
  return typeof value === "number" && Number.isSafeInteger(value) && value > 0 ? value : 0;
}

/** Whether a delta of a chat completion brings something that was generated, not only a role. */
function hasText(delta: unknown): boolean {
  return ["content", "reasoning_content", "refusal"].some((key) => at(delta, key)) || at(delta, "tool_calls") !== undefined;
}
