/**
 * The name of a route in messages, `check`, `explain`, logs and metrics: its `name`, or its position, where `#1` is the first route.
 * @param index position from 0
 */
export function routeLabel(route: { readonly name?: string | undefined }, index: number): string {
  return route.name ?? `#${index + 1}`;
}
