/** What holds for JSON unless `filter.json` says otherwise. Without the schema, because threads do not load it. */
export const JSON_DEFAULTS = {
  max_size: 1024 ** 2,
  max_depth: 32,
  max_keys: 10_000,
  duplicate_keys: false,
} as const;
