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

/** The names of the copied fields that are taken from no client, in lower case. */
export function reservedCopies(copy: readonly string[]): readonly string[] {
  return copy.map((name) => name.toLowerCase()).filter((name) => !isAlsoOfClients(name));
}
