/** Decodes the bodies of requests for upstreams. */
import { DIGESTS } from "../../http/content.ts";
import { ReplacedNames } from "../../http/replaced-names.ts";
import { BodyRefused } from "../../proxy/feature/body-stage.ts";
import type { FeatureContext } from "../../proxy/feature/feature.ts";
import type { Middleware } from "../../proxy/feature/middleware.ts";
import { answer } from "../../proxy/exchange/answers.ts";
import { DECODER_BYTES } from "./coder.ts";
import { CodingStage } from "./coding-stage.ts";
import { decodable } from "../../policy/compression/codings.ts";
import type { CompressionConfig } from "./schema.ts";
import { ThreadCoders } from "./thread-coders.ts";

const NAMES = [...DIGESTS, "content-encoding"];
const REMOVED = new ReplacedNames(NAMES, NAMES);

/** Below that size no ratio is looked at: a page of spaces is no attack. */
const SMALL_BYTES = 64 * 1024;

const BAD = new BodyRefused(answer(400, "decoded_body", "The body is not in the coding that Content-Encoding names."));
const TOO_LARGE = new BodyRefused(answer(413, "decoded_size", "The body is too large when it is decoded."));
const NO_MEMORY = new BodyRefused(answer(503, "decoded_memory", "No memory is left to decode the body.", [["Retry-After", "1"]]));

export function requestDecoding({ requests, max_memory: memoryMax }: CompressionConfig, context: FeatureContext): Middleware {
  const name = "compression-requests";
  if (requests === false) return { name };
  const coders = ThreadCoders.of(context);
  const { fine: clock } = context;
  const { max_size: bytesMax, max_ratio: ratioMax } = requests;
  return {
    name,
    onUpstreamRequest({ request, requestLength }, changes) {
      const coding = requestLength === 0 || !request.has("content-encoding") ? null : decodable(request.values("content-encoding"));
      if (coding === null) return null;
      changes.replaceLines(REMOVED, "");
      const bytes = DECODER_BYTES[coding];
      return new CodingStage(
        {
          clock,
          scratch: coders.scratch,
          noMemory: NO_MEMORY,
          take: () => (coders.reserve(bytes, memoryMax) ? coders.decoder(coding) : null),
          giveBack: (coder) => {
            coders.giveBack(coder, coding, -1);
            coders.release(bytes);
          },
          check: (taken, made) => (made > bytesMax || (made > SMALL_BYTES && made > Math.max(taken, 1) * ratioMax) ? TOO_LARGE : null),
          failure: () => BAD,
        },
        -1,
      );
    },
  };
}
