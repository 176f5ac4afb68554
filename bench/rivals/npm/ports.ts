/** The arguments of every program of this folder: `PROGRAM PORT ORIGIN_PORT`. */
export function readPorts(): { readonly port: number; readonly origin: string } {
  const [port = Number.NaN, originPort = Number.NaN] = process.argv.slice(2).map(Number);
  if (Number.isNaN(port + originPort)) throw new Error("usage: PROGRAM PORT ORIGIN_PORT");
  return { port, origin: `http://127.0.0.1:${originPort}` };
}
