import type { OutgoingMessage } from "node:http";
import type { FieldPair } from "../../http/field-pairs.ts";

/** The fields that were set in a message of Node's, line by line, with their names as they were spelled. */
export function spelledFields(message: OutgoingMessage): FieldPair[] {
  return spelledNames(message).flatMap((name) => {
    const value = message.getHeader(name);
    return value === undefined ? [] : [value].flat().map((each): FieldPair => [name, String(each)]);
  });
}

/** Node has this method for all messages, and its types have it for some. */
function spelledNames(message: OutgoingMessage): readonly string[] {
  const read: unknown = Reflect.get(message, "getRawHeaderNames");
  const names: unknown = typeof read === "function" ? Reflect.apply(read, message, []) : [];
  return Array.isArray(names) ? names.map(String) : [];
}
