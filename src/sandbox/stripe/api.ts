import { createHash } from 'node:crypto'
import { cardOf } from './cards'
import { group, list, metadata, number, type Params, readForm, text } from './form'
import {
  authenticate,
  type Call,
  cancelIntent,
  captureIntent,
  confirmIntent,
  createIntent,
  find,
  updateIntent,
} from './intents'
import { newCustomer, newDispute, newEvent, newId, newPaymentMethod } from './objects'
import { createRefund, settleRefund } from './refunds'
import { broken, invalid, isRefused, missing, refuse } from './refusals'
import type { Session, Store, Thing } from './store'

export type Keys = { secretKey: string | null; publishableKey: string }
type Answer = { status: number; body: unknown }
/** The outcome of a call that changes data: see `Faults`. */
export type CallFate = 'fine' | 'fails_before' | 'fails_after' | 'answer_lost'

type ApiDeps = {
  store: Store
  keys: Keys
  fateOf: () => CallFate
  emitEvent: (session: Session, event: Thing) => Promise<void>
}

const COLLECTIONS: Record<string, string> = {
  payment_intents: 'payment_intent',
  charges: 'charge',
  refunds: 'refund',
  customers: 'customer',
  payment_methods: 'payment_method',
  events: 'event',
  disputes: 'dispute',
}

/** The parts of Stripe's API that the server and the web app use. */
export function createApi(deps: ApiDeps) {
  return async function answer(request: Request): Promise<Response> {
    const url = new URL(request.url)
    const requestId = newId('req')
    const headers = { 'request-id': requestId, 'access-control-allow-origin': '*' }
    try {
      const { secret } = authorize(request, deps.keys)
      const params = readForm(request.method === 'GET' ? url.search.slice(1) : await request.text())
      const path = url.pathname.replace(/^\/v1\//, '').split('/')
      if (request.method === 'GET') {
        const body = await deps.store.session((session) =>
          expanded(session, params, read({ session, params, secret, emit: nothing }, path)),
        )
        return Response.json(body, { headers })
      }
      const fate = deps.fateOf()
      if (fate === 'fails_before') throw broken()
      const result = await change(deps, request, path, params, secret, fate)
      // The call has taken effect, but its response is cut off.
      if (fate === 'answer_lost') return new Response('{"id":', { status: 500, headers })
      return Response.json(result.body, { status: result.status, headers })
    } catch (error) {
      if (!isRefused(error)) throw error
      return Response.json({ error: error.detail }, { status: error.status, headers })
    }
  }

  /** Runs a call that changes data in one transaction and stores the response for its idempotency key. */
  async function change(
    { store, emitEvent }: ApiDeps,
    request: Request,
    path: string[],
    params: Params,
    secret: boolean,
    fate: CallFate,
  ): Promise<Answer> {
    const key = request.headers.get('idempotency-key')
    const fingerprint = createHash('sha256')
      .update(`${request.method} ${path.join('/')} ${JSON.stringify(params)}`)
      .digest('hex')
    return store.session(async (session) => {
      const earlier = key ? await session.findAnswer(key) : undefined
      if (earlier && earlier.fingerprint !== fingerprint)
        throw refuse(400, {
          type: 'idempotency_error',
          message: `Keys for idempotent requests can only be used with the same parameters they were first used with. Try using a key other than '${key}' if you meant to execute a different request.`,
        })
      if (earlier) return earlier
      const emit = (type: string, object: Thing) =>
        emitEvent(session, newEvent(type, object, request.headers.get('stripe-version')))
      const call: Call = { session, params, secret, emit }
      let result: Answer
      try {
        result = { status: 200, body: await expanded(session, params, write(call, request.method, path)) }
      } catch (error) {
        if (!isRefused(error)) throw error
        result = { status: error.status, body: { error: error.detail } }
      }
      // As at Stripe: a response with status 500 is stored for the key, so a retry repeats it.
      if (fate === 'fails_after') result = { status: 500, body: { error: broken().detail } }
      if (key && result.status !== 400 && result.status !== 404)
        await session.storeAnswer(key, { fingerprint, ...result })
      return result
    })
  }
}

const nothing = async () => {}

async function read(call: Call, [collection = '', id, sub]: string[]): Promise<unknown> {
  const object = COLLECTIONS[collection]
  if (!object) throw unknownUrl()
  if (id && sub === 'payment_methods') return page(call, 'payment_method', { customer: id })
  if (id && collection === 'payment_intents') return visibleIntent(call, id)
  if (!call.secret) throw secretKeyRequired()
  if (id) return find(call.session, object, id)
  const filter = Object.fromEntries(
    ['customer', 'payment_intent', 'charge', 'type'].flatMap((name) => {
      const value = text(call.params[name])
      return value ? [[name, value]] : []
    }),
  )
  return page(call, object, filter)
}

async function page({ session, params }: Call, object: string, filter: Record<string, string>) {
  const created = group(params.created)
  const { things, more } = await session.list(object, filter, {
    limit: Math.min(Math.max(number(params.limit) ?? 10, 1), 100),
    startingAfter: text(params.starting_after),
    endingBefore: text(params.ending_before),
    createdFrom:
      number(created.gte) ?? (number(created.gt) === undefined ? undefined : Number(number(created.gt)) + 1),
    createdTo:
      number(created.lte) ?? (number(created.lt) === undefined ? undefined : Number(number(created.lt)) - 1),
  })
  return { object: 'list', data: things, has_more: more, url: `/v1/${object}s` }
}

async function write(
  call: Call,
  method: string,
  [collection = '', id = '', verb]: string[],
): Promise<unknown> {
  const { session, params } = call
  if (collection === 'payment_intents' && id && (verb === 'confirm' || verb === 'authenticate')) {
    const intent = await visibleIntent(call, id)
    return verb === 'confirm' ? confirmIntent(call, intent) : authenticate(call, intent)
  }
  if (!call.secret) throw secretKeyRequired()
  switch (`${method} ${collection}${id ? '/:id' : ''}${verb ? `/${verb}` : ''}`) {
    case 'POST payment_intents':
      return createIntent(call)
    case 'POST payment_intents/:id':
      return updateIntent(call, await find(session, 'payment_intent', id))
    case 'POST payment_intents/:id/cancel':
      return cancelIntent(call, await find(session, 'payment_intent', id))
    case 'POST payment_intents/:id/capture':
      return captureIntent(call, await find(session, 'payment_intent', id))
    case 'POST refunds':
      return createRefund(call)
    case 'POST refunds/:id/settle':
      await settleRefund(call, await find(session, 'refund', id))
      return find(session, 'refund', id)
    case 'POST customers':
      return put(
        session,
        newCustomer({
          email: text(params.email) ?? null,
          name: text(params.name) ?? null,
          metadata: metadata(params.metadata),
        }),
      )
    case 'DELETE customers/:id':
      await put(session, { ...(await find(session, 'customer', id)), deleted: true, email: null, name: null })
      return { id, object: 'customer', deleted: true }
    case 'POST payment_methods': {
      const card = group(params.card)
      const known = cardOf(
        text(card.number)?.replaceAll(' ', '') ?? text(card.token)?.replace(/^tok_/, 'pm_card_') ?? '',
      )
      if (!known) throw invalid('Only test cards can be used here.', 'parameter_invalid', 'card')
      return put(session, newPaymentMethod(known, null))
    }
    case 'POST payment_methods/:id/attach':
      return put(session, {
        ...(await find(session, 'payment_method', id)),
        customer: text(params.customer) ?? null,
      })
    case 'POST charges/:id/dispute': {
      const charge = await find(session, 'charge', id)
      await session.put({ ...charge, disputed: true })
      const dispute = await put(session, newDispute(charge))
      await call.emit('charge.dispute.created', dispute)
      return dispute
    }
    default:
      throw unknownUrl()
  }
}

async function put(session: Session, thing: Thing): Promise<Thing> {
  await session.put(thing)
  return thing
}

/** With the publishable key, an intent is visible only with its client secret. */
async function visibleIntent({ session, params, secret }: Call, id: string): Promise<Thing> {
  const intent = await find(session, 'payment_intent', id)
  if (!secret && text(params.client_secret) !== intent.client_secret) throw missing('payment_intent', id)
  return intent
}

function authorize(request: Request, { secretKey, publishableKey }: Keys): { secret: boolean } {
  const header = request.headers.get('authorization') ?? ''
  const key = header.startsWith('Basic ')
    ? atob(header.slice(6)).split(':')[0]
    : header.replace(/^Bearer /, '')
  if (key === publishableKey) return { secret: false }
  if (key && (secretKey === null ? key.startsWith('sk_test_') : key === secretKey)) return { secret: true }
  throw refuse(401, {
    type: 'invalid_request_error',
    message: key ? 'Invalid API Key provided.' : 'You did not provide an API key.',
  })
}

const secretKeyRequired = () =>
  refuse(403, {
    type: 'invalid_request_error',
    code: 'secret_key_required',
    message: 'This API call cannot be made with a publishable API key.',
  })
const unknownUrl = () => refuse(404, { type: 'invalid_request_error', message: 'Unrecognized request URL.' })

/** Replaces ids by objects for `expand[]=latest_charge`, also inside a list: `data.latest_charge`. */
async function expanded(session: Session, params: Params, result: Promise<unknown>): Promise<unknown> {
  let body = await result
  for (const path of list(params.expand)) body = await expandAt(session, body, path.split('.'))
  return body
}

async function expandAt(session: Session, value: unknown, [name, ...rest]: string[]): Promise<unknown> {
  if (Array.isArray(value))
    return Promise.all(value.map((item) => expandAt(session, item, [name ?? '', ...rest])))
  if (typeof value !== 'object' || value === null || !name) return value
  const inner = (value as Record<string, unknown>)[name]
  const thing = typeof inner === 'string' ? await session.get(inner) : inner
  return { ...value, [name]: rest.length > 0 ? await expandAt(session, thing, rest) : thing }
}
