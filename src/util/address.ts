/** `host:port`, with brackets around an IPv6 address. */
export const formatAddress = (at: { readonly host: string; readonly port: number }): string =>
  at.host.includes(":") ? `[${at.host}]:${at.port}` : `${at.host}:${at.port}`;

/** Addresses that never leave this machine. */
export const isLoopback = (host: string): boolean =>
  /^(localhost|127(\.\d{1,3}){3}|::1|0:0:0:0:0:0:0:1)$/i.test(host);
