/** Where to go after the sign-in: a path of this app, whatever the address says. */
export function pathAfterLogin(next: string | null): string {
  return next && /^\/(?![/\\])/.test(next) && !next.startsWith("/app/login") ? next : "/";
}
