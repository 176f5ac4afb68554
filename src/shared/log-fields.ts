/** Further keys of a line of the application log. They must not hold secrets. */
export type LogFields = Readonly<Record<string, string | number | boolean>>;
