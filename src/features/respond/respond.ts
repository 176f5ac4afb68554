/** Answers all requests of a route with a fixed text, or with one that holds variables. */
import { Buffer } from "node:buffer";
import { fieldTexts } from "../../policy/template/cleaned-texts.ts";
import { escapeFieldValue, escapeFor } from "../../policy/template/escapes.ts";
import { constantOf, fillIn } from "../../policy/template/template.ts";
import type { Template } from "../../policy/template/template.ts";
import type { ExchangeView, Middleware } from "../../proxy/feature/middleware.ts";
import type { Feature, FeatureContext } from "../../proxy/feature/feature.ts";
import { valueOf } from "../../proxy/feature/variables.ts";
import type { LocalAnswer } from "../../proxy/local-answer.ts";
import { respondFacts } from "./facts.ts";
import type { RespondConfig } from "./schema.ts";
import { typeOfFile } from "./type-of-file.ts";

export const respond: Feature<"respond"> = {
  name: "respond",
  key: "respond",
  facts: respondFacts,
  compile: respondMiddleware,
};

export function respondMiddleware(
  config: RespondConfig,
  { template, readFile }: Pick<FeatureContext, "template" | "readFile">,
): Middleware {
  const { status, file } = config;
  const given = Object.entries(config.headers).map(([name, value]) => ({ name, value: fieldTexts(template(value)) }));
  const contentType = given.find(({ name }) => name.toLowerCase() === "content-type");
  const fields = given.filter((field) => field !== contentType);
  const standardType = file === undefined ? "text/plain; charset=utf-8" : typeOfFile(file);
  const body = file === undefined ? template(config.body ?? "") : [readFile(file)];
  const hasBody = file !== undefined || config.body !== undefined;

  const answer = (exchange: ExchangeView): LocalAnswer => {
    const fieldOf = (value: Template): string => fillIn(value, (variable) => valueOf(exchange, variable), escapeFieldValue);
    const type = contentType === undefined ? standardType : withCharset(fieldOf(contentType.value));
    const escape = escapeFor(type);
    return {
      status,
      reason: "respond",
      detail: "",
      fields: fields.map(({ name, value }) => [name, fieldOf(value)] as const),
      ...(hasBody ? { body: { contentType: type, text: fillIn(body, (variable) => utf8(valueOf(exchange, variable)), escape) } } : {}),
    };
  };
  const isConstant = [...given.map(({ value }) => value), body].every((each) => constantOf(each) !== null);
  let constant: LocalAnswer | null = null;
  return {
    name: "respond",
    onRequest: (exchange) => (isConstant ? (constant ??= answer(exchange)) : answer(exchange)),
  };
}

/** The body is sent in UTF-8, and without `charset` a browser would take a text for another encoding. */
function withCharset(type: string): string {
  return /^text\/[^;]*$/i.test(type.trim()) ? `${type}; charset=utf-8` : type;
}

/** Decodes a value of a head for a body: the head has it as latin1 text, one character per octet, and the octets are UTF-8. */
function utf8(value: string): string {
  // oxlint-disable-next-line no-control-regex -- ASCII is the same in both
  return /^[\x00-\x7f]*$/.test(value) ? value : Buffer.from(value, "latin1").toString("utf8");
}
