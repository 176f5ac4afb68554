/** What lines hold beyond the standard fields: the shape's inputs, for lines of fields. */
import type { FurtherField } from "../config/access-log/access-fields.ts";
import type { AccessInput } from "../config/access-log/access-shape.ts";
import type { AccessRecord } from "./access-record.ts";
import { inputIn } from "./access-values.ts";
import { bare, quoted } from "./log-escapes.ts";

/** Fields whose values are numbers in JSON. */
const NUMBERS: ReadonlySet<string> = new Set<FurtherField>(["asn", "input_tokens", "output_tokens"]);

type Named = Exclude<AccessInput, { kind: "variable" }>;

/** As members of a JSON object, a comma before each. Fields of heads are objects of their own, with names in lower case; what is missing is left out. */
export function furtherJson(record: AccessRecord): string {
  let json = "";
  const heads = { request_headers: "", response_headers: "" };
  eachInput(record, ({ kind, name }, value) => {
    if (kind === "field") json += NUMBERS.has(name) ? `,"${name}":${value}` : `,"${name}":"${quoted(value)}"`;
    else heads[kind] += `${heads[kind] === "" ? "" : ","}"${quoted(name)}":"${quoted(value)}"`;
  });
  if (heads.request_headers !== "") json += `,"request_headers":{${heads.request_headers}}`;
  if (heads.response_headers !== "") json += `,"response_headers":{${heads.response_headers}}`;
  return json;
}

/** As `name=value`, a space before each. */
export function furtherText(record: AccessRecord): string {
  let text = "";
  eachInput(record, ({ kind, name }, value) => (text += ` ${kind === "field" ? name : `${kind}.${name}`}=${bare(value)}`));
  return text;
}

function eachInput(record: AccessRecord, use: (input: Named, value: string) => void): void {
  const { inputs } = record.shape;
  for (const [position, input] of inputs.entries()) {
    const value = inputIn(record, input, position);
    if (value !== "" && input.kind !== "variable") use(input, value);
  }
}
