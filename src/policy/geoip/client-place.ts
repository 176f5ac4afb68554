/** Where a client is, as databases say of its address. */
export interface ClientPlace {
  /** The two letters of its country (ISO 3166-1); "": not known, or the route has no `geoip_file`. */
  readonly country: string;
  /** The number of its autonomous system; 0: not known, or the route has no `asn_file`. */
  readonly asn: number;
}
