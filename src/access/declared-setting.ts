/** What one decorator declares about a route. */
export type RouteSetting = Readonly<Record<string, unknown>>;
