/** The key `compression` of a route: its schema, texts and checks. */
import { z } from "zod";
import type { FeatureDeclaration } from "../../values/declaration.ts";
import { CODINGS } from "../../policy/compression/codings.ts";
import { at, warning } from "../../values/finding.ts";
import type { Finding, KeyPath } from "../../values/finding.ts";
import { mediaRange } from "../../values/media-range.ts";
import { duration, size, wholeNumber } from "../../values/scalars.ts";
import { compressionFacts } from "./facts.ts";

const coding = z.enum(CODINGS, { error: "expected zstd, br or gzip" }).meta({ title: "`zstd`, `br` or `gzip`" });

/** Types that become much smaller. */
const TYPES = [
  "text/*",
  "application/json",
  "application/*+json",
  "application/javascript",
  "application/xml",
  "application/*+xml",
  "application/x-ndjson",
  "application/graphql",
  "application/yaml",
  "application/wasm",
  "application/vnd.ms-fontobject",
  "font/otf",
  "font/ttf",
  "image/svg+xml",
  "image/bmp",
  "image/vnd.microsoft.icon",
  "image/x-icon",
];

const levels = z.strictObject({
  zstd: wholeNumber({ min: 1, max: 19 }).default(3).meta({ description: "Level of zstd." }),
  br: wholeNumber({ min: 0, max: 11 }).default(4).meta({ description: "Quality of Brotli. From 5 on it takes several times as long." }),
  gzip: wholeNumber({ min: 1, max: 9 }).default(5).meta({ description: "Level of gzip." }),
});

const requests = z.strictObject({
  max_size: size({ min: 1, max: Number.MAX_SAFE_INTEGER }).prefault("10MiB").meta({
    description: "Bytes of a decoded body. What is larger is answered 413, and the request to the upstream is cut.",
  }),
  max_ratio: wholeNumber({ min: 2, max: 100_000 }).default(100).meta({
    description: "How many times as large as what was sent a decoded body may be; counted from 64 KiB on.",
  }),
});

const settings = z.strictObject({
  encodings: z
    .array(coding)
    .min(1, { error: "expected at least one coding" })
    .default([...CODINGS])
    .meta({ description: "Codings that clients may get, the best first: it decides among those that a client likes equally well." }),
  levels: levels.prefault({}).meta({ description: "How hard each coding tries: higher is smaller and slower." }),
  types: z.array(mediaRange).min(1, { error: "expected at least one type" }).default(TYPES).meta({
    description:
      "Media types that are compressed. `image/*` stands for all images, `application/*+json` for all types of JSON. Stars leave out what is compressed by its own means, such as JPEG, video, archives and WOFF; name it without a star if you mean it.",
  }),
  min_size: size({ min: 0, max: 1024 * 1024 * 1024 })
    .prefault("1KiB")
    .meta({
      description: "Responses that say they are smaller pass as they are. What does not say its length is compressed.",
    }),
  flush_after: duration({ min: 1, max: 10_000 }).prefault("5ms").meta({
    description:
      "How long bytes of the origin may wait in the compressor when no more follow. Server-sent events and lines of JSON do not wait at all.",
  }),
  max_delay: duration({ min: 5, max: 60_000 }).prefault("50ms").meta({
    description:
      "How late the thread may be in its work before all responses pass uncompressed. From half of it on, they are compressed at the lowest level, and more and more of them pass.",
  }),
  max_memory: size({ min: 1024 * 1024, max: Number.MAX_SAFE_INTEGER })
    .prefault("64MiB")
    .meta({
      description:
        "Memory that compressors and decoders of one thread may take together. Beyond it responses pass as they are, and requests that are to be decoded get 503. A response takes 0.4 MiB with gzip, 1.6 MiB with Brotli and 1.4 MiB with zstd, at the default levels.",
    }),
  breach_guard: z.boolean().default(true).meta({
    description:
      "Whether answers pass uncompressed to requests with cookies or `Authorization` that another site has had a browser send. Else such a site could find out secrets in pages by their compressed length, where a page repeats what the request says.",
  }),
  decompress: z.boolean().default(false).meta({
    description: "Whether responses that come compressed in zstd, br or gzip are decoded for clients that do not take that coding.",
  }),
  requests: z
    .union([z.boolean(), requests])
    .default(false)
    .transform((given) => (given === true ? requests.parse({}) : given))
    .meta({
      description:
        "Whether bodies of requests that come compressed are decoded for the upstream. `true` stands for the defaults of `max_size` and `max_ratio`.",
    }),
});

/** `true` stands for the defaults. */
export const compressionSchema = z.union([z.literal(true), settings]).transform((given) => (given === true ? settings.parse({}) : given));

/** Sizes are in bytes, durations in milliseconds. */
export type CompressionConfig = z.output<typeof compressionSchema>;

export const compressionDeclaration = {
  facts: compressionFacts,
  schema: compressionSchema,
  description:
    "Compresses responses for clients that take it, and can decode responses and requests. `true` stands for the defaults. It acts after all other middleware, so that these see bodies as the origin sends them. Absent: bodies pass as they come.",
  calledElsewhere: {
    "": "gzip brotli zstd compress compressor encode deflate",
    encodings: "algorithms algo algo_res",
    levels: "level gzip_comp_level comp_level brotli_comp_level",
    types: "gzip_types brotli_types type content_types included_content_types",
    min_size: "gzip_min_length min_length minimum_length min_response_body_bytes",
  },
  check,
} as const satisfies FeatureDeclaration;

function check(value: unknown, path: KeyPath): Finding[] {
  const encodings: unknown = at(value, "encodings");
  if (!Array.isArray(encodings)) return [];
  const twice = encodings.findIndex((each, index) => encodings.indexOf(each) < index);
  return twice < 0 ? [] : [warning([...path, "encodings", twice], "it is there already", true)];
}
