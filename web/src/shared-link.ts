/**
 * A link to one job. Enters: an address, and what the browser's history keeps of it. Leaves: the
 * job's id and the token that reads it. Pure.
 */

export interface SharedLink {
  readonly id: string;
  readonly token: string;
}

/**
 * The job and the token of a link; `undefined` where the address is another one. `state` is that of
 * the browser's history, in which `takeSharedLink` keeps the token for a reload.
 */
export function sharedLinkOf(
  { pathname, hash }: Pick<URL, "pathname" | "hash">,
  state: unknown,
): SharedLink | undefined {
  const id = /^\/app\/jobs\/([\w-]+)$/.exec(pathname)?.[1];
  const kept =
    typeof state === "object" && state !== null && "sharedToken" in state
      ? state.sharedToken
      : undefined;
  const token = new URLSearchParams(hash.slice(1)).get("token") ?? kept;
  return id && typeof token === "string" ? { id, token } : undefined;
}
