import { proxyError } from "./proxy-failure.ts";

/**
 * Writes names and values as multipart/form-data. Throws an Error with a code for a value that would begin a part of its own.
 * @param type the Content-Type, with the boundary
 */
export function multipart(type: string, form: object): string {
  const boundary = boundaryOf(type);
  let text = "";
  for (const [name, given] of Object.entries(form)) {
    const value = String(given);
    if (LINE_END.test(name)) throw refusal("FIELD_NAME", "a name of the form has a line end");
    if (LINE_END.test(value) || value.includes(`--${boundary}`))
      throw refusal("FIELD_VALUE", "a value of the form would begin a part of its own");
    const quoted = name.replace(/["\\]/g, String.raw`\$&`);
    text += `--${boundary}\r\nContent-Disposition: form-data; name="${quoted}"\r\n\r\n${value}\r\n`;
  }
  return text;
}

const LINE_END = /[\r\n]/;

function boundaryOf(type: string): string {
  const [, quoted, bare] = /(?:^|;)\s*boundary=(?:"([^"]+)"|([^;]+))/i.exec(type) ?? [];
  const boundary = (quoted ?? bare ?? type).trim();
  if (boundary === "" || LINE_END.test(boundary)) throw refusal("BOUNDARY", "the type of the form has no proper boundary");
  return boundary;
}

function refusal(code: string, message: string): Error {
  return proxyError(`HPM_ERR_INVALID_MULTIPART_${code}`, message);
}
