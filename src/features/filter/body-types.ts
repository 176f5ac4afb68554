/** Which types bodies may have, and which of them `filter` judges. */
import { isInRange } from "../../http/media-range.ts";
import type { FilterConfig } from "./schema.ts";

const JSON_TYPES = ["application/json", "text/json", "application/*+json"];
const GRAPHQL = "application/graphql";
const PARTS = "multipart/form-data";

/** Types are in lower case, without parameters. */
export class BodyTypes {
  /** Null: all. With stars, as in `image/*` and `application/*+json`. */
  readonly admitted: readonly string[] | null;
  private readonly judgesJson: boolean;
  private readonly judgesGraphql: boolean;
  private readonly judgesParts: boolean;

  constructor({ content_types, json, graphql, multipart }: FilterConfig) {
    this.judgesGraphql = graphql !== undefined;
    this.judgesJson = json !== undefined || this.judgesGraphql;
    this.judgesParts = multipart !== undefined;
    this.admitted = content_types ?? this.judged();
  }

  /** Where the configuration does not say, the types that are judged are admitted, so that no body passes by a wrong name. */
  private judged(): readonly string[] | null {
    const types = [...(this.judgesJson ? JSON_TYPES : []), ...(this.judgesGraphql ? [GRAPHQL] : []), ...(this.judgesParts ? [PARTS] : [])];
    return types.length === 0 ? null : types;
  }

  admits(type: string): boolean {
    return this.admitted === null || this.admitted.some((each) => isInRange(type, each));
  }

  /** How a body of that type is judged; null: not at all. */
  kindOf(type: string): "json" | "graphql" | "parts" | null {
    if (this.judgesJson && (type === "application/json" || type === "text/json" || type.endsWith("+json"))) return "json";
    if (this.judgesGraphql && type === GRAPHQL) return "graphql";
    return this.judgesParts && type === PARTS ? "parts" : null;
  }
}
