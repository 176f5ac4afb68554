/** The stores of a configuration that have one type. */
export function storesOf<Store extends { readonly type: string }, Type extends Store["type"]>(
  stores: Readonly<Record<string, Store>>,
  type: Type,
): Record<string, Extract<Store, { type: Type }>> {
  return Object.fromEntries(Object.entries(stores).filter(([, store]) => store.type === type)) as Record<
    string,
    Extract<Store, { type: Type }>
  >;
}
