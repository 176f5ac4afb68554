/** What a route is called wherever it is spoken of: messages, `check`, `explain`, logs and metrics. `#1` is an unnamed first route. */
export function routeLabel(route: { readonly name?: string | undefined }, index: number): string {
  return route.name ?? `#${index + 1}`;
}
