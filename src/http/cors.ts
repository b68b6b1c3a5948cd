const METHODS = 'GET, POST, PUT, PATCH, DELETE'
const REQUEST_HEADERS = 'authorization, content-type, idempotency-key, x-request-id, trpc-accept'
const RESPONSE_HEADERS = 'x-request-id, retry-after, ratelimit, ratelimit-policy'
const MAX_AGE_SECONDS = 86_400

/**
 * Cross-origin access for the origins of CORS_ORIGINS, without credentials: clients send their token in a header.
 * @param origins `*` allows every origin
 */
export function createCors(origins: string[]) {
  const allowsAll = origins.includes('*')
  const isAllowed = (origin: string) => allowsAll || origins.includes(origin)

  /** Adds the headers that let a page of an allowed origin read the response. */
  function allow(request: Request, headers: Headers): void {
    const origin = request.headers.get('origin')
    if (origin === null) return
    const vary = headers.get('vary')
    if (!vary?.toLowerCase().includes('origin')) headers.set('vary', vary ? `${vary}, Origin` : 'Origin')
    if (!isAllowed(origin)) return
    headers.set('access-control-allow-origin', origin)
    headers.set('access-control-expose-headers', RESPONSE_HEADERS)
  }

  /** Answers an OPTIONS request. `allow` adds the origin. */
  function preflight(request: Request): Response {
    const origin = request.headers.get('origin')
    const headers = {
      vary: 'Origin',
      ...(origin !== null &&
        isAllowed(origin) && {
          'access-control-allow-methods': METHODS,
          'access-control-allow-headers': REQUEST_HEADERS,
          'access-control-max-age': String(MAX_AGE_SECONDS),
        }),
    }
    return new Response(null, { status: 204, headers })
  }

  return { allow, preflight }
}
