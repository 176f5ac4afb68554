/** What a name leads to: an address as Node writes it, without brackets. */
export interface ResolvedAddress {
  readonly address: string;
  readonly family: 4 | 6;
}
