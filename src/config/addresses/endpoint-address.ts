/**
 * The host and port to connect to for the URL of an endpoint. An IPv6 address comes without its brackets; a URL without a port gets the
 * default port of its scheme.
 */
export function endpointAddress({ protocol, hostname, port }: URL): { readonly host: string; readonly port: number } {
  const host = hostname.startsWith("[") ? hostname.slice(1, -1) : hostname;
  return { host, port: port === "" ? (protocol === "https:" ? 443 : 80) : Number(port) };
}
