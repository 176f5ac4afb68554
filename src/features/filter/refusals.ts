/** The answers of `filter`. They name the limit and its bound, and show nothing of the request. */
import { formatSize } from "../../base/size.ts";
import type { PartsFault } from "../../policy/filter/count-parts.ts";
import type { GraphqlRequestFault } from "../../policy/filter/graphql-request.ts";
import { NESTING_MAX } from "../../policy/filter/measure-graphql.ts";
import { NUMBER_BYTES_MAX } from "../../policy/filter/scan-json.ts";
import type { JsonFault } from "../../policy/filter/scan-json.ts";
import type { LocalAnswer } from "../../proxy/local-answer.ts";
import type { GraphqlConfig, JsonConfig, MultipartConfig } from "./schema.ts";

type Fields = LocalAnswer["fields"];

function refusal(status: number, reason: string, detail: string, fields: Fields = []): LocalAnswer {
  return { status, reason, detail, fields, proxyStatus: "http_request_error" };
}

/** Such as `64KiB` or `1001 bytes`. */
function sizeText(bytes: number): string {
  const text = formatSize(bytes);
  return /[A-Za-z]$/.test(text) ? text : `${text} bytes`;
}

function malformed(detail: string): LocalAnswer {
  return refusal(400, "filter_body", detail);
}

export function tooLarge(what: string, bytesMax: number): LocalAnswer {
  return refusal(413, "filter_size", `${what} is larger than ${sizeText(bytesMax)}.`);
}

export function methodRefused(methods: readonly string[]): LocalAnswer {
  return refusal(405, "filter_method", "This method is not admitted here.", [["Allow", methods.join(", ")]]);
}

/** @param types what is admitted, for `Accept` (RFC 9110 section 15.5.16) */
export function typeRefused(types: readonly string[]): LocalAnswer {
  // A suffix with a star is no media range of Accept.
  const accepted = types.filter((type) => !type.includes("/*+"));
  return refusal(
    415,
    "filter_type",
    "Bodies of this type are not admitted here.",
    accepted.length === 0 ? [] : [["Accept", accepted.join(", ")]],
  );
}

/** RFC 9110 section 12.5.3: with `Accept-Encoding`, so that it is not taken for the type that is refused. */
export const ENCODING_REFUSED: LocalAnswer = refusal(415, "filter_type", "Bodies must come without Content-Encoding here.", [
  ["Accept-Encoding", "identity"],
]);
export const CHARSET_REFUSED: LocalAnswer = refusal(415, "filter_type", "Bodies of this type must be in UTF-8 here.");
export const NOT_UTF8: LocalAnswer = malformed("The body is not in UTF-8.");
export const BAD_BOUNDARY: LocalAnswer = malformed("The type of the body names no boundary, or not one.");
export const NO_MEMORY: LocalAnswer = {
  status: 503,
  reason: "filter_memory",
  detail: "The request cannot be checked at the moment.",
  fields: [["Retry-After", "5"]],
};

export function jsonRefused(fault: JsonFault, config: JsonConfig): LocalAnswer {
  return malformed(JSON_DETAILS[fault](config));
}

const JSON_DETAILS: Readonly<Record<JsonFault, (config: JsonConfig) => string>> = {
  syntax: () => "The body is no JSON.",
  depth: ({ max_depth }) => `The JSON nests deeper than ${max_depth}.`,
  keys: ({ max_keys }) => `The JSON has more than ${max_keys} keys.`,
  string: ({ max_string }) => `The JSON has a text of more than ${sizeText(max_string ?? 0)}.`,
  items: ({ max_items }) => `The JSON has a list of more than ${max_items} items.`,
  duplicate: () => "The JSON has an object with the same key twice.",
  number: () => `The JSON has a number of more than ${NUMBER_BYTES_MAX} characters.`,
};

export function graphqlRefused(fault: GraphqlRequestFault, config: GraphqlConfig): LocalAnswer {
  return malformed(GRAPHQL_DETAILS[fault](config));
}

const GRAPHQL_DETAILS: Readonly<Record<GraphqlRequestFault, (config: GraphqlConfig) => string>> = {
  syntax: () => "The document is no GraphQL that could be executed.",
  nesting: () => `The document nests brackets deeper than ${NESTING_MAX}.`,
  fragments: () => "The document spreads a fragment that is missing, is there twice, or spreads itself.",
  depth: ({ max_depth }) => `The operation nests fields deeper than ${max_depth}.`,
  aliases: ({ max_aliases }) => `The operation has more than ${max_aliases} aliases.`,
  rootFields: ({ max_root_fields }) => `The operation has more than ${max_root_fields} root fields.`,
  fields: ({ max_fields }) => `The operation has more than ${max_fields} fields.`,
  directives: ({ max_directives }) => `The operation has more than ${max_directives} directives.`,
  tokens: ({ max_tokens }) => `The document has more than ${max_tokens} tokens.`,
  batch: ({ max_batch }) => `The request has more than ${max_batch} ${max_batch === 1 ? "operation" : "operations"}.`,
  shape: () => "The body is no request of GraphQL.",
  ambiguous: () => "The request has several documents.",
};

export function partsRefused(fault: PartsFault, config: MultipartConfig): LocalAnswer {
  switch (fault) {
    case "syntax":
      return malformed("The body does not end with its boundary.");
    case "parts":
      return malformed(`The body has more than ${config.max_parts} parts.`);
    case "head":
      return malformed(`A part has a head of more than ${sizeText(config.max_part_head)}.`);
    case "part":
      return tooLarge("A part of the body", config.max_part_size ?? 0);
  }
}
