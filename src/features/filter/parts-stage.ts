/** Counts the parts of a body while it passes. */
import { Buffer } from "node:buffer";
import type { BodyLength } from "../../http/body-length.ts";
import { parameterOf } from "../../http/content-type.ts";
import type { ContentType } from "../../http/content-type.ts";
import { PartCounter, isBoundary } from "../../policy/filter/count-parts.ts";
import type { PartsFault } from "../../policy/filter/count-parts.ts";
import { BodyRefused } from "../../proxy/feature/body-stage.ts";
import type { BodyStage, StageOutput } from "../../proxy/feature/body-stage.ts";
import { partsRefused } from "./refusals.ts";
import type { MultipartConfig } from "./schema.ts";

/** Null: the type has no boundary, or several. */
export function boundaryOf(type: ContentType): string | null {
  const boundary = parameterOf(type, "boundary");
  return boundary !== null && isBoundary(boundary) ? boundary : null;
}

/** Passes a body on as it is. Of the bytes in which it exceeds a limit, and of all after them, nothing is passed on. */
export function partsStage(boundary: string, config: MultipartConfig, length: BodyLength): BodyStage {
  const { max_parts, max_part_size = Infinity, max_part_head } = config;
  const counter = new PartCounter(boundary, { parts: max_parts, partBytes: max_part_size, headBytes: max_part_head });
  let out: StageOutput | null = null;
  const refuse = (fault: PartsFault): void => out?.fail(new BodyRefused(partsRefused(fault, config)));
  return {
    length,
    start: (output) => void (out = output),
    data(bytes, start, end) {
      const fault = counter.add(bytes, start, end);
      if (fault === null) out?.write(Buffer.from(bytes.subarray(start, end)));
      else refuse(fault);
    },
    end(trailers) {
      const fault = counter.end();
      if (fault === null) out?.end(trailers);
      else refuse(fault);
    },
  };
}
