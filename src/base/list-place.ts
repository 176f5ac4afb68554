/** A list that a configuration names. One file may be read in both ways. */
export interface ListPlace {
  /** Absolute. */
  readonly path: string;
  /** Whether its blocks have factors. */
  readonly isRated: boolean;
}

/** A text that no other list has. */
export function listId({ path, isRated }: ListPlace): string {
  return isRated ? `factors ${path}` : path;
}

/** The path of the list with that id. */
export function listPath(id: string): string {
  return id.replace(/^factors /, "");
}
