import type { FieldSection } from "../http/field-section.ts";

/** Converts the fields of a head to the `Headers` of the Fetch standard. */
export function headersOf(fields: FieldSection): Headers {
  const headers = new Headers();
  for (let index = 0; index < fields.count; index++) headers.append(fields.name(index), fields.value(index));
  return headers;
}
