/** Media types of texts by the ending of their file. */
const TYPES: Readonly<Record<string, string>> = {
  css: "text/css",
  csv: "text/csv",
  htm: "text/html",
  html: "text/html",
  js: "text/javascript",
  json: "application/json",
  md: "text/markdown",
  mjs: "text/javascript",
  svg: "image/svg+xml",
  webmanifest: "application/manifest+json",
  xml: "application/xml",
};

/** `text/plain` for an ending that is not known. JSON has no parameter `charset` (RFC 8259 section 11). */
export function typeOfFile(file: string): string {
  const type = TYPES[/\.([A-Za-z0-9]+)$/.exec(file)?.[1]?.toLowerCase() ?? ""] ?? "text/plain";
  return type.endsWith("json") ? type : `${type}; charset=utf-8`;
}
