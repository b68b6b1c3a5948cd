import Stripe from 'stripe'
import type { Deps } from '../../context'
import { AppError } from '../../errors'
import { readBodyText } from '../../lib/request'
import { storeEvent } from '../../services/payments/stripe-events'
import { jsonAnswer } from '../answers'
import type { Handler, Route } from '../pipeline'

/** Maximum age of a signature; Stripe's default. */
const TOLERANCE_SECONDS = 300
/** Far above the size of any Stripe event. */
const MAX_BYTES = 512 * 1024

/**
 * Receives Stripe events at `/webhooks/stripe` and `/webhook`. Responds with 200 once the event is stored; a job processes
 * it.
 */
export function stripeRoutes(deps: Deps): Route[] {
  const handle: Handler = async (request) => {
    await storeEvent(deps, await verifiedEvent(deps, request))
    return jsonAnswer({ received: true })
  }
  return [
    { method: 'POST', path: '/webhooks/stripe', handle },
    { method: 'POST', path: '/webhook', handle },
  ]
}

/**
 * Forwards calls of browsers at `/sandbox/stripe/v1/…` to the sandbox, with the publishable key. The secret key is accepted
 * only by the sandbox's own port on loopback.
 */
export function stripeSandboxRoutes({ stripe: { sandbox, publishableKey } }: Deps): Route[] {
  if (!sandbox) return []
  const handle: Handler = async (request) => {
    const url = new URL(request.url)
    url.pathname = url.pathname.replace(/^\/sandbox\/stripe/, '')
    const headers = { authorization: `Bearer ${publishableKey}` }
    const body = request.method === 'GET' ? undefined : await readBodyText(request)
    return sandbox(
      new Request(url.href, { method: request.method, headers, ...(body !== undefined && { body }) }),
    )
  }
  return [
    { method: 'GET', path: '/sandbox/stripe/*', handle },
    { method: 'POST', path: '/sandbox/stripe/*', handle },
  ]
}

/** @throws VALIDATION without a recent signature by one of our webhook secrets */
async function verifiedEvent({ stripe }: Deps, request: Request): Promise<Stripe.Event> {
  const signature = request.headers.get('stripe-signature')
  const body = await readBodyText(request)
  if (!signature || body.length > MAX_BYTES) throw unsigned()
  for (const secret of stripe.webhookSecrets) {
    const event = await Stripe.webhooks
      .constructEventAsync(body, signature, secret, TOLERANCE_SECONDS)
      .catch(() => undefined)
    if (event && isEvent(event)) return event
  }
  throw unsigned()
}

const isEvent = ({ id, type, data }: Partial<Stripe.Event>): boolean =>
  typeof id === 'string' &&
  /^evt_\w{1,100}$/.test(id) &&
  typeof type === 'string' &&
  type.length <= 100 &&
  typeof data?.object === 'object' &&
  data.object !== null

const unsigned = () => new AppError('VALIDATION', 'The Stripe signature is missing, wrong or too old.')
