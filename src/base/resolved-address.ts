/** One IP address that a name resolves to, as Node writes it: without brackets. */
export interface ResolvedAddress {
  readonly address: string;
  readonly family: 4 | 6;
}
