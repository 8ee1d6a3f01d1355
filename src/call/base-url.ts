import type { ResolvedOptions } from "../config/resolved-options.ts";

/** The URL that paths of methods follow. `authority`: a host, or "host:port". */
export function baseUrl({ tls, pathPrefix }: Pick<ResolvedOptions, "tls" | "pathPrefix">, authority: string): string {
  return `${tls === false ? "http" : "https"}://${authority}${pathPrefix}`;
}
