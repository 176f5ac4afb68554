/** The fields in which a service that was asked about a client may tell the upstream something (`forward.copy`). */

/**
 * Fields that clients send, and that the service may set for the upstream all the same: there they are replaced, on routes that name them. Every other copied
 * field is taken out of every client's request.
 */
const ALSO_OF_CLIENTS: readonly string[] = ["authorization", "cookie"];

/** @param name in lower case */
export function isAlsoOfClients(name: string): boolean {
  return ALSO_OF_CLIENTS.includes(name);
}

export interface CopiedField {
  /** What the upstream gets it as. */
  readonly name: string;
  /** What it is in the answer. */
  readonly from: string;
}

/** The names of the copied fields that are taken from no client, in lower case. */
export function reservedCopies(copy: readonly CopiedField[]): readonly string[] {
  return copy.map(({ name }) => name.toLowerCase()).filter((name) => !isAlsoOfClients(name));
}

/** The names, in lower case, under which the upstream gets the fields of `copy` as it stands in a file: a list, or a mapping. */
export function copiedNames(copy: unknown): readonly string[] {
  const names: readonly unknown[] = Array.isArray(copy) ? copy : typeof copy === "object" && copy !== null ? Object.keys(copy) : [];
  return names.flatMap((name) => (typeof name === "string" ? [name.toLowerCase()] : []));
}
