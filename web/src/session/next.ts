/**
 * Where to go after the sign-in: a path of this app, whatever the address says. Browsers take
 * white space out of an address, and what is left may begin with two slashes.
 */
export function pathAfterLogin(next: string | null): string {
  return next && /^\/(?![/\\\s])/.test(next) && !next.startsWith("/app/login") ? next : "/";
}
