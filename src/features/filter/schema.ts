/** The key `filter` of a route: its schema, texts and checks. */
import { z } from "zod";
import { bytesOf } from "../../base/size.ts";
import type { FeatureDeclaration } from "../../values/declaration.ts";
import { at, warning } from "../../values/finding.ts";
import type { Finding, KeyPath } from "../../values/finding.ts";
import { mediaRange } from "../../values/media-range.ts";
import { oneOrMore, size, wholeNumber } from "../../values/scalars.ts";
import { listedMethod } from "../../values/texts.ts";
import { filterFacts } from "./facts.ts";
import { JSON_DEFAULTS } from "../../policy/filter/json-defaults.ts";

/** Bodies up to this size can be held. Larger ones are better streamed, and not judged as a whole. */
const HELD_BYTES_MAX = 64 * 1024 * 1024;
const COUNT = { min: 1, max: 1_000_000 };
const COUNT_OR_NONE = { min: 0, max: COUNT.max };

const jsonSchema = z.strictObject({
  max_size: size({ min: 1, max: HELD_BYTES_MAX }).prefault("1MiB").meta({
    description:
      "Bytes of a body, which is held until it has come: nothing of a refused one reaches the origin server. `limits.buffered_bytes` bounds all of them together.",
  }),
  max_depth: wholeNumber(COUNT).default(JSON_DEFAULTS.max_depth).meta({ description: "Lists and objects within each other." }),
  max_keys: wholeNumber(COUNT).default(JSON_DEFAULTS.max_keys).meta({ description: "Names in all objects of a body together." }),
  max_string: size({ min: 1, max: HELD_BYTES_MAX }).optional().meta({
    description: "Bytes of a text or a name, as it is sent. Absent: `max_size` is the only limit.",
  }),
  max_items: wholeNumber(COUNT).optional().meta({ description: "Elements of one list. Absent: `max_size` is the only limit." }),
  duplicate_keys: z.boolean().default(JSON_DEFAULTS.duplicate_keys).meta({
    description:
      "Whether an object may have a name twice. Programs differ in which of the two values they take, so a client could show one to a check and the other to the application. With `graphql` it may not, whatever stands here.",
  }),
});

const graphqlSchema = z.strictObject({
  max_depth: wholeNumber(COUNT).default(15).meta({
    description:
      "Fields within each other; `{ a { b } }` has 2. Fragments count where they are spread. The usual introspection query has 15.",
  }),
  max_aliases: wholeNumber(COUNT_OR_NONE).default(30).meta({
    description: "Aliases of an operation, each as often as its fragment is spread.",
  }),
  max_root_fields: wholeNumber(COUNT).default(20).meta({ description: "Fields of an operation that stand in no other field." }),
  max_fields: wholeNumber(COUNT).default(1000).meta({
    description: "All fields of an operation, each as often as its fragment is spread. The usual introspection query has 229.",
  }),
  max_directives: wholeNumber(COUNT_OR_NONE).default(50).meta({ description: "Directives of an operation, counted in the same way." }),
  max_tokens: wholeNumber({ min: 1, max: 100_000 }).default(5000).meta({ description: "Names, numbers, texts and signs of a document." }),
  max_batch: wholeNumber({ min: 1, max: 1000 }).default(1).meta({ description: "Operations in one request, as a list." }),
});

const multipartSchema = z.strictObject({
  max_parts: wholeNumber(COUNT).default(100).meta({ description: "Parts of a body." }),
  max_part_size: size({ min: 1, max: Number.MAX_SAFE_INTEGER }).optional().meta({
    description: "Bytes of one part, with its head. Absent: no limit but `max_body`.",
  }),
  max_part_head: size({ min: 16, max: 1024 * 1024 })
    .prefault("8KiB")
    .meta({ description: "Bytes of the head of a part." }),
});

export const filterSchema = z.strictObject({
  methods: oneOrMore(listedMethod).optional().meta({
    description: "Methods that are admitted; others are answered 405. `GET` admits `HEAD`. Absent: all.",
  }),
  content_types: oneOrMore(mediaRange).optional().meta({
    description:
      "Media types that bodies may have; others, and bodies without a type, are answered 415. `image/*` stands for all images, `application/*+json` for all types of JSON, `*/*` for whatever has a type. Absent: those that `json`, `graphql` and `multipart` judge, so that no body passes unjudged by saying that it is of another type; without these all.",
  }),
  json: jsonSchema.optional().meta({
    description:
      "Judges bodies in JSON before anything of them is sent: `application/json`, `text/json` and types that end in `+json`. Absent: none.",
  }),
  graphql: graphqlSchema.optional().meta({
    description:
      "Judges documents of GraphQL: in JSON (`query`), as `application/graphql`, and in the query of the URL. What `json` says, or its defaults, holds for the JSON. Absent: none.",
  }),
  multipart: multipartSchema.optional().meta({
    description:
      "Counts the parts of `multipart/form-data` while the body passes. What exceeds a limit cuts the request to the origin server, which has received a part of it by then. Absent: none.",
  }),
});

/** Sizes are in bytes. */
export type FilterConfig = z.output<typeof filterSchema>;
export type JsonConfig = z.output<typeof jsonSchema>;
export type GraphqlConfig = z.output<typeof graphqlSchema>;
export type MultipartConfig = z.output<typeof multipartSchema>;

export const filterDeclaration = {
  facts: filterFacts,
  schema: filterSchema,
  description:
    "Refuses requests by their method, the type of their body, and the shape of bodies in JSON, GraphQL and `multipart/form-data`. It looks for no attacks: what it admits is well-formed and no larger than the route needs. Absent: nothing is refused.",
  calledElsewhere: {
    "": "waf request_filter body_filter request_limits",
    methods: "limit_except allowed_methods allow_methods",
    content_types: "content_type allowed_content_types mime_types",
    "graphql.max_depth": "depth depth_limit max_query_depth",
    "graphql.max_aliases": "aliases alias_limit",
    "graphql.max_root_fields": "root_fields",
    "graphql.max_directives": "directives",
    "graphql.max_tokens": "tokens token_limit",
    "json.max_depth": "depth nesting max_nesting",
    "json.max_keys": "keys max_members max_properties",
    "json.max_size": "size max_body_size max_bytes",
    "json.max_items": "max_array_length max_array",
    "json.max_string": "max_string_length",
    "multipart.max_parts": "parts max_files",
    "multipart.max_part_size": "max_file_size",
  },
  check,
} as const satisfies FeatureDeclaration;

function check(value: unknown, path: KeyPath): Finding[] {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return [];
  if (Object.keys(value).length === 0) return [warning(path, "it refuses nothing: it is empty", true)];
  const json = at(value, "json");
  const [all, text] = [bytesOf(at(json, "max_size") ?? "1MiB"), bytesOf(at(json, "max_string"))];
  if (all === null || text === null || text <= all) return [];
  return [warning([...path, "json", "max_string"], "no text can be as long: max_size is smaller")];
}
