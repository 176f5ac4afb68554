/**
 * What `typ` of the tokens says that the proxy makes for upstreams (RFC 8725 section 3.11). By it they are told from tokens of clients: an application must not
 * take one for the other, and the proxy takes none of them from clients.
 */
export const INTERNAL_TYPE = "internal+jwt";
