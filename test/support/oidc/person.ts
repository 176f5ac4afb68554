/** Somebody with a browser without scripts: follows redirects, keeps cookies by host, fills in forms. */
import { once } from "node:events";
import http from "node:http";

export interface Page {
  readonly url: URL;
  readonly status: number;
  readonly text: string;
}

const REDIRECTS_MAX = 10;

export class Person {
  /** Cookies by host and port. */
  readonly #jars = new Map<string, Map<string, string>>();

  /** Opens an address as if it was typed. @param stop does not follow the redirect to a URL that begins so, and returns it as the page's */
  get(url: string, headers: Record<string, string> = {}, stop = "\n"): Promise<Page> {
    return this.#open(new URL(url), "GET", "", { "sec-fetch-site": "none", ...headers }, stop);
  }

  /** Sends the form of a page, with `fields` in it. */
  submit(page: Page, fields: Record<string, string> = {}, stop = "\n"): Promise<Page> {
    const action = /<form[^>]*\baction="([^"]+)"/.exec(page.text)?.[1];
    if (action === undefined) throw new Error(`no form: ${page.status} ${page.text}`);
    const hidden = [...page.text.matchAll(/<input[^>]*type="hidden"[^>]*name="([^"]+)"[^>]*value="([^"]*)"/g)];
    const form = new URLSearchParams([
      ...hidden.map(([, name = "", value = ""]): [string, string] => [name, value]),
      ...Object.entries(fields),
    ]);
    return this.post(new URL(action, page.url).href, form.toString(), {}, stop);
  }

  post(url: string, body: string, headers: Record<string, string> = {}, stop = "\n"): Promise<Page> {
    const form = { "sec-fetch-site": "same-origin", "content-type": "application/x-www-form-urlencoded", ...headers };
    return this.#open(new URL(url), "POST", body, form, stop);
  }

  /** Passes the provider's pages as `name`, from the first to the one after the last. */
  async logIn(page: Page, name: string, stop?: string): Promise<Page> {
    const asksFor = (prompt: string): boolean => page.text.includes(`value="${prompt}"`);
    if (asksFor("login")) page = await this.submit(page, { login: name, password: "any" }, stop);
    if (asksFor("consent")) page = await this.submit(page, {}, stop);
    return page;
  }

  /** The cookies of a host, to look at and to change. */
  jar(url: string): Map<string, string> {
    const { host } = new URL(url);
    const jar = this.#jars.get(host) ?? new Map<string, string>();
    this.#jars.set(host, jar);
    return jar;
  }

  async #open(url: URL, method: string, body: string, headers: Record<string, string>, stop: string): Promise<Page> {
    for (let redirects = 0; redirects <= REDIRECTS_MAX; redirects++) {
      const page = await this.#request(url, method, body, headers);
      if (page.location === null) return page;
      const next = new URL(page.location, url);
      if (next.href.startsWith(stop)) return { url: next, status: page.status, text: "" };
      // As RFC 9110 says of 303, and browsers do after 302 as well.
      [method, body] = ["GET", ""];
      if (next.origin !== url.origin) headers = { ...headers, "sec-fetch-site": "cross-site" };
      url = next;
    }
    throw new Error(`more than ${REDIRECTS_MAX} redirects, the last one to ${url.href}`);
  }

  async #request(url: URL, method: string, body: string, headers: Record<string, string>): Promise<Page & { location: string | null }> {
    const jar = this.jar(url.href);
    const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join("; ");
    const own = { accept: "text/html", "sec-fetch-mode": "navigate", ...(cookie === "" ? {} : { cookie }) };
    const request = http.request(url, { method, headers: { ...own, ...headers }, agent: false });
    request.end(body);
    const [response] = (await once(request, "response")) as [http.IncomingMessage];
    const parts: Buffer[] = [];
    for await (const part of response) parts.push(part as Buffer);
    for (const line of response.headers["set-cookie"] ?? []) keep(jar, line);
    return { url, status: response.statusCode ?? 0, text: Buffer.concat(parts).toString(), location: response.headers.location ?? null };
  }
}

function keep(jar: Map<string, string>, line: string): void {
  const [pair = "", ...attributes] = line.split(/;\s*/);
  const [name, value] = [pair.slice(0, pair.indexOf("=")), pair.slice(pair.indexOf("=") + 1)];
  const over = attributes.some((attribute) => {
    const [key = "", what = ""] = attribute.split("=");
    return (key.toLowerCase() === "max-age" && Number(what) <= 0) || (key.toLowerCase() === "expires" && Date.parse(what) < Date.now());
  });
  if (over) jar.delete(name);
  else jar.set(name, value);
}
