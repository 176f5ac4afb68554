/** Media types by the ending of a file's name. */

/** Types whose files are mostly texts, for which smaller copies (`app.js.br`) are worth looking for. */
const TEXTS: Readonly<Record<string, string>> = {
  atom: "application/atom+xml",
  css: "text/css",
  csv: "text/csv",
  geojson: "application/geo+json",
  htm: "text/html",
  html: "text/html",
  ics: "text/calendar",
  js: "text/javascript",
  json: "application/json",
  jsonld: "application/ld+json",
  map: "application/json",
  markdown: "text/markdown",
  md: "text/markdown",
  mjs: "text/javascript",
  ndjson: "application/x-ndjson",
  rss: "application/rss+xml",
  svg: "image/svg+xml",
  toml: "application/toml",
  txt: "text/plain",
  vcf: "text/vcard",
  vtt: "text/vtt",
  webmanifest: "application/manifest+json",
  xhtml: "application/xhtml+xml",
  xml: "application/xml",
  yaml: "application/yaml",
  yml: "application/yaml",
};

/** No texts, but not compressed either. */
const COMPRESSIBLE: Readonly<Record<string, string>> = {
  bmp: "image/bmp",
  eot: "application/vnd.ms-fontobject",
  ico: "image/vnd.microsoft.icon",
  otf: "font/otf",
  ttf: "font/ttf",
  wasm: "application/wasm",
};

/** Types that are compressed by their own means. */
const COMPRESSED: Readonly<Record<string, string>> = {
  "7z": "application/x-7z-compressed",
  aac: "audio/aac",
  apk: "application/vnd.android.package-archive",
  apng: "image/apng",
  avif: "image/avif",
  bin: "application/octet-stream",
  br: "application/octet-stream",
  bz2: "application/x-bzip2",
  docx: "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
  epub: "application/epub+zip",
  flac: "audio/flac",
  gif: "image/gif",
  gz: "application/gzip",
  heic: "image/heic",
  iso: "application/octet-stream",
  jar: "application/java-archive",
  jpeg: "image/jpeg",
  jpg: "image/jpeg",
  jxl: "image/jxl",
  m4a: "audio/mp4",
  m4v: "video/mp4",
  mkv: "video/matroska",
  mov: "video/quicktime",
  mp3: "audio/mpeg",
  mp4: "video/mp4",
  mpeg: "video/mpeg",
  mpg: "video/mpeg",
  odt: "application/vnd.oasis.opendocument.text",
  ogg: "audio/ogg",
  ogv: "video/ogg",
  opus: "audio/ogg",
  pdf: "application/pdf",
  png: "image/png",
  pptx: "application/vnd.openxmlformats-officedocument.presentationml.presentation",
  rar: "application/vnd.rar",
  rtf: "application/rtf",
  tar: "application/x-tar",
  tgz: "application/gzip",
  tif: "image/tiff",
  tiff: "image/tiff",
  ts: "video/mp2t",
  wav: "audio/wav",
  weba: "audio/webm",
  webm: "video/webm",
  webp: "image/webp",
  woff: "font/woff",
  woff2: "font/woff2",
  xlsx: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
  xz: "application/x-xz",
  zip: "application/zip",
  zst: "application/zstd",
};

const TYPES: Readonly<Record<string, string>> = { ...TEXTS, ...COMPRESSIBLE, ...COMPRESSED };

/**
 * The value of Content-Type for a file of that name; null: its ending is not known. Texts are said to be in UTF-8, but not JSON, which has no
 * parameter `charset` (RFC 8259 section 11).
 */
export function mediaTypeOf(file: string): string | null {
  const type = TYPES[endingOf(file)];
  if (type === undefined) return null;
  return /^text\/|[/+]xml$|javascript$/.test(type) ? `${type}; charset=utf-8` : type;
}

/** Whether a file of that name becomes much smaller when it is compressed. */
export function isCompressible(file: string): boolean {
  const ending = endingOf(file);
  return Object.hasOwn(TEXTS, ending) || Object.hasOwn(COMPRESSIBLE, ending);
}

/** In lower case; "": there is none. A name such as `constructor` must find nothing. */
function endingOf(file: string): string {
  const ending = /[^/]\.([A-Za-z0-9]+)$/.exec(file)?.[1]?.toLowerCase() ?? "";
  return Object.hasOwn(TYPES, ending) ? ending : "";
}
