/**
 * Which URLs of a certificate authority's answers are asked. The authority names the addresses of its accounts, orders and challenges itself. One that
 * is hostile, or was broken into, must not lead this process to what only it can reach: services of the machine and of the network that it is in.
 *
 * So a URL must be https (http only where the operator has written http for the directory), and, unless it is on the directory's own host, its host must
 * be a name with a dot: no IP address, no `localhost`, no short name of a local network.
 */
import { AcmeFault, shown } from "./acme-error.ts";

/** The URL itself. Throws when it is not one to be asked. @param what names it in the message */
export function admittedUrl(url: string, directory: string, what: string): string {
  const refused = new AcmeFault(`the authority names ${shown(url)} as ${what}, which is not asked`);
  if (!URL.canParse(url) || url.length > 2048) throw refused;
  const [asked, own] = [new URL(url), new URL(directory)];
  const isSecure = asked.protocol === "https:" || (asked.protocol === "http:" && own.protocol === "http:");
  if (!isSecure || asked.username !== "" || asked.password !== "") throw refused;
  if (asked.hostname === own.hostname || isPublicName(asked.hostname)) return url;
  throw refused;
}

function isPublicName(host: string): boolean {
  return /^[a-z0-9_-]+(?:\.[a-z0-9_-]+)*\.[a-z][a-z0-9-]*$/.test(host) && !/\.(?:localhost|local|internal|home\.arpa)$/.test(host);
}
