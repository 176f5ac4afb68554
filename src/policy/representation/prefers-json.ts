const MEMBER = /^[ \t]*([^;\s]+)[ \t]*(?:;.*?q=([01](?:\.[0-9]{0,3})?)[ \t]*)?(?:;.*)?$/i;
const JSON_TYPE = /^application\/(?:problem\+json|json|\*)$/i;
const HTML_TYPE = /^(?:text\/html|text\/\*|application\/xhtml\+xml)$/i;

/**
 * Whether a client that sends this Accept field wants JSON rather than a page: it names JSON, and does not like HTML better. Browsers that open a page do
 * not name JSON; a range of all types means anything.
 */
export function prefersJson(accept: string | undefined): boolean {
  if (accept === undefined) return false;
  let [json, html] = [0, 0];
  for (const member of accept.split(",")) {
    const [, type = "", weight = "1"] = MEMBER.exec(member) ?? [];
    if (JSON_TYPE.test(type)) json = Math.max(json, Number(weight));
    else if (HTML_TYPE.test(type)) html = Math.max(html, Number(weight));
  }
  return json > 0 && json >= html;
}
