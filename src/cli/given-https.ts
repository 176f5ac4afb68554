/** An address such as `https://app.localhost`, from the command line: a listener with certificates of the local authority. */
import { LOCAL_NAMES_TEXT, isLocalName } from "../base/local-names.ts";
import { checked } from "./given-addresses.ts";
import { listenAddress } from "../values/texts.ts";

/** The address to listen on and the URL to open, or what is wrong. */
export type GivenHttps =
  | { readonly address: string; readonly url: string; readonly problem?: undefined }
  | { readonly url?: undefined; readonly problem: string };

const HTTPS_PORT = 443;

/** Null: the text is no URL of HTTPS. */
export function givenHttps(text: string): GivenHttps | null {
  if (!/^https:/i.test(text)) return null;
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || url.pathname !== "/" || `${url.search}${url.hash}${url.username}${url.password}` !== "" || /[?#@]/.test(text))
    return { problem: "expected https://HOST or https://HOST:PORT, such as https://app.localhost" };
  // The URL has an IPv6 address in brackets.
  const name = url.hostname.replace(/^\[(.*)\]$/, "$1").replace(/\.$/, "");
  if (!isLocalName(name)) return { problem: `${FOREIGN}; ${ELSEWHERE}` };
  const address = checked(listenAddress, `${hostOf(name)}:${url.port === "" ? HTTPS_PORT : url.port}`);
  return address.problem === undefined ? { address: address.value, url: url.href } : { problem: address.problem };
}

const FOREIGN = `there are certificates for ${LOCAL_NAMES_TEXT} only`;
const ELSEWHERE =
  "a site of the internet needs a configuration file with tls.certificates or tls.acme (docs/tls.md), which can begin with millrace proxy :443 TARGET --print";

/** Names below localhost are loopback, though not every system looks them up. For other names a listener asks the system. */
function hostOf(name: string): string {
  if (name === "localhost" || name.endsWith(".localhost")) return "localhost";
  return name.includes(":") ? `[${name}]` : name;
}
