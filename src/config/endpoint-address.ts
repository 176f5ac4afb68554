/** Where the URL of an endpoint leads: a host without the brackets of an IPv6 address, and a port, which is the scheme's own where none is given. */
export function endpointAddress({ protocol, hostname, port }: URL): { readonly host: string; readonly port: number } {
  const host = hostname.startsWith("[") ? hostname.slice(1, -1) : hostname;
  return { host, port: port === "" ? (protocol === "https:" ? 443 : 80) : Number(port) };
}
