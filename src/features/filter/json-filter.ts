import type { Buffer } from "node:buffer";
import { scanJson } from "../../policy/filter/scan-json.ts";
import type { JsonLimits } from "../../policy/filter/scan-json.ts";
import type { LocalAnswer } from "../../proxy/local-answer.ts";
import { jsonRefused } from "./refusals.ts";
import { JSON_DEFAULTS } from "../../policy/filter/json-defaults.ts";
import type { JsonConfig } from "./schema.ts";

/** Judges bodies in JSON. */
export class JsonFilter {
  readonly bytesMax: number;
  private readonly config: JsonConfig;
  private readonly limits: JsonLimits;

  /**
   * @param given absent where only `graphql` is there
   * @param isGraphql whether names must differ, whatever is said: else a service could execute another document than is judged
   */
  constructor(given: JsonConfig = JSON_DEFAULTS, isGraphql: boolean = false) {
    const { max_size, max_depth, max_keys, max_string = Infinity, max_items = Infinity, duplicate_keys } = given;
    this.config = given;
    this.bytesMax = max_size;
    this.limits = { depth: max_depth, keys: max_keys, stringBytes: max_string, items: max_items, duplicates: duplicate_keys && !isGraphql };
  }

  judge(body: Buffer): LocalAnswer | null {
    const fault = scanJson(body, this.limits);
    return fault === null ? null : jsonRefused(fault, this.config);
  }
}
