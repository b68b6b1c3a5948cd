/** An error in the form of Stripe's API. */
export type Refused = Error & { status: number; detail: Record<string, unknown> }

export function refuse(
  status: number,
  detail: { type: string; message: string } & Record<string, unknown>,
): Refused {
  return Object.assign(new Error(detail.message), { status, detail })
}

export const isRefused = (error: unknown): error is Refused =>
  error instanceof Error && 'status' in error && 'detail' in error

export const invalid = (message: string, code?: string, param?: string) =>
  refuse(400, { type: 'invalid_request_error', message, ...(code && { code }), ...(param && { param }) })

export const missing = (object: string, id: string) =>
  refuse(404, {
    type: 'invalid_request_error',
    code: 'resource_missing',
    message: `No such ${object}: '${id}'`,
    param: object === 'payment_intent' ? 'intent' : 'id',
  })

export const declined = (
  code: string,
  declineCode: string,
  message: string,
  extra: Record<string, unknown>,
) => refuse(402, { type: 'card_error', code, decline_code: declineCode, message, ...extra })

export const broken = () =>
  refuse(500, { type: 'api_error', message: 'An unknown error occurred. (Simulated by the sandbox.)' })
