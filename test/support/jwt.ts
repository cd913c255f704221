const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");

/** A JWT with these claims, and with a signature that nobody checks. */
export const jwtOf = (claims: unknown): string =>
  `${part({ alg: "RS256", typ: "JWT" })}.${part(claims)}.c2ln`;
