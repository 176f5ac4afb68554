/** A file about addresses that a configuration names. One file may be read in several ways. */
export interface AddressFile {
  /** A list of blocks, without or with factors, or a database of countries or autonomous systems. */
  readonly kind: "list" | "rated" | "country" | "asn";
  /** Absolute in a checked configuration. */
  readonly path: string;
}

/** A text that no other file has that is read in the same way. */
export function addressFileId({ kind, path }: AddressFile): string {
  return `${kind} ${path}`;
}
