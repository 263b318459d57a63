/** Pages: everything from this server only, and no script or style inside the page. */
export const pagePolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "form-action 'self'",
  "frame-ancestors 'none'",
  "base-uri 'none'",
].join('; ');

/** Pictures, downloads and assets: inert, even when somebody opens one by itself. */
export const inertPolicy = "default-src 'none'; sandbox; frame-ancestors 'none'";
